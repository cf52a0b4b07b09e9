//! What runs the product's passes: its own context, with clients that are never asked.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{mpsc, watch};

use super::effects::{Cut, Effects, Weather};
use super::properties::{left_behind, namespace, unsettled};
use super::run::{Defect, Run};
use super::world::{ACCOUNT, World, identity, operator};
use crate::api::CrossAccountRole;
use crate::aws::AwsClients;
use crate::cluster::{Cluster, Events};
use crate::controller::context::{Context, WakeRole};
use crate::controller::role::credentials::published_before;
use crate::controller::role::pass::Pass;
use crate::controller::role::references::References;
use crate::controller::settings::Shard;
use crate::controller::state::accounts::AccountStates;
use crate::controller::state::bulk::BulkReads;
use crate::controller::state::counts::RoleCounts;
use crate::controller::state::names::NameIndex;
use crate::controller::state::objects::ObjectStates;
use crate::controller::state::principals::PrincipalPolicies;
use crate::controller::state::secrets::SecretIndex;
use crate::controller::state::shared_read::SharedRead;
use crate::controller::state::workers::Workers;
use crate::decide::Refusal;
use crate::decide::failure::{Retry, delay};
use crate::decide::names::Kind;
use crate::domain::RoleArn;
use crate::host::metrics::{Metrics, PerObject};
use crate::host::shutdown;

/// Passes after which a world that is left alone is at rest.
const BOUND: usize = 60;

/// Passes in a row that change nothing but the age of credentials, after which a world is at rest.
const REST: usize = 6;

/// Runs passes.
pub struct Harness {
    ctx: Context,
    woken: mpsc::UnboundedReceiver<ObjectRef<CrossAccountRole>>,
    defect: Defect,
    _runtime: tokio::runtime::Runtime,
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct Passed {
    /// Number of effects that it tried.
    pub effects: usize,
    /// What it did that no pass may do.
    pub violations: Vec<String>,
}

impl Harness {
    /// A process.
    pub fn new(defect: Defect) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let entered = runtime.enter();
        let config = kube::Config::new("http://127.0.0.1:9".parse().expect("an address"));
        let client = kube::Client::try_from(config).expect("a client");
        drop(entered);
        let metrics = Metrics::new(PerObject::Never);
        let sdk = aws_config::SdkConfig::builder().build();
        let (sender, woken) = mpsc::unbounded_channel();
        let ctx = Context {
            cluster: Cluster::new(client.clone()),
            aws: Arc::new(AwsClients::with_config(sdk, metrics.clone(), None)),
            identity: watch::channel(Ok(operator())).1,
            events: Events::new(client),
            objects: ObjectStates::default(),
            accounts: AccountStates::default(),
            all_accounts: SharedRead::default(),
            bulk: BulkReads::default(),
            counts: RoleCounts::default(),
            names: NameIndex::default(),
            secrets: SecretIndex::default(),
            principals: PrincipalPolicies::default(),
            workers: Workers::new(1, shutdown::channel().1),
            metrics,
            shard: Shard::WHOLE,
            cluster_name: "blue".into(),
            started_at: Timestamp::UNIX_EPOCH,
            drift_interval: SignedDuration::from_hours(1),
            external_id_self_test: true,
            nudge_pods: false,
            wake_account: mpsc::unbounded_channel().0,
            wake_role: vec![WakeRole { scope: None, sender }],
        };
        Self { ctx, woken, defect, _runtime: runtime }
    }

    /// One pass. None if there is nothing to pass over, or nothing else to be seen in this weather.
    pub fn pass(&mut self, world: &mut World, who: usize, weather: Weather) -> Option<Passed> {
        let object = world.objects[who].clone()?;
        let cached = if weather == Weather::StaleCache { object.earlier.clone()? } else { object.live.clone() };
        if weather == Weather::Lag && world.iam.clone().read(true, world.now) == world.iam.role {
            return None;
        }
        self.remember(world);
        let uid = object.live.uid().unwrap_or_default();
        self.ctx.objects.change(&uid, |state| *state = object.memory.clone());
        let newer = self.ctx.objects.of(&uid).newer_status(&cached);
        let role = newer.unwrap_or(cached);
        let refs = References {
            account: Some(world.account.clone()),
            namespace: namespace(),
            managers: RoleArn::parse("arn:aws:iam::222222222222:role/crossaccount-manager").into_iter().collect(),
            conflict: self.ctx.names.conflict(&role),
        };
        let mut pass = Pass::over(&self.ctx, &role, identity(&role), refs);
        (pass.now, pass.identity) = (world.now, Ok(operator()));
        pass.remember(|state| {
            state.had_finalizer.get_or_insert(role.has_finalizer());
        });
        let misled = world.iam.misled;
        let effects = Effects { weather, count: 0 };
        let mut run = Run {
            pass,
            world,
            who,
            effects,
            defect: self.defect,
            bounds: None,
            wrote: false,
            wake_at: None,
            violations: Vec::new(),
        };
        let ended = run.one_pass();
        let (effects, wake_at, violations) = (run.effects.count, run.wake_at, run.violations);
        match ended {
            Err(Cut::Died) => {
                world.restart();
                world.iam.misled = misled; // what was read is lost
            }
            Err(_) => {
                let wake_at = self.retry_later(&role, world.now);
                self.keep(world, who, &uid, wake_at);
            }
            Ok(()) => self.keep(world, who, &uid, wake_at),
        }
        Some(Passed { effects, violations })
    }

    /// The product's index of names, as the process would have it.
    fn remember(&mut self, world: &World) {
        self.ctx.started_at = world.started_at;
        (self.ctx.names, self.ctx.objects) = (NameIndex::default(), ObjectStates::default());
        self.ctx.names.record_account("analytics", ACCOUNT);
        for object in world.objects.iter().flatten() {
            self.ctx.names.update(&object.live);
        }
        for object in world.objects.iter().flatten() {
            for (kind, owns) in
                [Kind::Role, Kind::Secret].into_iter().zip(object.seen).filter_map(|(kind, owns)| Some((kind, owns?)))
            {
                self.ctx.names.saw(&object.live, kind, owns);
            }
        }
        while self.woken.try_recv().is_ok() {}
    }

    /// Mirrors `error_policy`.
    fn retry_later(&self, role: &CrossAccountRole, now: Timestamp) -> Option<Timestamp> {
        let uid = role.uid().unwrap_or_default();
        self.ctx.objects.change(&uid, |state| state.record_result(true, now));
        let left = published_before(role).map(|set| set.expires_at.duration_since(now));
        delay(Retry::Soon, self.ctx.objects.of(&uid).failures, left, &uid).map(|wait| now + wait)
    }

    fn keep(&mut self, world: &mut World, who: usize, uid: &str, wake_at: Option<Timestamp>) {
        let changed = match world.object(who) {
            Some(object) => {
                (object.memory, object.wake_at) = (self.ctx.objects.of(uid), wake_at);
                object.seen = self.ctx.names.seen_of(&object.live);
                self.ctx.names.update(&object.live)
            }
            None => self.ctx.names.forget(uid),
        };
        let mut woken = changed;
        while let Ok(other) = self.woken.try_recv() {
            woken.push(other);
        }
        for object in world.objects.iter_mut().flatten() {
            if woken.iter().any(|other| other.name == object.live.name_any()) {
                object.wake_at = None;
            }
        }
    }

    fn conflict(&mut self, world: &World, role: &CrossAccountRole) -> Option<Refusal> {
        self.remember(world);
        self.ctx.names.conflict(role)
    }

    /// Leaves a world alone, and runs the passes that the product asks for, until it is at rest and as it should be. `quiet`
    /// has the worlds of which that is known. Counts the passes.
    pub fn settle(&mut self, start: &World, quiet: &mut HashSet<u64>, count: &mut usize) -> Result<(), String> {
        let mut world = start.clone();
        let (mut seen, mut shape, mut unchanged) = (Vec::new(), String::new(), 0);
        for _ in 0..BOUND {
            let digest = world.digest();
            let before = std::mem::replace(&mut shape, world.shape());
            unchanged = if before == shape { unchanged + 1 } else { 0 };
            seen.push(digest);
            let due = next(&world);
            let rests = (unchanged >= REST || due.is_none()) && self.problem(&world).is_none();
            if rests || quiet.contains(&digest) {
                quiet.extend(seen);
                return Ok(());
            }
            let Some((at, who)) = due else { break };
            world.now = world.now.max(at);
            let passed = self.pass(&mut world, who, Weather::Fair).unwrap_or_default();
            *count += 1;
            if let Some(broken) = passed.violations.into_iter().next() {
                return Err(broken);
            }
            world.now += SignedDuration::from_secs(1);
        }
        let problem = self.problem(&world).unwrap_or_else(|| "it is never at rest".to_owned());
        Err(format!("after {} passes: {problem}", seen.len()))
    }

    fn problem(&mut self, world: &World) -> Option<String> {
        if let Some(left) = left_behind(world) {
            return Some(left);
        }
        for object in world.objects.iter().flatten() {
            let conflict = self.conflict(world, &object.live);
            if let Some(problem) = unsettled(world, object, conflict.as_ref()) {
                return Some(problem);
            }
        }
        None
    }
}

/// Whose pass is next, and when.
fn next(world: &World) -> Option<(Timestamp, usize)> {
    let due = |who: usize| Some((world.objects[who].as_ref()?.wake_at.unwrap_or(world.now), who));
    [due(0), due(1)].into_iter().flatten().min()
}
