//! A set of credentials: when it is replaced, what must hold of a new one, and how a Secret holds it.

pub mod checks;
pub mod data;
pub mod keys;
pub mod proof;
pub mod published;
pub mod reissue;
pub mod renewal;
pub mod secret;
