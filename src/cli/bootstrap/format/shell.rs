//! A script for bash and the AWS CLI. It may be run again: what exists is brought up to date.

use serde_json::Value;

use crate::decide::bootstrap::{Identity, Policy, Setup};

/// The account of the CLI's credentials: a variable of the script.
pub(super) const ACCOUNT: &str = "${account}";

/// The script.
pub(super) fn render(setup: &Setup) -> Result<String, serde_json::Error> {
    let Setup { place, purpose, boundary, identity, policy, bounded_path: _ } = setup;
    let mut parts = vec![format!(
        "#!/usr/bin/env bash\n# CrossAccountRole operator: {purpose}.\n# Needs the AWS CLI with credentials of an administrator of \
         the account.\nset -euo pipefail"
    )];
    parts.push(account_check(&place.account));
    if let Some(Policy { name, description, document }) = boundary {
        let arn = place.arn(&format!("policy/{name}"));
        parts.push(variable("boundary", document)?);
        parts.push(format!(
            "if aws iam get-policy --policy-arn \"{arn}\" >/dev/null 2>&1; then\n  \
             # IAM keeps five versions. If this fails with LimitExceeded, delete an old one.\n  \
             aws iam create-policy-version --policy-arn \"{arn}\" --set-as-default --policy-document \"$boundary\"\n\
             else\n  \
             aws iam create-policy --policy-name {name} --description \"{description}\" --policy-document \"$boundary\"\n\
             fi"
        ));
    }
    let name = identity.name();
    match identity {
        Identity::Role { description, trust, .. } => {
            parts.push(variable("trust", trust)?);
            parts.push(format!(
                "if aws iam get-role --role-name {name} >/dev/null 2>&1; then\n  \
                 aws iam update-assume-role-policy --role-name {name} --policy-document \"$trust\"\n\
                 else\n  \
                 aws iam create-role --role-name {name} --description \"{description}\" \
                 --assume-role-policy-document \"$trust\"\n\
                 fi"
            ));
        }
        Identity::User { .. } => parts.push(format!(
            "aws iam get-user --user-name {name} >/dev/null 2>&1 || aws iam create-user --user-name {name}"
        )),
    }
    parts.push(variable("policy", &policy.document)?);
    let kind = identity.kind();
    let named = format!("--{kind}-name {name} --policy-name {}", policy.name);
    parts.push(format!("aws iam put-{kind}-policy {named} --policy-document \"$policy\"\n"));
    Ok(parts.join("\n\n"))
}

/// Finds out the account, or stops if the credentials are of another one.
fn account_check(account: &str) -> String {
    let asked = "$(aws sts get-caller-identity --query Account --output text)";
    if account == ACCOUNT {
        return format!("account={asked}");
    }
    let message = "the AWS credentials are of account $account";
    format!(
        "account={asked}\nif [ \"$account\" != {account} ]; then\n  echo \"{message}, not {account}\" >&2\n  exit 1\nfi"
    )
}

/// A variable with a document. The quotes of JSON need no escapes in a here-document, where `${account}` is replaced.
fn variable(name: &str, document: &Value) -> Result<String, serde_json::Error> {
    Ok(format!("{name}=$(cat <<JSON\n{}\nJSON\n)", serde_json::to_string_pretty(document)?))
}
