//! What changes the course of requests and watches that are already under way.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// The switches of one proxy.
#[derive(Default)]
pub(super) struct Control(watch::Sender<Switches>);

#[derive(Clone, Default)]
struct Switches {
    outage: bool,
    /// How often the watches of all resources were cut.
    all_cuts: u64,
    /// How often those of one resource were.
    cuts: BTreeMap<String, u64>,
}

impl Switches {
    fn cuts_of(&self, resource: &str) -> u64 {
        self.all_cuts + self.cuts.get(resource).copied().unwrap_or_default()
    }
}

impl Control {
    pub(super) fn set_outage(&self, outage: bool) {
        self.0.send_modify(|switches| switches.outage = outage);
    }

    pub(super) fn cut_watches(&self, resource: &str) {
        self.0.send_modify(|switches| *switches.cuts.entry(resource.to_owned()).or_default() += 1);
    }

    pub(super) fn cut_all_watches(&self) {
        self.0.send_modify(|switches| switches.all_cuts += 1);
    }

    /// Waits for an outage, if there is none already.
    pub(super) async fn outage(&self) {
        let mut switches = self.0.subscribe();
        let _ = switches.wait_for(|switches| switches.outage).await; // fails only after the sender, which is `self`
    }

    /// What ends a watch that begins now.
    pub(super) fn end_of_watch(&self, resource: &str) -> impl Future<Output = ()> + Send + use<> {
        let mut switches = self.0.subscribe();
        let (resource, now) = (resource.to_owned(), self.0.borrow().cuts_of(resource));
        async move {
            let over = |switches: &Switches| switches.outage || switches.cuts_of(&resource) != now;
            // The sender is gone when the proxy is: that ends the watch too.
            let _ = switches.wait_for(over).await;
        }
    }
}
