//! Forms of the output.

use clap::ValueEnum;
use serde::Serialize;

/// Forms of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document for programs.
    Json,
}

/// A JSON document that ends with a line break.
pub fn json(document: &impl Serialize) -> String {
    // Texts, numbers and times always have a JSON form.
    format!("{}\n", serde_json::to_string_pretty(document).unwrap_or_default())
}
