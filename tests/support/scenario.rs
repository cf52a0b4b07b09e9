//! What one test has to itself, although all tests share one API server and one AWS.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{
    aws::{AwsWorld, Base},
    control_plane::{ControlPlane, control_plane},
    emulator::emulator,
    operator::OperatorSettings,
};

/// A namespace, a shard and two AWS accounts. An operator started for it sees nothing of other tests.
pub struct Scenario {
    /// The shared control plane.
    pub control_plane: &'static ControlPlane,
    /// An administrator of it.
    pub kube: Client,
    /// The namespace of this test. Its name is free to name cluster-wide objects of the test after.
    pub namespace: String,
    /// The two accounts.
    pub aws: AwsWorld,
}

impl Scenario {
    /// A new scenario whose operator is an IAM user.
    pub async fn new(name: &str) -> Result<Self> {
        Self::with_base(name, Base::User).await
    }

    /// A new scenario whose operator is this kind of identity.
    pub async fn with_base(name: &str, base: Base) -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let control_plane = control_plane().await?;
        let namespace = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let kube = control_plane.admin().await?;
        let metadata = ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() };
        let namespaces: Api<Namespace> = Api::all(kube.clone());
        namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
        Ok(Self { control_plane, kube, namespace, aws: AwsWorld::new(base).await? })
    }

    /// The labels that put an object, of either kind, into the shard of this test's operator.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("test".to_owned(), self.namespace.clone())])
    }

    /// The settings of an operator for this test: its namespace, its shard, its base identity, and no leader lease.
    pub async fn operator(&self) -> Result<OperatorSettings> {
        let base = &self.aws.operator.credentials;
        let settings = OperatorSettings::new(self.control_plane, emulator().await?.endpoint(), base).await?;
        Ok(settings
            .flag("--leader-elect=false")
            .flag("--log-level=info,crossaccount=debug")
            .flag(format!("--watch-namespaces={}", self.namespace))
            .flag(format!("--shard=test={}", self.namespace)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_scenarios_share_neither_namespace_nor_label_nor_account() -> Result<()> {
        let (one, other) = tokio::try_join!(Scenario::new("same"), Scenario::new("same"))?;
        assert_ne!(one.namespace, other.namespace);
        assert_ne!(one.labels(), other.labels());
        assert_ne!(one.aws.source.id(), other.aws.source.id());
        assert_ne!(one.aws.target.id(), other.aws.target.id());
        Ok(())
    }
}
