//! From what was read to the texts of the files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cleaner::Cleaner;
use super::kinds;
use super::shape::{Shape, shaped};
use super::words::words;
use crate::cli::output::json;
use crate::cli::support_bundle::part::{Content, Kind, Part};

/// The files of the bundle.
#[derive(Debug, Default)]
pub struct Files {
    /// Their texts by path.
    pub texts: BTreeMap<String, String>,
    /// The parts that could not be read, and why.
    pub missing: Vec<(String, String)>,
}

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
pub enum RedactionError {
    /// A rule about texts is malformed.
    #[error("a rule of this program about secrets in texts is malformed; report this as a bug")]
    Rule(#[from] regex::Error),
    /// An object has no YAML form.
    #[error("cannot write {0} as YAML; report this as a bug")]
    Yaml(String, #[source] serde_saphyr::ser::Error),
}

/// Removes from all parts what may be secret. What is secret in one of them is looked for in all.
pub fn redacted(parts: Vec<Part>) -> Result<Files, RedactionError> {
    let objects = parts.iter().filter_map(|part| match &part.content {
        Content::Objects(_, objects) => Some(objects),
        Content::Document(_) | Content::Text(_) | Content::Missing(_) => None,
    });
    let cleaner = Cleaner::of(words(objects.flatten()))?;
    let mut files = Files::default();
    for Part { file, content } in parts {
        let text = match content {
            Content::Objects(kind, objects) => {
                yaml(kind, &objects, &cleaner).map_err(|error| RedactionError::Yaml(file.clone(), error))?
            }
            Content::Document(document) => json(&shaped(&Shape::Kept, &document, &cleaner)),
            Content::Text(text) => cleaner.clean(&text),
            Content::Missing(reason) => {
                files.missing.push((file, cleaner.clean(&reason)));
                continue;
            }
        };
        files.texts.insert(file, text);
    }
    files.missing.sort();
    Ok(files)
}

fn yaml(kind: Kind, objects: &[Value], cleaner: &Cleaner) -> Result<String, serde_saphyr::ser::Error> {
    if objects.is_empty() {
        return Ok("# There are none.\n".to_owned());
    }
    let documents = objects.iter().map(|object| serde_saphyr::to_string(&kinds::shown(kind, object, cleaner)));
    Ok(documents.collect::<Result<Vec<_>, _>>()?.join("---\n"))
}

#[cfg(test)]
mod tests;
