//! The two controllers: which watches wake which reconciles.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::TryStreamExt;
use futures::stream::{self, BoxStream, Stream, StreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, reflector, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::mpsc;

use super::account::reconcile::{self as account, AccountContext};
use super::context::{Context, Shared, WakeRole};
use super::identity::changes;
use super::role::reconcile::{self as role, RoleContext};
use super::state::names::NameIndex;
use super::triggers;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::host::shutdown::Shutdown;

/// Where `kubectl apply` keeps a copy of the manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The receiving end of a [`WakeRole`].
pub struct Woken {
    scope: Option<String>,
    receiver: mpsc::UnboundedReceiver<ObjectRef<CrossAccountRole>>,
}

/// A way to the controller of one namespace, or of all, and its end there.
pub fn waker(scope: Option<String>) -> (WakeRole, Woken) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (WakeRole { scope: scope.clone(), sender }, Woken { scope, receiver })
}

fn messages<T: Send + 'static>(receiver: mpsc::UnboundedReceiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|message| (message, receiver)) })
}

/// Keeps the index of names up with the watch. An object that vanished while the watch was down is forgotten with the stock.
fn update_names(
    names: &NameIndex,
    event: &watcher::Event<CrossAccountRole>,
    store: &Store<CrossAccountRole>,
) -> Vec<ObjectRef<CrossAccountRole>> {
    match event {
        watcher::Event::Apply(role) => names.update(role),
        watcher::Event::Delete(role) => names.forget(&role.uid().unwrap_or_default()),
        watcher::Event::InitDone => store.state().iter().flat_map(|role| names.update(role)).collect(),
        watcher::Event::Init | watcher::Event::InitApply(_) => Vec::new(), // not in the store yet
    }
}

/// Keeps what is remembered up with the watch. An account whose count of roles changed shows it in its status.
fn update_state(
    ctx: &Context,
    scope: Option<&str>,
    event: &watcher::Event<CrossAccountRole>,
    store: &Store<CrossAccountRole>,
) {
    let count = |role: &CrossAccountRole| {
        let account = role.reported_role().map(|_| role.spec.account_ref.name.as_str());
        ctx.counts.record(&role.uid().unwrap_or_default(), account)
    };
    let changed: BTreeSet<String> = match event {
        watcher::Event::Apply(role) => {
            ctx.objects.shown(role);
            if role.lost_finalizer() {
                ctx.wake_roles(vec![ObjectRef::from_obj(role)]);
            }
            count(role).into_iter().collect()
        }
        watcher::Event::Delete(role) => {
            let counted = ctx.counts.record(&role.uid().unwrap_or_default(), None);
            // One that waits for its end waits for this object, also where it had no role.
            counted.into_iter().chain([role.spec.account_ref.name.clone()]).collect()
        }
        watcher::Event::InitDone => {
            ctx.counts.listed(scope);
            ctx.wake_roles(refs(store, CrossAccountRole::lost_finalizer));
            let changed = store.state().iter().flat_map(|role| count(role)).collect::<BTreeSet<_>>();
            // Accounts that have no role any more learn of it now.
            changed.into_iter().chain(ctx.accounts.names()).collect()
        }
        watcher::Event::Init | watcher::Event::InitApply(_) => return,
    };
    for account in &changed {
        ctx.wake_account(account);
    }
}

/// The controller of roles in one namespace, or in all.
pub fn role_controller(
    ctx: &Shared,
    Woken { scope, receiver }: Woken,
    shutdown: &Shutdown,
) -> (Store<CrossAccountRole>, BoxStream<'static, ()>) {
    let client = ctx.cluster.client().clone();
    let api: Api<CrossAccountRole> = scoped(&client, scope.as_deref());
    let secrets: Api<PartialObjectMeta<Secret>> = scoped(&client, scope.as_deref());
    let (reader, writer) = reflector::store();
    // Own writes must not wake. A deletion raises the generation, too.
    let changed = predicates::generation.combine(predicates::annotations);
    let stream = watcher(api, watcher::Config::default())
        .default_backoff()
        .modify(prune)
        .reflect(writer)
        .inspect_ok({
            let (ctx, store, scope) = (Arc::clone(ctx), reader.clone(), scope.clone());
            move |event| {
                ctx.wake_roles(update_names(&ctx.names, event, &store));
                update_state(&ctx, scope.as_deref(), event, &store);
            }
        })
        .applied_objects()
        .predicate_filter(changed, PredicateConfig::default());
    let by_account = reader.clone();
    let by_namespace = reader.clone();
    let stop = shutdown.clone();
    let role_ctx = Arc::new(RoleContext { shared: Arc::clone(ctx), roles: reader.clone() });
    // The controller's own limit would let one account take all of it: see `Workers`.
    let controller = Controller::for_stream(stream, reader.clone())
        .reconcile_on(triggers::secrets(secrets, reader.clone(), {
            let (ctx, scope) = (Arc::clone(ctx), scope);
            move |event| ctx.secrets.record(scope.as_deref(), event)
        }))
        .reconcile_on(
            triggers::accounts(client.clone())
                .flat_map(move |name| stream::iter(refs(&by_account, |role| concerns(role, &name)))),
        )
        .reconcile_on(triggers::namespaces(client).flat_map(move |name| {
            stream::iter(refs(&by_namespace, |role| role.metadata.namespace.as_ref() == Some(&name)))
        }))
        .reconcile_on(messages(receiver))
        .reconcile_all_on(changes(ctx.identity.clone()))
        .graceful_shutdown_on(async move { stop.requested().await })
        .run(role::reconcile, role::error_policy, role_ctx);
    (reader, controller.map(drop).boxed())
}

/// The controller of accounts.
pub fn account_controller(
    ctx: &Shared,
    roles: &[Store<CrossAccountRole>],
    limits: Config,
    woken: mpsc::UnboundedReceiver<ObjectRef<AWSAccount>>,
    shutdown: &Shutdown,
) -> (Store<AWSAccount>, BoxStream<'static, ()>) {
    let (reader, writer) = reflector::store();
    let changed = predicates::generation.combine(predicates::annotations).combine(predicates::finalizers);
    let stream = watcher(Api::<AWSAccount>::all(ctx.cluster.client().clone()), watcher::Config::default())
        .default_backoff()
        .modify(prune)
        .reflect(writer)
        .applied_objects()
        .predicate_filter(changed, PredicateConfig::default());
    let stop = shutdown.clone();
    let account_ctx = Arc::new(AccountContext { shared: Arc::clone(ctx), roles: roles.to_vec() });
    let controller = Controller::for_stream(stream, reader.clone())
        .with_config(limits)
        .reconcile_on(messages(woken))
        .reconcile_all_on(changes(ctx.identity.clone()))
        .graceful_shutdown_on(async move { stop.requested().await })
        .run(account::reconcile, account::error_policy, account_ctx);
    (reader, controller.map(drop).boxed())
}

/// Leaves out of the caches what nobody reads: it is often larger than the rest of an object.
fn prune(object: &mut impl ResourceExt) {
    object.managed_fields_mut().clear();
    object.annotations_mut().remove(LAST_APPLIED);
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
    let given = role.reported_grants().iter().map(|grant| &grant.account);
    std::iter::once(&role.spec.account_ref.name).chain(declared).chain(given).any(|name| name == account)
}
