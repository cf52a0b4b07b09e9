//! `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, for AWS and for the API server.

use anyhow::{Result, ensure};

use lab::{
    env::TestEnv, forward_proxy::ForwardProxy, operator::OperatorSettings, tls_front::TlsFront, wait::eventually,
};

use super::{AWS, not_ready, ready};

/// What `user:canary-4711@` is in `Proxy-Authorization`.
const AUTHORIZATION: &str = "Basic dXNlcjpjYW5hcnktNDcxMUA=";

/// The name of the API server that only a proxy knows.
const KUBERNETES: &str = "kubernetes.test";

#[tokio::test]
async fn plain_calls_to_aws_go_through_the_proxy_for_http() -> Result<()> {
    let env = TestEnv::new("http-proxy").await?;
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = ForwardProxy::start([(AWS, env.proxy.address())]).await?;
        let settings = env.settings.clone().aws_endpoint(&format!("http://{AWS}"));
        ready(&settings.env(name, format!("http://{}", proxy.address()))).await?;
        assert!(proxy.asked().contains(AWS), "{name}: {:?}", proxy.asked());
    }
    Ok(())
}

#[tokio::test]
async fn encrypted_calls_to_aws_go_through_a_tunnel_of_the_proxy_for_https() -> Result<()> {
    let env = TestEnv::new("https-proxy").await?;
    let front = TlsFront::start(env.proxy.address(), &[AWS]).await?;
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let proxy = ForwardProxy::start([(AWS, front.address())]).await?;
        let settings = env.settings.clone().aws_endpoint(&format!("https://{AWS}"));
        let settings = settings.env("AWS_CA_BUNDLE", front.authority().to_string_lossy());
        // Without a scheme it is an HTTP proxy, as curl has it.
        ready(&settings.env(name, proxy.address().to_string())).await?;
        assert!(proxy.asked().contains(&format!("{AWS}:443")), "{name}: {:?}", proxy.asked());
    }
    Ok(())
}

#[tokio::test]
async fn a_role_becomes_ready_through_a_proxy() -> Result<()> {
    let env = TestEnv::new("proxied-role").await?;
    let proxy = ForwardProxy::start([(AWS, env.proxy.address())]).await?;
    let settings = env.settings.clone().aws_endpoint(&format!("http://{AWS}"));
    let _operator = settings.env("HTTP_PROXY", format!("http://{}", proxy.address())).start().await?;
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_proxy_gets_the_user_and_the_password_that_are_in_its_url_and_no_log_does() -> Result<()> {
    let env = TestEnv::new("proxy-user").await?;
    let front = TlsFront::start(env.proxy.address(), &[AWS]).await?;
    for (name, scheme, behind) in
        [("HTTP_PROXY", "http", env.proxy.address()), ("HTTPS_PROXY", "https", front.address())]
    {
        let proxy = ForwardProxy::asking([(AWS, behind)], Some(AUTHORIZATION)).await?;
        let settings = env.settings.clone().aws_endpoint(&format!("{scheme}://{AWS}")).flag("--log-level=trace");
        let settings = settings.env("AWS_CA_BUNDLE", front.authority().to_string_lossy());
        let right = settings.clone().env(name, format!("http://user:canary-4711%40@{}", proxy.address()));
        let operator = ready(&right).await?;
        let wrong = settings.env(name, format!("http://user:canary-4712@{}", proxy.address()));
        let refused = not_ready(&wrong, &["aws-identity"]).await?;
        for log in [operator.log().read(), refused.log().read()] {
            ensure!(
                !log.contains("canary") && !log.contains(&AUTHORIZATION[6..]),
                "{name}: the password is in the log"
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_as_the_cause() -> Result<()> {
    let env = TestEnv::new("proxy-refuses").await?;
    let proxy = ForwardProxy::asking([], Some(AUTHORIZATION)).await?;
    let settings = env.settings.clone().aws_endpoint(&format!("https://{AWS}"));
    let settings = settings.env("HTTPS_PROXY", format!("http://{}", proxy.address()));
    not_ready(&settings, &["aws-identity", "the proxy does not connect"]).await?;
    Ok(())
}

#[tokio::test]
async fn hosts_that_no_proxy_names_are_reached_directly() -> Result<()> {
    let env = TestEnv::new("no-proxy").await?;
    for list in [AWS, ".test", "other.example, aws.test", "*"] {
        let proxy = ForwardProxy::start([(AWS, env.proxy.address())]).await?;
        let settings = env.settings.clone().aws_endpoint(&format!("http://{AWS}"));
        let settings = settings.env("HTTP_PROXY", format!("http://{}", proxy.address())).env("NO_PROXY", list);
        not_ready(&settings, &["aws-identity", "the name of the server cannot be resolved"]).await?;
        assert!(proxy.asked().is_empty(), "{list}: {:?}", proxy.asked());
    }
    Ok(())
}

#[tokio::test]
async fn this_machine_is_reached_directly_whatever_the_variables_say() -> Result<()> {
    let env = TestEnv::new("local-proxy").await?;
    let proxy = ForwardProxy::start([]).await?;
    let url = format!("http://{}", proxy.address());
    let settings = env.settings.clone().env("HTTP_PROXY", &url).env("HTTPS_PROXY", &url).env("ALL_PROXY", &url);
    ready(&settings).await?; // the API server and AWS of the lab have addresses of this machine
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    Ok(())
}

async fn behind_a_name(env: &TestEnv) -> Result<(TlsFront, ForwardProxy, OperatorSettings)> {
    let front = TlsFront::start(env.kube_proxy.address(), &[KUBERNETES]).await?;
    let proxy = ForwardProxy::start([(KUBERNETES, front.address())]).await?;
    let file = env.changed_kubeconfig(|cluster| {
        cluster["server"] = format!("https://{KUBERNETES}").into();
        cluster["certificate-authority"] = front.authority().to_string_lossy().into();
    })?;
    let settings = env.settings.clone().env("KUBECONFIG", file.to_string_lossy());
    Ok((front, proxy, settings))
}

#[tokio::test]
async fn the_api_server_is_reached_through_the_proxy_of_the_environment() -> Result<()> {
    let env = TestEnv::new("kube-proxied").await?;
    let (_front, proxy, settings) = behind_a_name(&env).await?;
    // The proxy's own address in NO_PROXY says nothing of the API server.
    let settings = settings.env("HTTPS_PROXY", format!("http://{}", proxy.address())).env("NO_PROXY", "127.0.0.1");
    let _operator = ready(&settings).await?;
    assert!(proxy.asked().contains(&format!("{KUBERNETES}:443")), "{:?}", proxy.asked());
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn the_api_server_is_reached_through_the_proxy_of_the_kubeconfig() -> Result<()> {
    let env = TestEnv::new("kube-proxy-url").await?;
    let (front, proxy, settings) = behind_a_name(&env).await?;
    let file = env.changed_kubeconfig(|cluster| {
        cluster["server"] = format!("https://{KUBERNETES}").into();
        cluster["certificate-authority"] = front.authority().to_string_lossy().into();
        cluster["proxy-url"] = format!("http://{}", proxy.address()).into();
    })?;
    // It comes before the variables, and NO_PROXY does not concern it.
    let settings = settings.env("KUBECONFIG", file.to_string_lossy()).env("NO_PROXY", KUBERNETES);
    ready(&settings.env("HTTPS_PROXY", "http://127.0.0.1:9")).await?;
    assert!(proxy.asked().contains(&format!("{KUBERNETES}:443")), "{:?}", proxy.asked());
    Ok(())
}

#[tokio::test]
async fn an_api_server_that_no_proxy_names_is_reached_directly() -> Result<()> {
    let env = TestEnv::new("kube-direct").await?;
    let (_front, proxy, settings) = behind_a_name(&env).await?;
    let settings = settings.env("HTTPS_PROXY", format!("http://{}", proxy.address())).env("NO_PROXY", ".test");
    let operator = settings.start().await?;
    eventually("the name is looked up", async || {
        ensure!(operator.log().read().contains("dns error"), "not yet");
        Ok(())
    })
    .await?;
    assert!(proxy.asked().is_empty(), "{:?}", proxy.asked());
    Ok(())
}
