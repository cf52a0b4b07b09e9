//! An upgrade and a downgrade while roles are in use. Another version that takes over reads, and writes nothing that people
//! notice: no session, no change in IAM, no change of a Secret.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use crossaccount::api::{AccountRef, CrossAccountRole, SourceGrant};
use kube::{
    ResourceExt as _,
    api::{ListParams, PostParams},
};
use serde_json::json;

use lab::{
    aws::{OPERATOR, policy},
    effects::Server,
    env::TestEnv,
    guard::scratch,
    operator::Operator,
    repository, run as run_command, shipped_program,
    wait::eventually,
};

/// How many objects are just in use, beside those in other states.
const IN_USE: usize = 10;

/// One version of the operator.
struct Version {
    name: &'static str,
    program: PathBuf,
    crds: PathBuf,
    rbac: PathBuf,
}

/// Upgrades from the version in this folder to the one of this checkout, and goes back.
pub async fn run(earlier: &Path) -> Result<()> {
    let earlier = Version {
        name: "the earlier version",
        program: earlier.join("crossaccount-operator"),
        crds: earlier.join("crds"),
        rbac: earlier.join("deploy/rbac.yaml"),
    };
    let this = Version {
        name: "this version",
        program: shipped_program("crossaccount-operator")?,
        crds: repository().join("crds"),
        rbac: repository().join("deploy/rbac.yaml"),
    };
    let mut env = TestEnv::new("upgrade").await?;
    env.allow_leases().await?;
    env.settings = env
        .settings
        .flag("--leader-elect=true")
        .flag(format!("--lease-namespace={}", env.namespace))
        .flag("--drift-interval=2s")
        .quiet();
    println!("==> Starting {}", earlier.name);
    earlier.apply(&env).await?;
    let first = earlier.start(&env).await?;
    let expected = declare(&env).await?;
    shows(&env, &expected).await?;
    let second = replace(&env, &expected, first, &this).await?;
    let third = replace(&env, &expected, second, &earlier).await?;
    third.stop().await?;
    println!("==> Nobody noticed.");
    Ok(())
}

impl Version {
    /// Applies the manifests, over those of another version.
    async fn apply(&self, env: &TestEnv) -> Result<()> {
        let mut apply = env.control_plane.kubectl();
        apply.args(["apply", "--server-side", "--force-conflicts", "-f"]).arg(&self.crds).arg("-f").arg(&self.rbac);
        run_command(&mut apply).await.map(drop)
    }

    async fn start(&self, env: &TestEnv) -> Result<Operator> {
        env.settings.clone().program(&self.program).start().await
    }
}

/// Declares the objects, and gives for each the status and the reason of `Ready` that it is to keep.
async fn declare(env: &TestEnv) -> Result<BTreeMap<String, (&'static str, &'static str)>> {
    let mut expected = BTreeMap::new();
    for number in 0..IN_USE {
        let role = env.role(&format!("in-use-{number}"));
        env.create(&role).await?;
        expected.insert(role.name_any(), ("True", "Available"));
    }
    env.create(&granted(env).await?).await?;
    expected.insert("granted".to_owned(), ("True", "Available"));
    let mut forbidden = env.role("forbidden");
    forbidden.spec.trust.principals = vec![env.arn("arn:aws:iam::111111111111:user/stranger")];
    env.create(&forbidden).await?;
    expected.insert("forbidden".to_owned(), ("False", "NotAllowed"));
    env.create(&env.role("suspended")).await?;
    env.settled("suspended").await?;
    env.patch("suspended", json!({"spec": {"suspend": true}})).await?;
    expected.insert("suspended".to_owned(), ("True", "Suspended"));
    Ok(expected)
}

/// An object that gives a user of the source account the permission to assume its role.
async fn granted(env: &TestEnv) -> Result<CrossAccountRole> {
    let source = &env.aws.source;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    source.create_user("deployer", &nothing).await?;
    let manage = policy(&json!({
        "Effect": "Allow",
        "Action": ["iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"],
        "Resource": format!("arn:aws:iam::{}:user/*", source.id()),
    }));
    source.put_user_policy(OPERATOR, "grants", &manage).await?;
    let account = env.source_account();
    env.accounts.create(&PostParams::default(), &account).await?;
    let mut role = env.role("granted");
    let account_ref = AccountRef { name: account.name_any() };
    role.spec.source_grants =
        vec![SourceGrant { account_ref, user: Some("deployer".to_owned()), ..SourceGrant::default() }];
    Ok(role)
}

async fn shows(env: &TestEnv, expected: &BTreeMap<String, (&str, &str)>) -> Result<()> {
    for (name, (status, reason)) in expected {
        env.shows(name, status, reason).await?;
    }
    Ok(())
}

/// The resource version of each Secret.
async fn secrets(env: &TestEnv) -> Result<BTreeMap<String, Option<String>>> {
    let secrets = env.secrets.list(&ListParams::default()).await?;
    Ok(secrets.into_iter().map(|secret| (secret.name_any(), secret.metadata.resource_version)).collect())
}

/// Rolls another version out beside the one that runs, and looks at what it does.
async fn replace(
    env: &TestEnv,
    expected: &BTreeMap<String, (&str, &str)>,
    running: Operator,
    next: &Version,
) -> Result<Operator> {
    println!("==> Replacing it by {}", next.name);
    let before = secrets(env).await?;
    ensure!(before.len() >= IN_USE, "only {} Secrets", before.len());
    let written = env.effects.list().len();
    env.proxy.reset_counts();
    next.apply(env).await?;
    are_valid(env).await?;
    let standby = next.start(env).await?;
    eventually("the standby is ready", async || {
        let (status, text) = standby.get("/readyz").await?;
        ensure!(status == 200, "{status}: {text}");
        Ok(())
    })
    .await?;
    let (status, _) = running.stop().await?;
    ensure!(status.success(), "the one that ran ends with {status}");
    eventually("the next one compares everything with AWS", async || {
        let (looks, reconciles) = (env.proxy.count("GetAccountAuthorizationDetails"), standby.all_reconciles().await?);
        ensure!(looks >= 4 && reconciles >= expected.len() as u64, "{looks} looks, {reconciles} reconciles");
        Ok(())
    })
    .await?;
    shows(env, expected).await?;

    let issued = env.proxy.calls_that(|call| {
        call.action == "AssumeRole" && call.role.as_ref().is_some_and(|role| role.starts_with(&env.namespace))
    });
    ensure!(issued.is_empty(), "sessions were issued: {issued:?}");
    let mut effects = env.effects.list().split_off(written);
    effects.retain(|effect| effect.server == Server::Aws || effect.what.contains(" secrets "));
    ensure!(effects.is_empty(), "it wrote {effects:#?}");
    ensure!(secrets(env).await? == before, "the Secrets changed");
    println!("    {} objects and {} Secrets are as they were", expected.len(), before.len());
    Ok(standby)
}

/// Fails if the API server would not take the objects as they are. An operator that writes status meanwhile makes it refuse a
/// version that was read before, hence the tries.
async fn are_valid(env: &TestEnv) -> Result<()> {
    let file = scratch("objects")?.join("objects.json");
    eventually("the objects are valid", async || {
        let mut get = env.control_plane.kubectl();
        get.args(["get", "crossaccountroles", "-n", &env.namespace, "-o", "json"]);
        fs::write(&file, run_command(&mut get).await?)?;
        let mut replace = env.control_plane.kubectl();
        run_command(replace.args(["replace", "--dry-run=server", "-f"]).arg(&file)).await.map(drop)
    })
    .await
}
