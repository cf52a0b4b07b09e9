//! The whole life of a role, against a real API server and an AWS that enforces.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, annotation};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::support::{
    builders::document,
    life::{Life, MANAGED},
    operator::Operator,
    wait::eventually,
};

#[tokio::test]
async fn a_role_is_created_whole_and_its_credentials_are_who_they_should_be() -> Result<()> {
    let life = Life::new("created").await?;
    let _operator = life.start().await?;
    let role = life.ready_role("reader").await?;

    let name = life.iam_name("reader");
    let target = &life.scenario.aws.target;
    let found = target.role(&name).await?.context("there is no such role")?;
    assert_eq!(found.path, "/crossaccount/");
    assert_eq!(found.boundary.as_ref(), Some(&life.scenario.aws.boundary_arn));
    assert_eq!(found.tags["crossaccount.dev/namespace"], life.scenario.namespace);
    assert_eq!(found.tags["crossaccount.dev/uid"], role.metadata.uid.clone().unwrap_or_default());
    assert!(target.inline_policies(&name).await?.contains_key("read-reports"));
    assert!(target.attached_policies(&name).await?.contains(MANAGED));

    let status = role.status.unwrap_or_default();
    let external_id = status.external_id.context("status names no external id")?;
    let condition = &found.trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"];
    assert_eq!(condition, &json!(external_id));
    let known = status.role.context("status names no role")?;
    assert_eq!((known.arn.as_ref(), known.id.as_ref(), known.created), (Some(&found.arn), Some(&found.id), true));

    let (data, annotations) = life.secret("reader").await?;
    assert_eq!(data.keys().collect::<Vec<_>>(), ["config", "credentials", "credentials.json"]);
    assert_eq!(annotations[annotation::ROLE_ARN], found.arn);
    let caller = status.credentials.and_then(|set| set.caller_arn).context("status names no caller")?;
    assert!(caller.ends_with(&format!(":assumed-role/{name}/{}.reader", life.scenario.namespace)), "{caller}");
    Ok(())
}

#[tokio::test]
async fn from_apply_to_ready_takes_seven_calls_and_a_quiet_role_none() -> Result<()> {
    let life = Life::new("counts").await?;
    // The account is entered once for all its roles; what comes after is the price of one role.
    let operator = life.start().await?;
    let accounts: Api<AWSAccount> = Api::all(life.scenario.kube.clone());
    eventually("the account is Ready", async || {
        let account = accounts.get(&life.scenario.namespace).await?;
        let conditions = account.status.unwrap_or_default().conditions;
        ensure!(conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"), "{conditions:?}");
        Ok(())
    })
    .await?;
    life.proxy.reset_counts();
    life.ready_role("reader").await?;
    let expected =
        ["GetRole", "CreateRole", "PutRolePolicy", "AttachRolePolicy", "AssumeRole", "GetCallerIdentity", "AssumeRole"];
    assert_eq!(life.actions(), expected);

    life.proxy.reset_counts();
    for n in 0..10 {
        // Any annotation wakes a reconcile; its trace in the metrics says that it is over.
        let before = reconciles(&operator).await?;
        life.patch("reader", json!({"metadata": {"annotations": {"test/wake": n.to_string()}}})).await?;
        eventually("it was reconciled", async || {
            ensure!(reconciles(&operator).await? > before, "not yet");
            Ok(())
        })
        .await?;
    }
    assert_eq!(life.actions(), Vec::<String>::new());
    Ok(())
}

/// Number of reconciles that ended well.
async fn reconciles(operator: &Operator) -> Result<u64> {
    let (_, metrics) = operator.get("/metrics").await?;
    let line = metrics.lines().find(|l| l.starts_with("crossaccount_reconciles_total{outcome=\"settled\"}"));
    Ok(line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_default())
}

#[tokio::test]
async fn one_renewal_takes_two_calls_and_a_request_counts_once() -> Result<()> {
    let life = Life::new("renewal").await?;
    let _operator = life.start().await?;
    let before = life.ready_role("reader").await?;
    // Times are kept in whole seconds, and the request must be later than the issue.
    let issued = before.status.clone().and_then(|s| s.credentials).and_then(|c| c.issued_at).context("not issued")?;
    eventually("a second has passed", async || {
        ensure!(jiff::Timestamp::now().as_second() > issued.0.as_second(), "not yet");
        Ok(())
    })
    .await?;
    life.proxy.reset_counts();
    let now = jiff::Timestamp::now().to_string();
    life.patch("reader", json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    life.issued_again("reader", &before).await?;
    life.patch("reader", json!({"spec": {"role": {"description": "another reconcile"}}})).await?;
    life.settled("reader").await?;
    let sts: Vec<String> =
        life.proxy.calls().into_iter().filter(|call| call.service == "sts").map(|call| call.action).collect();
    assert_eq!(sts, ["AssumeRole", "GetCallerIdentity"]);
    Ok(())
}

#[tokio::test]
async fn a_restart_with_twenty_good_roles_issues_nothing() -> Result<()> {
    let life = Life::new("restart").await?;
    let operator = life.start().await?;
    for n in 0..20 {
        life.roles.create(&PostParams::default(), &life.scenario.role(&format!("reader-{n}"))).await?;
    }
    for n in 0..20 {
        life.settled(&format!("reader-{n}")).await?;
    }
    operator.stop().await?;

    life.proxy.reset_counts();
    let operator = life.start().await?;
    eventually("all twenty were reconciled", async || {
        let seen = reconciles(&operator).await?;
        ensure!(seen >= 20, "{seen} so far");
        Ok(())
    })
    .await?;
    assert_eq!(life.actions(), ["GetCallerIdentity"], "only the operator's question who it is");
    Ok(())
}

#[tokio::test]
async fn each_changed_field_is_changed_in_aws() -> Result<()> {
    let life = Life::new("changes").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let (name, target) = (life.iam_name("reader"), &life.scenario.aws.target);

    let write =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]});
    life.patch(
        "reader",
        json!({"spec": {"role": {
            "description": "writes", "maxSessionDurationSeconds": 7200, "tags": {"cost": "42"}, "managedPolicyArns": [],
            "inlinePolicies": {"read-reports": null, "write": document(&write)},
        }}}),
    )
    .await?;
    life.settled("reader").await?;

    let role = target.role(&name).await?.context("there is no such role")?;
    assert_eq!((role.description.as_deref(), role.max_session_duration), (Some("writes"), Some(7200)));
    assert_eq!(role.tags["cost"], "42");
    assert_eq!(target.attached_policies(&name).await?.len(), 0);
    assert_eq!(target.inline_policies(&name).await?, BTreeMap::from([("write".to_owned(), write)]));
    Ok(())
}

#[tokio::test]
async fn an_output_more_is_written_from_the_set_that_is_there() -> Result<()> {
    let life = Life::new("outputs").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    life.proxy.reset_counts();

    life.patch("reader", json!({"spec": {"secret": {"outputs": ["Env"], "labels": {"team": "x"}}}})).await?;
    life.settled("reader").await?;

    let (data, _) = life.secret("reader").await?;
    assert!(data.contains_key("AWS_ACCESS_KEY_ID") && !data.contains_key("credentials"), "{:?}", data.keys());
    assert_eq!(life.proxy.count("AssumeRole"), 0);
    Ok(())
}

#[tokio::test]
async fn what_somebody_changes_in_aws_is_repaired() -> Result<()> {
    let mut life = Life::new("drift").await?;
    life.settings = life.settings.flag("--drift-interval=1s");
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let (name, target) = (life.iam_name("reader"), &life.scenario.aws.target);
    let before = target.role(&name).await?.context("there is no such role")?;

    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                      "Principal": {"AWS": life.scenario.aws.operator.arn}}]});
    target.iam().update_assume_role_policy().role_name(&name).policy_document(open.to_string()).send().await?;
    target.put_role_policy(&name, "more", &open_policy()).await?;
    target.iam().detach_role_policy().role_name(&name).policy_arn(MANAGED).send().await?;
    target.iam().delete_role_permissions_boundary().role_name(&name).send().await?;
    target.tag_role(&name, "stranger", "x").await?;

    eventually("the role is as before", async || {
        let role = target.role(&name).await?.context("there is no such role")?;
        ensure!(role == before, "{role:?}");
        let inline = target.inline_policies(&name).await?;
        ensure!(inline.keys().eq(["read-reports"]), "{inline:?}");
        ensure!(target.attached_policies(&name).await?.contains(MANAGED), "it is detached");
        Ok(())
    })
    .await?;
    life.settled("reader").await?;
    Ok(())
}

fn open_policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

#[tokio::test]
async fn a_deleted_and_an_edited_secret_heal() -> Result<()> {
    let life = Life::new("heals").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;

    life.secrets.delete("reader", &DeleteParams::default()).await?;
    let whole = async || {
        let (data, annotations) = life.secret("reader").await?;
        let json: Value = serde_json::from_str(data.get("credentials.json").context("no credentials.json")?)?;
        ensure!(json["Version"] == 1 && annotations.contains_key(annotation::CONTENT_HASH), "not whole");
        Ok((data, annotations))
    };
    let (data, _) = eventually("the Secret is back", whole).await?;

    let edit = json!({"data": {"credentials.json": null, "config": "aGVsbG8="}});
    life.secrets.patch("reader", &PatchParams::default(), &Patch::Merge(edit)).await?;
    let (healed, _) = eventually("the Secret is whole again", async || {
        let (healed, annotations) = whole().await?;
        ensure!(healed["config"] == data["config"], "the config is {:?}", healed["config"]);
        Ok((healed, annotations))
    })
    .await?;
    assert_eq!(healed["credentials"], data["credentials"], "an edit of other files needs no new session");

    let edit = json!({"stringData": {"credentials.json": "{}", "credentials": "[default]"}});
    life.secrets.patch("reader", &PatchParams::default(), &Patch::Merge(edit)).await?;
    eventually("a Secret without a usable set gets a new one", whole).await?;
    life.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_deleted_object_takes_its_role_and_its_secret_along() -> Result<()> {
    let life = Life::new("deleted").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let (name, target) = (life.iam_name("reader"), &life.scenario.aws.target);
    target.put_role_policy(&name, "foreign", &open_policy()).await?;
    let iam = target.iam();
    iam.create_instance_profile().instance_profile_name(&name).send().await?;
    iam.add_role_to_instance_profile().instance_profile_name(&name).role_name(&name).send().await?;

    life.roles.delete("reader", &DeleteParams::default()).await?;

    eventually("the object is gone", async || {
        let role = life.roles.get_opt("reader").await?;
        ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status));
        Ok(())
    })
    .await?;
    assert_eq!(target.role(&name).await?, None);
    assert!(life.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn no_part_of_a_credential_reaches_logs_events_status_or_metrics() -> Result<()> {
    let mut life = Life::new("redacted").await?;
    life.settings = life.settings.flag("--log-level=trace");
    let operator = life.start().await?;
    life.ready_role("reader").await?;
    let (data, _) = life.secret("reader").await?;
    let set: Value = serde_json::from_str(&data["credentials.json"])?;
    let own = life.scenario.aws.operator.credentials.secret_access_key().to_owned();

    let log = operator.log().read();
    let (_, metrics) = operator.get("/metrics").await?;
    let kubectl = async |what: &[&str]| {
        let mut command = life.scenario.control_plane.kubectl();
        crate::support::run(command.args(["get", "-n", &life.scenario.namespace, "-o", "yaml"]).args(what)).await
    };
    let objects = kubectl(&["crossaccountroles,events.events.k8s.io"]).await?;
    assert!(log.contains("credentials issued") && objects.contains("CredentialsIssued"), "the places are not empty");
    for secret in ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|key| set[key].as_str().unwrap_or_default()) {
        assert!(secret.len() > 10);
        for (place, text) in [("the log", &log), ("metrics", &metrics), ("objects", &objects)] {
            assert!(!text.contains(secret), "{place}");
            assert!(!text.contains(&own), "{place}: the operator's own key");
        }
    }
    Ok(())
}
