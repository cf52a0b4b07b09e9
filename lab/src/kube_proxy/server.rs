//! The server: reads a request, lets faults befall it, has it answered, and writes it down.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    http::request::Parts,
};
use serde_json::json;

use super::{
    Shared,
    fault::{ApiStatus, Fault},
    journal::Outcome,
    request::{ApiRequest, Verb, with_selector},
    watches::{End, Watch},
};
use crate::{
    effects::Server,
    loopback::{Answering, BoxError, Severed},
};

/// Body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, BoxError>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// What answers the requests of one proxy.
pub(super) fn answering(shared: Arc<Shared>) -> impl Fn(Request<Incoming>) -> Answering<Body> + Clone {
    move |request| Box::pin(answer(request, shared.clone()))
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Severed> {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Severed)?.to_bytes(); // the client broke off
    let asked = ApiRequest::read(&parts, &body);
    if asked.resource == "awsaccounts" && matches!(asked.verb, Verb::List | Verb::Watch) {
        parts.uri = with_selector(&parts.uri, &shared.isolation).map_err(|_| Severed)?;
    }
    let entry = shared.journal.arrived(&asked);
    let end: End = Box::pin(shared.control.end_of_watch(&asked.resource));
    let answered = tokio::select! {
        biased;
        () = shared.control.outage() => Err(Severed),
        answered = befallen(&asked, &parts, body, end, &shared) => answered,
    };
    let outcome = answered.as_ref().map_or(Outcome::Reset, |answer| Outcome::Answered(answer.status().as_u16()));
    shared.journal.ended(entry, outcome);
    answered
}

/// Answers a request that faults may befall on the way.
async fn befallen(
    asked: &ApiRequest,
    parts: &Parts,
    body: Bytes,
    end: End,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Severed> {
    shared.effects.pass().await?;
    let (delay, fault) = shared.faults.befalling(asked);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match fault {
        None | Some(Fault::Delay(_)) => effect(asked, parts, body, end, shared).await,
        Some(Fault::Answer(status)) => Ok(refusal(&status)),
        Some(Fault::Text(text)) => Ok(respond(StatusCode::OK, TEXT, text.into())),
        Some(Fault::Gone) if asked.verb == Verb::Watch => {
            let event = json!({ "type": "ERROR", "object": ApiStatus::gone().to_json() });
            Ok(respond(StatusCode::OK, JSON, format!("{event}\n").into()))
        }
        Some(Fault::Gone) => Ok(refusal(&ApiStatus::gone())),
        Some(Fault::Mute) if asked.verb == Verb::Watch => Ok(silence(asked, end, shared)),
        Some(Fault::Mute | Fault::Hang) => std::future::pending().await,
        Some(Fault::Reset) => Err(Severed),
        Some(Fault::DropResponse) => {
            effect(asked, parts, body, end, shared).await?;
            Err(Severed)
        }
    }
}

/// Has a request carried out: by the API server, or by the frozen view of it.
async fn effect(
    asked: &ApiRequest,
    parts: &Parts,
    body: Bytes,
    end: End,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Severed> {
    shared.frozen.note(asked, parts);
    if let Some(known) = shared.frozen.answer(asked, parts) {
        return Ok(respond(known.status, known.content_type, known.body));
    }
    if asked.verb == Verb::Watch && shared.frozen.is_frozen() {
        return Ok(silence(asked, end, shared));
    }
    if !asked.is_write() {
        return forward(asked, parts, body, end, shared).await;
    }
    let ticket = shared.effects.begin(Server::Kubernetes, asked.to_string()).await?;
    let answer = forward(asked, parts, body, end, shared).await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    shared.effects.done(ticket, status).await?;
    answer
}

async fn forward(
    asked: &ApiRequest,
    parts: &Parts,
    body: Bytes,
    end: End,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Severed> {
    let answer = shared.upstream.forward(parts, body).await.map_err(|error| {
        tracing::error!(%error, "the API server proxy cannot answer");
        Severed
    })?;
    if asked.verb == Verb::Watch && answer.status().is_success() {
        return Ok(answer.map(|body| Watch::new(shared, &asked.resource, Some(body), end).into_body()));
    }
    Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}

/// The beginning of a watch that has nothing to say.
fn silence(asked: &ApiRequest, end: End, shared: &Arc<Shared>) -> Response<Body> {
    let mut response = Response::new(Watch::new(shared, &asked.resource, None, end).into_body());
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn refusal(status: &ApiStatus) -> Response<Body> {
    respond(status.status(), JSON, status.to_json().to_string().into())
}

fn respond(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
