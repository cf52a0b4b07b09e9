//! The documentation site: its table of contents has each page that readers may come to.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::Result;

use super::pages::{links, pages};
use lab::repository;

#[test]
fn every_page_of_the_documentation_is_in_the_table_of_contents_of_the_site() -> Result<()> {
    let contents = PathBuf::from("docs/SUMMARY.md");
    let text = fs::read_to_string(repository().join(&contents))?;
    let listed: Vec<PathBuf> = links(&contents, &text).into_iter().map(|(page, _)| page).collect();
    let once: BTreeSet<&PathBuf> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");

    let of_readers =
        |page: &PathBuf| page.starts_with("docs") || page.starts_with("examples") || page.components().count() == 1;
    let missing: Vec<_> =
        pages()?.into_keys().filter(|page| of_readers(page) && *page != contents && !once.contains(page)).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    Ok(())
}
