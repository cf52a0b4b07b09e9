//! The words of refusals that people and programs read: which resource was not allowed (IAM user guide, "Troubleshoot
//! access denied error messages") and what was not found.

use super::super::{call::Call, reply::Reply, xml};

/// Brings the message of an IAM error into AWS's words.
pub(crate) fn reword(call: &Call, account: &str, reply: Reply) -> Reply {
    let Some(code) = reply.error_code() else { return reply };
    let Some(message) = xml::element(reply.text(), "Message") else { return reply };
    let reworded = match code {
        "AccessDenied" => with_resource(message, &resource(call, account)),
        "NoSuchEntity" => not_found(message),
        _ => return reply,
    };
    let body = reply.text().replacen(message, &reworded, 1);
    reply.with_body(body)
}

/// Adds the resource to a denial that does not name it.
pub(crate) fn with_resource(message: &str, resource: &str) -> String {
    if message.contains(" on resource: ") {
        return message.to_owned();
    }
    let reason = [" because ", " with an explicit deny"].into_iter().filter_map(|reason| message.find(reason)).min();
    let (denial, reason) = message.split_at(reason.unwrap_or(message.len()));
    format!("{denial} on resource: {resource}{reason}")
}

/// Says of a refused action which kind of policy has no Allow, in AWS's words. `kind` is such as `identity-based policy`.
pub(crate) fn no_policy_allows(message: &str, kind: &str, action: &str) -> String {
    if message.contains(" because ") || message.contains(" with an explicit deny") {
        return message.to_owned();
    }
    format!("{message} because no {kind} allows the {action} action")
}

/// Says of a refused action which kind of policy denies it, in AWS's words.
pub(crate) fn explicitly_denied(message: &str, kind: &str) -> String {
    let article = if kind.starts_with('i') { "an" } else { "a" };
    format!("{message} with an explicit deny in {article} {kind}")
}

/// IAM names what is to be created by ARN, and other things by kind and name.
fn resource(call: &Call, account: &str) -> String {
    let form = &call.form;
    match (call.action.as_str(), form.get("RoleName"), form.get("UserName"), form.get("PolicyArn")) {
        ("CreateRole", Some(role), ..) => {
            format!("arn:aws:iam::{account}:role{}{role}", form.get("Path").unwrap_or("/"))
        }
        (_, Some(role), ..) => format!("role {role}"),
        (_, None, Some(user), _) => format!("user {user}"),
        (_, None, None, Some(policy)) => format!("policy {policy}"),
        _ => "*".to_owned(),
    }
}

fn not_found(message: &str) -> String {
    let words: Vec<_> = message.split(' ').collect();
    match words[..] {
        [kind @ ("Role" | "User" | "Group"), name, "not", "found."] => {
            format!("The {} with name {name} cannot be found.", kind.to_lowercase())
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_comes_before_the_reason() {
        let message = "User: u is not authorized to perform: iam:GetRole because no identity-based policy allows it";
        assert_eq!(
            with_resource(message, "role reader"),
            "User: u is not authorized to perform: iam:GetRole on resource: role reader because no identity-based policy allows it"
        );
    }

    #[test]
    fn what_is_not_found_is_named_as_aws_does() {
        assert_eq!(not_found("Role reader not found."), "The role with name reader cannot be found.");
        assert_eq!(not_found("Something else."), "Something else.");
    }
}
