//! The server: reads a call, lets faults befall it, has it answered, and writes it down.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    header::CONTENT_LENGTH,
    http::request::Parts,
};

use super::{
    Shared,
    call::{Call, speaks_query},
    fault::{AwsError, Fault},
    journal::Outcome,
    reply::Reply,
    strict::Ask,
    touch::Touch,
    upstream::{Body, UpstreamError, whole},
};
use crate::{
    effects::Server,
    loopback::{Answering, BoxError, Severed},
};

/// Where MiniStack is told to forget everything.
const RESET: &str = "/_ministack/reset";

/// How long a written half of an answer is on its way.
const FLUSH: Duration = Duration::from_millis(20);

/// What answers the requests of one proxy.
pub(crate) fn answering(shared: Arc<Shared>) -> impl Fn(Request<Incoming>) -> Answering<Body> + Clone {
    move |request| Box::pin(answer(request, shared.clone()))
}

/// Answers a request, or breaks the connection.
async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Severed> {
    let (parts, body) = request.into_parts();
    let answered = if speaks_query(&parts) {
        match body.collect().await {
            Ok(body) => answer_query(parts, body.to_bytes(), &shared).await,
            Err(_) => return Err(Severed), // the client broke off
        }
    } else {
        answer_stream(parts, streamed(body), &shared).await
    };
    answered.or_else(|failure| match failure {
        Failure::Severed(severed) => Err(severed),
        Failure::Upstream(error) => {
            tracing::error!(%error, "the AWS proxy cannot answer");
            let error = AwsError::new(502, "BadGateway", error.to_string());
            Ok(respond(Reply::error("", &error)))
        }
    })
}

/// A call to IAM or STS: read whole, so that rules may look at it and at its answer.
async fn answer_query(mut parts: Parts, body: Bytes, shared: &Shared) -> Result<Response<Body>, Failure> {
    let call = Call::read(&parts, &body);
    if let Some(rules) = &shared.strictness {
        rules.witness(&mut parts, &call);
    }
    let ask = Ask { upstream: &shared.upstream, parts: &parts, body: &body, call: &call, account: None };
    witnessed(
        &call,
        shared,
        async || unseen(ask).await,
        async |account| {
            let reply = match &shared.strictness {
                Some(rules) => rules.answer(Ask { account, ..ask }).await?,
                None => shared.upstream.exchange(parts.clone(), body.clone()).await?,
            };
            let outcome = outcome(&reply);
            Ok((respond(reply), outcome))
        },
    )
    .await
}

/// A call to any other service: counted, and streamed both ways.
async fn answer_stream(mut parts: Parts, body: Body, shared: &Shared) -> Result<Response<Body>, Failure> {
    let call = Call::read(&parts, b"");
    if let Some(rules) = &shared.strictness {
        rules.witness(&mut parts, &call);
        if parts.uri.path() == RESET {
            rules.forget();
        }
    }
    let unseen = async || Ok(AwsError::new(404, "NotFound", "Not found"));
    witnessed(&call, shared, unseen, async |_account| {
        let response = shared.upstream.forward(parts, body).await?;
        let outcome = Outcome::Answered { status: response.status().as_u16(), code: None };
        Ok((response.map(streamed), outcome))
    })
    .await
}

/// Writes the call and its outcome down, and lets faults befall it on the way.
async fn witnessed(
    call: &Call,
    shared: &Shared,
    unseen: impl AsyncFnOnce() -> Result<AwsError, UpstreamError>,
    effect: impl AsyncFnOnce(Option<&str>) -> Result<(Response<Body>, Outcome), UpstreamError>,
) -> Result<Response<Body>, Failure> {
    let account = match &call.access_key {
        Some(key) => shared.upstream.account_of(key).await?,
        None => None,
    };
    let entry = shared.journal.arrived(call, account.as_deref());
    shared.effects.pass().await?;
    let effect = async |account: Option<&str>| noted(call, shared, effect(account)).await;
    let (latency, fault) = shared.faults.befalling(call, account.as_deref());
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let error = match fault {
        None | Some(Fault::Latency(_)) => {
            let effect = effect(account.as_deref()).await;
            shared.journal.ended(
                entry,
                match &effect {
                    Ok((_, outcome)) => outcome.clone(),
                    Err(Failure::Severed(_)) => Outcome::Reset,
                    Err(Failure::Upstream(_)) => Outcome::Answered { status: 502, code: None },
                },
            );
            return Ok(effect?.0);
        }
        Some(Fault::Touched(touch)) => {
            let (response, outcome) = effect(account.as_deref()).await?;
            shared.journal.ended(entry, outcome);
            return touched(response, &touch).await;
        }
        Some(Fault::Truncated) => {
            let (response, outcome) = effect(account.as_deref()).await?;
            shared.journal.ended(entry, outcome);
            return truncated(response).await;
        }
        Some(Fault::Flapping) => {
            let (response, outcome) = effect(account.as_deref()).await?;
            shared.journal.ended(entry, outcome);
            let asked = format!("{} {} {}", account.unwrap_or_default(), call.action, call.form.encode());
            return Ok(respond(shared.flapping.answer(asked, read(response).await?)));
        }
        Some(Fault::Answer(error)) => error,
        Some(Fault::Lag) => unseen().await?,
        Some(Fault::Hang) => match std::future::pending::<Infallible>().await {},
        Some(Fault::Reset) => {
            shared.journal.ended(entry, Outcome::Reset);
            return Err(Severed.into());
        }
        Some(Fault::DropResponse) => {
            effect(account.as_deref()).await?;
            shared.journal.ended(entry, Outcome::Reset);
            return Err(Severed.into());
        }
    };
    let reply = Reply::error(&call.service, &error);
    shared.journal.ended(entry, Outcome::Answered { status: error.status, code: Some(error.code) });
    Ok(respond(reply))
}

/// Numbers a write before it is carried out, and keeps its answer back if the power is cut after it.
async fn noted(
    call: &Call,
    shared: &Shared,
    effect: impl Future<Output = Result<(Response<Body>, Outcome), UpstreamError>>,
) -> Result<(Response<Body>, Outcome), Failure> {
    if !call.is_write() {
        return Ok(effect.await?);
    }
    let named = [Some(call.action.as_str()), call.role(), call.form.get("PolicyName")];
    let what = named.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let ticket = shared.effects.begin(Server::Aws, what).await?;
    let answer = effect.await;
    let status = answer.as_ref().ok().map(|(response, _)| response.status().as_u16());
    shared.effects.done(ticket, status).await?;
    Ok(answer?)
}

/// The answer as AWS would give it elsewhere.
async fn touched(response: Response<Body>, touch: &Touch) -> Result<Response<Body>, Failure> {
    let reply = read(response).await?;
    let text = touch.to(reply.text());
    Ok(respond(reply.with_body(text)))
}

/// The first half of an answer that announces its whole length, and then a broken connection.
async fn truncated(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let mut reply = read(response).await?;
    let length = reply.body.len();
    reply.headers.insert(CONTENT_LENGTH, length.into());
    let half = reply.body.slice(..length / 2);
    let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async {
        // The half must have left before the connection breaks, or the client sees nothing of it.
        tokio::time::sleep(FLUSH).await;
        Err(BoxError::from(Severed))
    }));
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
    Ok(response)
}

async fn read(response: Response<Body>) -> Result<Reply, Failure> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Severed)?.to_bytes();
    Ok(Reply { status: parts.status, headers: parts.headers, body })
}

fn streamed(body: Incoming) -> Body {
    body.map_err(BoxError::from).boxed()
}

/// How AWS answers about a role that has not spread yet.
async fn unseen(ask: Ask<'_>) -> Result<AwsError, UpstreamError> {
    if ask.call.action == "AssumeRole" {
        let role = ask.call.form.get("RoleArn").unwrap_or_default();
        let caller = ask.caller_arn().await?;
        let message = format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}");
        return Ok(AwsError::new(403, "AccessDenied", message));
    }
    let role = ask.call.role().unwrap_or_default();
    Ok(AwsError::new(404, "NoSuchEntity", format!("The role with name {role} cannot be found.")))
}

/// What is written down about an answer.
fn outcome(reply: &Reply) -> Outcome {
    Outcome::Answered { status: reply.status.as_u16(), code: reply.error_code().map(str::to_owned) }
}

fn respond(reply: Reply) -> Response<Body> {
    let mut response = Response::new(whole(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// Why a call got no answer from MiniStack.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Severed(#[from] Severed),
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}
