//! `make test-aws`: the checks against real AWS, with accounts that two profiles name. `docs/real-aws.md` says how to prepare it.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, bail};
use aws_config::{
    Region, SdkConfig, profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig, timeout::TimeoutConfig,
};

use lab::{
    control_plane::control_plane,
    real_aws::{COST, Names, Place, check, clean, left, parts},
};

/// How long a change may take until AWS shows it everywhere: seconds as a rule, and at most a few minutes (IAM user guide,
/// "Changes that I make are not always immediately visible").
const PATIENCE: Duration = Duration::from_mins(5);

/// How long one call may take with its repetitions.
const CALL: Duration = Duration::from_mins(1);

/// What the variables say.
struct Wanted {
    source: String,
    target: String,
    region: String,
    names: Names,
}

/// Runs the checks; with `DRY_RUN` says what they would do, with `CLEAN` only removes what earlier runs left.
pub async fn run() -> Result<()> {
    let wanted = Wanted::read()?;
    if is_set("DRY_RUN") {
        wanted.say_what_it_would_do();
        return Ok(());
    }
    if is_set("CLEAN") {
        return wanted.clean_up_after_all().await;
    }
    let run = format!("{:06x}", jiff::Timestamp::now().as_second() % 0x100_0000);
    let place = wanted.place(wanted.names.of_run(&run)?).await?;
    println!("==> Accounts {} and {}, path {}", place.source.id(), place.target.id(), place.names.path());
    let cluster = control_plane().await?;
    tokio::select! {
        result = check(&place, cluster, &|line| println!("{line}")) => result,
        _ = tokio::signal::ctrl_c() => {
            println!("==> Interrupted: removing what was made");
            clean(&place.target, &place.names).await?;
            clean(&place.source, &place.names).await?;
            bail!("interrupted")
        }
    }
}

impl Wanted {
    fn read() -> Result<Self> {
        let path = optional("TEST_AWS_PATH").unwrap_or_else(|| "/crossaccount-test/".to_owned());
        let prefix = optional("TEST_AWS_PREFIX").unwrap_or_else(|| "crossaccount-test-".to_owned());
        Ok(Self {
            source: required("TEST_AWS_SOURCE_PROFILE")?,
            target: required("TEST_AWS_TARGET_PROFILE")?,
            region: optional("TEST_AWS_REGION").unwrap_or_else(|| "eu-west-1".to_owned()),
            names: Names::new(&path, &prefix)?,
        })
    }

    fn say_what_it_would_do(&self) {
        let Self { source, target, region, names } = self;
        println!("Profiles {source} (source account) and {target} (target account), region {region}.");
        println!(
            "All that is made would lie under {}<run>/, with names that begin with {}<run>-.",
            names.path(),
            names.prefix()
        );
        println!("{COST}.\nNothing is called now. A run would call:");
        for part in parts() {
            println!("\n{}\n    {}", part.title, part.calls.join(" "));
        }
    }

    async fn place(&self, names: Names) -> Result<Place> {
        let (source, target) = (self.config(&self.source).await, self.config(&self.target).await);
        Place::new(source, target, names, PATIENCE).await
    }

    /// Keys in the environment do not count: they could only be of one account.
    async fn config(&self, profile: &str) -> SdkConfig {
        let region = Region::new(self.region.clone());
        let from = ProviderConfig::without_region().with_region(Some(region.clone()));
        let provider = ProfileFileCredentialsProvider::builder().profile_name(profile).configure(&from).build();
        let timeouts = TimeoutConfig::builder().operation_timeout(CALL).build();
        aws_config::from_env().credentials_provider(provider).region(region).timeout_config(timeouts).load().await
    }

    async fn clean_up_after_all(&self) -> Result<()> {
        let place = self.place(self.names.clone()).await?;
        for account in [&place.target, &place.source] {
            for thing in left(account, &place.names).await? {
                println!("    account {}: {thing}", account.id());
            }
            clean(account, &place.names).await?;
        }
        println!("==> Nothing of these checks is left in accounts {} and {}", place.target.id(), place.source.id());
        Ok(())
    }
}

fn is_set(variable: &str) -> bool {
    optional(variable).is_some()
}

fn optional(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

fn required(variable: &str) -> Result<String> {
    optional(variable).with_context(|| format!("set {variable} to the name of an AWS profile; see docs/real-aws.md"))
}
