//! IAM policy documents: read, compared by meaning, measured as AWS measures them.

mod canonical;
mod document;

pub use document::{PolicyDocument, PolicyError};
