//! Who imports whom. Only `use` declarations count, outside of unit tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result};

use super::under;
use lab::repository;

/// The folders of `src`, each with those that it may import besides itself. Nothing imports upwards.
const LAYERS: [(&str, &[&str]); 10] = [
    ("domain", &[]),
    ("api", &["domain"]),
    ("decide", &["api", "domain"]),
    ("host", &[]),
    ("aws", &["domain", "host"]),
    ("cluster", &["api", "decide", "domain"]),
    ("controller", &["api", "aws", "cluster", "decide", "domain", "host"]),
    ("operator", &["api", "controller", "host"]),
    ("agent", &["domain", "host"]),
    ("cli", &["api", "aws", "decide", "domain", "host"]),
];

/// A module as its path of names.
type Module = Vec<String>;

/// The text of every module but unit tests.
fn modules() -> Result<BTreeMap<Module, String>> {
    let root = repository().join("src");
    let mut modules = BTreeMap::new();
    for (path, text) in under(&["src"])? {
        let path = path.strip_prefix(&root)?.with_extension("");
        let mut names: Module = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        if names.last().is_some_and(|last| last == "mod") {
            names.pop();
        }
        if names.iter().any(|name| name == "tests") || ["bin", "lib"].contains(&names[0].as_str()) {
            continue;
        }
        let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let code = shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
        modules.insert(names, code);
    }
    Ok(modules)
}

/// The paths of all `use` declarations: the private ones, or the public ones.
fn paths(code: &str, public: bool) -> Vec<Vec<String>> {
    let statements = code.split(';').filter_map(|statement| {
        let (before, tree) = statement.rsplit_once("use ")?;
        let is_public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
        let is_use = before.is_empty() || before.ends_with([' ', '}']);
        let is_tree = tree.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:{}, *".contains(letter));
        (is_use && is_tree && is_public == public).then_some(tree)
    });
    let mut found = Vec::new();
    statements.for_each(|tree| expand("", tree, &mut found));
    found
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<Vec<String>>) {
    let Some((head, group)) = tree.trim().strip_suffix('}').and_then(|tree| tree.split_once('{')) else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        found.push(format!("{prefix}{path}").split("::").map(str::to_owned).collect());
        return;
    };
    let (mut depth, mut from) = (0_u32, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[from..at].trim().is_empty() {
                    expand(&format!("{prefix}{}", head.trim()), &group[from..at], found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// The module that a path leads to, through at most one public re-export; none outside of this crate.
fn resolve(from: &[String], path: &[String], modules: &BTreeMap<Module, String>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    let absolute: Module = match path.first()?.as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [from, &path[1..]].concat(),
        "super" => [&from[..from.len().checked_sub(ups)?], &path[ups..]].concat(),
        _ => return None,
    };
    let module = (1..=absolute.len()).rev().map(|end| &absolute[..end]).find(|path| modules.contains_key(*path))?;
    let Some(item) = absolute.get(module.len()) else { return Some(module.to_vec()) };
    let exported = paths(&modules[module], true).into_iter().find(|path| path.last() == Some(item));
    let behind = exported.and_then(|path| {
        let local = [vec!["self".to_owned()], path.clone()].concat();
        let path = if ["self", "super", "crate"].contains(&path[0].as_str()) { path } else { local };
        let target = resolve(module, &path[..path.len() - 1], modules)?;
        (target != module).then_some(target)
    });
    Some(behind.unwrap_or_else(|| module.to_vec()))
}

fn imports() -> Result<BTreeMap<Module, BTreeSet<Module>>> {
    let modules = modules()?;
    let of = |(module, code): (&Module, &String)| {
        let targets = paths(code, false).into_iter().filter_map(|path| resolve(module, &path, &modules));
        (module.clone(), targets.filter(|target| target != module).collect())
    };
    Ok(modules.iter().map(of).collect())
}

#[test]
fn nothing_imports_upwards() -> Result<()> {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.into();
    let mut seen = 0;
    for (module, targets) in imports()? {
        let folder = module[0].as_str();
        let allowed = layers.get(folder).with_context(|| format!("src/{folder} is in no layer"))?;
        for target in targets {
            seen += 1;
            let other = target[0].as_str();
            assert!(other == folder || allowed.contains(&other), "{} imports {}", module.join("::"), target.join("::"));
        }
    }
    assert!(seen > 300, "only {seen} imports were found");
    Ok(())
}

#[test]
fn no_files_import_each_other_in_a_circle() -> Result<()> {
    let mut left = imports()?;
    // Whoever imports nobody that is left is in no circle.
    loop {
        let free: Vec<Module> = left
            .iter()
            .filter(|(_, targets)| !targets.iter().any(|t| left.contains_key(t)))
            .map(|(m, _)| m.clone())
            .collect();
        if free.is_empty() {
            break;
        }
        for module in free {
            left.remove(&module);
        }
    }
    let named: Vec<String> = left.keys().map(|module| module.join("::")).collect();
    assert!(named.is_empty(), "in circles, or on the way to one: {}", named.join(", "));
    Ok(())
}

#[test]
fn iam_is_called_as_the_manager_only_by_the_type_that_stands_for_it() -> Result<()> {
    let only = Path::new("src/controller/manager.rs");
    for (path, text) in under(&["src/controller"])? {
        assert!(path.ends_with(only) || !text.contains("assume_manager("), "{}", path.display());
    }
    Ok(())
}
