//! A view of the cluster that stands still, as that of an API server whose cache has fallen behind.

use std::{collections::BTreeMap, sync::Mutex};

use anyhow::{Context as _, Result};
use hyper::{
    HeaderMap, StatusCode, Uri,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
    http::request::Parts,
};
use kube::client::Body;

use super::{
    request::{ApiRequest, Verb},
    upstream::Upstream,
};
use crate::rules::locked;

/// Which reads are answered from the frozen view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Lists and watches, which API servers may answer from a cache. A GET is always answered by what is true.
    Lists,
    /// GETs as well.
    Reads,
}

/// What was read, and what is answered while the view stands still.
#[derive(Default)]
pub(super) struct Frozen(Mutex<State>);

#[derive(Default)]
struct State {
    /// The reads so far, as they can be asked again.
    seen: BTreeMap<Key, Parts>,
    view: Option<View>,
}

struct View {
    stale: Stale,
    answers: BTreeMap<Key, Answer>,
}

/// An answer of the frozen view.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
}

/// What makes two reads the same one: path, selectors, and the form that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    path: String,
    selectors: Vec<(String, String)>,
    accept: String,
}

impl Key {
    fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let selectors = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, value)| matches!(&**name, "labelSelector" | "fieldSelector") && !value.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self { path: parts.uri.path().to_owned(), selectors, accept: accept(&parts.headers) }
    }

    /// The whole of it, in one page.
    fn uri(&self) -> Result<Uri> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.selectors).finish();
        Ok(Uri::builder().path_and_query(format!("{}?{query}", self.path)).build()?)
    }
}

fn accept(headers: &HeaderMap) -> String {
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

impl Frozen {
    /// Remembers a read that may have to be answered from a frozen view later.
    pub(super) fn note(&self, request: &ApiRequest, parts: &Parts) {
        if matches!(request.verb, Verb::Get | Verb::List) {
            locked(&self.0).seen.insert(Key::of(parts), parts.clone());
        }
    }

    /// Asks all reads so far once more, and answers with that from now on. Gives how many there are.
    pub(super) async fn freeze(&self, stale: Stale, upstream: &Upstream) -> Result<usize> {
        let seen = locked(&self.0).seen.clone();
        let mut answers = BTreeMap::new();
        for (key, mut parts) in seen {
            parts.uri = key.uri()?;
            let answer = upstream.forward(&parts, Bytes::new()).await?;
            let kind = answer.headers().get(CONTENT_TYPE).cloned();
            let answer = Answer {
                status: answer.status(),
                content_type: kind.unwrap_or(HeaderValue::from_static("application/json")),
                body: Body::collect_bytes(answer.into_body()).await.context("half an answer")?,
            };
            answers.insert(key, answer);
        }
        let known = answers.len();
        locked(&self.0).view = Some(View { stale, answers });
        Ok(known)
    }

    pub(super) fn thaw(&self) {
        locked(&self.0).view = None;
    }

    pub(super) fn is_frozen(&self) -> bool {
        locked(&self.0).view.is_some()
    }

    /// The answer of the frozen view, if there is one to this request.
    pub(super) fn answer(&self, request: &ApiRequest, parts: &Parts) -> Option<Answer> {
        let state = locked(&self.0);
        let view = state.view.as_ref()?;
        let concerned = request.verb == Verb::List || (request.verb == Verb::Get && view.stale == Stale::Reads);
        if concerned { view.answers.get(&Key::of(parts)).cloned() } else { None }
    }
}
