//! Wiring: which watches wake which reconciles, and how they end together.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use jiff::SignedDuration;
use kube::runtime::controller::Config;
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt};
use tokio::sync::mpsc;

use super::context::{Context, Shared};
use super::identity::watch_identity;
use super::samples;
use super::state::accounts::AccountStates;
use super::state::bulk::BulkReads;
use super::state::counts::RoleCounts;
use super::state::names::NameIndex;
use super::state::objects::ObjectStates;
use super::state::principals::PrincipalPolicies;
use super::state::secrets::SecretIndex;
use super::state::shared_read::SharedRead;
use super::state::workers::Workers;
use super::watches::{account_controller, role_controller, waker};
use crate::api::{AWSAccount, CrossAccountRole};
use crate::aws::AwsClients;
use crate::cluster::{Cluster, Events};
use crate::controller::settings::{ControllerSettings, Namespaces, Shard};
use crate::host::health::Health;
use crate::host::metrics::Metrics;
use crate::host::shutdown::Shutdown;
use crate::host::trust::BundleError;

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
    /// Certificates for AWS that cannot be used.
    #[error(transparent)]
    Certificates(#[from] BundleError),
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
        nudge_pods,
    } = settings;
    health.not_ready(CACHE, "the first lists of CrossAccountRoles and AWSAccounts have not arrived");
    let cluster = Cluster::new(client.clone());
    let aws = Arc::new(AwsClients::load(metrics.clone(), principal_arn).await?);
    let found_out = async {
        let name = cluster_name_or_uid(&cluster, cluster_name).await?;
        Ok::<_, StartError>((name, watch_identity(Arc::clone(&aws), health.clone()).await))
    };
    let (cluster_name, identity) = tokio::select! {
        found = found_out => found?,
        () = shutdown.requested() => return Ok(()),
    };
    let scopes: Vec<Option<String>> = match watch_namespaces {
        Namespaces::All => vec![None],
        Namespaces::Only(names) => names.into_iter().map(Some).collect(),
    };
    let (wake_account, woken_accounts) = mpsc::unbounded_channel();
    let (wake_role, woken_roles): (Vec<_>, Vec<_>) = scopes.into_iter().map(waker).unzip();
    let ctx: Shared = Arc::new(Context {
        cluster,
        objects: ObjectStates::default(),
        accounts: AccountStates::default(),
        all_accounts: SharedRead::default(),
        started_at: aws.now(),
        aws,
        identity,
        events: Events::new(client.clone()),
        bulk: BulkReads::default(),
        counts: RoleCounts::default(),
        names: NameIndex::default(),
        secrets: SecretIndex::default(),
        principals: PrincipalPolicies::default(),
        workers: Workers::new(concurrency, shutdown.clone()),
        metrics,
        shard: shard.unwrap_or(Shard::WHOLE),
        cluster_name,
        drift_interval: SignedDuration::try_from(drift_interval).unwrap_or(SignedDuration::from_hours(1)),
        external_id_self_test,
        nudge_pods,
        wake_account,
        wake_role,
    });

    tokio::select! {
        () = record_accounts(&ctx, &health) => {}
        () = shutdown.requested() => return Ok(()),
    }
    let (streams, roles): (Vec<_>, Vec<_>) =
        woken_roles.into_iter().map(|woken| role_controller(&ctx, woken, &shutdown)).map(|(s, w)| (w, s)).unzip();
    let (accounts, stream) =
        account_controller(&ctx, &roles, Config::default().concurrency(concurrency), woken_accounts, &shutdown);
    let known = Known { roles, accounts };
    samples::observe(&ctx, &known.roles, &known.accounts);
    let work = streams.into_iter().chain([stream]).collect();
    drive(&ctx, work, &known, &health, &shutdown).await;
    Ok(())
}

/// Takes note of all accounts before the first object is looked at: objects of two accounts of one id share their role names.
async fn record_accounts(ctx: &Context, health: &Health) {
    loop {
        match ctx.cluster.accounts().await {
            Ok(accounts) => return accounts.values().for_each(|account| ctx.record_account(account)),
            Err(error) => tracing::warn!(%error, "cannot list AWSAccounts; retrying"),
        }
        health.beat();
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// Lets the controllers work until shutdown.
async fn drive(ctx: &Context, work: Vec<BoxStream<'static, ()>>, known: &Known, health: &Health, shutdown: &Shutdown) {
    let synced = announce_sync(health.clone(), known.roles.clone(), known.accounts.clone());
    let all = async {
        let mut work = stream::select_all(work);
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                item = work.next() => if item.is_none() { break },
                _ = beat.tick() => prune_state(ctx, known),
            }
            health.beat();
        }
    };
    // Before the caches are filled nothing is in work, and the controllers would wait for them even after a shutdown.
    let ended_early = async {
        tokio::select! {
            () = synced => std::future::pending().await,
            () = shutdown.requested() => {}
        }
    };
    tokio::select! {
        () = all => {}
        () = ended_early => {}
    }
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
fn prune_state(ctx: &Context, known: &Known) {
    let roles: HashSet<String> = known.roles.iter().flat_map(Store::state).filter_map(|role| role.uid()).collect();
    ctx.wake_roles(ctx.names.retain(&roles));
    for account in ctx.counts.retain(&roles) {
        ctx.wake_account(&account);
    }
    let accounts: HashSet<String> = known.accounts.state().into_iter().map(|account| account.name_any()).collect();
    ctx.bulk.retain(|account| accounts.contains(account));
    ctx.accounts.retain(&accounts);
    ctx.metrics.retain_accounts(&accounts);
    ctx.objects.retain(&roles);
    ctx.metrics.queue_depth(ctx.workers.waiting());
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
