//! What this process remembers. Losing it costs reads, never correctness.

pub mod accounts;
pub mod bulk;
pub mod counts;
pub mod names;
pub mod objects;
pub mod principals;
pub mod secrets;
pub mod shared_read;
pub mod workers;
