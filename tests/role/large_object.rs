//! An object that is almost as large as the cluster can store, so that nothing can be said about what is done for it.

use anyhow::{Result, ensure};
use crossaccount::api::CrossAccountRole;
use kube::api::DeleteParams;
use serde_json::json;

use lab::{
    aws::policy,
    env::{TestEnv, declare::document},
    wait::eventually,
};

/// More than etcd takes in one request, and less. It takes 1.5 MiB.
const TOO_MUCH: usize = 1_572_864;
const LITTLE: usize = 1_400_000;

/// How much less than the most is tried. Somewhere between them a finalizer finds room, and a status with its conditions
/// does not.
const ROOMS: [usize; 8] = [800, 1200, 1600, 2000, 2400, 2800, 3200, 3600];

fn padded(env: &TestEnv, name: &str, by: usize) -> CrossAccountRole {
    let mut role = env.role(name);
    let resource = format!("arn:aws:s3:::reports/{}", "x".repeat(by));
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}));
    role.spec.session.policy = Some(document(&read));
    role
}

async fn is_stored(env: &TestEnv, by: usize) -> Result<bool> {
    match env.create(&padded(env, "reader", by)).await {
        Ok(_) => {}
        Err(error) if error.to_string().contains("too large") => return Ok(false),
        Err(error) => return Err(error),
    }
    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("it is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    Ok(true)
}

/// The largest padding that the cluster stores, within a hundred bytes.
async fn largest(env: &TestEnv) -> Result<usize> {
    let (mut fits, mut fails) = (LITTLE, TOO_MUCH);
    ensure!(is_stored(env, fits).await? && !is_stored(env, fails).await?, "the limit is elsewhere");
    while fails - fits > 100 {
        let middle = usize::midpoint(fits, fails);
        if is_stored(env, middle).await? { fits = middle } else { fails = middle }
    }
    Ok(fits)
}

#[tokio::test]
async fn an_object_of_which_no_status_can_be_written_gets_no_role() -> Result<()> {
    let env = TestEnv::new("huge").await?;
    let most = largest(&env).await?;
    let operator = env.start().await?;
    let before = operator.all_reconciles().await?;
    for room in ROOMS {
        env.create(&padded(&env, &format!("huge-{room}"), most - room)).await?;
    }
    operator.reconciled_after(before + 3 * u64::try_from(ROOMS.len())?).await?;
    env.ready_role("small").await?;
    for room in ROOMS {
        let name = format!("huge-{room}");
        let made = env.aws.target.role(&env.iam_name(&name)).await?.is_some();
        let told = env.told(&name).await?;
        ensure!(
            !made || told.contains("Ready"),
            "there is a role of {name} in AWS, and no status tells of it: {told:?}"
        );
    }
    Ok(())
}
