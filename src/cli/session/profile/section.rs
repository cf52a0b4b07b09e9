//! Puts the section of a profile into the text of an AWS configuration file, and leaves every other byte as it is.
//!
//! AWS SDKs reference, "Shared config and credentials files": a section begins with `[profile NAME]` at the start of a line,
//! or with `[default]`, and lasts until the next line that begins with `[`.

use std::ops::Range;

use crate::domain::Region;

/// How the command of each section that is ours begins.
pub(super) const PROGRAM: &str = "kubectl-crossaccount credentials ";

/// What the section says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name of the profile.
    pub name: String,
    /// Its region, if one is known.
    pub region: Option<Region>,
    /// The command of its `credential_process`.
    pub command: String,
}

/// Why a text stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The text has several sections of this profile.
    Several,
    /// Somebody else wrote the section.
    Foreign,
}

/// The text with the section of the profile: in place of the earlier one, else at the end.
pub fn with_profile(text: &str, profile: &Profile, force: bool) -> Result<String, Obstacle> {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let section = section(profile, end);
    match sections(text, &profile.name)[..] {
        [] if text.is_empty() => Ok(section),
        [] if text.ends_with('\n') => Ok(format!("{text}{end}{section}")),
        [] => Ok(format!("{text}{end}{end}{section}")),
        [Range { start, end }] => {
            if !force && !is_ours(&text[start..end]) {
                return Err(Obstacle::Foreign);
            }
            Ok([&text[..start], &section, &text[end..]].concat())
        }
        _ => Err(Obstacle::Several),
    }
}

fn section(profile: &Profile, end: &str) -> String {
    let Profile { name, region, command } = profile;
    let head = if name == "default" { "[default]".to_owned() } else { format!("[profile {name}]") };
    let region = region.as_ref().map(|region| format!("region = {}{end}", region.as_str())).unwrap_or_default();
    format!("{head}{end}{region}credential_process = {command}{end}")
}

/// Where the sections of a profile are, each without the blank lines and comments that follow on its last setting.
fn sections(text: &str, name: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let (mut position, mut inside) = (0, false);
    for line in text.split_inclusive('\n') {
        let (start, trimmed) = (position, line.trim());
        position += line.len();
        if line.starts_with('[') {
            inside = profile_of(trimmed) == Some(name);
            if inside {
                found.push(start..position);
            }
        } else if let Some(last) = found.last_mut()
            && inside
            && !trimmed.is_empty()
            && !trimmed.starts_with(['#', ';'])
        {
            last.end = position;
        }
    }
    found
}

/// The profile that a line begins.
fn profile_of(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?.split(']').next()?.trim();
    match inner.split_once(char::is_whitespace) {
        Some(("profile", name)) => Some(name.trim().trim_matches(['"', '\''])),
        None if inner == "default" => Some(inner),
        Some(_) | None => None,
    }
}

fn is_ours(section: &str) -> bool {
    let setting = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some(key.trim() == "credential_process" && value.trim_start().starts_with(PROGRAM))
    };
    section.lines().filter_map(setting).any(|ours| ours)
}

#[cfg(test)]
mod tests;
