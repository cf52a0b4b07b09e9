//! Which features the dependencies have in the tests, and which in what is shipped. Cargo gives a dependency all the features that
//! any package of one build asks for, so a test could pass by a feature that the released operator does not have.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use lab::repository;

/// What an image builds: the operator's package alone.
const SHIPPED: &[&str] = &["--package=crossaccount-operator", "--edges=normal,build"];

/// All other builds in which somebody looks at the operator.
const OTHERS: [(&str, &[&str]); 3] = [
    ("make test", &["--workspace", "--edges=normal,build,dev"]),
    ("cargo test", &["--package=crossaccount-operator", "--edges=normal,build,dev"]),
    ("make demo and make bench", &["--workspace", "--edges=normal,build"]),
];

/// Features of dependencies of the operator that only the other builds have: package, feature, and why the operator behaves the
/// same with and without it.
const ALLOWED: [(&str, &str, &str); 0] = [];

/// The features of one package in one build. There are several sets if one build has the package several times: build scripts and
/// macros have their own.
type Features = BTreeMap<String, BTreeSet<String>>;

fn features(selection: &[&str]) -> Result<Features> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .current_dir(repository())
        .args(["tree", "--locked", "--offline", "--prefix=none", "--format={p}|{f}"])
        .args(selection)
        .output()?;
    ensure!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    let mut features = Features::new();
    for line in String::from_utf8(tree.stdout)?.lines().filter(|line| !line.is_empty()) {
        let (package, set) = line.split_once('|').with_context(|| format!("no features in {line}"))?;
        // A package that was shown before has a mark.
        features.entry(package.to_owned()).or_default().insert(set.trim_end_matches(" (*)").to_owned());
    }
    Ok(features)
}

/// The differences of the packages that are shipped, a line for each feature: the package's name and the feature.
fn differences(shipped: &Features, other: &Features) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (package, sets) in shipped {
        let others = other.get(package).cloned().unwrap_or_default();
        if *sets == others {
            continue;
        }
        let name = package.split(' ').next().unwrap_or_default();
        let [ours, theirs] = [sets, &others].map(single);
        let features: BTreeSet<_> = ours.symmetric_difference(&theirs).collect();
        // The same features in other sets: one of several builds of the package differs.
        let whole = [format!("{others:?} instead of {sets:?}")];
        let named: Vec<&String> =
            if features.is_empty() { whole.iter().collect() } else { features.into_iter().collect() };
        found.extend(named.into_iter().map(|feature| (name.to_owned(), feature.clone())));
    }
    found
}

fn single(sets: &BTreeSet<String>) -> BTreeSet<String> {
    sets.iter().flat_map(|set| set.split(',')).filter(|feature| !feature.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_is_tested_has_the_features_of_what_is_shipped() -> Result<()> {
    let shipped = features(SHIPPED)?;
    assert!(shipped.len() > 100, "only {} packages were found", shipped.len());
    let allowed = ALLOWED.map(|(package, feature, _)| (package.to_owned(), feature.to_owned()));
    let allowed = BTreeSet::from(allowed);
    for (build, selection) in OTHERS {
        let differences = differences(&shipped, &features(selection)?);
        let new: Vec<_> = differences.difference(&allowed).collect();
        assert!(
            new.is_empty(),
            "{build} and the release build differ in {new:?}: give the feature to both in [workspace.dependencies] of Cargo.toml, or \
             say in ALLOWED why the operator behaves the same"
        );
        let gone: Vec<_> = allowed.difference(&differences).collect();
        assert!(gone.is_empty(), "{build} and the release build do not differ in {gone:?}: take it out of ALLOWED");
    }
    Ok(())
}

#[test]
fn a_feature_more_or_less_is_a_difference_and_so_is_another_package() {
    let build = |sets: &[(&str, &[&str])]| -> Features {
        sets.iter()
            .map(|(name, sets)| ((*name).to_owned(), sets.iter().map(|set| (*set).to_owned()).collect()))
            .collect()
    };
    let shipped = build(&[("a v1", &["x"]), ("b v1", &["x,y", ""]), ("c v1", &[""])]);
    assert!(differences(&shipped, &shipped).is_empty());

    let other = build(&[("a v1", &["x,z"]), ("b v1", &["x", "y"]), ("c v1", &[""]), ("d v1", &["x"])]);
    let found = differences(&shipped, &other);
    let names: Vec<_> = found.iter().map(|(package, feature)| (package.as_str(), feature.as_str())).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], ("a", "z"));
    assert!(names[1].0 == "b" && names[1].1.contains("instead of"), "{names:?}");
}
