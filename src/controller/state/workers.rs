//! Workers: so many reconciles run at a time, and no account has more than its share of them.
//!
//! A reconcile that lasts longer than [`SLOW`] waits for AWS or the API server, so it no longer counts among the workers; it still counts
//! for its account. So an account that hangs keeps at most its own share busy.

mod queue;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use self::queue::FairQueue;
use crate::decide::urgency::Urgency;
use crate::host::shutdown::Shutdown;

/// A reconcile that lasts longer waits more than it works.
pub const SLOW: Duration = Duration::from_secs(2);

/// One account may have this part of all workers.
const SHARE: usize = 4;

/// The workers of a process.
#[derive(Debug)]
pub struct Workers {
    queue: Arc<Mutex<Waiting>>,
    shutdown: Shutdown,
}

type Waiting = FairQueue<oneshot::Sender<Worker>>;

impl Workers {
    /// So many workers. After a shutdown nobody gets one.
    pub fn new(workers: u16, shutdown: Shutdown) -> Self {
        let workers = usize::from(workers.max(1));
        let share = NonZeroUsize::new(workers / SHARE).unwrap_or(NonZeroUsize::MIN);
        Self { queue: Arc::new(Mutex::new(FairQueue::new(workers, share.get()))), shutdown }
    }

    /// How many objects wait.
    pub fn waiting(&self) -> usize {
        lock(&self.queue).waiting()
    }

    /// Waits for a worker for an object of this account. None if the process ends.
    pub async fn acquire(&self, account: &str, urgency: Urgency) -> Option<Worker> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.queue).push(account, urgency, sender);
        dispatch(&self.queue);
        tokio::select! {
            biased;
            () = self.shutdown.requested() => None,
            worker = receiver => worker.ok(),
        }
    }
}

/// A worker that is busy with one object. It is free again when this is dropped.
#[derive(Debug)]
pub struct Worker {
    queue: Arc<Mutex<Waiting>>,
    account: String,
    is_slow: bool,
}

impl Worker {
    /// The reconcile turned out to be a slow one: another one may begin.
    pub fn is_slow(&mut self) {
        if !std::mem::replace(&mut self.is_slow, true) {
            lock(&self.queue).turned_slow();
            dispatch(&self.queue);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        lock(&self.queue).finished(&self.account, self.is_slow);
        dispatch(&self.queue);
    }
}

/// Gives out the workers that are free. One for an object that no longer waits is free again at once.
fn dispatch(queue: &Arc<Mutex<Waiting>>) {
    loop {
        let Some((account, waiting)) = lock(queue).pop() else { return };
        let _ = waiting.send(Worker { queue: Arc::clone(queue), account, is_slow: false });
    }
}

/// A panic while locked leaves the queue usable: each change is of counters and one map.
fn lock(queue: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::host::shutdown::channel;

    #[tokio::test]
    async fn an_account_has_at_most_its_share_and_others_go_on() {
        let (_trigger, shutdown) = channel();
        let workers = Workers::new(8, shutdown);
        let hung = [workers.acquire("hung", Urgency::High).await, workers.acquire("hung", Urgency::High).await];
        assert!(hung.iter().all(Option::is_some));
        let mut third = Box::pin(workers.acquire("hung", Urgency::High));
        assert!(third.as_mut().now_or_never().is_none());
        assert!(workers.acquire("fine", Urgency::Low).now_or_never().flatten().is_some());
        drop(hung);
        assert!(third.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn slow_reconciles_make_room_for_other_accounts() {
        let (_trigger, shutdown) = channel();
        let workers = Workers::new(1, shutdown);
        let mut slow = workers.acquire("slow", Urgency::Normal).await.expect("a worker");
        let mut other = Box::pin(workers.acquire("fine", Urgency::Normal));
        assert!(other.as_mut().now_or_never().is_none());
        slow.is_slow();
        let worker = other.now_or_never().flatten().expect("a worker");
        assert!(workers.acquire("slow", Urgency::Normal).now_or_never().is_none(), "it has its share");
        drop(worker);
        drop(slow);
        assert!(workers.acquire("slow", Urgency::Normal).now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn a_worker_is_not_lost_with_an_object_that_no_longer_waits() {
        let (_trigger, shutdown) = channel();
        let workers = Workers::new(1, shutdown);
        let first = workers.acquire("a", Urgency::Normal).await;
        let mut given_up = Box::pin(workers.acquire("b", Urgency::Normal));
        assert!(given_up.as_mut().now_or_never().is_none());
        let mut waits = Box::pin(workers.acquire("c", Urgency::Normal));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(given_up);
        drop(first);
        assert!(waits.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn nobody_waits_after_a_shutdown() {
        let (trigger, shutdown) = channel();
        let workers = Workers::new(1, shutdown);
        let _first = workers.acquire("a", Urgency::Normal).await;
        let waits = workers.acquire("b", Urgency::Normal);
        trigger.request();
        assert!(waits.await.is_none());
    }
}
