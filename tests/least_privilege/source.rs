//! The manager of an account whose users, groups and roles are given permissions.

use anyhow::Result;
use crossaccount::decide::bootstrap::manager_trust;
use serde_json::json;

use super::stage::{Trial, manager};
use lab::{
    aws::{MANAGER, grants, manager as manager_of, policy},
    env::{MANAGED, TestEnv},
};

#[tokio::test]
async fn the_manager_of_a_source_account_writes_inline_policies_of_the_listed_principals_and_does_nothing_else()
-> Result<()> {
    let env = TestEnv::bare("listed").await?;
    let (source, mut trial) = (&env.aws.source, Trial::default());
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})).to_string();
    for (listed, other) in [("deployer", "anna"), ("releasers", "staff"), ("runner", "payroll")] {
        for name in [listed, other] {
            source.iam().create_user().user_name(name).send().await?;
            source.iam().create_group().group_name(name).send().await?;
            source.create_role(name, &manager_trust(&manager_of(source.id())), &serde_json::from_str(&read)?).await?;
        }
    }
    let trust = manager_trust(&manager_of(&env.aws.operator.arn));
    let listed = grants(source, &["user/deployer", "group/releasers", "role/runner"]);
    let arn = source.create_role(MANAGER, &trust, &listed).await?;
    let iam = &manager(&env, &arn).await?;

    let user = |name: &str| iam.put_user_policy().user_name(name).policy_name("grants").policy_document(&read);
    let group = |name: &str| iam.put_group_policy().group_name(name).policy_name("grants").policy_document(&read);
    let role = |name: &str| iam.put_role_policy().role_name(name).policy_name("grants").policy_document(&read);
    trial.allows("a policy of the listed user", user("deployer").send()).await;
    trial.allows("a policy of the listed group", group("releasers").send()).await;
    trial.allows("a policy of the listed role", role("runner").send()).await;
    trial.allows("the listed user", iam.get_user().user_name("deployer").send()).await;
    trial.allows("its policy", iam.get_user_policy().user_name("deployer").policy_name("grants").send()).await;
    trial.allows("no policy of it", iam.delete_user_policy().user_name("deployer").policy_name("grants").send()).await;

    for name in ["anna", "releasers", "runner", "lab-administrator", "crossaccount-operator"] {
        trial.forbids(&format!("a policy of user {name}"), "PutUserPolicy", user(name).send()).await;
    }
    for name in ["staff", "deployer", "runner"] {
        trial.forbids(&format!("a policy of group {name}"), "PutGroupPolicy", group(name).send()).await;
    }
    for name in ["payroll", "deployer", "releasers", MANAGER] {
        trial.forbids(&format!("a policy of role {name}"), "PutRolePolicy", role(name).send()).await;
    }
    let delete = iam.delete_user_policy().user_name("lab-administrator").policy_name("lab");
    trial.forbids("no policy of another user", "DeleteUserPolicy", delete.send()).await;
    let attach = iam.attach_user_policy().user_name("deployer").policy_arn(MANAGED);
    trial.forbids("a managed policy of the listed user", "AttachUserPolicy", attach.send()).await;
    trial.forbids("a key of it", "CreateAccessKey", iam.create_access_key().user_name("deployer").send()).await;
    trial.forbids("no such user", "DeleteUser", iam.delete_user().user_name("deployer").send()).await;
    let trusting = iam.update_assume_role_policy().role_name("runner").policy_document(trust.to_string());
    trial.forbids("the trust policy of the listed role", "UpdateAssumeRolePolicy", trusting.send()).await;
    trial
        .forbids("a role", "CreateRole", iam.create_role().role_name("new").assume_role_policy_document(&read).send())
        .await;
    trial.ends()
}
