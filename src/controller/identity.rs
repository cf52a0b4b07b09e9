//! Who the operator is: asked at the start, and again and again, because an identity can come, go and change.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::sync::watch;

use super::context::Identity;
use crate::aws::AwsClients;
use crate::domain::BaseIdentity;
use crate::host::health::Health;

/// The component's name in `/readyz`.
const COMPONENT: &str = "aws-identity";

/// Time between two questions. `GetCallerIdentity` needs no permission and is no load, but an expired identity should show.
const POLL: Duration = Duration::from_mins(5);

/// The same after a failure, and the least time in any case.
const POLL_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Asks once, then keeps asking in the background for as long as the receiver is in use.
pub async fn watch_identity(aws: Arc<AwsClients>, health: Health) -> watch::Receiver<Identity> {
    let first = look(&aws, None, &health).await;
    let mut known = first.clone().ok();
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(async move {
        loop {
            let certain = sender.borrow().as_ref().is_ok_and(|base| base.guessed.is_none());
            let pause = async {
                tokio::time::sleep(POLL_AFTER_FAILURE).await;
                if certain {
                    tokio::select! {
                        () = tokio::time::sleep(POLL) => {}
                        () = aws.base_identity_refused() => {}
                    }
                }
            };
            tokio::select! {
                () = pause => {}
                () = sender.closed() => return,
            }
            let found = look(&aws, known.as_ref(), &health).await;
            known = found.clone().ok().or(known);
            sender.send_if_modified(|last| {
                let changed = *last != found;
                *last = found;
                changed
            });
        }
    });
    receiver
}

async fn look(aws: &AwsClients, known: Option<&BaseIdentity>, health: &Health) -> Identity {
    let identity = aws.base_identity(known).await;
    match &identity {
        Ok(base) => {
            tracing::debug!(caller = %base, principal = base.principal_arn, "the operator's AWS identity");
            health.ready(COMPONENT);
        }
        Err(failure) => health.not_ready(COMPONENT, failure.to_string()),
    }
    identity
}

/// One item for each change, to have everything looked at again.
pub fn changes(receiver: watch::Receiver<Identity>) -> impl Stream<Item = ()> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.changed().await.ok().map(|()| ((), receiver)) })
}
