//! `bootstrap check` against accounts that are as they should be, and against accounts that are not.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::plugin::{Printed, administrator_of, bootstrap, settings};
use super::setups::{OPERATOR, SETUPS, documents, flags};
use lab::{
    aws::{Account, policy},
    aws_proxy::AwsProxy,
    emulator::{accounts, emulator},
};

const MANAGER: &str = "crossaccount-manager";

/// An account that is set up, and the way to it. AWS gives the boundary in the bulk read, the emulator alone does not.
struct Stage {
    account: Account,
    proxy: AwsProxy,
    flags: Vec<String>,
    documents: Value,
}

impl Stage {
    async fn new(setup: &str) -> Result<Self> {
        let [id, _] = accounts();
        let account = Account::open(emulator().await?.endpoint(), &id).await?;
        let flags = flags(setup, &id);
        let documents = documents(&flags, &id).await?;
        let stage = Self { account, proxy: AwsProxy::start(emulator().await?.address())?, flags, documents };
        stage.set_up().await?;
        Ok(stage)
    }

    async fn set_up(&self) -> Result<()> {
        for (name, document) in fields(&self.documents["managedPolicies"]) {
            self.account.create_policy(name, document).await?;
        }
        for (name, role) in fields(&self.documents["roles"]) {
            let (policy, document) = fields(&role["policies"]).next().context("no policy")?;
            let create = self.account.iam().create_role().role_name(name);
            create.assume_role_policy_document(role["trust"].to_string()).send().await?;
            self.account.put_role_policy(name, policy, document).await?;
        }
        for (name, user) in fields(&self.documents["users"]) {
            let (policy, document) = fields(&user["policies"]).next().context("no policy")?;
            self.account.iam().create_user().user_name(name).send().await?;
            self.account.put_user_policy(name, policy, document).await?;
        }
        Ok(())
    }

    /// What the plugin says of the account, as its administrator.
    async fn check(&self) -> Result<Printed> {
        self.check_as(&administrator_of(&self.account, &self.proxy.endpoint())).await
    }

    async fn check_as(&self, settings: &[(String, String)]) -> Result<Printed> {
        let words = ["check".to_owned()].into_iter().chain(self.flags.iter().cloned());
        bootstrap(&words.collect::<Vec<_>>(), settings).await
    }

    /// The only line that is said.
    async fn says(&self) -> Result<String> {
        let printed = self.check().await?;
        let lines: Vec<&str> = printed.out.lines().collect();
        ensure!(printed.code == Some(1) && lines.len() == 1, "not one line and exit code 1: {printed:?}");
        Ok(lines[0].to_owned())
    }

    async fn matches(&self) -> Result<()> {
        let printed = self.check().await?;
        ensure!(printed.code == Some(0), "it does not match: {printed:?}");
        ensure!(printed.out == format!("account {} matches\n", self.account.id()), "{printed:?}");
        Ok(())
    }

    fn trust(&self) -> Value {
        self.documents["roles"][MANAGER]["trust"].clone()
    }

    async fn put_trust(&self, trust: &Value) -> Result<()> {
        let put = self.account.iam().update_assume_role_policy().role_name(MANAGER);
        put.policy_document(trust.to_string()).send().await?;
        Ok(())
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[tokio::test]
async fn an_account_that_has_just_been_set_up_matches() -> Result<()> {
    for setup in SETUPS {
        Stage::new(setup).await?.matches().await.context(setup)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_the_manager_lacks_or_has_too_much_of_is_named_with_the_policy_that_says_so() -> Result<()> {
    let stage = Stage::new(SETUPS[0]).await?;
    let (account, roles) = (&stage.account, stage.account.arn("role/crossaccount/*"));

    let mut lacking = stage.documents["roles"][MANAGER]["policies"][MANAGER].clone();
    let actions = lacking["Statement"].as_array_mut().into_iter().flatten().filter_map(|s| s["Action"].as_array_mut());
    actions.for_each(|actions| actions.retain(|action| action != "iam:UpdateRole"));
    account.put_role_policy(MANAGER, MANAGER, &lacking).await?;
    assert_eq!(stage.says().await?, format!("missing: role {MANAGER} does not allow iam:UpdateRole on {roles}"));
    account.put_role_policy(MANAGER, MANAGER, &stage.documents["roles"][MANAGER]["policies"][MANAGER]).await?;
    stage.matches().await?;

    let passes = policy(&json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}));
    account.put_role_policy(MANAGER, "extra", &passes).await?;
    let extra = format!("too wide: inline policy extra of role {MANAGER} allows");
    assert_eq!(stage.says().await?, format!("{extra} iam:PassRole on *"));

    let free = policy(&json!({"Effect": "Allow", "Action": "iam:CreateRole", "Resource": roles}));
    account.put_role_policy(MANAGER, "extra", &free).await?;
    let boundary = account.arn("policy/crossaccount-boundary");
    let condition = format!("without the condition StringEquals iam:PermissionsBoundary = {boundary}");
    assert_eq!(stage.says().await?, format!("{extra} iam:CreateRole on {roles} {condition}"));
    account.iam().delete_role_policy().role_name(MANAGER).policy_name("extra").send().await?;

    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    account.iam().attach_role_policy().role_name(MANAGER).policy_arn(administrator).send().await?;
    assert_eq!(
        stage.says().await?,
        format!("too wide: managed policy {administrator}, attached to role {MANAGER}, allows * on *")
    );
    account.iam().detach_role_policy().role_name(MANAGER).policy_arn(administrator).send().await?;
    stage.matches().await
}

#[tokio::test]
async fn a_trust_policy_that_lets_in_others_or_asks_for_no_external_id_is_too_wide() -> Result<()> {
    let stage = Stage::new(SETUPS[0]).await?;
    let what = format!("too wide: the trust policy of role {MANAGER} allows sts:AssumeRole to");

    let mut open = stage.trust();
    open["Statement"][0].as_object_mut().context("a statement")?.remove("Condition");
    stage.put_trust(&open).await?;
    let condition = "without the condition StringEquals sts:ExternalId = 7d1f0a";
    assert_eq!(stage.says().await?, format!("{what} {OPERATOR} {condition}"));

    let mut others = stage.trust();
    others["Statement"][0]["Principal"]["AWS"] = json!([OPERATOR, stage.account.arn("root")]);
    stage.put_trust(&others).await?;
    assert_eq!(stage.says().await?, format!("{what} {}", stage.account.arn("root")));
    Ok(())
}

#[tokio::test]
async fn a_boundary_that_was_edited_and_a_role_that_was_made_without_it_are_too_wide() -> Result<()> {
    let stage = Stage::new(SETUPS[0]).await?;
    let iam = stage.account.iam();
    let trust = stage.trust().to_string();
    let create = iam.create_role().role_name("free").path("/crossaccount/").assume_role_policy_document(trust);
    create.send().await?;
    let arn = stage.account.arn("role/crossaccount/free");
    let said = stage.says().await?;
    assert!(said.starts_with(&format!("too wide: {arn} ")) && said.contains("no permissions boundary"), "{said}");
    iam.delete_role().role_name("free").send().await?;

    let any = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let edit = iam.create_policy_version().policy_arn(stage.account.arn("policy/crossaccount-boundary"));
    edit.policy_document(any.to_string()).set_as_default(true).send().await?;
    let said = stage.check().await?;
    assert_eq!(said.code, Some(1));
    let what = "too wide: managed policy crossaccount-boundary does not deny";
    assert!(said.out.contains(&format!("{what} account:*, iam:*, organizations:* on *\n")), "{said:?}");
    assert!(said.out.contains(&format!("{what} sts:AssumeRole on {}\n", stage.account.arn("role/*"))), "{said:?}");
    Ok(())
}

#[tokio::test]
async fn a_user_of_the_operator_has_its_own_policy_and_no_group() -> Result<()> {
    let stage = Stage::new(SETUPS[6]).await?;
    let (iam, name) = (stage.account.iam(), "crossaccount-operator");
    iam.create_group().group_name("admins").send().await?;
    iam.add_user_to_group().group_name("admins").user_name(name).send().await?;
    assert!(stage.says().await?.starts_with("too wide: user crossaccount-operator is in group admins"));
    iam.remove_user_from_group().group_name("admins").user_name(name).send().await?;

    let wide = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
    stage.account.put_user_policy(name, "wide", &wide).await?;
    let expected = "too wide: inline policy wide of user crossaccount-operator allows sts:AssumeRole on *";
    assert_eq!(stage.says().await?, expected);
    Ok(())
}

#[tokio::test]
async fn an_account_in_which_nothing_was_set_up_lacks_everything() -> Result<()> {
    let stage = Stage::new(SETUPS[0]).await?;
    let iam = stage.account.iam();
    iam.delete_role_policy().role_name(MANAGER).policy_name(MANAGER).send().await?;
    iam.delete_role().role_name(MANAGER).send().await?;
    iam.delete_policy().policy_arn(stage.account.arn("policy/crossaccount-boundary")).send().await?;
    let said = stage.check().await?;
    assert_eq!(said.code, Some(1));
    let expected = "missing: there is no managed policy crossaccount-boundary in the account\n\
                    missing: there is no role crossaccount-manager in the account\n";
    assert_eq!(said.out, expected);
    Ok(())
}

#[tokio::test]
async fn a_permission_that_the_caller_lacks_is_named_and_what_was_not_read_is_not_judged() -> Result<()> {
    let stage = Stage::new(SETUPS[0]).await?;
    let little = policy(&json!({
        "Effect": "Allow",
        "Action": ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole", "iam:ListAttachedRolePolicies"],
        "Resource": "*",
    }));
    let reader = stage.account.create_user("reader", &little).await?;
    let keys = &reader.credentials;
    let settings = settings(&stage.proxy.endpoint(), keys.access_key_id(), keys.secret_access_key());
    let said = stage.check_as(&settings).await?;
    assert_eq!(said.code, Some(1));
    let lacks =
        |what: &str, operation: &str| format!("not read: {what}: {} is not allowed iam:{operation}; ", reader.arn);
    for line in [lacks("role crossaccount-manager", "ListRolePolicies"), lacks("the roles of the account", "ListRoles")]
    {
        assert!(said.out.contains(&line), "{line}: {said:?}");
    }
    assert_eq!(said.out.lines().count(), 2, "nothing is said of what was not read: {said:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_of_another_account_or_of_nobody_are_refused() -> Result<()> {
    let mut stage = Stage::new(SETUPS[0]).await?;
    stage.flags.extend(["--account-id", "222222222222"].map(str::to_owned));
    let said = stage.check().await?;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.errors.contains(stage.account.id()) && said.errors.contains("222222222222"), "{said:?}");

    let unknown = settings(&stage.proxy.endpoint(), "AKIAIOSFODNN7EXAMPLE", "none");
    let said = stage.check_as(&unknown).await?;
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.errors.contains("which account the AWS credentials are of"), "{said:?}");
    Ok(())
}
