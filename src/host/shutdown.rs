//! Ending well: the first signal asks for an end, the second one makes it.

use std::{future::Future, io, time::Duration};

use thiserror::Error;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::sleep,
};
use tracing::{info, warn};

/// Tells when the process should end. Cheap to clone; every clone sees the same.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Asks for the end. Dropping it asks as well: nobody would be left who could.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// Work did not end in the time that is left to it after a shutdown.
#[derive(Debug, Error)]
#[error("work in flight did not end within {} s of the shutdown and was abandoned; it is repeated safely at the next start", .grace.as_secs_f32())]
pub struct Overrun {
    grace: Duration,
}

/// A trigger and what it sets off.
#[must_use]
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks for the end; again is no different from once.
    pub fn request(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Whether the end has been asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns once the end is asked for; at once if it was.
    pub async fn requested(&self) {
        // An error means that the trigger is gone, which asks for the end too.
        let _: Result<_, watch::error::RecvError> = self.0.clone().wait_for(|requested| *requested).await;
    }

    /// Runs `work` to its end, but for no longer than `grace` after the end is asked for.
    pub async fn bounded<W: Future>(&self, grace: Duration, work: W) -> Result<W::Output, Overrun> {
        let overrun = async {
            self.requested().await;
            sleep(grace).await;
        };
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = overrun => Err(Overrun { grace }),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Interrupt,
    Terminate,
}

impl Signal {
    /// As shells report a process that a signal ended: 128 and the number of the signal.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Listens for SIGINT and SIGTERM. The first asks for the end, the second ends the process on the spot.
pub fn on_signals() -> io::Result<Shutdown> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    };
    let (trigger, shutdown) = channel();
    tokio::spawn(async move {
        let first = next().await;
        info!(signal = ?first, "shutting down after the work in flight; a second signal ends at once");
        trigger.request();
        let second = next().await;
        warn!(signal = ?second, "ending at once");
        std::process::exit(second.exit_code());
    });
    Ok(shutdown)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn every_clone_learns_of_the_end_and_remembers_it() {
        let (trigger, shutdown) = channel();
        let other = shutdown.clone();
        assert!(!shutdown.is_requested());
        trigger.request();
        trigger.request();
        shutdown.requested().await;
        other.requested().await;
        assert!(shutdown.is_requested() && other.is_requested());
    }

    #[tokio::test]
    async fn a_dropped_trigger_asks_for_the_end() {
        let (trigger, shutdown) = channel();
        drop(trigger);
        shutdown.requested().await;
        assert!(shutdown.is_requested());
    }

    #[tokio::test]
    async fn work_that_ends_in_time_gives_its_result() {
        let (trigger, shutdown) = channel();
        trigger.request();
        assert_eq!(shutdown.bounded(Duration::ZERO, ready(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_does_not_end_is_abandoned_after_the_grace() {
        let (trigger, shutdown) = channel();
        trigger.request();
        let overrun = shutdown.bounded(Duration::ZERO, pending::<()>()).await.unwrap_err();
        assert!(overrun.to_string().contains("within 0 s"), "{overrun}");
    }
}
