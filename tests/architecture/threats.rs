//! The threats of docs/security.md: each has tests, and each test that the page names exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::Result;

use super::under;
use lab::repository;

/// The names of all tests: the functions below an attribute that makes them one.
fn tests() -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (_, text) in under(&["src", "tests", "lab/src"])? {
        let mut marked = false;
        for line in text.lines().map(str::trim) {
            if line == "#[test]" || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some(name) = line.trim_start_matches("async ").strip_prefix("fn ") {
                let name: String =
                    name.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                if marked {
                    found.insert(name);
                }
                marked = false;
            }
        }
    }
    assert!(found.len() > 1000, "only {} tests were found", found.len());
    Ok(found)
}

/// The rows of a section that are numbered `T1` and so on: the number, and what is between backticks.
fn rows<'a>(page: &'a str, heading: &str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let section = page.split(heading).nth(1).unwrap_or_default();
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| T")?.split_once(" |"));
    rows.map(|(number, rest)| (number, rest.split('`').skip(1).step_by(2).collect())).collect()
}

#[test]
fn every_threat_names_tests_that_exist() -> Result<()> {
    let page = fs::read_to_string(repository().join("docs/security.md"))?;
    let threats = rows(&page, "\n## Threats and controls\n");
    let tested = rows(&page, "\n### How each is tested\n");
    assert!(threats.len() > 10, "only {} threats were found", threats.len());
    assert_eq!(
        threats.keys().collect::<Vec<_>>(),
        tested.keys().collect::<Vec<_>>(),
        "a threat without a row of tests"
    );

    let tests = tests()?;
    for (number, names) in tested {
        assert!(!names.is_empty(), "T{number} has no test");
        for name in names {
            assert!(tests.contains(name), "docs/security.md: T{number} names {name}, which is not a test");
        }
    }
    Ok(())
}
