//! The section of a profile in the AWS configuration file.

mod command;
mod file;
mod section;

pub use self::command::command_line;
pub use self::file::{ProfileError, file, write};
pub use self::section::Profile;
