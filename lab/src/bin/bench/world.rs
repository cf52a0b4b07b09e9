//! What a workload has to itself: a control plane, an AWS with prepared accounts, and the ways to both for an operator.

use std::{
    collections::BTreeMap,
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{
    AWSAccount, AWSAccountSpec, AccountAccess, AccountRef, AllowedNamespaces, ConditionType, CrossAccountRole,
    CrossAccountRoleSpec, Guardrails, Hop, Lifecycle,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use serde_json::json;

use lab::{
    aws::policy,
    control_plane::{ControlPlane, OPERATOR_ACCOUNT},
    effects::Effects,
    emulator::REGION,
    env::{MANAGED, declare::document},
    fake_aws::{FakeAws, MANAGER_EXTERNAL_ID},
    kube_proxy::{KubeProxy, Verb},
    operator::{Operator, OperatorSettings},
    wait::eventually,
};

use crate::board::Board;

/// The namespace that the operator watches.
pub const NAMESPACE: &str = "bench";
/// The namespace in which the bare client writes, which the operator does not watch.
pub const FLOOR: &str = "floor";
/// What is added to each call to AWS.
pub const LATENCY: Duration = Duration::from_millis(20);
/// How many objects clients work on at once: as many as the operator does by default.
pub const CONCURRENCY: usize = 64;

/// The label by which the proxy shows the operator its accounts.
const LABEL: (&str, &str) = ("test", NAMESPACE);

/// A control plane and an AWS of its own.
pub struct World {
    /// What the operator takes for the API server.
    pub kube_proxy: KubeProxy,
    /// AWS.
    pub aws: FakeAws,
    /// An administrator of the cluster, past the proxy.
    pub kube: Client,
    /// The objects as they change.
    pub board: Board,
    /// The objects of [`NAMESPACE`].
    pub roles: Api<CrossAccountRole>,
    /// Ids of the accounts. The `AWSAccount` of the first is named `account-0`.
    pub accounts: Vec<String>,
    /// How the operator is started: as deployed, save that it watches one namespace.
    pub settings: OperatorSettings,
    /// The token of the operator's service account.
    pub token: String,
    // Dropped last: clients end before their server.
    _control_plane: ControlPlane,
}

impl World {
    /// Starts everything but the operator.
    pub async fn new(accounts: usize) -> Result<Self> {
        let control_plane = ControlPlane::start().await?;
        let kube = control_plane.admin().await?;
        for name in [NAMESPACE, FLOOR] {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            let namespaces: Api<Namespace> = Api::all(kube.clone());
            namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
        }
        let aws = FakeAws::start()?;
        aws.faults().latency(LATENCY);
        let (label, value) = LABEL;
        let kube_proxy = KubeProxy::start(&control_plane, &format!("{label}={value}"), Effects::default()).await?;
        let token = control_plane.token(OPERATOR_ACCOUNT.0, OPERATOR_ACCOUNT.1).await?;
        let settings = OperatorSettings::new(&kube_proxy.kubeconfig(&token)?, &aws.endpoint(), &aws.operator())
            .flag(format!("--watch-namespaces={NAMESPACE}"))
            .flag("--lease-namespace=crossaccount-system")
            .quiet();
        let accounts: Vec<String> = (0..accounts).map(|index| (200_000_000_000 + index).to_string()).collect();
        let roles = Api::namespaced(kube.clone(), NAMESPACE);
        let board = Board::of(roles.clone());
        let world =
            Self { kube_proxy, aws, kube, board, roles, accounts, settings, token, _control_plane: control_plane };
        world.declare_accounts().await?;
        Ok(world)
    }

    async fn declare_accounts(&self) -> Result<()> {
        let all: Api<AWSAccount> = Api::all(self.kube.clone());
        for (index, id) in self.accounts.iter().enumerate() {
            all.create(&PostParams::default(), &account(index, id, self.aws.open_account(id))).await?;
        }
        Ok(())
    }

    /// Starts the operator, and waits until it is ready, and the accounts of these ids are.
    pub async fn start(&self, accounts: &[String]) -> Result<Operator> {
        let operator = self.settings.start().await?;
        until_ready(&operator).await?;
        let all: Api<AWSAccount> = Api::all(self.kube.clone());
        for index in self.accounts.iter().enumerate().filter(|(_, id)| accounts.contains(id)).map(|(index, _)| index) {
            eventually("the account is Ready", async || {
                let status = all.get(&format!("account-{index}")).await?.status.unwrap_or_default();
                let ready = status.conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
                let ready = ready.context("it has no condition Ready")?;
                ensure!(ready.status == "True", "{}: {}", ready.reason, ready.message);
                Ok(())
            })
            .await?;
        }
        Ok(operator)
    }

    /// Starts the operator where every account is well, and waits until nothing happens any more.
    pub async fn start_well(&self) -> Result<Operator> {
        let operator = self.start(&self.accounts).await?;
        self.quiet(Duration::from_secs(1)).await;
        Ok(operator)
    }

    /// Creates objects, as fast as the API server takes them. Gives the time of each request.
    pub async fn create(&self, roles: Vec<CrossAccountRole>) -> Result<BTreeMap<String, Instant>> {
        let create = async |role: CrossAccountRole| {
            let begin = Instant::now();
            self.roles.create(&PostParams::default(), &role).await?;
            anyhow::Ok((role.metadata.name.unwrap_or_default(), begin))
        };
        stream::iter(roles).map(create).buffer_unordered(CONCURRENCY).try_collect().await
    }

    /// Creates as many roles over all accounts, and waits until they are Ready and nothing happens any more.
    pub async fn fill(&self, names: impl IntoIterator<Item = String>) -> Result<()> {
        let created = self.create(declare(names, 0..self.accounts.len())).await?;
        let ready = self.board.until_ready(created.keys(), Duration::from_mins(10)).await;
        ensure!(ready == created.len(), "{ready} of {} are Ready after ten minutes", created.len());
        self.quiet(Duration::from_secs(3)).await;
        Ok(())
    }

    /// Waits until no request has been made to either server for this long, watches and leases aside. Gives the time of
    /// the last one.
    pub async fn quiet(&self, long: Duration) -> Instant {
        until_same(long, || self.requests()).await
    }

    /// The same for AWS alone.
    pub async fn quiet_in_aws(&self, long: Duration) -> Instant {
        until_same(long, || (self.aws.calls().all(), 0)).await
    }

    /// Numbers of requests so far, to AWS and to the API server, without watches and leases.
    fn requests(&self) -> (u64, usize) {
        let api = self.kube_proxy.tally();
        let counted = api.iter().filter(|((verb, kind), _)| *verb != Verb::Watch && kind != "leases");
        (self.aws.calls().all(), counted.map(|(_, number)| number).sum())
    }
}

/// Waits until numbers have not changed for this long. Gives the time of the last change.
async fn until_same(long: Duration, numbers: impl Fn() -> (u64, usize)) -> Instant {
    let (mut last, mut since) = (numbers(), Instant::now());
    while since.elapsed() < long {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = numbers();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    since
}

/// Waits until `/readyz` answers 200.
pub async fn until_ready(operator: &Operator) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let (status, text) = operator.get("/readyz").await?;
        if status == 200 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the operator is not ready: {text}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Names of `many` roles.
pub fn names(prefix: &str, many: usize) -> Vec<String> {
    (0..many).map(|number| format!("{prefix}-{number}")).collect()
}

/// Roles of these names, dealt out in turn to the accounts of these numbers.
pub fn declare(names: impl IntoIterator<Item = String>, accounts: Range<usize>) -> Vec<CrossAccountRole> {
    names.into_iter().zip(accounts.cycle()).map(|(name, account)| role(&name, account)).collect()
}

/// A role that may read one bucket, with one inline and one managed policy.
pub fn role(name: &str, account: usize) -> CrossAccountRole {
    let account_ref = AccountRef { name: format!("account-{account}") };
    let mut spec = CrossAccountRoleSpec { account_ref, ..CrossAccountRoleSpec::default() };
    let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*" });
    spec.role.inline_policies.insert("read-reports".to_owned(), document(&policy(&read)));
    spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    let mut role = CrossAccountRole::new(name, spec);
    role.metadata.namespace = Some(NAMESPACE.to_owned());
    role
}

fn account(index: usize, id: &str, manager: String) -> AWSAccount {
    let hop = Hop { role_arn: manager, external_id: Some(MANAGER_EXTERNAL_ID.to_owned()), ..Hop::default() };
    let guardrails = Guardrails {
        permissions_boundary: Some(format!("arn:aws:iam::{id}:policy/crossaccount-boundary")),
        lifecycles: vec![Lifecycle::Create, Lifecycle::Observe],
        ..Guardrails::default()
    };
    let spec = AWSAccountSpec {
        account_id: id.to_owned(),
        region: REGION.to_owned(),
        access: AccountAccess { chain: vec![hop] },
        allowed_namespaces: Some(AllowedNamespaces::default()),
        guardrails,
        ..AWSAccountSpec::default()
    };
    let mut account = AWSAccount::new(&format!("account-{index}"), spec);
    account.metadata.labels = Some(BTreeMap::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]));
    account
}
