//! `kubectl crossaccount support-bundle`: a file for a bug report, without secrets.
//!
//! [`read`] collects the parts with the caller's own rights, [`redaction`] removes from them what may be secret, and the rest
//! writes one archive of what is left.

mod archive;
pub mod args;
mod error;
mod file;
mod part;
mod read;
mod readme;
mod redaction;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;

pub use self::error::SupportBundleError;

use self::args::SupportBundleArgs;
use self::read::Wanted;
use self::redaction::{Files, redacted};
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, Scope};
use super::outcome::Outcome;
use super::{progress, runtime};

/// Writes the file.
pub fn run(args: SupportBundleArgs) -> Result<Outcome, SupportBundleError> {
    runtime::block_on(Box::pin(bundle(args))).map_err(ClusterError::Setup)?
}

async fn bundle(args: SupportBundleArgs) -> Result<Outcome, SupportBundleError> {
    let SupportBundleArgs { place, all_namespaces, operator_namespace, output, force } = args;
    let NamespaceArgs { connection, namespace } = place;
    let now = Timestamp::now();
    let path = output.unwrap_or_else(|| default_path(now));
    file::check(&path, force)?;
    let cluster = Cluster::connect(connection).await?;
    let objects = if all_namespaces { Scope::AllNamespaces } else { Scope::Namespace(cluster.namespace(namespace)) };
    let wanted = Wanted { objects, operator: operator_namespace };
    let reading = Box::pin(read::parts(&cluster, &wanted));
    let parts = progress::shown("Reading the objects, and the operator with its logs", reading).await;
    let parts = parts.map_err(|error| SupportBundleError::Unreachable(Box::new(error)))?;

    let Files { mut texts, missing } = redacted(parts)?;
    texts.extend(readme::pages(&missing));
    let time = u64::try_from(now.as_second()).unwrap_or_default();
    let bytes = archive::archive(&texts, time).map_err(SupportBundleError::Archive)?;
    file::write(&path, &bytes, force)?;
    Ok(Outcome { text: summary(&path, &texts, missing.len()), code: ExitCode::SUCCESS })
}

/// `crossaccount-support-20270115T080000Z.tar.gz`, in the present folder.
fn default_path(now: Timestamp) -> PathBuf {
    PathBuf::from(format!("crossaccount-support-{}.tar.gz", now.strftime("%Y%m%dT%H%M%SZ")))
}

fn summary(path: &Path, texts: &BTreeMap<String, String>, missing: usize) -> String {
    let files: String = texts.keys().map(|file| ["  ", file, "\n"].concat()).collect();
    let read = match missing {
        0 => "Everything was read.".to_owned(),
        1 => "1 part could not be read: MISSING.txt says which, and why.".to_owned(),
        count => format!("{count} parts could not be read: MISSING.txt says which, and why."),
    };
    format!(
        "{} has these files:\n{files}{read}\nData of Secrets, external ids and what looks like a key or a password are not in \
         it. Account ids, ARNs, names and logs are. Look through it before you send it: tar -xzf {}\n",
        path.display(),
        path.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_the_files_and_how_much_is_missing() {
        let texts = BTreeMap::from([("README.txt".to_owned(), String::new()), ("a/b.yaml".to_owned(), String::new())]);
        let text = summary(Path::new("x.tar.gz"), &texts, 2);
        assert!(
            text.starts_with("x.tar.gz has these files:\n  README.txt\n  a/b.yaml\n2 parts could not be read"),
            "{text}"
        );
        assert!(text.ends_with("Look through it before you send it: tar -xzf x.tar.gz\n"), "{text}");
        assert!(summary(Path::new("x"), &texts, 0).contains("Everything was read."));
        let time = "2027-01-15T08:00:00.5Z".parse().unwrap();
        assert_eq!(default_path(time), Path::new("crossaccount-support-20270115T080000Z.tar.gz"));
    }
}
