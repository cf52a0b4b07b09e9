//! docs/plugin.md shows what the plugin printed in these tests.
//!
//! A comment before a block of code names the transcript. Its test compares the block, or writes it where `UPDATE_GENERATED`
//! is set. What differs from run to run is made the same first.

use std::{
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use crate::{bootstrap::plugin::Printed, explain::page::stable};
use lab::{env::TestEnv, repository};

/// Every transcript of the page.
const NAMES: [&str; 19] = [
    "status",
    "status-few-rights",
    "explain",
    "explain-few-rights",
    "plan",
    "plan-live",
    "import",
    "orphans-list",
    "orphans-adopt",
    "orphans-delete",
    "unused",
    "renew",
    "revoke",
    "suspend",
    "resume",
    "profile",
    "env-few-rights",
    "missing-permission",
    "support-bundle",
];

/// Compares what was printed with the page, or writes it there.
pub fn check(env: &TestEnv, name: &str, words: &[&str], printed: &Printed) -> Result<()> {
    static WRITING: Mutex<()> = Mutex::new(());
    ensure!(NAMES.contains(&name), "{name} is not in the list of transcripts");
    let Printed { code, out, errors } = printed;
    let code = code.context("it was killed")?;
    // How long something took is no part of it.
    let lines = out.lines().chain(errors.lines()).filter(|line| !line.ends_with(" …")).map(|line| stable(env, line));
    let shown = lines.map(|line| steady(&line) + "\n").collect::<String>();
    let shown = format!("$ kubectl crossaccount {}\n{}\n", words.join(" "), shown.trim_end());
    let ended = if code == 0 { String::new() } else { format!("$ echo $?\n{code}\n") };
    let expected = format!("```console\n{shown}{ended}```\n");

    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let page = fs::read_to_string(file())?;
    let (before, committed, after) = parts(&page, name)?;
    if env::var_os("UPDATE_GENERATED").is_some() {
        return Ok(fs::write(file(), [before, &expected, after].concat())?);
    }
    assert_eq!(committed, expected, "docs/plugin.md is out of date: run `make generate`");
    Ok(())
}

/// What is before the block of a transcript, the block, and what is after it.
fn parts<'a>(page: &'a str, name: &str) -> Result<(&'a str, &'a str, &'a str)> {
    const END: &str = "\n```\n";
    let mark = marked(name);
    let start = page.find(&mark).with_context(|| format!("docs/plugin.md has no {mark}"))? + mark.len();
    let length = page[start..].find(END).with_context(|| format!("no block follows on {mark}"))? + END.len();
    Ok((&page[..start], &page[start..start + length], &page[start + length..]))
}

fn marked(name: &str) -> String {
    format!("<!-- transcript: {name} -->\n")
}

fn file() -> PathBuf {
    repository().join("docs/plugin.md")
}

/// The same distance from now in every run.
fn steady(line: &str) -> String {
    between(&between(line, "expire in ", "59 min"), "renewal in ", "28 min")
}

/// Replaces the length of time that follows on some words.
fn between(line: &str, words: &str, length: &str) -> String {
    let Some((before, after)) = line.split_once(words) else { return line.to_owned() };
    let (of_time, rest) = after.split_once(',').map_or((after, ""), |(time, _)| (time, &after[time.len()..]));
    let is_time = of_time.chars().all(|letter| letter.is_ascii_digit() || " minhsd".contains(letter));
    if is_time { format!("{before}{words}{length}{rest}") } else { line.to_owned() }
}

#[test]
fn the_page_has_these_transcripts_and_no_others() -> Result<()> {
    let page = fs::read_to_string(file())?;
    for name in NAMES {
        parts(&page, name)?;
    }
    assert_eq!(page.matches("<!-- transcript: ").count(), NAMES.len());
    Ok(())
}
