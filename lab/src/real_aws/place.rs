//! The two accounts, and how the things of a run are named there.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_config::SdkConfig;
use serde_json::json;

use crate::{
    aws::{Account, policy},
    real_aws::probe::Subject,
};

/// Longest prefix of names: the names of namespaces and roles begin with it.
const LONGEST_PREFIX: usize = 30;

/// What all things of a run have in common, so that cleaning up finds them and nothing else.
#[derive(Debug, Clone)]
pub struct Names {
    path: String,
    prefix: String,
}

impl Names {
    /// The path and the prefix of names. A path that is the whole account is refused: cleaning up would empty it.
    pub fn new(path: &str, prefix: &str) -> Result<Self> {
        let inner = path.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or_default();
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        ensure!(
            inner.len() <= 200 && inner.split('/').all(|part| !part.is_empty() && plain(part)),
            "{path:?} is not a path for tests; write one of a-z 0-9 - between slashes, such as /crossaccount-test/"
        );
        ensure!(
            (1..=LONGEST_PREFIX).contains(&prefix.len())
                && plain(prefix)
                && prefix.starts_with(|c: char| c.is_ascii_lowercase()),
            "{prefix:?} is not a prefix of names; write up to {LONGEST_PREFIX} of a-z 0-9 - and begin with a letter"
        );
        Ok(Self { path: path.to_owned(), prefix: prefix.to_owned() })
    }

    /// The names of one run, which another one never has.
    pub fn of_run(&self, run: &str) -> Result<Self> {
        Self::new(&format!("{}{run}/", self.path), &format!("{}{run}-", self.prefix))
    }

    /// The IAM path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How names begin.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name of a thing.
    pub fn of(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }
}

/// Two accounts, as administrators of them meet AWS.
#[derive(Debug)]
pub struct Place {
    /// Account A: where the callers and the operator are at home.
    pub source: Account,
    /// Account B: where the roles are.
    pub target: Account,
    /// How the things of this run are named.
    pub names: Names,
    /// The region of all calls.
    pub region: String,
    /// Where AWS is, if it is not real.
    pub endpoint: Option<String>,
    /// How long a change may take until AWS shows it everywhere.
    pub patience: Duration,
}

impl Place {
    /// The accounts of these two administrators.
    pub async fn new(source: SdkConfig, target: SdkConfig, names: Names, patience: Duration) -> Result<Self> {
        let region = target.region().context("the profile of the target account has no region")?.to_string();
        let endpoint = target.endpoint_url().map(str::to_owned);
        let source = Account::of_administrator(source, names.path()).await.context("the source account")?;
        let target = Account::of_administrator(target, names.path()).await.context("the target account")?;
        ensure!(source.id() != target.id(), "both profiles are of account {}; the checks need two", source.id());
        ensure!(
            source.partition() == target.partition(),
            "the accounts are in the partitions {} and {}; no role is assumed from one to the other",
            source.partition(),
            target.partition()
        );
        Ok(Self { source, target, names, region, endpoint, patience })
    }

    /// The roles of the run in the target account.
    pub fn roles(&self) -> String {
        self.target.arn(&format!("role{}*", self.names.path()))
    }

    /// Somebody in the source account who may assume the roles of the run, with a key that AWS knows everywhere.
    pub(super) async fn prepare(&self) -> Result<Subject<'_>> {
        let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:*", "Resource": self.roles()}));
        let caller = self.source.create_user(&self.names.of("caller"), &may_assume).await?;
        let subject = Subject { place: self, caller };
        let sts = self.source.sts(subject.caller.credentials.clone());
        subject.soon("AWS knows the caller's key", async || Ok(sts.get_caller_identity().send().await?)).await?;
        Ok(subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_a_whole_account_and_a_prefix_that_is_every_name_are_refused() {
        assert!(Names::new("/crossaccount-test/", "crossaccount-test-").is_ok());
        for path in ["/", "", "//", "/a", "a/", "/a//b/", "/a*/", "/A/"] {
            assert!(Names::new(path, "x-").is_err(), "{path}");
        }
        for prefix in ["", "-x", "X-", "a/b", "a*", &"x".repeat(31)] {
            assert!(Names::new("/x/", prefix).is_err(), "{prefix}");
        }
    }

    #[test]
    fn a_run_has_names_of_its_own() -> Result<()> {
        let run = Names::new("/crossaccount-test/", "crossaccount-test-")?.of_run("k3f9")?;
        assert_eq!(
            (run.path(), run.of("caller").as_str()),
            ("/crossaccount-test/k3f9/", "crossaccount-test-k3f9-caller")
        );
        Ok(())
    }
}
