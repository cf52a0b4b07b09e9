//! Files that are generated from the source and committed: written by `make generate`, checked by every test run.

use std::path::Path;

/// Compares a committed file with what the source says, or writes it where `UPDATE_GENERATED` is set.
pub fn check(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, expected).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == expected, "{path} is out of date: run `make generate`");
}
