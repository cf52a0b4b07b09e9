//! The stream of a watch: one JSON object a line, each delivered or dropped.

use std::{pin::Pin, sync::Arc};

use futures::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::Value;

use super::{Shared, server::Body};
use crate::loopback::{BoxError, Severed};

/// What ends a watch, from the moment on at which its request arrives: a cut between the two must end it, too.
pub(super) type End = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a client hears of a watch.
pub(super) struct Watch {
    shared: Arc<Shared>,
    resource: String,
    /// Nothing comes from a watch that is mute.
    upstream: Option<kube::client::Body>,
    /// What came and makes no whole line yet.
    rest: Vec<u8>,
    end: End,
}

impl Watch {
    pub(super) fn new(shared: &Arc<Shared>, resource: &str, upstream: Option<kube::client::Body>, end: End) -> Self {
        Self { shared: shared.clone(), resource: resource.to_owned(), upstream, rest: Vec::new(), end }
    }

    /// The body of the answer. It breaks off when watches are cut.
    pub(super) fn into_body(self) -> Body {
        let frames = stream::try_unfold(self, async |mut watch: Self| {
            let line = watch.next().await?;
            Ok(line.map(|line| (Frame::data(line), watch)))
        });
        // A stream may not be polled again after its end, and a body may.
        StreamBody::new(Box::pin(stream::StreamExt::fuse(frames))).boxed_unsync()
    }

    /// The next line to deliver; none when the API server ends the watch.
    async fn next(&mut self) -> Result<Option<Bytes>, BoxError> {
        loop {
            while let Some(line) = self.line() {
                if !self.is_dropped(&line) {
                    return Ok(Some(line));
                }
            }
            let more = async {
                match &mut self.upstream {
                    Some(body) => body.frame().await,
                    None => std::future::pending().await,
                }
            };
            let frame = tokio::select! {
                frame = more => frame,
                () = &mut self.end => return Err(Severed.into()),
            };
            match frame {
                Some(frame) => self.rest.extend(frame?.into_data().unwrap_or_default()),
                None => return Ok(None),
            }
        }
    }

    fn line(&mut self) -> Option<Bytes> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        Some(self.rest.drain(..=end).collect::<Vec<u8>>().into())
    }

    fn is_dropped(&self, line: &[u8]) -> bool {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        self.shared.frozen.is_frozen() || self.shared.faults.drops(&self.resource, &event)
    }
}
