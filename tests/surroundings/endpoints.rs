//! Which endpoints of AWS the operator calls. Their names are seen by a proxy that leads to none of them.

use anyhow::{Result, ensure};

use lab::{env::TestEnv, forward_proxy::ForwardProxy, operator::OperatorSettings, wait::eventually};

use super::ready;

/// Waits until an operator without a custom endpoint calls the endpoint of this name.
async fn calls(settings: &OperatorSettings, endpoint: &str) -> Result<()> {
    let proxy = ForwardProxy::start([]).await?;
    let settings = settings.clone().env("HTTPS_PROXY", format!("http://{}", proxy.address()));
    let _operator = settings.start().await?;
    eventually(&format!("the operator calls {endpoint}"), async || {
        let asked = proxy.asked();
        ensure!(asked.contains(endpoint), "it called {asked:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn region_fips_and_dual_stack_choose_the_endpoint_in_every_partition() -> Result<()> {
    let env = TestEnv::new("endpoints").await?;
    let settings = env.settings.clone().without("AWS_ENDPOINT_URL");
    let [fips, dual] = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"];
    for (region, switch, endpoint) in [
        ("eu-west-1", None, "sts.eu-west-1.amazonaws.com:443"),
        ("us-east-1", Some(fips), "sts-fips.us-east-1.amazonaws.com:443"),
        ("eu-west-1", Some(dual), "sts.eu-west-1.api.aws:443"),
        ("us-gov-west-1", None, "sts.us-gov-west-1.amazonaws.com:443"),
        ("cn-north-1", None, "sts.cn-north-1.amazonaws.com.cn:443"),
        ("cn-north-1", Some(dual), "sts.cn-north-1.api.amazonwebservices.com.cn:443"),
        ("us-iso-east-1", None, "sts.us-iso-east-1.c2s.ic.gov:443"),
        ("us-isob-east-1", None, "sts.us-isob-east-1.sc2s.sgov.gov:443"),
    ] {
        let settings = settings.clone().env("AWS_REGION", region);
        let settings = match switch {
            Some(switch) => settings.env(switch, "true"),
            None => settings,
        };
        calls(&settings, endpoint).await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_endpoint_for_one_service_comes_before_the_one_for_all() -> Result<()> {
    let env = TestEnv::new("service-endpoint").await?;
    // It shares what strictness knows of sessions.
    let iam = env.proxy.beside()?;
    let settings = env.settings.clone().env("AWS_ENDPOINT_URL_IAM", iam.endpoint());
    let _operator = ready(&settings).await?;
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    assert_eq!((iam.count("CreateRole"), env.proxy.count("CreateRole")), (1, 0));
    assert!(iam.count("AssumeRole") == 0 && env.proxy.count("AssumeRole") > 0);
    Ok(())
}

#[tokio::test]
async fn region_and_kind_of_endpoint_may_be_in_the_profile_or_the_older_variable() -> Result<()> {
    let env = TestEnv::new("profile-region").await?;
    let settings = env.settings.clone().without("AWS_ENDPOINT_URL").without("AWS_REGION");
    calls(&settings.clone().env("AWS_DEFAULT_REGION", "us-west-2"), "sts.us-west-2.amazonaws.com:443").await?;
    let file = lab::guard::scratch("config")?.join("config");
    for (line, endpoint) in [
        ("use_fips_endpoint = true", "sts-fips.us-east-2.amazonaws.com:443"),
        ("use_dualstack_endpoint = true", "sts.us-east-2.api.aws:443"),
    ] {
        std::fs::write(&file, format!("[default]\nregion = us-east-2\n{line}\n"))?;
        calls(&settings.clone().env("AWS_CONFIG_FILE", file.to_string_lossy()), endpoint).await?;
    }
    calls(&settings, "sts.us-east-1.amazonaws.com:443").await
}

#[tokio::test]
async fn an_endpoint_of_the_profile_is_used() -> Result<()> {
    let env = TestEnv::new("profile-endpoint").await?;
    let file = lab::guard::scratch("config")?.join("config");
    std::fs::write(&file, format!("[default]\nregion = eu-west-1\nendpoint_url = {}\n", env.proxy.endpoint()))?;
    let settings = env.settings.clone().without("AWS_ENDPOINT_URL").without("AWS_REGION");
    ready(&settings.env("AWS_CONFIG_FILE", file.to_string_lossy())).await?;
    Ok(())
}
