//! What one test has to itself, although all tests share one API server and one AWS.

mod act;
pub mod declare;
mod look;
mod rights;
pub(crate) mod standing;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result};
use crossaccount::{
    api::{AWSAccount, CrossAccountRole},
    controller::settings::Shard,
};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use serde_json::Value;

use super::{
    aws::{AwsWorld, Base},
    aws_proxy::AwsProxy,
    control_plane::{ControlPlane, OPERATOR_ACCOUNT, control_plane},
    effects::Effects,
    emulator::{REGION, emulator},
    guard,
    kube_proxy::KubeProxy,
    operator::OperatorSettings,
};

/// A managed policy that a test attaches.
pub const MANAGED: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

/// The label by which the `AWSAccount`s of tests are told apart.
const LABEL: &str = "test";

/// A namespace, two AWS accounts, and the ways to the API server and to AWS. An operator started for it sees nothing of
/// other tests.
pub struct TestEnv {
    /// The shared control plane.
    pub control_plane: &'static ControlPlane,
    /// What the operator takes for the API server. Tests speak to the real one.
    pub kube_proxy: KubeProxy,
    /// What the operator takes for AWS.
    pub proxy: AwsProxy,
    /// What operators wrote through the two proxies.
    pub effects: Effects,
    /// An administrator of the control plane.
    pub kube: Client,
    /// The namespace of this test. Its name is free to name cluster-wide objects of the test after.
    pub namespace: String,
    /// The two AWS accounts, as the emulator has them: in partition `aws`.
    pub aws: AwsWorld,
    /// The region of the operator and of its accounts. In another partition than `aws`, it is the proxy that knows of it.
    pub region: String,
    /// The objects of the test's namespace.
    pub roles: Api<CrossAccountRole>,
    /// The Secrets of the test's namespace.
    pub secrets: Api<Secret>,
    /// The accounts of all tests.
    pub accounts: Api<AWSAccount>,
    /// How the operator is started: for its namespace, behind its proxies, and without a leader lease.
    pub settings: OperatorSettings,
}

impl TestEnv {
    /// An account that is declared, and an operator that is not running yet.
    pub async fn new(name: &str) -> Result<Self> {
        Self::with_base(name, Base::User).await
    }

    /// The same with an operator that is this kind of identity.
    pub async fn with_base(name: &str, base: Base) -> Result<Self> {
        let env = Self::prepare(control_plane().await?, name, base, REGION).await?;
        env.accounts.create(&PostParams::default(), &env.account()).await?;
        Ok(env)
    }

    /// The same in another region.
    pub async fn in_region(name: &str, region: &str) -> Result<Self> {
        let env = Self::prepare(control_plane().await?, name, Base::User, region).await?;
        env.accounts.create(&PostParams::default(), &env.account()).await?;
        Ok(env)
    }

    /// The same without a declared account.
    pub async fn bare(name: &str) -> Result<Self> {
        Self::on(control_plane().await?, name).await
    }

    /// The same on another control plane than that of all tests.
    pub async fn on(control_plane: &'static ControlPlane, name: &str) -> Result<Self> {
        Self::prepare(control_plane, name, Base::User, REGION).await
    }

    /// The same namespace in a second cluster, with the same two AWS accounts and without a declared account.
    pub async fn in_another_cluster(&self, control_plane: &'static ControlPlane) -> Result<Self> {
        Self::assemble(control_plane, self.namespace.clone(), self.aws.clone(), self.proxy.beside()?, &self.region)
            .await
    }

    /// Another namespace of the same cluster, of the name of this one with a suffix, with the same two AWS accounts. The operator of
    /// this test watches it only if it is told to.
    pub async fn in_another_namespace(&self, suffix: &str) -> Result<Self> {
        let name = format!("{}-{suffix}", self.namespace);
        Self::assemble(self.control_plane, name, self.aws.clone(), self.proxy.beside()?, &self.region).await
    }

    async fn prepare(control_plane: &'static ControlPlane, name: &str, base: Base, region: &str) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let namespace = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let proxy = AwsProxy::start_noting(emulator().await?.address(), Effects::default())?;
        let aws = Box::pin(AwsWorld::new(base)).await?; // large futures, held by that of each test
        Box::pin(Self::assemble(control_plane, namespace, aws, proxy, region)).await
    }

    async fn assemble(
        control_plane: &'static ControlPlane,
        namespace: String,
        aws: AwsWorld,
        proxy: AwsProxy,
        region: &str,
    ) -> Result<Self> {
        let kube = control_plane.admin().await?;
        create_namespace(&kube, &namespace).await?;
        let effects = proxy.effects();
        let kube_proxy = KubeProxy::start(control_plane, &format!("{LABEL}={namespace}"), effects.clone()).await?;
        let token = control_plane.token(OPERATOR_ACCOUNT.0, OPERATOR_ACCOUNT.1).await?;
        let settings =
            OperatorSettings::new(&kube_proxy.kubeconfig(&token)?, &proxy.endpoint(), &aws.operator.credentials)
                .env("AWS_REGION", region)
                .flag("--leader-elect=false")
                .flag("--log-level=info,crossaccount=debug")
                .flag(format!("--watch-namespaces={namespace}"));
        Ok(Self {
            control_plane,
            kube_proxy,
            proxy,
            effects,
            roles: Api::namespaced(kube.clone(), &namespace),
            secrets: Api::namespaced(kube.clone(), &namespace),
            accounts: Api::all(kube.clone()),
            kube,
            namespace,
            aws,
            region: region.to_owned(),
            settings,
        })
    }

    /// Another way to the API server, on which none of this test's faults lie, and an operator of the same settings that
    /// takes it.
    pub async fn undisturbed(&self) -> Result<(KubeProxy, OperatorSettings)> {
        let isolation = format!("{LABEL}={}", self.namespace);
        let proxy = KubeProxy::start(self.control_plane, &isolation, Effects::default()).await?;
        let token = self.control_plane.token(OPERATOR_ACCOUNT.0, OPERATOR_ACCOUNT.1).await?;
        let settings = self.settings.clone().env("KUBECONFIG", proxy.kubeconfig(&token)?.to_string_lossy());
        Ok((proxy, settings))
    }

    /// The operator's kubeconfig with another `cluster`.
    pub fn changed_kubeconfig(&self, change: impl FnOnce(&mut Value)) -> Result<PathBuf> {
        let given = self.settings.variable("KUBECONFIG").context("the operator has no kubeconfig")?;
        let mut config: Value = serde_json::from_str(&fs::read_to_string(given)?)?;
        change(&mut config["clusters"][0]["cluster"]);
        let file = guard::scratch("kubeconfig")?.join("changed.kubeconfig");
        fs::write(&file, config.to_string())?;
        Ok(file)
    }

    /// A namespace of the shard `0/2` and one of `1/2`: that of this test, and another that is made for it. The operator
    /// watches the other one only if it is told to.
    pub async fn namespaces_of_two_shards(&self) -> Result<[String; 2]> {
        let [first, second] = [0, 1].map(|index| Shard::new(index, 2));
        let (first, second) = (first.context("no shard 0/2")?, second.context("no shard 1/2")?);
        let is_first = first.has_namespace(&self.namespace);
        let free = if is_first { second } else { first };
        let mut names = (2..).map(|number| format!("{}-{number}", self.namespace));
        let other = names.find(|name| free.has_namespace(name)).context("no name is in the shard")?;
        create_namespace(&self.kube, &other).await?;
        let this = self.namespace.clone();
        Ok(if is_first { [this, other] } else { [other, this] })
    }

    /// Makes another namespace, of the name of this test's with a suffix. The operator watches it only if it is told to.
    pub async fn add_namespace(&self, suffix: &str) -> Result<String> {
        let name = format!("{}-{suffix}", self.namespace);
        create_namespace(&self.kube, &name).await?;
        Ok(name)
    }

    /// The labels without which this test's operator does not see an `AWSAccount`.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LABEL.to_owned(), self.namespace.clone())])
    }
}

async fn create_namespace(kube: &Client, name: &str) -> Result<()> {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespaces: Api<Namespace> = Api::all(kube.clone());
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;
    use serde_json::json;

    use super::*;
    use crate::{aws::policy, http::get, kube_proxy::Verb, wait::eventually};

    #[tokio::test]
    async fn two_tests_share_neither_namespace_nor_label_nor_account() -> Result<()> {
        let (one, other) = tokio::try_join!(TestEnv::bare("same"), TestEnv::bare("same"))?;
        assert_ne!(one.namespace, other.namespace);
        assert_ne!(one.labels(), other.labels());
        assert_ne!(one.aws.source.id(), other.aws.source.id());
        assert_ne!(one.aws.target.id(), other.aws.target.id());
        Ok(())
    }

    #[tokio::test]
    async fn a_cut_after_a_write_to_aws_holds_requests_to_either_proxy() -> Result<()> {
        let env = TestEnv::bare("cut").await?;
        env.effects.cut_after(1);
        let iam = aws_sdk_iam::Client::new(&env.through_proxy(env.aws.target.administrator().clone()));
        iam.list_roles().send().await?;
        let trust = policy(&json!({"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}));
        let create = iam.create_role().role_name("reader").assume_role_policy_document(trust.to_string());
        let created = tokio::spawn(create.send());
        env.effects.reached().await?;
        assert!(env.aws.target.role("reader").await?.is_some());
        assert_eq!(env.effects.list()[0].to_string(), "1 Aws CreateRole reader");

        let secrets = format!("{}/api/v1/namespaces/{}/secrets", env.kube_proxy.endpoint(), env.namespace);
        let listed = tokio::spawn(async move { get(&secrets).await });
        let read = tokio::spawn(iam.list_roles().send());
        eventually("both reads have arrived", async || {
            let (aws, kubernetes) = (env.proxy.count("ListRoles"), env.kube_proxy.count(Verb::List, "secrets"));
            ensure!((aws, kubernetes) == (2, 1), "{aws} and {kubernetes}");
            Ok(())
        })
        .await?;
        assert!(!created.is_finished() && !listed.is_finished() && !read.is_finished());
        env.effects.release();
        assert!(listed.await?.is_err());
        Ok(())
    }
}
