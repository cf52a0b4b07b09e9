//! Values of flags: parsed once, with an answer that says what to write instead.
//!
//! All of them are limited to characters that mean nothing in a policy, a template, HCL or a shell.

use crate::decide::bootstrap::ServiceAccount;
use crate::domain::{AccountId, Arn, Grantee, GranteeKind, Partition, RoleArn, RoleName, RolePath};

/// The characters of IAM names.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}

/// An account id.
pub(super) fn account(text: &str) -> Result<String, String> {
    AccountId::parse(text).map(|id| id.to_string()).ok_or_else(|| "write the 12 digits of an account id".to_owned())
}

/// A partition.
pub(super) fn partition(text: &str) -> Result<Partition, String> {
    let known = || Partition::all().map(Partition::as_str).collect::<Vec<_>>().join(", ");
    Partition::parse(text).ok_or_else(|| format!("write one of {}", known()))
}

/// The name of a role or user.
pub(super) fn role_name(text: &str) -> Result<String, String> {
    RoleName::parse(text).map(|name| name.to_string()).map_err(|error| error.to_string())
}

/// The name of a managed policy (IAM API reference, `CreatePolicy`).
pub(super) fn policy_name(text: &str) -> Result<String, String> {
    let fine = (1..=128).contains(&text.len()) && text.chars().all(is_plain);
    fine.then(|| text.to_owned()).ok_or_else(|| "write 1 to 128 characters of A-Z a-z 0-9 + = , . @ _ -".to_owned())
}

/// The path of the roles that the operator manages: not the whole account.
pub(super) fn role_path(text: &str) -> Result<String, String> {
    let path = RolePath::parse(text).map_err(|error| error.to_string())?;
    if path.as_str() == "/" {
        return Err("the path / has every role of the account; write a path for the operator alone".to_owned());
    }
    let plain = path.as_str().chars().all(|letter| is_plain(letter) || letter == '/');
    let wrong = || "write segments of A-Z a-z 0-9 + = , . @ _ - between slashes, such as /crossaccount/".to_owned();
    plain.then(|| text.to_owned()).ok_or_else(wrong)
}

/// An external id (STS API reference, `AssumeRole`).
pub(super) fn external_id(text: &str) -> Result<String, String> {
    let fine = (2..=1224).contains(&text.len()) && text.chars().all(|letter| is_plain(letter) || ":/".contains(letter));
    fine.then(|| text.to_owned())
        .ok_or_else(|| "write 2 to 1224 characters of A-Z a-z 0-9 _ + = , . @ : / -".to_owned())
}

/// The name of a cluster. It is the value of a tag.
pub(super) fn cluster(text: &str) -> Result<String, String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "_.:/=+-@".contains(letter);
    let fine = (1..=256).contains(&text.len()) && text.chars().all(allowed);
    fine.then(|| text.to_owned()).ok_or_else(|| "write 1 to 256 letters, digits and _.:/=+-@".to_owned())
}

/// The user or role that the operator is.
pub(super) fn operator_arn(text: &str) -> Result<String, String> {
    let session = Arn::split(text).is_some_and(|arn| arn.resource.starts_with("assumed-role/"));
    if session {
        return Err(
            "this is the ARN of a session; write that of its role, arn:aws:iam::<account>:role/<name>".to_owned()
        );
    }
    match principal(text) {
        Some(kind) if kind != GranteeKind::Group => Ok(text.to_owned()),
        _ => {
            Err("write the ARN of a user or role, such as arn:aws:iam::111111111111:role/crossaccount-operator"
                .to_owned())
        }
    }
}

/// Another role that the operator assumes.
pub(super) fn role_arn(text: &str) -> Result<String, String> {
    let wrong =
        || "write the ARN of one role, without wildcards, such as arn:aws:iam::222222222222:role/reports".to_owned();
    (principal(text) == Some(GranteeKind::Role)).then(|| text.to_owned()).ok_or_else(wrong)
}

/// A user, group or role that may be given permission.
pub(super) fn grantee(text: &str) -> Result<String, String> {
    let wrong = || {
        "write the ARN of one user, group or role, without wildcards, such as arn:aws:iam::111111111111:user/deployer"
            .to_owned()
    };
    principal(text).map(|_| text.to_owned()).ok_or_else(wrong)
}

/// The kind of the principal that an ARN of IAM names; none for anything else.
fn principal(text: &str) -> Option<GranteeKind> {
    let arn = Arn::of_iam(text).filter(|arn| Partition::parse(arn.partition).is_some())?;
    let (kind, path_and_name) = arn.resource.split_once('/')?;
    let kind = match kind {
        "user" => GranteeKind::User,
        "group" => GranteeKind::Group,
        "role" => GranteeKind::Role,
        _ => return None,
    };
    let (path, name) = path_and_name.rsplit_once('/').unwrap_or(("", path_and_name));
    let plain = path.chars().all(|letter| is_plain(letter) || letter == '/');
    let named = Grantee::new(AccountId::parse(arn.account)?, kind, name).is_some();
    (plain && named && (kind != GranteeKind::Role || RoleArn::parse(text).is_ok())).then_some(kind)
}

/// An OIDC provider of IAM.
pub(super) fn oidc_provider(text: &str) -> Result<String, String> {
    let provider = Arn::of_iam(text).filter(|arn| Partition::parse(arn.partition).is_some());
    let provider = provider.filter(|arn| AccountId::parse(arn.account).is_some());
    let issuer = provider.and_then(|arn| arn.resource.strip_prefix("oidc-provider/"));
    let plain =
        |issuer: &str| !issuer.is_empty() && issuer.chars().all(|letter| is_plain(letter) || ":/".contains(letter));
    let wrong = || {
        "write the ARN of an OIDC provider: arn:aws:iam::<account>:oidc-provider/<issuer without https://>".to_owned()
    };
    issuer.filter(|issuer| plain(issuer)).map(|_| text.to_owned()).ok_or_else(wrong)
}

/// A service account, with its namespace.
pub(super) fn service_account(text: &str) -> Result<ServiceAccount, String> {
    let name = |text: &str, longest| {
        let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter);
        (1..=longest).contains(&text.len()) && text.chars().all(inner)
    };
    match text.split_once('/') {
        Some((namespace, account)) if name(namespace, 63) && name(account, 253) => {
            Ok(ServiceAccount { namespace: namespace.to_owned(), name: account.to_owned() })
        }
        _ => Err("write namespace/name, such as crossaccount-system/crossaccount-operator".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_that_is_not_of_one_principal_is_refused() {
        for wrong in [
            "111111111111",
            "arn:aws:iam::111111111111:root",
            "arn:aws:iam::111111111111:user/*",
            "arn:aws:iam::111111111111:user/${aws:username}",
            "arn:aws:iam::1111:user/deployer",
            "arn:aws-mars:iam::111111111111:user/deployer",
            "arn:aws:s3:::bucket",
        ] {
            assert!(grantee(wrong).is_err() && operator_arn(wrong).is_err(), "{wrong}");
        }
        for right in ["arn:aws:iam::111111111111:user/deployer", "arn:aws-cn:iam::111111111111:role/path/of/role"] {
            assert!(grantee(right).is_ok() && operator_arn(right).is_ok(), "{right}");
        }
        assert!(operator_arn("arn:aws:iam::111111111111:group/developers").is_err());
        let session = operator_arn("arn:aws:sts::111111111111:assumed-role/operator/x").unwrap_err();
        assert!(session.contains("session"), "{session}");
    }

    #[test]
    fn a_path_that_has_more_than_the_operators_roles_is_refused() {
        for wrong in ["/", "crossaccount", "/cross*/", "/a//b/", "/${x}/"] {
            assert!(role_path(wrong).is_err(), "{wrong}");
        }
        assert_eq!(role_path("/team/crossaccount/"), Ok("/team/crossaccount/".to_owned()));
    }

    #[test]
    fn nothing_that_a_shell_or_a_template_would_read_gets_into_a_document() {
        for wrong in ["$(id)", "${x}", "`id`", "a\"b", "a'b", "a\\b", "a b", "a\nb", "%{x}"] {
            assert!(external_id(wrong).is_err(), "{wrong:?}");
            assert!(cluster(wrong).is_err(), "{wrong:?}");
            assert!(policy_name(wrong).is_err(), "{wrong:?}");
            assert!(role_name(wrong).is_err(), "{wrong:?}");
            assert!(oidc_provider(&format!("arn:aws:iam::111111111111:oidc-provider/{wrong}")).is_err(), "{wrong:?}");
            assert!(service_account(&format!("a/{wrong}")).is_err(), "{wrong:?}");
        }
    }
}
