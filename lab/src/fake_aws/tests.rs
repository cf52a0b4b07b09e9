//! What the fake AWS keeps, as the AWS SDK reads it.

use anyhow::{Result, anyhow};
use aws_sdk_iam::types::{EntityType, Tag};
use aws_sdk_sts::config::Credentials;
use aws_sdk_sts::error::ProvideErrorMetadata as _;

use super::*;
use crate::{aws::policy, emulator::aws_config};

const ACCOUNT: &str = "200000000000";

/// A server, and IAM of the account as its manager.
async fn managed() -> Result<(FakeAws, aws_sdk_iam::Client)> {
    let aws = FakeAws::start()?;
    let manager = aws.open_account(ACCOUNT);
    let session = assume(&aws, &manager, Some(MANAGER_EXTERNAL_ID)).await?;
    let iam = aws_sdk_iam::Client::new(&aws_config(&aws.endpoint(), session));
    Ok((aws, iam))
}

/// The error is the code of AWS.
async fn assume(aws: &FakeAws, role: &str, external_id: Option<&str>) -> Result<Credentials> {
    let sts = aws_sdk_sts::Client::new(&aws_config(&aws.endpoint(), aws.operator()));
    let call = sts.assume_role().role_arn(role).role_session_name("test");
    let answer = call.set_external_id(external_id.map(str::to_owned)).send().await;
    let answer = answer.map_err(|error| anyhow!("{}", error.code().unwrap_or("no answer").to_owned()))?;
    let set = answer.credentials.ok_or_else(|| anyhow!("no credentials"))?;
    Ok(Credentials::new(set.access_key_id, set.secret_access_key, Some(set.session_token), None, "test"))
}

#[tokio::test]
async fn a_role_is_assumed_only_with_its_external_id() -> Result<()> {
    let (aws, _) = managed().await?;
    let role = aws.add_role(NewRole { account: ACCOUNT, path: "/x/", name: "reader", external_id: Some("id") });
    for wrong in [None, Some("other")] {
        assert_eq!(assume(&aws, &role, wrong).await.unwrap_err().to_string(), "AccessDenied");
    }
    let session = assume(&aws, &role, Some("id")).await?;
    let sts = aws_sdk_sts::Client::new(&aws_config(&aws.endpoint(), session));
    let caller = sts.get_caller_identity().send().await?;
    assert_eq!(caller.arn(), Some("arn:aws:sts::200000000000:assumed-role/reader/test"));
    assert_eq!(aws.calls().of("AssumeRole"), 3);
    assert_eq!(aws.calls().of("AssumeRole (manager)"), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_written_to_a_role_is_read_back_singly_and_in_bulk() -> Result<()> {
    let (aws, iam) = managed().await?;
    let trust = policy(&serde_json::json!({"Effect": "Allow", "Action": "sts:AssumeRole"})).to_string();
    let tag = Tag::builder().key("team").value("finance & co").build()?;
    let create =
        iam.create_role().role_name("Reader").path("/x/").assume_role_policy_document(&trust).tags(tag.clone());
    create.permissions_boundary("arn:aws:iam::200000000000:policy/b").send().await?;
    iam.put_role_policy().role_name("reader").policy_name("read").policy_document("{}").send().await?;
    iam.attach_role_policy().role_name("reader").policy_arn("arn:aws:iam::aws:policy/P").send().await?;

    let role = iam.get_role().role_name("READER").send().await?.role.unwrap();
    assert_eq!((role.arn(), role.tags()), ("arn:aws:iam::200000000000:role/x/Reader", &[tag][..]));
    let inline = iam.get_role_policy().role_name("reader").policy_name("read").send().await?;
    assert_eq!(inline.policy_document(), "%7B%7D");

    let (mut details, mut marker) = (Vec::new(), None);
    loop {
        let call = iam.get_account_authorization_details().filter(EntityType::Role).max_items(1);
        let page = call.set_marker(marker).send().await?;
        details.extend(page.role_detail_list.unwrap_or_default());
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    let names: Vec<_> = details.iter().filter_map(|role| role.role_name()).collect();
    assert_eq!(names, [MANAGER, "Reader"]);
    assert_eq!(details[1].attached_managed_policies()[0].policy_arn(), Some("arn:aws:iam::aws:policy/P"));
    assert_eq!(aws.roles(), 2);
    Ok(())
}

#[tokio::test]
async fn a_role_with_policies_is_not_deleted() -> Result<()> {
    let (aws, iam) = managed().await?;
    aws.add_role(NewRole { account: ACCOUNT, path: "/", name: "reader", external_id: None });
    let delete = async || iam.delete_role().role_name("reader").send().await;
    assert_eq!(delete().await.unwrap_err().code(), Some("DeleteConflict"));
    iam.delete_role_policy().role_name("reader").policy_name("read").send().await?;
    let managed = iam.list_attached_role_policies().role_name("reader").send().await?;
    let arn = managed.attached_policies()[0].policy_arn().unwrap();
    iam.detach_role_policy().role_name("reader").policy_arn(arn).send().await?;
    delete().await?;
    assert_eq!(iam.get_role().role_name("reader").send().await.unwrap_err().code(), Some("NoSuchEntity"));
    Ok(())
}
