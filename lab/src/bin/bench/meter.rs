//! What an operator did in a stretch of time.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Result;

use lab::{fake_aws::AwsCalls, kube_proxy::Verb, operator::Operator};

use crate::world::World;

/// A stretch of time that has begun.
pub struct Meter<'a> {
    world: &'a World,
    operator: &'a Operator,
    begin: Instant,
    reconciles: u64,
}

impl<'a> Meter<'a> {
    /// Begins to count.
    pub async fn start(world: &'a World, operator: &'a Operator) -> Result<Self> {
        let reconciles = operator.all_reconciles().await?;
        world.aws.reset_calls();
        world.kube_proxy.reset_counts();
        Ok(Self { world, operator, begin: Instant::now(), reconciles })
    }

    /// Counts on from the begin of a process, before which everything was forgotten.
    pub fn resumed(world: &'a World, operator: &'a Operator, begin: Instant) -> Self {
        Self { world, operator, begin, reconciles: 0 }
    }

    /// When it began.
    pub fn begin(&self) -> Instant {
        self.begin
    }

    /// What was done so far.
    pub async fn read(&self) -> Result<Figures> {
        let aws = self.world.aws.calls();
        let api = self.world.kube_proxy.tally();
        let (rss, peak) = self.operator.memory()?;
        let reconciles = self.operator.all_reconciles().await?.saturating_sub(self.reconciles);
        Ok(Figures { aws, api, reconciles, rss, peak })
    }
}

/// What an operator did.
pub struct Figures {
    /// Calls to AWS.
    pub aws: AwsCalls,
    /// Requests to the API server.
    pub api: BTreeMap<(Verb, String), usize>,
    /// Reconciles that ended.
    pub reconciles: u64,
    /// Resident memory at the end, in KiB.
    pub rss: u64,
    /// The most that was resident since the process began, in KiB.
    pub peak: u64,
}

impl Figures {
    /// Requests to the API server that are of these verbs and about this resource.
    pub fn requests(&self, verbs: &[Verb], kind: &str) -> usize {
        let wanted = self.api.iter().filter(|((verb, about), _)| verbs.contains(verb) && about == kind);
        wanted.map(|(_, number)| number).sum()
    }

    /// Writes of a resource.
    pub fn writes(&self, kind: &str) -> usize {
        self.requests(&[Verb::Create, Verb::Update, Verb::Apply, Verb::Patch, Verb::Delete], kind)
    }

    /// Requests to the API server but watches and leases.
    pub fn all_requests(&self) -> usize {
        let counted = self.api.iter().filter(|((verb, kind), _)| *verb != Verb::Watch && kind != "leases");
        counted.map(|(_, number)| number).sum()
    }

    /// Everything on one line.
    pub fn told(&self) -> String {
        let aws: Vec<_> = self.aws.by_action().iter().map(|(action, number)| format!("{action} {number}")).collect();
        let api: Vec<_> = self.api.iter().map(|((verb, kind), number)| format!("{verb} {kind} {number}")).collect();
        format!(
            "AWS {} ({}), of these throttled {}; API server {} ({}); reconciles {}; RSS {}, peak {}",
            self.aws.all(),
            aws.join(", "),
            self.aws.throttled(),
            self.all_requests(),
            api.join(", "),
            self.reconciles,
            mib(self.rss),
            mib(self.peak),
        )
    }
}

/// KiB as people read them.
#[expect(clippy::cast_precision_loss, reason = "memory of a process is far below 2^52")]
pub fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
