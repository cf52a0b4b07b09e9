//! Plain HTTP on loopback, for admin endpoints and probes.

use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes, header::AUTHORIZATION};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// The status code and the body of a GET.
pub async fn get(url: &str) -> Result<(u16, String)> {
    get_as(url, None).await
}

/// The same with an `Authorization` header.
pub async fn get_as(url: &str, authorization: Option<&str>) -> Result<(u16, String)> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut request = Request::get(url);
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let answer = client.request(request.body(Empty::new())?).await.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.with_context(|| format!("half an answer from {url}"))?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Succeeds if a GET does.
pub async fn get_ok(url: &str) -> Result<()> {
    let (status, body) = get(url).await?;
    ensure!(status == 200, "{url} answers {status}: {body}");
    Ok(())
}
