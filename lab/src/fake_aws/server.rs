//! The server: reads a call, decides its fate, has it answered, and counts it.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
};

use super::{MANAGER, Shared, faults::Fate, iam, sts, tally::CallKey};
use crate::{
    aws_proxy::{AwsError, Call, Reply},
    loopback::{Answering, Severed},
    rules::locked,
};

type Body = BoxBody<Bytes, hyper::Error>;

/// What answers the requests.
pub(super) fn answering(shared: Arc<Shared>) -> impl Fn(Request<Incoming>) -> Answering<Body> + Clone {
    move |request| Box::pin(answer(request, shared.clone()))
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Severed> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Severed)?.to_bytes(); // the client broke off
    let call = Call::read(&parts, &body);
    let account = account_of(&call, &shared);
    let (action, assumes) = match (call.action.as_str(), call.role()) {
        ("AssumeRole", Some(MANAGER)) => ("AssumeRole (manager)", true),
        (action, _) => (action, action == "AssumeRole"),
    };
    let note = |code: &str| {
        let (action, account) = (action.to_owned(), account.clone());
        shared.tally.note(CallKey { action, account, code: code.to_owned() });
    };
    let fate = shared.faults.befall(&call.service, &account, assumes);
    if matches!(fate, Fate::Unanswered) {
        note("none");
        return std::future::pending().await;
    }
    // One wait stands for the way there and back.
    tokio::time::sleep(shared.faults.delay()).await;
    let answered = match fate {
        Fate::Refused(error) => Err(error),
        Fate::Answered | Fate::Unanswered => effect(&call, &shared),
    };
    match answered {
        Ok(result) => {
            note("");
            Ok(good(&call.action, &result))
        }
        Err(error) => {
            note(&error.code);
            Ok(refusal(Reply::error(&call.service, &error)))
        }
    }
}

/// The account that a call is about: that of the role to assume, else that of the caller.
fn account_of(call: &Call, shared: &Shared) -> String {
    let role = call.form.get("RoleArn").filter(|_| call.action == "AssumeRole");
    if let Some(account) = role.and_then(|arn| arn.split(':').nth(4)) {
        return account.to_owned();
    }
    let state = locked(&shared.state);
    state.caller(call.access_key.as_deref()).map(|caller| caller.account.clone()).unwrap_or_default()
}

fn effect(call: &Call, shared: &Shared) -> Result<String, AwsError> {
    let mut state = locked(&shared.state);
    let Some(caller) = state.caller(call.access_key.as_deref()).cloned() else {
        return Err(AwsError::new(
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ));
    };
    match call.service.as_str() {
        "sts" => sts::answer(&mut state, call, &caller),
        _ => iam::answer(&mut state, call, &caller.account),
    }
}

fn good(action: &str, result: &str) -> Response<Body> {
    let body = format!(
        "<{action}Response><{action}Result>{result}</{action}Result><ResponseMetadata>\
         <RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></{action}Response>"
    );
    let mut response = Response::new(whole(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

fn refusal(reply: Reply) -> Response<Body> {
    let mut response = Response::new(whole(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
