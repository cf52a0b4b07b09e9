//! One `AWSAccount`: whether the way in is open and leads where it should, and its end.

mod bulk;
mod cleanup;
pub mod reconcile;
