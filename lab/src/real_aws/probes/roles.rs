//! Roles: names, descriptions, policies, reads.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::types::EntityType;
use serde_json::json;

use crate::{
    aws::policy,
    real_aws::probe::{Probe, Subject, refused, trusting},
};

pub fn probes() -> Vec<Probe> {
    vec![
        Probe {
            rule: "names",
            claim: "a role name that differs in case only is EntityAlreadyExists",
            calls: &["iam:CreateRole", "iam:PutRolePolicy"],
            ask: |subject| Box::pin(names(subject)),
        },
        Probe {
            rule: "iam",
            claim: "an empty description clears it",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateRole", "iam:GetRole"],
            ask: |subject| Box::pin(description(subject)),
        },
        Probe {
            rule: "iam",
            claim: "a policy that does not exist is not attached: NoSuchEntity",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"],
            ask: |subject| Box::pin(missing_policy(subject)),
        },
        Probe {
            rule: "pages",
            claim: "MaxItems cuts a list of inline policies, and Marker goes on with the rest",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:ListRolePolicies"],
            ask: |subject| Box::pin(pages(subject)),
        },
        Probe {
            rule: "details",
            claim: "GetAccountAuthorizationDetails shows the permissions boundary of a role",
            calls: &[
                "iam:CreateRole",
                "iam:PutRolePolicy",
                "iam:CreatePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:GetAccountAuthorizationDetails",
            ],
            ask: |subject| Box::pin(boundary(subject)),
        },
    ]
}

async fn names(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("name", None).await?;
    let create = subject.iam().create_role().role_name(subject.name("NAME")).path(subject.place.names.path());
    let trust = policy(&trusting(&subject.caller.arn, None)).to_string();
    refused(create.assume_role_policy_document(trust).send().await, "EntityAlreadyExists")?;
    Ok(())
}

async fn description(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("described", None).await?;
    let name = subject.name("described");
    for (given, shown) in [("for a probe", Some("for a probe")), ("", None)] {
        let update = subject.iam().update_role().role_name(&name).description(given).max_session_duration(3600);
        subject.soon("the role can be changed", async || Ok(update.clone().send().await?)).await?;
        subject
            .soon("the description is as it was given", async || {
                let role = subject.iam().get_role().role_name(&name).send().await?.role.context("no role")?;
                let found = role.description.filter(|text| !text.is_empty());
                ensure!(found.as_deref() == shown, "it is {found:?}");
                Ok(())
            })
            .await?;
    }
    Ok(())
}

async fn missing_policy(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("attached", None).await?;
    let nothing = format!("policy{}{}", subject.place.names.path(), subject.name("nothing"));
    let attach = subject.iam().attach_role_policy().role_name(subject.name("attached"));
    refused(attach.policy_arn(subject.place.target.arn(&nothing)).send().await, "NoSuchEntity")?;
    Ok(())
}

async fn pages(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("pages", None).await?;
    let name = subject.name("pages");
    let nothing = policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    subject.place.target.put_role_policy(&name, "second", &nothing).await?;
    let list = subject.iam().list_role_policies().role_name(&name).max_items(1);
    subject
        .soon("the two pages have one policy each", async || {
            let first = list.clone().send().await?;
            ensure!(first.is_truncated && first.policy_names.len() == 1, "the first page is {:?}", first.policy_names);
            let marker = first.marker.context("the first page has no Marker")?;
            let second = list.clone().marker(marker).send().await?;
            let names = [first.policy_names, second.policy_names].concat();
            ensure!(names == ["lab", "second"] && !second.is_truncated, "the pages are {names:?}");
            Ok(())
        })
        .await
}

async fn boundary(subject: &Subject<'_>) -> Result<()> {
    let (target, name) = (&subject.place.target, subject.name("bounded"));
    subject.trusting_role("bounded", None).await?;
    let all = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let arn = target.create_policy(&subject.name("limit"), &all).await?;
    let put = subject.iam().put_role_permissions_boundary().role_name(&name).permissions_boundary(&arn);
    subject.soon("the boundary can be put", async || Ok(put.clone().send().await?)).await?;
    subject
        .soon("the bulk read shows the boundary", async || {
            let read = subject.iam().get_account_authorization_details().filter(EntityType::Role);
            let mut pages = read.into_paginator().send();
            let mut found = None;
            while let Some(page) = pages.try_next().await? {
                let roles = page.role_detail_list.unwrap_or_default();
                found = found.or(roles.into_iter().find(|role| role.role_name.as_deref() == Some(name.as_str())));
            }
            let shown = found.context("the role is not there")?.permissions_boundary.context("it has no boundary")?;
            ensure!(shown.permissions_boundary_arn.as_deref() == Some(arn.as_str()), "it is {shown:?}");
            Ok(())
        })
        .await
}
