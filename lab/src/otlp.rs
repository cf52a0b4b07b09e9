//! A collector of traces, as operators of clusters run it: it takes `ExportTraceServiceRequest`s over HTTP (OpenTelemetry protocol
//! specification, "OTLP/HTTP"), and keeps every span.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode, body::Bytes, body::Incoming, header::CONTENT_TYPE};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{KeyValue, any_value},
    trace::v1::{Span as ProtoSpan, status::StatusCode as SpanStatus},
};
use prost::Message as _;

use super::{
    loopback::{Answering, Loopback, Severed},
    rules::locked,
};

/// One span that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its name, such as `IAM.GetRole`.
    pub name: String,
    /// The trace that it is a part of.
    pub trace: Vec<u8>,
    /// Its own id.
    pub id: Vec<u8>,
    /// The id of the span around it; empty for the root of a trace.
    pub parent: Vec<u8>,
    /// Whether its status is an error.
    pub is_error: bool,
    /// The words of its status.
    pub status_message: String,
    /// Its attributes. All of the operator's are texts.
    pub attributes: BTreeMap<String, String>,
    /// The attributes of the process that sent it.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// An attribute; empty if there is none.
    pub fn get(&self, key: &str) -> &str {
        self.attributes.get(key).map(String::as_str).unwrap_or_default()
    }

    /// Whether it is the root of a trace.
    pub fn is_root(&self) -> bool {
        self.parent.is_empty()
    }
}

/// How the collector answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes spans.
    Takes,
    /// It answers with this HTTP status, and takes nothing.
    Answers(u16),
    /// It reads requests and never answers.
    Hangs,
}

/// A running collector. It stops when dropped.
pub struct Collector {
    loopback: Loopback,
    shared: Arc<Shared>,
}

struct Shared {
    behaviour: Behaviour,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    requests: usize,
    spans: Vec<Span>,
    /// Heads and bodies as they came: what may not hold a secret.
    raw: String,
    problems: Vec<String>,
}

impl Collector {
    /// Starts one.
    pub fn start(behaviour: Behaviour) -> io::Result<Self> {
        let shared = Arc::new(Shared { behaviour, received: Mutex::default() });
        let (loopback, ()) = Loopback::start("collector", || {
            let shared = Arc::clone(&shared);
            let answer = move |request: Request<Incoming>| -> Answering<Full<Bytes>> {
                Box::pin(answer(request, Arc::clone(&shared)))
            };
            io::Result::Ok(((), answer))
        })?;
        Ok(Self { loopback, shared })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Number of requests so far, taken or not.
    pub fn requests(&self) -> usize {
        locked(&self.shared.received).requests
    }

    /// All spans so far, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        locked(&self.shared.received).spans.clone()
    }

    /// The spans right under another one.
    pub fn children(&self, parent: &Span) -> Vec<Span> {
        self.spans().into_iter().filter(|span| span.trace == parent.trace && span.parent == parent.id).collect()
    }

    /// All that came over the wire, as text.
    pub fn raw(&self) -> String {
        locked(&self.shared.received).raw.clone()
    }

    /// What was wrong with requests.
    pub fn problems(&self) -> Vec<String> {
        locked(&self.shared.received).problems.clone()
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Severed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Severed)?.to_bytes();
    let sent = format!("{} {} {:?}\n{}", head.method, head.uri, head.headers, String::from_utf8_lossy(&body));
    {
        let mut received = locked(&shared.received);
        received.requests += 1;
        received.raw.push_str(&sent);
    }
    let status = match shared.behaviour {
        Behaviour::Hangs => pending().await,
        Behaviour::Answers(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        Behaviour::Takes => {
            let is_protobuf = head.headers.get(CONTENT_TYPE).is_some_and(|is| is == "application/x-protobuf");
            let taken = (head.method == Method::POST && head.uri.path() == "/v1/traces" && is_protobuf)
                .then(|| ExportTraceServiceRequest::decode(body));
            let mut received = locked(&shared.received);
            match taken {
                Some(Ok(request)) => received.spans.extend(spans(request)),
                refused => received.problems.push(format!("{refused:?}: {sent}")),
            }
            StatusCode::OK
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(ExportTraceServiceResponse::default().encode_to_vec())));
    *response.status_mut() = status;
    Ok(response)
}

fn spans(request: ExportTraceServiceRequest) -> impl Iterator<Item = Span> {
    request.resource_spans.into_iter().flat_map(|of_process| {
        let resource = attributes(of_process.resource.unwrap_or_default().attributes);
        let spans = of_process.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        spans.map(move |span| read(span, resource.clone()))
    })
}

fn read(span: ProtoSpan, resource: BTreeMap<String, String>) -> Span {
    let status = span.status.unwrap_or_default();
    Span {
        name: span.name,
        trace: span.trace_id,
        id: span.span_id,
        parent: span.parent_span_id,
        is_error: status.code == SpanStatus::Error as i32,
        status_message: status.message,
        attributes: attributes(span.attributes),
        resource,
    }
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Some(any_value::Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    list.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}
