//! docs/troubleshooting.md, made of what the operator really said.
//!
//! Each row's test compares its own section, or writes it where `UPDATE_GENERATED` is set. What differs from run to run
//! (account ids, names, times) is made the same first.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use lab::{env::TestEnv, repository};

/// A line of the page is no longer than this, where a word is not.
const WIDTH: usize = 110;

const INTRODUCTION: &str = "\
# Which side is wrong

To enter an account, two accounts must agree. When they do not, the conditions say which account has to change its policy, and
which statement to add. Each section below comes from a test that breaks one thing and records the operator's messages. Where a
message gives statements, the test copies them from the message, adds them, and waits until access works again. If either of
two statements is enough, the test adds one. `make generate` writes this page.

In all of it the operator is user `crossaccount-operator` of account 111111111111, and `reader` in namespace `analytics` asks
for a role in account 222222222222, which the operator manages through `AWSAccount` `analytics`. Look with:

```sh
kubectl get car,awsa -n analytics
kubectl describe car reader -n analytics
```

[reasons.md](reasons.md) has every reason. If nothing here helps, `kubectl crossaccount support-bundle` collects what a bug report needs:
[plugin.md](plugin.md#support-bundle).
";

/// One thing that can be wrong.
pub struct Row {
    /// What is wrong, as a heading.
    pub title: &'static str,
    /// What was seen, line by line.
    pub seen: Vec<String>,
    /// Who can fix it.
    pub side: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// A condition as the page shows it.
pub fn shown(env: &TestEnv, object: &str, condition: &Condition) -> Vec<String> {
    let Condition { type_, status, reason, message, .. } = condition;
    let mut lines = vec![format!("{object}: {type_} is {status}, {reason}")];
    lines.extend(quoted(env, message));
    lines
}

/// What somebody said, in lines.
pub fn quoted(env: &TestEnv, text: &str) -> Vec<String> {
    wrapped(&stable(env, text), "  ")
}

fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(last) if last.len() + 1 + word.len() <= WIDTH => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

/// The text as it would be for accounts, names, ids and times of everybody's.
pub fn stable(env: &TestEnv, text: &str) -> String {
    let aws = &env.aws;
    let text = text
        .replace(aws.source.id(), "111111111111")
        .replace(aws.target.id(), "222222222222")
        .replace(&env.namespace, "analytics");
    let word = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ':']);
        let rest = &word[bare.len()..];
        if bare.parse::<Timestamp>().is_ok() { format!("2027-01-15T08:00:00Z{rest}") } else { word.to_owned() }
    };
    let text = text.split(' ').map(word).collect::<Vec<_>>().join(" ");
    zeroed(&zeroed(&text, "car-", 40), "AROA", 17)
}

/// The text with zeros for the `length` characters after each `prefix`: external ids and unique ids.
fn zeroed(text: &str, prefix: &str, length: usize) -> String {
    let mut parts = text.split(prefix);
    let mut zeroed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let id = part.get(..length).is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        zeroed.push_str(prefix);
        match part.get(length..) {
            Some(rest) if id => zeroed.extend([&"0".repeat(length), rest]),
            _ => zeroed.push_str(part),
        }
    }
    zeroed
}

/// Compares a row with its section, or writes the section.
pub fn check(rows: &[&str], name: &str, row: &Row) -> Result<()> {
    let Row { title, seen, side, remedy } = row;
    let advice = wrapped(&format!("*Who can fix it:* {side}. *What to do:* {remedy}"), "").join("\n");
    let expected = format!("## {title}\n\n```text\n{}\n```\n\n{advice}\n", seen.join("\n"));
    if updating() {
        rewrite(rows, |sections| drop(sections.insert(name.to_owned(), expected.clone())))?;
    }
    let sections = sections(&fs::read_to_string(file())?);
    let committed = sections.get(name).with_context(|| format!("{name} is not on the page: run `make generate`"))?;
    assert_eq!(*committed, expected, "docs/troubleshooting.md is out of date: run `make generate`");
    Ok(())
}

/// The page has the introduction, and a section for each row and for nothing else.
pub fn check_whole(rows: &[&str]) -> Result<()> {
    if updating() {
        return rewrite(rows, |_| {});
    }
    let page = fs::read_to_string(file())?;
    let sections = sections(&page);
    for row in rows {
        ensure!(sections.contains_key(*row), "{row} is not on the page: run `make generate`");
    }
    ensure!(page == assembled(rows, &sections), "docs/troubleshooting.md is out of date: run `make generate`");
    Ok(())
}

fn rewrite(rows: &[&str], change: impl FnOnce(&mut BTreeMap<String, String>)) -> Result<()> {
    static WRITING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut sections = sections(&fs::read_to_string(file()).unwrap_or_default());
    change(&mut sections);
    Ok(fs::write(file(), assembled(rows, &sections))?)
}

fn updating() -> bool {
    env::var_os("UPDATE_GENERATED").is_some()
}

fn file() -> PathBuf {
    repository().join("docs/troubleshooting.md")
}

fn anchor(name: &str) -> String {
    format!("<a id=\"{}\"></a>\n", name.replace('_', "-"))
}

fn assembled(rows: &[&str], sections: &BTreeMap<String, String>) -> String {
    let section = |row: &&str| sections.get(*row).map(|text| format!("\n{}{text}", anchor(row)));
    std::iter::once(INTRODUCTION.to_owned()).chain(rows.iter().filter_map(section)).collect()
}

/// The sections by the names of their anchors.
fn sections(page: &str) -> BTreeMap<String, String> {
    let section = |part: &str| {
        let (name, text) = part.split_once("\"></a>\n")?;
        Some((name.replace('-', "_"), format!("{}\n", text.trim_end())))
    };
    page.split("<a id=\"").skip(1).filter_map(section).collect()
}
