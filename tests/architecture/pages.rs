//! What the pages say of this repository: links, files, commands and flags. Each can be checked, so none is left to readers.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use crossaccount::{agent, cli, operator};

use lab::repository;

/// Flags of other programs that a page names without the program: the flag, and whose it is.
const OTHER_FLAGS: [(&str, &str); 6] = [
    ("--cascade", "kubectl"),
    ("--create-namespace", "helm"),
    ("--set", "helm"),
    ("--wait", "helm"),
    ("--max-requests-inflight", "kube-apiserver"),
    ("--max-mutating-requests-inflight", "kube-apiserver"),
];

/// Every page by its path in the repository.
pub fn pages() -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&name) {
                folders.push(path);
            } else if path.extension() == Some(OsStr::new("md")) {
                found.insert(path.strip_prefix(repository())?.to_owned(), fs::read_to_string(&path)?);
            }
        }
    }
    assert!(found.len() > 10, "only {} pages were found", found.len());
    Ok(found)
}

/// A page in its parts: the lines of text, and the lines of blocks of code.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut in_code = false;
    let (mut prose, mut code) = (Vec::new(), Vec::new());
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            code.push(line);
        } else {
            prose.push(line);
        }
    }
    (prose, code)
}

/// All code of a page: what is between backticks, and the lines of blocks.
fn code(text: &str) -> Vec<&str> {
    let (prose, blocks) = parts(text);
    let spans = prose.into_iter().flat_map(|line| line.split('`').skip(1).step_by(2));
    spans.chain(blocks).collect()
}

/// Where the links of a page lead to within this repository: file and anchor.
pub fn links(page: &Path, text: &str) -> Vec<(PathBuf, Option<String>)> {
    let (prose, _) = parts(text);
    let targets = prose.into_iter().flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    let own = targets.filter(|target| !target.contains("://"));
    own.map(|target| {
        let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let folder = page.parent().unwrap_or(Path::new(""));
        let file = if file.is_empty() { page.to_owned() } else { without_dots(&folder.join(file)) };
        (file, anchor.map(str::to_owned))
    })
    .collect()
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The anchors of a page: those of its headings, as hosts of repositories make them, and those that it sets itself.
fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = parts(text);
    let headings = prose.iter().filter_map(|line| line.strip_prefix('#')).map(|line| {
        let words = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        words.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
    });
    let set = prose.iter().flat_map(|line| line.split("<a id=\"").skip(1)).filter_map(|rest| rest.split('"').next());
    headings.chain(set.map(str::to_owned)).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() -> Result<()> {
    let pages = pages()?;
    let mut seen = 0;
    for (page, text) in &pages {
        for (file, anchor) in links(page, text) {
            seen += 1;
            assert!(repository().join(&file).exists(), "{} links to {}", page.display(), file.display());
            let (Some(anchor), Some(target)) = (anchor, pages.get(&file)) else { continue };
            assert!(anchors(target).contains(&anchor), "{} links to {}#{anchor}", page.display(), file.display());
        }
    }
    assert!(seen > 40, "only {seen} links were found");
    Ok(())
}

#[test]
fn every_page_can_be_reached_from_the_readme_and_the_list_of_docs_has_each_of_its_pages() -> Result<()> {
    let pages = pages()?;
    let targets = |page: &Path| -> Vec<PathBuf> {
        pages.get(page).map(|text| links(page, text).into_iter().map(|(file, _)| file).collect()).unwrap_or_default()
    };
    let mut reached = BTreeSet::from([PathBuf::from("README.md")]);
    let mut next: Vec<PathBuf> = reached.iter().cloned().collect();
    while let Some(page) = next.pop() {
        next.extend(targets(&page).into_iter().filter(|file| reached.insert(file.clone())));
    }
    // The table of contents of the site is not a page: its links lead to all others.
    let contents = Path::new("docs/SUMMARY.md");
    let unreached: Vec<_> = pages.keys().filter(|page| !reached.contains(*page) && *page != contents).collect();
    assert!(unreached.is_empty(), "no way leads from README.md to {unreached:?}");
    assert!(reached.contains(Path::new("LICENSE")), "no way leads from README.md to LICENSE");

    let list = Path::new("docs/README.md");
    let listed = targets(list);
    let of_docs = pages.keys().filter(|page| page.starts_with("docs") && ![list, contents].contains(&page.as_path()));
    let unlisted: Vec<_> = of_docs.filter(|page| !listed.contains(page)).collect();
    assert!(unlisted.is_empty(), "docs/README.md does not list {unlisted:?}");
    Ok(())
}

/// The flags of a program and of all its subcommands, each with its variable.
fn flags(command: &clap::Command, found: &mut BTreeSet<String>) {
    for argument in command.get_arguments() {
        found.extend(argument.get_long().map(|long| format!("--{long}")));
        found.extend(argument.get_env().map(|name| name.to_string_lossy().into_owned()));
    }
    command.get_subcommands().for_each(|command| flags(command, found));
}

#[test]
fn no_page_names_a_flag_or_a_variable_that_the_programs_do_not_have() -> Result<()> {
    let mut known: BTreeSet<String> = OTHER_FLAGS.iter().map(|(flag, _)| (*flag).to_owned()).collect();
    // Of the lab and of the scripts.
    known.extend(
        ["CROSSACCOUNT_CACHE", "CROSSACCOUNT_DEBIAN_MIRROR", "CROSSACCOUNT_PROGRAMS", "--help", "--"]
            .map(str::to_owned),
    );
    for command in [operator::args::Args::command(), agent::args::Args::command(), cli::args::Args::command()] {
        flags(&command, &mut known);
    }
    let mut seen = 0;
    for (page, text) in pages()? {
        for code in code(&text) {
            // A flag alone, or the programs' own command line: flags of aws, cargo, helm, kubectl and others follow on those.
            let programs =
                ["crossaccount-operator ", "crossaccount-agent ", "/crossaccount-agent,", "kubectl crossaccount "];
            let runs_others = ["aws ", "cargo", "helm "].iter().any(|program| code.trim_start().starts_with(program));
            let runs_ours = !runs_others && programs.iter().any(|program| code.contains(program));
            let ours = code.starts_with("--") || runs_ours;
            let words = code.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
            let named = words.filter(|word| word.starts_with("CROSSACCOUNT_") || ours && word.starts_with("--"));
            for word in named.filter(|word| word.len() > "CROSSACCOUNT_".len() || word.starts_with("--")) {
                seen += 1;
                assert!(known.contains(word), "{}: no program has {word}", page.display());
            }
        }
    }
    assert!(seen > 20, "only {seen} flags were found");
    Ok(())
}

#[test]
fn every_file_and_every_make_target_that_a_page_names_exists() -> Result<()> {
    const FOLDERS: [&str; 10] =
        ["src/", "tests/", "lab/", "docs/", "deploy/", "crds/", "images/", ".ci/", ".github/", "examples/"];
    let makefile = fs::read_to_string(repository().join("Makefile"))?;
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let (mut files, mut made) = (0, 0);
    for (page, text) in pages()? {
        for code in code(&text) {
            if let Some(target) = code.strip_prefix("make ") {
                made += 1;
                let target = target.split_whitespace().next().context("`make` of nothing")?;
                assert!(targets.contains(target), "{}: the Makefile has no {target}", page.display());
            }
            let is_path = code.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-./".contains(letter));
            if is_path && FOLDERS.iter().any(|folder| code.starts_with(folder)) {
                files += 1;
                assert!(repository().join(code).exists(), "{}: there is no {code}", page.display());
            }
        }
    }
    assert!(files > 40 && made > 10, "only {files} files and {made} targets were found");
    Ok(())
}
