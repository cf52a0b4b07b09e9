//! Wiring: which watches wake which reconciles, and how they end together.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, reflector, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;

use super::account::{self, AccountContext};
use super::claims::Claims;
use super::context::{Context, Shared, WakeRole};
use super::grantee_policy::Turns;
use super::identity::{changes, watch_identity};
use super::memory::Memory;
use super::{reconcile, triggers};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, FIELD_MANAGER, MANAGED_BY_LABEL};
use crate::aws::Gateway;
use crate::cluster::{Cluster, Events};
use crate::decide::conditions::find;
use crate::runtime::args::{ControllerSettings, Namespaces};
use crate::runtime::health::Health;
use crate::runtime::metrics::{Metrics, RoleSample};
use crate::runtime::shutdown::Shutdown;

/// The component's name in `/readyz`.
const CACHE: &str = "kubernetes-cache";

/// Beats of the heart that `/healthz` listens to.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Why the controllers could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name of the cluster could not be found out.
    #[error(
        "cannot read the UID of namespace kube-system, which names this cluster; give --cluster-name, or permission to get namespaces"
    )]
    ClusterName(#[source] kube::Error),
    /// A namespace without a UID; the API server stores none.
    #[error("namespace kube-system has no UID; give --cluster-name")]
    NoUid,
}

/// Runs the controllers until shutdown. Objects in work are finished first.
pub async fn run(
    client: Client,
    settings: ControllerSettings,
    health: Health,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let ControllerSettings {
        cluster_name,
        watch_namespaces,
        shard,
        concurrency,
        drift_interval,
        principal_arn,
        external_id_self_test,
    } = settings;
    health.not_ready(CACHE, "the first lists of CrossAccountRoles and AWSAccounts have not arrived");
    let cluster = Cluster::new(client.clone());
    let gateway = Arc::new(Gateway::load(metrics.clone(), principal_arn).await);
    let found_out = async {
        let name = cluster_name_or_uid(&cluster, cluster_name).await?;
        Ok((name, watch_identity(Arc::clone(&gateway), health.clone()).await))
    };
    let (cluster_name, identity) = tokio::select! {
        found = found_out => found?,
        () = shutdown.wanted() => return Ok(()),
    };
    let scopes: Vec<Option<String>> = match watch_namespaces {
        Namespaces::All => vec![None],
        Namespaces::Only(names) => names.into_iter().map(Some).collect(),
    };
    let (wake_account, woken_accounts) = mpsc::unbounded_channel();
    let (wake_role, woken_roles): (Vec<_>, Vec<_>) = scopes.into_iter().map(waker).unzip();
    let ctx: Shared = Arc::new(Context {
        cluster,
        gateway,
        identity,
        events: Events::new(client.clone()),
        memory: Memory::new(Timestamp::now()),
        claims: Claims::default(),
        turns: Turns::default(),
        metrics: metrics.clone(),
        cluster_name,
        drift_interval: SignedDuration::try_from(drift_interval).unwrap_or(SignedDuration::from_hours(1)),
        external_id_self_test,
        wake_account,
        wake_role,
    });

    let selected = match &shard {
        Some(shard) => watcher::Config::default().labels(&shard.to_string()),
        None => watcher::Config::default(),
    };
    let limits = Config::default().concurrency(concurrency);
    let mut stores = Vec::new();
    let mut work: Vec<BoxStream<'static, ()>> = Vec::new();
    for woken in woken_roles {
        let (store, stream) = roles(&ctx, woken, selected.clone(), limits.clone(), &shutdown);
        stores.push(store);
        work.push(stream);
    }
    let (accounts_store, stream) = accounts(&ctx, &stores, selected, limits, woken_accounts, &shutdown);
    work.push(stream);
    observe(&metrics, &stores);
    let known = Known { roles: stores.clone(), accounts: accounts_store.clone() };

    let synced = announce_sync(health.clone(), stores, accounts_store);
    let all = async {
        let mut work = stream::select_all(work);
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                item = work.next() => if item.is_none() { break },
                _ = beat.tick() => take_stock(&ctx, &known),
            }
            health.beat();
        }
    };
    // Before the caches are filled nothing is in work, and the controllers would wait for them even after a shutdown.
    let ended_early = async {
        tokio::select! {
            () = synced => std::future::pending().await,
            () = shutdown.wanted() => {}
        }
    };
    tokio::select! {
        () = all => {}
        () = ended_early => {}
    }
    Ok(())
}

/// The name that was given, or else the UID of `kube-system`, which no two clusters share.
async fn cluster_name_or_uid(cluster: &Cluster, given: Option<String>) -> Result<String, StartError> {
    if let Some(name) = given {
        return Ok(name);
    }
    let uid = cluster.namespace_uid("kube-system").await.map_err(StartError::ClusterName)?;
    uid.ok_or(StartError::NoUid)
}

/// The objects there are.
struct Known {
    roles: Vec<Store<CrossAccountRole>>,
    accounts: Store<AWSAccount>,
}

/// Counts what is due, and forgets what is gone.
fn take_stock(ctx: &Context, known: &Known) {
    let roles: HashSet<String> = known.roles.iter().flat_map(Store::state).filter_map(|role| role.uid()).collect();
    ctx.wake_roles(ctx.claims.retain(&roles));
    let accounts = known.accounts.state().into_iter().map(|account| account::memory_key(&account.name_any()));
    ctx.memory.retain(&roles.into_iter().chain(accounts).collect());
    ctx.metrics.queue_depth(ctx.memory.overdue(Timestamp::now()));
}

/// The receiving end of a [`WakeRole`].
struct Woken {
    scope: Option<String>,
    receiver: mpsc::UnboundedReceiver<ObjectRef<CrossAccountRole>>,
}

fn waker(scope: Option<String>) -> (WakeRole, Woken) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (WakeRole { scope: scope.clone(), sender }, Woken { scope, receiver })
}

fn messages<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|message| (message, receiver)) })
}

/// Keeps the claims up with the watch. An object that vanished while the watch was down is forgotten with the stock.
fn claims_of(
    claims: &Claims,
    event: &watcher::Event<CrossAccountRole>,
    store: &Store<CrossAccountRole>,
) -> Vec<ObjectRef<CrossAccountRole>> {
    match event {
        watcher::Event::Apply(role) => claims.note(role),
        watcher::Event::Delete(role) => claims.forget(&role.uid().unwrap_or_default()),
        watcher::Event::InitDone => store.state().iter().flat_map(|role| claims.note(role)).collect(),
        watcher::Event::Init | watcher::Event::InitApply(_) => Vec::new(), // not in the store yet
    }
}

/// The controller of roles in one namespace, or in all.
fn roles(
    ctx: &Shared,
    Woken { scope, receiver }: Woken,
    selected: watcher::Config,
    limits: Config,
    shutdown: &Shutdown,
) -> (Store<CrossAccountRole>, BoxStream<'static, ()>) {
    let client = ctx.cluster.client().clone();
    let api: Api<CrossAccountRole> = scoped(&client, scope.as_deref());
    let secrets: Api<PartialObjectMeta<Secret>> = scoped(&client, scope.as_deref());
    let (reader, writer) = reflector::store();
    // Own status writes must not wake; the update that puts the finalizer on or marks the deletion must.
    let changed = predicates::generation.combine(predicates::finalizers).combine(predicates::annotations);
    let stream = watcher(api, selected)
        .default_backoff()
        .reflect(writer)
        .inspect_ok({
            let (ctx, store) = (Arc::clone(ctx), reader.clone());
            move |event| ctx.wake_roles(claims_of(&ctx.claims, event, &store))
        })
        .applied_objects()
        .predicate_filter(changed, PredicateConfig::default());
    let ours = watcher::Config::default().labels(&format!("{MANAGED_BY_LABEL}={FIELD_MANAGER}"));
    let by_account = reader.clone();
    let by_namespace = reader.clone();
    let stop = shutdown.clone();
    let controller = Controller::for_stream(stream, reader.clone())
        .with_config(limits)
        .owns(secrets, ours)
        .reconcile_on(
            triggers::accounts(client.clone())
                .flat_map(move |name| stream::iter(refs(&by_account, |role| concerns(role, &name)))),
        )
        .reconcile_on(triggers::namespaces(client).flat_map(move |name| {
            stream::iter(refs(&by_namespace, |role| role.metadata.namespace.as_ref() == Some(&name)))
        }))
        .reconcile_on(messages(receiver))
        .reconcile_all_on(changes(ctx.identity.clone()))
        .graceful_shutdown_on(async move { stop.wanted().await })
        .run(reconcile::reconcile, reconcile::after_error, Arc::clone(ctx));
    (reader, controller.map(drop).boxed())
}

/// The controller of accounts.
fn accounts(
    ctx: &Shared,
    roles: &[Store<CrossAccountRole>],
    selected: watcher::Config,
    limits: Config,
    woken: mpsc::UnboundedReceiver<ObjectRef<AWSAccount>>,
    shutdown: &Shutdown,
) -> (Store<AWSAccount>, BoxStream<'static, ()>) {
    let (reader, writer) = reflector::store();
    let stream = watcher(Api::<AWSAccount>::all(ctx.cluster.client().clone()), selected)
        .default_backoff()
        .reflect(writer)
        .applied_objects()
        .predicate_filter(predicates::generation.combine(predicates::annotations), PredicateConfig::default());
    let stop = shutdown.clone();
    let account_ctx = Arc::new(AccountContext { shared: Arc::clone(ctx), roles: roles.to_vec() });
    let controller = Controller::for_stream(stream, reader.clone())
        .with_config(limits)
        .reconcile_on(messages(woken))
        .reconcile_all_on(changes(ctx.identity.clone()))
        .graceful_shutdown_on(async move { stop.wanted().await })
        .run(account::reconcile, account::after_error, account_ctx);
    (reader, controller.map(drop).boxed())
}

fn scoped<K>(client: &Client, scope: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    match scope {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn refs(
    store: &Store<CrossAccountRole>,
    concerned: impl Fn(&CrossAccountRole) -> bool,
) -> Vec<ObjectRef<CrossAccountRole>> {
    store.state().iter().filter(|role| concerned(role)).map(|role| ObjectRef::from_obj(role.as_ref())).collect()
}

/// Whether a role is in an account, or gives permissions there or takes them back.
fn concerns(role: &CrossAccountRole, account: &str) -> bool {
    let declared = role.spec.source_grants.iter().map(|grant| &grant.account_ref.name);
    let given = role.status.iter().flat_map(|status| &status.source_grants).map(|grant| &grant.account);
    std::iter::once(&role.spec.account_ref.name).chain(declared).chain(given).any(|name| name == account)
}

async fn announce_sync(health: Health, roles: Vec<Store<CrossAccountRole>>, accounts: Store<AWSAccount>) {
    let all = async {
        for store in &roles {
            store.wait_until_ready().await?;
        }
        accounts.wait_until_ready().await
    };
    match all.await {
        Ok(()) => health.ready(CACHE),
        Err(ended) => health.not_ready(CACHE, ended.to_string()),
    }
}

fn observe(metrics: &Metrics, stores: &[Store<CrossAccountRole>]) {
    let stores = stores.to_vec();
    metrics.observe_roles(move || stores.iter().flat_map(Store::state).map(|role| sample(&role)).collect());
}

fn sample(role: &CrossAccountRole) -> RoleSample {
    let status = role.status.clone().unwrap_or_default();
    RoleSample {
        namespace: role.namespace().unwrap_or_default(),
        name: role.name_any(),
        account: role.spec.account_ref.name.clone(),
        ready: find(&status.conditions, ConditionType::Ready).is_some_and(|ready| ready.status == "True"),
        expires_at: status.credentials.and_then(|set| set.expires_at).map(|time| time.0),
    }
}
