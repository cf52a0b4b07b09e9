//! One manual page for each command.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Command;

/// Why manual pages cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct ManError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the pages into a folder. Gives their number.
pub(super) fn write(command: Command, folder: &Path) -> Result<usize, ManError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ManError { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let pages = pages(command);
    for (name, page) in &pages {
        let path = folder.join(name);
        fs::write(&path, page).map_err(failed(&path))?;
    }
    Ok(pages.len())
}

/// File name and text of each page.
fn pages(command: Command) -> Vec<(String, Vec<u8>)> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut found = Vec::new();
    collect(&command, "kubectl-crossaccount", &mut found);
    found
}

fn collect(command: &Command, name: &str, found: &mut Vec<(String, Vec<u8>)>) {
    let mut page = Vec::new();
    // Writing to memory cannot fail.
    let _ = clap_mangen::Man::new(command.clone()).title(name).render(&mut page);
    found.push((format!("{name}.1"), page));
    for below in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        collect(below, &format!("{name}-{}", below.get_name()), found);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages(Args::command());
        let page = |name: &str| {
            let (_, text) = pages.iter().find(|(file, _)| file == name).unwrap();
            String::from_utf8(text.clone()).unwrap()
        };
        assert!(page("kubectl-crossaccount.1").contains("status"));
        assert!(page("kubectl-crossaccount-status.1").contains("reports\\-reader"));
        assert!(page("kubectl-crossaccount-bootstrap-check-target.1").contains("operator\\-arn"));
    }
}
