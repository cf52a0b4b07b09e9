//! Who the operator is: asked at the start, and again and again, because an identity can come, go and change.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, Stream};
use tokio::sync::watch;

use super::context::Identity;
use crate::aws::AwsClients;
use crate::host::health::Health;

/// The component's name in `/readyz`.
const COMPONENT: &str = "aws-identity";

/// While all is well. `GetCallerIdentity` needs no permission and is no load, but an expired identity should show.
const CALM: Duration = Duration::from_mins(5);

/// After a failure.
const TROUBLED: Duration = Duration::from_secs(5);

/// Asks once, then keeps asking in the background for as long as the receiver is in use.
pub async fn watch_identity(aws: Arc<AwsClients>, health: Health) -> watch::Receiver<Identity> {
    let first = look(&aws, &health).await;
    let (sender, receiver) = watch::channel(first);
    tokio::spawn(async move {
        loop {
            let pause = if sender.borrow().is_ok() { CALM } else { TROUBLED };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sender.closed() => return,
            }
            let found = look(&aws, &health).await;
            sender.send_if_modified(|known| {
                let changed = *known != found;
                *known = found;
                changed
            });
        }
    });
    receiver
}

async fn look(aws: &AwsClients, health: &Health) -> Identity {
    let identity = aws.base_identity().await;
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
