//! The Kubernetes side of the story.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::config::Credentials;
use crossaccount::api::{AWSAccount, ConditionType, CrossAccountRole};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, PostParams},
};

use super::OBJECT;
use crate::{
    aws::Identity,
    control_plane::{ControlPlane, OPERATOR_ACCOUNT},
    deployment::credentials_of,
    effects::Effects,
    kube_proxy::KubeProxy,
    operator::{Operator, OperatorSettings},
    real_aws::Place,
    wait::eventually_within,
};

/// The label by which the operator finds its account, and no other one of the same API server.
const LABEL: &str = "test";

/// A namespace, and an operator that sees nothing else.
pub struct Cluster {
    kube: Client,
    namespace: String,
    settings: OperatorSettings,
    // What the operator takes for the API server: it shows no account of others.
    _proxy: KubeProxy,
}

impl Cluster {
    /// Prepares an operator that is this identity. It does not run yet.
    pub async fn new(place: &Place, control_plane: &'static ControlPlane, operator: &Identity) -> Result<Self> {
        let kube = control_plane.admin().await?;
        let namespace = place.names.of("ns");
        let metadata = ObjectMeta { name: Some(namespace.clone()), ..ObjectMeta::default() };
        let namespaces: Api<Namespace> = Api::all(kube.clone());
        namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;

        let proxy = KubeProxy::start(control_plane, &format!("{LABEL}={namespace}"), Effects::default()).await?;
        let token = control_plane.token(OPERATOR_ACCOUNT.0, OPERATOR_ACCOUNT.1).await?;
        let endpoint = place.endpoint.as_deref().unwrap_or_default();
        let settings = OperatorSettings::new(&proxy.kubeconfig(&token)?, endpoint, &operator.credentials)
            .env("AWS_REGION", &place.region)
            .flag(format!("--cluster-name={namespace}"))
            .flag("--leader-elect=false")
            .flag(format!("--watch-namespaces={namespace}"))
            .quiet();
        let settings = if place.endpoint.is_some() { settings } else { settings.real_aws() };
        Ok(Self { kube, namespace, settings, _proxy: proxy })
    }

    /// The namespace. The account is named after it.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The labels without which the operator does not see the account.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LABEL.to_owned(), self.namespace.clone())])
    }

    /// Creates the two objects.
    pub async fn apply(&self, account: &AWSAccount, role: &CrossAccountRole) -> Result<()> {
        self.accounts().create(&PostParams::default(), account).await?;
        self.roles().create(&PostParams::default(), role).await?;
        Ok(())
    }

    /// Starts the operator.
    pub async fn start_operator(&self) -> Result<Operator> {
        self.settings.start().await
    }

    /// Waits until the role is Ready. Gives its ARN.
    pub async fn ready(&self, within: Duration) -> Result<String> {
        eventually_within(within, "the CrossAccountRole is Ready", async || {
            let role = self.roles().get(OBJECT).await?;
            let ready = role.condition(ConditionType::Ready).context("it has no condition Ready")?;
            ensure!(ready.status == "True" && ready.reason == "Available", "{}: {}", ready.reason, ready.message);
            role.status.and_then(|status| status.role?.arn).context("its status names no role")
        })
        .await
    }

    /// The credentials in the Secret.
    pub async fn credentials(&self) -> Result<Credentials> {
        credentials_of(&self.secrets().get(OBJECT).await?)
    }

    /// Deletes role and account, and waits until they and the Secret are gone.
    pub async fn delete(&self, within: Duration) -> Result<()> {
        self.roles().delete(OBJECT, &DeleteParams::default()).await?;
        eventually_within(within, "the CrossAccountRole and its Secret are gone", async || {
            let role = self.roles().get_opt(OBJECT).await?;
            ensure!(role.is_none(), "the object is there: {:?}", role.and_then(|role| role.status));
            ensure!(self.secrets().get_opt(OBJECT).await?.is_none(), "the Secret is there");
            Ok(())
        })
        .await?;
        self.accounts().delete(&self.namespace, &DeleteParams::default()).await?;
        eventually_within(within, "the AWSAccount is gone", async || {
            ensure!(self.accounts().get_opt(&self.namespace).await?.is_none(), "it is there");
            Ok(())
        })
        .await
    }

    fn accounts(&self) -> Api<AWSAccount> {
        Api::all(self.kube.clone())
    }

    fn roles(&self) -> Api<CrossAccountRole> {
        Api::namespaced(self.kube.clone(), &self.namespace)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.kube.clone(), &self.namespace)
    }
}
