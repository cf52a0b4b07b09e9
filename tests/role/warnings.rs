//! Policies that AWS accepts and that cannot do what they seem to say.

use anyhow::{Result, ensure};
use serde_json::json;

use lab::env::{TestEnv, declare::document};

#[tokio::test]
async fn a_policy_that_can_never_work_is_named_beside_good_credentials() -> Result<()> {
    let env = TestEnv::new("warned").await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    let own = "arn:aws:s3:::reports/${aws:PrincipalTag/team}/*";
    let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": own});
    role.spec.role.inline_policies.insert("own-folder".into(), document(&json!({"Statement": [statement]})));
    env.create(&role).await?;
    let message = env.shows("reader", "True", "Available").await?;
    for words in ["Warning: spec.role.inlinePolicies.own-folder Statement[0]", own, "Version"] {
        ensure!(message.contains(words), "{words} is not in: {message}");
    }

    let version = json!({"role": {"inlinePolicies": {"own-folder": {"Version": "2012-10-17"}}}});
    env.patch("reader", json!({"spec": version})).await?;
    env.settled("reader").await?;
    let message = env.shows("reader", "True", "Available").await?;
    ensure!(!message.contains("Warning"), "{message}");
    Ok(())
}
