//! IAM policy documents: read, compared by meaning, edited in halves, measured as AWS measures them.

mod canonical;
mod document;
mod edit;
mod statement;

pub use document::{PolicyDocument, PolicyError};
pub use edit::{Edit, Write, common, edit};
pub use statement::{Statement, texts};
