//! What people do to an object in its life, and when the operator has answered to it.

use anyhow::{Context as _, Result};
use crossaccount::api::{CrossAccountRole, DeletionPolicy, Lifecycle, annotation};
use jiff::Timestamp;
use kube::api::DeleteParams;
use serde_json::json;

use lab::{
    aws::{ROLE_PATH, policy},
    env::{MANAGED, declare::document},
};

use super::stage::{OBJECT, Stage};
use crate::grants::stage::to_user;

/// One thing that people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// They declare an object.
    Create,
    /// They declare an object whose role stays when it goes.
    CreateRetained,
    /// They make a role by hand and declare an object that takes it over.
    Adopt,
    /// They change policies, trust, settings, and the names of Secret and grantee.
    Change,
    /// They ask for new credentials.
    Renew,
    /// They revoke the earlier sessions.
    Revoke,
    /// They no longer let the namespace into the account.
    Withdraw,
    /// They let it in again.
    GiveBack,
    /// They delete the object.
    Delete,
}

impl Act {
    /// Does it.
    pub async fn run(self, stage: &Stage) -> Result<()> {
        let env = &stage.deployment.env;
        match self {
            Self::Create => env.create(&declared(stage)).await.map(drop),
            Self::CreateRetained => {
                let mut role = declared(stage);
                role.spec.role.deletion_policy = Some(DeletionPolicy::Retain);
                env.create(&role).await.map(drop)
            }
            Self::Adopt => {
                make_by_hand(stage).await?;
                let mut role = declared(stage);
                role.spec.role.lifecycle = Lifecycle::Adopt;
                env.create(&role).await.map(drop)
            }
            Self::Change => change(stage).await,
            Self::Renew => request(stage, annotation::RENEW_REQUESTED_AT).await,
            Self::Revoke => request(stage, annotation::REVOKE_REQUESTED_AT).await,
            Self::Withdraw => stage.deployment.withdraw().await,
            Self::GiveBack => stage.deployment.give_back().await,
            Self::Delete => Ok(env.roles.delete(OBJECT, &DeleteParams::default()).await.map(drop)?),
        }
    }

    /// Waits until the status says that the operator has answered. `before` is the object as it was then.
    pub async fn is_answered(self, stage: &Stage, before: Option<&CrossAccountRole>) -> Result<()> {
        let env = &stage.deployment.env;
        match self {
            Self::Create | Self::CreateRetained | Self::Adopt | Self::Change | Self::GiveBack => {
                env.settled(OBJECT).await.map(drop)
            }
            Self::Renew | Self::Revoke => {
                env.issued_again(OBJECT, before.context("there was no object")?).await.map(drop)
            }
            Self::Withdraw => env.shows(OBJECT, "False", "NotAllowed").await.map(drop),
            Self::Delete => env.gone(OBJECT).await,
        }
    }
}

/// An object with something of everything: two inline policies, a managed one, a tag, a principal and a grant.
fn declared(stage: &Stage) -> CrossAccountRole {
    let mut role = stage.deployment.open_role(OBJECT);
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    role.spec.role.tags = [("cost".to_owned(), "42".to_owned())].into();
    role.spec.source_grants = vec![to_user(&stage.deployment.env, "deployer")];
    role
}

async fn change(stage: &Stage) -> Result<()> {
    let env = &stage.deployment.env;
    let write = policy(&json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}));
    let role = json!({
        "description": "writes",
        "maxSessionDurationSeconds": 7200,
        "tags": {"cost": null, "team": "a"},
        "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "inlinePolicies": {"read-reports": null, "write": document(&write)},
    });
    let changed = json!({
        "role": role,
        "trust": {"principals": [stage.successor.arn]},
        "sourceGrants": [to_user(env, "successor")],
        "secret": {"name": "renamed"},
    });
    env.patch(OBJECT, json!({ "spec": changed })).await
}

/// Asks for something by an annotation, for the credentials that there are: times are kept in whole seconds.
async fn request(stage: &Stage, annotation: &str) -> Result<()> {
    let env = &stage.deployment.env;
    let credentials = env.roles.get(OBJECT).await?.status.and_then(|status| status.credentials);
    let issued_at = credentials.and_then(|set| set.issued_at);
    env.a_second_after(issued_at.as_ref()).await?;
    let now = Timestamp::now().to_string();
    env.patch(OBJECT, json!({"metadata": {"annotations": {annotation: now}}})).await
}

async fn make_by_hand(stage: &Stage) -> Result<()> {
    let env = &stage.deployment.env;
    let (target, name) = (&env.aws.target, env.iam_name(OBJECT));
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    let create = target.iam().create_role().role_name(&name).path(ROLE_PATH);
    create.assume_role_policy_document(trust.to_string()).send().await?;
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    target.put_role_policy(&name, "by-hand", &list).await?;
    target.tag_role(&name, "terraform", "yes").await
}
