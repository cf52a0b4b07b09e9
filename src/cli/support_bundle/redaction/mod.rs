//! What may leave the cluster. Pure.

mod cleaner;
mod files;
mod kinds;
mod known;
mod shape;
mod words;

pub use self::files::{Files, RedactionError, redacted};
