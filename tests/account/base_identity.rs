//! Where the operator's own identity comes from, beside variables.

use std::fs;

use anyhow::Result;
use serde_json::json;

use lab::{env::TestEnv, guard::scratch};

#[tokio::test]
async fn an_operator_takes_its_identity_from_the_program_that_its_aws_configuration_names() -> Result<()> {
    let env = TestEnv::new("program").await?;
    let folder = scratch("base-identity")?;
    let (config, printed) = (folder.join("config"), folder.join("printed.json"));
    let keys = &env.aws.operator.credentials;
    let printed_set = json!({
        "Version": 1,
        "AccessKeyId": keys.access_key_id(),
        "SecretAccessKey": keys.secret_access_key(),
    });
    fs::write(&printed, printed_set.to_string())?;
    fs::write(&config, format!("[default]\ncredential_process = cat {}\n", printed.display()))?;

    let settings = env.settings.clone().no_credentials().env("AWS_CONFIG_FILE", config.to_string_lossy());
    let _operator = settings.start().await?;
    env.ready_role("reader").await?;
    Ok(())
}
