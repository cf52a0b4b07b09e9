//! Every write of an operator, to AWS and to the API server, in one order; and the power cut after any one of them.
//!
//! A crash test runs once to learn how many writes there are, and then once for each of them: that write is carried out,
//! the operator never hears of it and is killed, and another operator must find its way from there.
//!
//! ```ignore
//! env.effects.cut_after(3);
//! let operator = env.start().await?;
//! env.effects.reached().await?;
//! operator.kill().await?;
//! env.effects.release();
//! ```

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, Result};
use tokio::{sync::watch, time::timeout};

use super::{loopback::Severed, rules::locked, wait::WITHIN};

/// The writes that passed the two proxies of one test. Clones are the same journal.
#[derive(Clone, Default)]
pub struct Effects(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

#[derive(Default)]
struct State {
    effects: Vec<Effect>,
    cut: Option<Cut>,
    /// Counts the releases: a request that was held belongs to the time before.
    releases: u64,
}

/// A power cut, planned or come.
#[derive(PartialEq, Eq)]
enum Cut {
    /// After the write of this number.
    After(usize),
    /// After a write of this name, once so many of that name were made.
    At {
        /// The name.
        what: String,
        /// How many more there will be; the last of them is the one.
        left: usize,
    },
    /// The write is on its way, and nothing else passes any more.
    Closed,
    /// The write is carried out.
    Reached,
}

/// A write that was sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its place in the order of all, from 1.
    pub number: usize,
    /// Who it was for.
    pub server: Server,
    /// The action and its object, such as `CreateRole analytics-reports` or `apply secrets analytics/reports`.
    pub what: String,
    /// HTTP status of the answer, once there is one.
    pub status: Option<u16>,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.number, self.server, self.what)
    }
}

/// Where a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// AWS, behind the AWS proxy.
    Aws,
    /// The API server, behind its proxy.
    Kubernetes,
}

/// Names a write until its answer is there.
#[must_use]
pub(crate) struct Ticket {
    index: usize,
    /// The answer is not to be delivered.
    cut: bool,
}

impl Effects {
    /// The writes so far.
    pub fn list(&self) -> Vec<Effect> {
        locked(&self.0.state).effects.clone()
    }

    /// Plans a power cut: the write of number `n`, or the next one if there were as many already, is carried out, but
    /// nobody hears of it, and every later request to either proxy hangs.
    pub fn cut_after(&self, n: usize) {
        locked(&self.0.state).cut = Some(Cut::After(n));
    }

    /// Plans a power cut as [`cut_after`](Self::cut_after) does, after the `nth` write from now on of the name `what`. Where
    /// writes of two reconciles may come in either order, a name says more than a number.
    pub fn cut_at(&self, what: impl Into<String>, nth: usize) {
        locked(&self.0.state).cut = Some(Cut::At { what: what.into(), left: nth });
    }

    /// Waits until the planned cut has come, which is when its write has been carried out. Fails if it does not come.
    pub async fn reached(&self) -> Result<()> {
        let reached = timeout(WITHIN, self.until(|state| state.cut == Some(Cut::Reached))).await;
        reached.with_context(|| format!("after {WITHIN:?} the cut has not come; the writes were {:#?}", self.list()))
    }

    /// Ends the cut. What hung is not carried out after all: its connections are reset.
    pub fn release(&self) {
        let mut state = locked(&self.0.state);
        state.cut = None;
        state.releases += 1;
        drop(state);
        self.0.changed.send_replace(());
    }

    /// Lets a request pass, or holds it until the release and then ends it.
    pub(crate) async fn pass(&self) -> Result<(), Severed> {
        if locked(&self.0.state).is_closed() { self.held().await } else { Ok(()) }
    }

    /// Gives a write its number, or holds it as [`pass`](Self::pass) does.
    pub(crate) async fn begin(&self, server: Server, what: String) -> Result<Ticket, Severed> {
        let ticket = locked(&self.0.state).begin(server, what);
        match ticket {
            Some(ticket) => Ok(ticket),
            None => self.held().await.and(Err(Severed)),
        }
    }

    /// Notes the answer to a write. If the cut comes here, the answer stays here.
    pub(crate) async fn done(&self, ticket: Ticket, status: Option<u16>) -> Result<(), Severed> {
        locked(&self.0.state).done(&ticket, status);
        if !ticket.cut {
            return Ok(());
        }
        self.0.changed.send_replace(());
        self.held().await
    }

    async fn held(&self) -> Result<(), Severed> {
        let now = locked(&self.0.state).releases;
        self.until(|state| state.releases != now || !state.is_closed()).await;
        Err(Severed)
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        let mut changed = self.0.changed.subscribe();
        while !condition(&locked(&self.0.state)) {
            if changed.changed().await.is_err() {
                return; // not while `self` has the sender
            }
        }
    }
}

impl State {
    fn is_closed(&self) -> bool {
        matches!(self.cut, Some(Cut::Closed | Cut::Reached))
    }

    fn begin(&mut self, server: Server, what: String) -> Option<Ticket> {
        if self.is_closed() {
            return None;
        }
        let number = self.effects.len() + 1;
        let cut = match &mut self.cut {
            Some(Cut::After(n)) => *n <= number,
            Some(Cut::At { what: wanted, left }) if *wanted == what => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            _ => false,
        };
        self.effects.push(Effect { number, server, what, status: None });
        if cut {
            self.cut = Some(Cut::Closed);
        }
        Some(Ticket { index: number - 1, cut })
    }

    fn done(&mut self, ticket: &Ticket, status: Option<u16>) {
        if let Some(effect) = self.effects.get_mut(ticket.index) {
            effect.status = status;
        }
        if ticket.cut && self.cut == Some(Cut::Closed) {
            self.cut = Some(Cut::Reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::{FutureExt as _, poll};

    use super::*;

    fn write(what: &str) -> (Server, String) {
        (Server::Kubernetes, what.to_owned())
    }

    async fn carry_out(effects: &Effects, what: &str) -> Result<(), Severed> {
        let (server, what) = write(what);
        let ticket = effects.begin(server, what).await?;
        effects.done(ticket, Some(200)).await
    }

    #[tokio::test]
    async fn writes_are_numbered_over_both_servers_in_one_order() {
        let effects = Effects::default();
        let role = effects.begin(Server::Aws, "CreateRole reader".into()).await.unwrap();
        carry_out(&effects, "apply secrets a/reader").await.unwrap();
        effects.done(role, Some(200)).await.unwrap();
        let list: Vec<String> = effects.list().iter().map(Effect::to_string).collect();
        assert_eq!(list, ["1 Aws CreateRole reader", "2 Kubernetes apply secrets a/reader"]);
        assert_eq!(effects.list()[0].status, Some(200));
    }

    #[tokio::test]
    async fn after_the_cut_neither_the_answer_nor_a_later_request_gets_through() {
        let effects = Effects::default();
        effects.cut_after(2);
        carry_out(&effects, "first").await.unwrap();
        assert!(effects.reached().now_or_never().is_none());

        let mut second = Box::pin(carry_out(&effects, "second"));
        assert!(matches!(poll!(&mut second), Poll::Pending));
        effects.reached().await.unwrap();
        let mut read = Box::pin(effects.pass());
        assert!(matches!(poll!(&mut read), Poll::Pending));
        let mut third = Box::pin(carry_out(&effects, "third"));
        assert!(matches!(poll!(&mut third), Poll::Pending));

        effects.release();
        assert!(second.await.is_err() && read.await.is_err() && third.await.is_err());
        assert_eq!(effects.list().len(), 2);
        carry_out(&effects, "fourth").await.unwrap();
        assert_eq!(effects.list().last().unwrap().number, 3);
    }

    #[tokio::test]
    async fn a_cut_by_name_waits_for_the_write_of_that_name() {
        let effects = Effects::default();
        carry_out(&effects, "policy").await.unwrap();
        effects.cut_at("policy", 2);
        carry_out(&effects, "policy").await.unwrap();
        carry_out(&effects, "tag").await.unwrap();
        assert!(carry_out(&effects, "policy").now_or_never().is_none());
        effects.reached().await.unwrap();
    }

    #[tokio::test]
    async fn a_cut_is_not_reached_before_its_write_is_carried_out() {
        let effects = Effects::default();
        effects.cut_after(1);
        let (server, what) = write("first");
        let ticket = effects.begin(server, what).await.unwrap();
        assert!(effects.reached().now_or_never().is_none());
        assert!(effects.pass().now_or_never().is_none());
        assert!(effects.done(ticket, Some(201)).now_or_never().is_none());
        effects.reached().await.unwrap();
    }
}
