//! Each form of each setup, applied to an account or read by the tools that will read it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::plugin::{administrator_of, file, program, run};
use super::setups::{SETUPS, documents, flags, is_set_up, printed, same};
use crate::consumers::program::path_with;
use lab::{
    aws::Account,
    emulator::{accounts, emulator},
    folder, script,
    wait::eventually,
};

/// The folder of the AWS CLI.
async fn cli() -> Result<PathBuf> {
    let printed = lab::run(Command::new(folder().join("consumers.sh")).arg("consumers/python")).await?;
    Ok(Path::new(printed.trim_end()).join("bin"))
}

async fn account() -> Result<Account> {
    let [id, _] = accounts();
    Account::open(emulator().await?.endpoint(), &id).await
}

#[tokio::test]
async fn the_script_makes_a_role_or_user_and_brings_it_up_to_date_when_run_again() -> Result<()> {
    let cli = cli().await?;
    // One of each kind: every call is a new process of the CLI.
    for setup in [SETUPS[0], SETUPS[3], SETUPS[6]] {
        let account = account().await?;
        let flags = flags(setup, account.id());
        let script = file("setup.sh", &printed(&flags, "--format cli").await?)?;
        let settings = administrator_of(&account, emulator().await?.endpoint());
        let expected = documents(&flags, account.id()).await?;
        for _ in 0..2 {
            let mut bash = Command::new("bash");
            bash.arg(&script).env("PATH", path_with(&cli)?);
            run(bash, &settings).await?.succeeded().context(setup)?;
            is_set_up(&account, &expected).await.context(setup)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_script_for_one_account_does_nothing_in_another() -> Result<()> {
    let (account, cli) = (account().await?, cli().await?);
    let script = printed(&flags(SETUPS[0], account.id()), "--format cli --account-id 222222222222").await?;
    let mut bash = Command::new("bash");
    bash.arg(file("setup.sh", &script)?).env("PATH", path_with(&cli)?);
    let refused = run(bash, &administrator_of(&account, emulator().await?.endpoint())).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.errors.contains(account.id()) && refused.errors.contains("222222222222"), "{refused:?}");
    assert_eq!(account.role("crossaccount-manager").await?, None);
    Ok(())
}

#[tokio::test]
async fn a_stack_of_the_template_makes_each_setup() -> Result<()> {
    let cli = cli().await?;
    for setup in SETUPS {
        let account = account().await?;
        let flags = flags(setup, account.id());
        let template = file("template.yaml", &printed(&flags, "").await?)?;
        let settings = administrator_of(&account, emulator().await?.endpoint());
        let mut create = program(&cli, "aws");
        create.args(["cloudformation", "create-stack", "--stack-name", "crossaccount"]);
        create.args(["--capabilities", "CAPABILITY_NAMED_IAM", "--template-body"]);
        create.arg(format!("file://{}", template.display()));
        run(create, &settings).await?.succeeded().context(setup)?;
        let expected = documents(&flags, account.id()).await?;
        eventually("the stack has made everything", async || is_set_up(&account, &expected).await)
            .await
            .context(setup)?;
    }
    Ok(())
}

#[tokio::test]
async fn cfn_lint_finds_nothing_wrong_with_the_templates() -> Result<()> {
    let bin = script("cfn-lint.sh").await?.join("bin");
    for setup in SETUPS {
        let flags = flags(setup, "333333333333");
        let template = file("template.yaml", &printed(&flags, "").await?)?;
        let mut lint = program(&bin, "cfn-lint");
        lint.args(["--regions", "eu-west-1", "--template"]).arg(&template);
        let found = run(lint, &[]).await?;
        assert_eq!((found.code, found.out.as_str()), (Some(0), ""), "{setup}: {found:?}");
    }
    let mistaken = printed(&flags(SETUPS[0], "333333333333"), "").await?.replace("RoleName", "NameOfRole");
    let mut lint = program(&bin, "cfn-lint");
    lint.args(["--regions", "eu-west-1", "--template"]).arg(file("template.yaml", &mistaken)?);
    let found = run(lint, &[]).await?;
    assert!(found.code != Some(0) && found.out.contains("NameOfRole"), "a mistake is not found: {found:?}");
    Ok(())
}

#[tokio::test]
async fn the_terraform_file_evaluates_to_the_documents() -> Result<()> {
    let evaluator = script("hcl.sh").await?;
    let account = "333333333333";
    for setup in SETUPS {
        let flags = flags(setup, account);
        let mut evaluate = program(&evaluator, "evaluate");
        evaluate.arg(file("main.tf", &printed(&flags, "--format terraform").await?)?).args(["aws", account]);
        let resources = run(evaluate, &[]).await?.succeeded().context(setup)?;
        let resources: Value = serde_json::from_str(&resources)?;
        evaluates_to(&resources, &documents(&flags, account).await?).context(setup)?;
    }
    Ok(())
}

/// Whether the resources are the documents and nothing else.
fn evaluates_to(resources: &Value, documents: &Value) -> Result<()> {
    let text = |resource: &str, field: &str| -> Result<Value> {
        let text = resources[resource][field].as_str().with_context(|| format!("{resource} has no {field}"))?;
        Ok(serde_json::from_str(text)?)
    };
    let mut seen = 0;
    for (name, expected) in documents["managedPolicies"].as_object().into_iter().flatten() {
        seen += 1;
        ensure!(resources["aws_iam_policy.boundary"]["name"] == name.as_str(), "the boundary has another name");
        same("the boundary", &text("aws_iam_policy.boundary", "policy")?, expected)?;
    }
    for (kind, identities) in [("role", &documents["roles"]), ("user", &documents["users"])] {
        for (name, expected) in identities.as_object().into_iter().flatten() {
            seen += 2;
            let (identity, policy) = (format!("aws_iam_{kind}.identity"), format!("aws_iam_{kind}_policy.identity"));
            ensure!(resources[&identity]["name"] == name.as_str(), "the {kind} has another name");
            ensure!(resources[&policy][kind] == name.as_str(), "the policy is of another {kind}");
            let document = expected["policies"].as_object().and_then(|all| all.values().next()).context("no policy")?;
            same("the policy", &text(&policy, "policy")?, document)?;
            if kind == "role" {
                same("the trust policy", &text(&identity, "assume_role_policy")?, &expected["trust"])?;
            }
        }
    }
    let count = resources.as_object().map_or(0, serde_json::Map::len);
    ensure!(count == seen, "{count} resources for {seen} documents");
    Ok(())
}
