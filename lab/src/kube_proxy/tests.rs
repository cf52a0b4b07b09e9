//! The proxy in front of the real API server: what a client sees through it, what is counted, and what each fault does.

use std::{pin::Pin, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::api::{AWSAccount, FIELD_MANAGER, MANAGED_BY_LABEL, SECRET_TYPE};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tokio::{task::JoinHandle, time::timeout};

use super::{Outcome, Stale, Verb};
use crate::{
    Injected,
    control_plane::OPERATOR_ACCOUNT,
    env::TestEnv,
    wait::{WITHIN, eventually},
};

/// Secrets of a test, as an operator meets them and as they are.
struct Secrets {
    env: TestEnv,
    proxied: Api<Secret>,
    real: Api<Secret>,
}

impl Secrets {
    async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::bare(name).await?;
        let proxied = Api::namespaced(proxied_client(&env).await?, &env.namespace);
        let real = Api::namespaced(env.kube.clone(), &env.namespace);
        Ok(Self { env, proxied, real })
    }

    async fn watch(&self) -> Result<Watched> {
        let params = WatchParams::default().disable_bookmarks();
        Ok(Watched(Box::pin(self.proxied.watch(&params, "0").await?)))
    }

    async fn create(&self, name: &str) -> Result<()> {
        self.real.create(&PostParams::default(), &secret(name)).await?;
        Ok(())
    }
}

/// A client of the operator's service account that takes no for an answer.
async fn proxied_client(env: &TestEnv) -> Result<Client> {
    let (namespace, account) = OPERATOR_ACCOUNT;
    let kubeconfig = env.kube_proxy.kubeconfig(&env.control_plane.token(namespace, account).await?)?;
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// One that the operator may write.
fn secret(name: &str) -> Secret {
    let labels = Some([(MANAGED_BY_LABEL.to_owned(), FIELD_MANAGER.to_owned())].into());
    let metadata = ObjectMeta { name: Some(name.to_owned()), labels, ..ObjectMeta::default() };
    Secret { metadata, type_: Some(SECRET_TYPE.to_owned()), ..Secret::default() }
}

async fn is_hit(fault: &Injected) -> Result<()> {
    let look = async || {
        ensure!(fault.hits() == 1, "no request");
        Ok(())
    };
    eventually("a request has arrived", look).await
}

struct Watched(Pin<Box<dyn Stream<Item = kube::Result<WatchEvent<Secret>>> + Send>>);

impl Watched {
    /// What comes next: nothing at the end.
    async fn event(&mut self) -> Result<Option<kube::Result<WatchEvent<Secret>>>> {
        timeout(WITHIN, self.0.next()).await.context("the watch goes on and says nothing")
    }

    async fn breaks(&mut self) -> Result<()> {
        match self.event().await? {
            None | Some(Err(_)) => Ok(()),
            Some(Ok(event)) => bail!("the watch goes on: {event:?}"),
        }
    }

    /// The next event, such as `added x`.
    async fn next(&mut self) -> Result<String> {
        Ok(match self.event().await?.context("the watch has ended")?? {
            WatchEvent::Added(secret) => format!("added {}", secret.metadata.name.unwrap_or_default()),
            WatchEvent::Modified(secret) => format!("modified {}", secret.metadata.name.unwrap_or_default()),
            WatchEvent::Deleted(secret) => format!("deleted {}", secret.metadata.name.unwrap_or_default()),
            WatchEvent::Error(status) => format!("error {}", status.code),
            WatchEvent::Bookmark(_) => bail!("a bookmark"),
        })
    }
}

/// A GET that is on its way until somebody answers it.
fn getting(secrets: &Secrets, name: &str) -> JoinHandle<kube::Result<Secret>> {
    let (api, name) = (secrets.proxied.clone(), name.to_owned());
    tokio::spawn(async move { api.get(&name).await })
}

fn code<T: std::fmt::Debug>(answer: kube::Result<T>) -> Option<u16> {
    match answer {
        Err(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

#[tokio::test]
async fn an_operator_sees_the_accounts_of_its_own_test_only() -> Result<()> {
    let (one, other) = tokio::try_join!(TestEnv::bare("isolated"), TestEnv::bare("isolated"))?;
    let real: Api<AWSAccount> = Api::all(one.kube.clone());
    for env in [&one, &other] {
        real.create(&PostParams::default(), &env.account()).await?;
    }
    let proxied: Api<AWSAccount> = Api::all(proxied_client(&one).await?);
    let names = async |params: &ListParams| {
        let found = proxied.list(params).await?;
        anyhow::Ok(found.into_iter().filter_map(|account| account.metadata.name).collect::<Vec<_>>())
    };
    assert_eq!(names(&ListParams::default()).await?, [one.namespace.as_str()]);
    assert_eq!(names(&ListParams::default().labels("test")).await?, [one.namespace.as_str()]);
    assert!(names(&ListParams::default().labels("another")).await?.is_empty());

    let mut watch = Box::pin(proxied.watch(&WatchParams::default().disable_bookmarks(), "0").await?);
    let touched = Patch::Merge(json!({"metadata": {"annotations": {"touched": "yes"}}}));
    real.patch(&other.namespace, &PatchParams::default(), &touched).await?;
    real.patch(&one.namespace, &PatchParams::default(), &touched).await?;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let WatchEvent::Added(account) | WatchEvent::Modified(account) = watch.next().await.context("ended")?? {
            seen.push(account.metadata.name.unwrap_or_default());
        }
    }
    assert_eq!(seen, [one.namespace.clone(), one.namespace.clone()]);
    Ok(())
}

#[tokio::test]
async fn every_request_is_written_down_and_a_write_counts_as_one() -> Result<()> {
    let secrets = Secrets::new("counted").await?;
    let proxy = &secrets.env.kube_proxy;
    let mut applied = json!(secret("x"));
    (applied["apiVersion"], applied["kind"]) = (json!("v1"), json!("Secret"));
    secrets.proxied.patch("x", &PatchParams::apply("lab"), &Patch::Apply(applied)).await?;
    secrets.proxied.get("x").await?;
    assert!(secrets.proxied.get_opt("y").await?.is_none());
    secrets.proxied.delete("x", &DeleteParams::default()).await?;

    let namespace = &secrets.env.namespace;
    let shown: Vec<_> =
        proxy.requests().iter().map(|recorded| (recorded.request.to_string(), recorded.outcome)).collect();
    let expected = [("apply", "x", 201), ("get", "x", 200), ("get", "y", 404), ("delete", "x", 200)];
    let expected =
        expected.map(|(verb, name, status)| (format!("{verb} secrets {namespace}/{name}"), Outcome::Answered(status)));
    assert_eq!(shown, expected);
    assert_eq!((proxy.count(Verb::Get, "secrets"), proxy.count(Verb::Get, "secrets/status")), (2, 0));
    assert_eq!(proxy.writes().len(), 2);
    let effects: Vec<_> = secrets.env.effects.list().into_iter().map(|effect| (effect.what, effect.status)).collect();
    assert_eq!(effects, [(expected[0].0.clone(), Some(201)), (expected[3].0.clone(), Some(200))]);
    proxy.reset_counts();
    assert!(proxy.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_refused_request_has_no_effect_and_the_next_one_is_spared() -> Result<()> {
    let secrets = Secrets::new("refused").await?;
    let proxy = &secrets.env.kube_proxy;
    proxy.on([Verb::Create], "secrets").namespace("elsewhere").hang();
    let rule = proxy.on([Verb::Create], "secrets").name("x").times(1);
    let rule = rule.error(409, "Conflict", "modified meanwhile");
    let create = async |name| secrets.proxied.create(&PostParams::default(), &secret(name)).await;
    // The service account may create, so this is the rule alone.
    create("other").await?;
    assert_eq!(code(create("x").await), Some(409));
    assert!(secrets.real.get_opt("x").await?.is_none());
    create("x").await?;
    assert_eq!(rule.hits(), 1);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_a_reset_request_has_none() -> Result<()> {
    let secrets = Secrets::new("lost").await?;
    let proxy = &secrets.env.kube_proxy;
    proxy.on([Verb::Create], "secrets").name("lost").drop_response();
    proxy.on(Verb::ALL, "secrets").name("reset").reset();
    for (name, exists) in [("lost", true), ("reset", false)] {
        let answer = secrets.proxied.create(&PostParams::default(), &secret(name)).await;
        assert!(matches!(answer, Err(kube::Error::HyperError(_) | kube::Error::Service(_))), "{answer:?}");
        assert_eq!(secrets.real.get_opt(name).await?.is_some(), exists, "{name}");
    }
    assert!(proxy.requests().iter().all(|recorded| recorded.outcome == Outcome::Reset));
    Ok(())
}

#[tokio::test]
async fn a_delayed_request_waits_and_a_hung_one_is_never_carried_out() -> Result<()> {
    let secrets = Secrets::new("slow").await?;
    let proxy = &secrets.env.kube_proxy;
    secrets.create("x").await?;
    let delay = proxy.on([Verb::Get], "secrets").delay(Duration::from_hours(1));
    let slow = getting(&secrets, "x");
    eventually("the delay has begun", async || {
        ensure!(delay.hits() == 1, "no request");
        Ok(())
    })
    .await?;
    // Another request of the same client overtakes it.
    secrets.proxied.list(&ListParams::default()).await?;
    assert!(!slow.is_finished());
    slow.abort();
    delay.release();
    secrets.proxied.get("x").await?;

    let hang = proxy.on([Verb::Delete], "secrets").hang();
    let api = secrets.proxied.clone();
    let deletion = tokio::spawn(async move { api.delete("x", &DeleteParams::default()).await });
    is_hit(&hang).await?;
    secrets.proxied.get("x").await?;
    assert!(!deletion.is_finished());
    deletion.abort();
    Ok(())
}

#[tokio::test]
async fn a_dropped_event_is_missed_by_open_watches_and_all_others_arrive() -> Result<()> {
    let secrets = Secrets::new("dropped").await?;
    let mut watch = secrets.watch().await?;
    let rule = secrets.env.kube_proxy.on_event("secrets").kind("DELETED").name("x").drop_event();
    for name in ["x", "y"] {
        secrets.create(name).await?;
        assert_eq!(watch.next().await?, format!("added {name}"));
    }
    for name in ["x", "y"] {
        secrets.real.delete(name, &DeleteParams::default()).await?;
    }
    assert_eq!(watch.next().await?, "deleted y");
    assert_eq!(rule.hits(), 1);
    Ok(())
}

#[tokio::test]
async fn a_mute_watch_begins_and_delivers_nothing() -> Result<()> {
    let secrets = Secrets::new("mute").await?;
    let proxy = &secrets.env.kube_proxy;
    let mute = proxy.on([Verb::Watch], "secrets").times(1).mute();
    let mut silent = secrets.watch().await?;
    let mut other = secrets.watch().await?;
    assert_eq!(mute.hits(), 1);
    secrets.create("x").await?;
    assert_eq!(other.next().await?, "added x");
    // What it would have delivered until now would come before its end.
    proxy.cut_watches("secrets");
    silent.breaks().await?;
    Ok(())
}

#[tokio::test]
async fn a_cut_breaks_a_watch_that_is_on_its_way_as_well() -> Result<()> {
    let secrets = Secrets::new("on-its-way").await?;
    let proxy = &secrets.env.kube_proxy;
    let late = proxy.on([Verb::Watch], "secrets").times(1).delay(Duration::from_millis(200));
    let _mute = proxy.on([Verb::Watch], "secrets").times(1).mute();
    let cut = async { is_hit(&late).await.map(|()| proxy.cut_watches("secrets")) };
    let (watch, arrived) = tokio::join!(secrets.watch(), cut);
    arrived?;
    match watch {
        Ok(mut watch) => watch.breaks().await,
        Err(error) if format!("{error:#}").contains("SendRequest") => Ok(()), // before its first byte
        Err(error) => Err(error),
    }
}

#[tokio::test]
async fn a_cut_breaks_the_watches_of_its_resource_and_new_ones_begin() -> Result<()> {
    let secrets = Secrets::new("cut").await?;
    let proxy = &secrets.env.kube_proxy;
    let mut watch = secrets.watch().await?;
    proxy.cut_watches("namespaces");
    secrets.create("x").await?;
    assert_eq!(watch.next().await?, "added x");
    proxy.cut_watches("secrets");
    watch.breaks().await?;
    assert_eq!(secrets.watch().await?.next().await?, "added x");
    Ok(())
}

#[tokio::test]
async fn a_resource_version_that_is_gone_is_told_to_watches_as_their_first_event() -> Result<()> {
    let secrets = Secrets::new("gone").await?;
    secrets.env.kube_proxy.on([Verb::Watch, Verb::List], "secrets").times(2).gone();
    assert_eq!(secrets.watch().await?.next().await?, "error 410");
    assert_eq!(code(secrets.proxied.list(&ListParams::default()).await), Some(410));
    secrets.proxied.list(&ListParams::default()).await?;
    Ok(())
}

#[tokio::test]
async fn an_outage_resets_open_watches_hung_requests_and_new_ones_until_it_ends() -> Result<()> {
    let secrets = Secrets::new("outage").await?;
    let proxy = &secrets.env.kube_proxy;
    let hang = proxy.on([Verb::Get], "secrets").times(1).hang();
    let unanswered = getting(&secrets, "x");
    is_hit(&hang).await?;
    let mut watch = secrets.watch().await?;

    proxy.begin_outage();
    watch.breaks().await?;
    let is_reset = |answer: kube::Result<Secret>| answer.is_err() && code(answer).is_none();
    assert!(is_reset(unanswered.await?));
    assert!(is_reset(secrets.proxied.create(&PostParams::default(), &secret("x")).await));
    assert!(secrets.real.get_opt("x").await?.is_none());
    proxy.end_outage();
    secrets.proxied.create(&PostParams::default(), &secret("x")).await?;
    Ok(())
}

#[tokio::test]
async fn a_frozen_view_shows_what_was_there_although_writes_take_effect() -> Result<()> {
    let secrets = Secrets::new("frozen").await?;
    let proxy = &secrets.env.kube_proxy;
    let names = async || {
        let found = secrets.proxied.list(&ListParams::default()).await?;
        anyhow::Ok(found.into_iter().filter_map(|secret| secret.metadata.name).collect::<Vec<_>>())
    };
    secrets.create("old").await?;
    names().await?;
    secrets.proxied.get("old").await?;
    let mut watch = secrets.watch().await?;
    assert_eq!(watch.next().await?, "added old");

    assert_eq!(proxy.freeze(Stale::Lists).await?, 2);
    secrets.proxied.create(&PostParams::default(), &secret("new")).await?;
    secrets.proxied.delete("old", &DeleteParams::default()).await?;
    assert!(secrets.real.get_opt("old").await?.is_none());
    assert_eq!(names().await?, ["old"]);
    // A GET is answered by what is true.
    assert!(secrets.proxied.get_opt("old").await?.is_none());
    let mut late = secrets.watch().await?;

    proxy.thaw();
    // What they would have delivered until now would come before their end.
    watch.breaks().await?;
    late.breaks().await?;
    assert_eq!(names().await?, ["new"]);
    assert_eq!(secrets.watch().await?.next().await?, "added new");
    Ok(())
}

#[tokio::test]
async fn a_view_whose_reads_are_frozen_answers_gets_as_they_were_as_well() -> Result<()> {
    let secrets = Secrets::new("frozen-reads").await?;
    secrets.create("old").await?;
    secrets.proxied.get("old").await?;
    assert!(secrets.proxied.get_opt("new").await?.is_none());
    secrets.env.kube_proxy.freeze(Stale::Reads).await?;
    secrets.create("new").await?;
    secrets.real.delete("old", &DeleteParams::default()).await?;
    secrets.proxied.get("old").await?;
    assert!(secrets.proxied.get_opt("new").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_cut_after_a_write_keeps_its_answer_and_holds_the_reads_that_follow() -> Result<()> {
    let secrets = Secrets::new("power-cut").await?;
    let effects = &secrets.env.effects;
    effects.cut_after(2);
    secrets.proxied.create(&PostParams::default(), &secret("first")).await?;
    let api = secrets.proxied.clone();
    let second = tokio::spawn(async move { api.create(&PostParams::default(), &secret("second")).await });
    effects.reached().await?;
    secrets.real.get("second").await?;
    assert!(!second.is_finished());

    let read = getting(&secrets, "second");
    let api = secrets.proxied.clone();
    let third = tokio::spawn(async move { api.create(&PostParams::default(), &secret("third")).await });
    eventually("both requests have arrived", async || {
        let arrived = secrets.env.kube_proxy.requests().len();
        ensure!(arrived == 4, "{arrived} have");
        Ok(())
    })
    .await?;
    assert!(!read.is_finished() && !third.is_finished());
    effects.release();
    assert!(second.await?.is_err() && read.await?.is_err() && third.await?.is_err());
    assert!(secrets.real.get_opt("third").await?.is_none());
    secrets.proxied.get("second").await?;
    Ok(())
}
