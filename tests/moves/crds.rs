//! The CRDs are deleted, with all objects, and applied again.

use anyhow::{Result, ensure};
use crossaccount::api::{AWSAccount, CrossAccountRole};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::RwLockWriteGuard;

use super::{OBJECT, SecondCluster, apply, created, lose_cluster, role_of};
use crate::account::deletion::delete_namespace;
use lab::{env::TestEnv, tester::Tester, wait::eventually};

const NAMES: [&str; 2] = ["crossaccountroles.iam.crossaccount.dev", "awsaccounts.iam.crossaccount.dev"];

/// The second cluster without what other tests left there: objects whose operator has ended keep their CRD.
async fn alone(name: &str) -> Result<(TestEnv, RwLockWriteGuard<'static, ()>)> {
    let (plane, alone) = SecondCluster::alone().await?;
    let env = TestEnv::on(plane, name).await?;
    let bare = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let all: Api<CrossAccountRole> = Api::all(env.kube.clone());
    for role in all.list(&ListParams::default()).await? {
        let roles: Api<CrossAccountRole> = Api::namespaced(env.kube.clone(), &role.namespace().unwrap_or_default());
        roles.patch(&role.name_any(), &PatchParams::default(), &bare).await?;
    }
    for account in env.accounts.list(&ListParams::default()).await? {
        env.accounts.patch(&account.name_any(), &PatchParams::default(), &bare).await?;
    }
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    Ok((env, alone))
}

/// The CRDs as they are applied.
async fn manifests(env: &TestEnv) -> Result<Vec<CustomResourceDefinition>> {
    let mut manifests = Vec::new();
    for name in NAMES {
        let crd = crds(env).get(name).await?;
        let metadata = ObjectMeta { name: crd.metadata.name, ..ObjectMeta::default() };
        manifests.push(CustomResourceDefinition { metadata, spec: crd.spec, status: None });
    }
    Ok(manifests)
}

fn crds(env: &TestEnv) -> Api<CustomResourceDefinition> {
    Api::all(env.kube.clone())
}

async fn delete(env: &TestEnv) -> Result<()> {
    for name in NAMES {
        crds(env).delete(name, &DeleteParams::default()).await?;
    }
    are_gone(env).await
}

async fn are_gone(env: &TestEnv) -> Result<()> {
    eventually("the CRDs are gone", async || {
        for name in NAMES {
            ensure!(crds(env).get_opt(name).await?.is_none(), "{name} is there");
        }
        Ok(())
    })
    .await
}

async fn create(env: &TestEnv, manifests: &[CustomResourceDefinition]) -> Result<()> {
    for crd in manifests {
        crds(env).create(&PostParams::default(), crd).await?;
    }
    let probe = PostParams { dry_run: true, ..PostParams::default() };
    let anywhere: Api<CrossAccountRole> = Api::default_namespaced(env.kube.clone());
    eventually("the API server takes objects", async || {
        env.accounts.create(&probe, &AWSAccount::new("probe", env.account().spec)).await?;
        anywhere.create(&probe, &CrossAccountRole::new("probe", env.role("probe").spec)).await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn crds_that_are_deleted_take_all_roles_along_and_work_again_when_they_are_back() -> Result<()> {
    let (env, _alone) = alone("crds").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    let role = env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let manifests = manifests(&env).await?;
    delete(&env).await?;
    ensure!(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_none(), "the role was left behind");
    ensure!(env.secrets.get_opt(OBJECT).await?.is_none(), "the Secret was left behind");

    create(&env, &manifests).await?;
    apply(&env, &role).await?;
    env.settled(OBJECT).await?;
    tester.has_a_working_set(OBJECT).await?;
    ensure!(operator.get("/readyz").await?.0 == 200, "{:?}", operator.get("/readyz").await?);
    // Its watches are whole again: an edit is heard of.
    env.patch(OBJECT, json!({"spec": {"role": {"description": "edited"}}})).await?;
    env.settled(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.description.as_deref() == Some("edited"));
    Ok(())
}

#[tokio::test]
async fn crds_account_and_namespace_that_are_deleted_at_once_leave_nothing_behind() -> Result<()> {
    let (env, _alone) = alone("crds-at-once").await?;
    let _operator = env.start().await?;
    env.create(&env.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let manifests = manifests(&env).await?;
    // The account and its kind first: the objects need it for their cleanup.
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    for name in NAMES.into_iter().rev() {
        crds(&env).delete(name, &DeleteParams::default()).await?;
    }
    delete_namespace(&env).await?;
    are_gone(&env).await?;
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    eventually("the namespace is gone", async || {
        ensure!(namespaces.get_opt(&env.namespace).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    ensure!(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_none(), "the role was left behind");
    create(&env, &manifests).await // for the tests after this one
}

#[tokio::test]
async fn roles_outlive_their_crds_where_no_operator_runs_and_the_finalizers_are_taken_off() -> Result<()> {
    let (mut env, _alone) = alone("crds-spared").await?;
    env.settings = env.settings.flag("--cluster-name=prod");
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    let role = env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (before, copy) = (role_of(&env, OBJECT).await?, env.copied(OBJECT).await?);
    let manifests = manifests(&env).await?;
    operator.stop().await?;
    lose_cluster(&env).await?;
    delete(&env).await?;
    ensure!(tester.works(&copy).await?, "a session ended with the CRDs");

    create(&env, &manifests).await?;
    apply(&env, &role).await?;
    let _operator = env.start().await?;
    env.settled(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.id == before.id && created(&env.proxy) == 1, "the role was made again");
    ensure!(tester.works(&copy).await?, "a session from before was ended");
    tester.has_a_working_set(OBJECT).await.map(drop)
}
