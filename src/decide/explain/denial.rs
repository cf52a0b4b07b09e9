//! What AWS says in the message of an `AccessDenied`.
//!
//! IAM user guide, "Troubleshoot access denied error messages": "User: … is not authorized to perform: … on resource: …",
//! then either "because no … policy allows the … action" or "with an explicit deny in a … policy". The second half is
//! not always there: across accounts `AssumeRole` mostly stops after the resource.

use crate::domain::AccountId;

/// The kinds of policy that AWS names in a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// A policy of the caller.
    Identity,
    /// The trust policy of the role.
    Trust,
    /// The permissions boundary of the caller.
    Boundary,
    /// The session policy that the caller's own session was issued with.
    Session,
    /// A service control policy of the organization that the caller's account is in.
    ServiceControl,
    /// A resource control policy of the organization that the resource's account is in.
    ResourceControl,
    /// The policy of the VPC endpoint that the request came through.
    VpcEndpoint,
}

/// A denial, as far as its message describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDenied {
    /// ARN of the caller.
    pub caller: Option<String>,
    /// The action that was not allowed. `AssumeRole` with tags may be refused for `sts:TagSession`.
    pub action: Option<String>,
    /// The kind of policy that refused.
    pub by: Option<PolicyKind>,
    /// A statement with `Effect: Deny` refused. Then no further Allow helps.
    pub explicit: bool,
}

/// The words for each kind. A VPC endpoint that denies "transitively through a service control policy" is fixed in the
/// service control policy, so that kind comes first.
const WORDS: [(&str, PolicyKind); 9] = [
    ("service control policy", PolicyKind::ServiceControl),
    ("resource control policy", PolicyKind::ResourceControl),
    ("VPC endpoint policy", PolicyKind::VpcEndpoint),
    ("permissions boundary", PolicyKind::Boundary),
    ("session policy", PolicyKind::Session),
    ("sessions policy", PolicyKind::Session),
    ("role trust policy", PolicyKind::Trust),
    ("resource-based policy", PolicyKind::Trust),
    ("identity-based policy", PolicyKind::Identity),
];

impl AccessDenied {
    /// Reads a message.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let after = |words: &str| message.split_once(words).map(|(_, rest)| rest);
        let explicit = after("with an explicit deny");
        let cause = explicit.or_else(|| after("because no ")).unwrap_or_default();
        Self {
            caller: message.strip_prefix("User: ").and_then(|rest| rest.split_whitespace().next()).map(str::to_owned),
            action: after("not authorized to perform: ")
                .and_then(|rest| rest.split_whitespace().next())
                .map(str::to_owned),
            by: WORDS.iter().find(|(words, _)| cause.contains(words)).map(|(_, kind)| *kind),
            explicit: explicit.is_some(),
        }
    }
}

/// The account that a message names, such as that of `RegionDisabledException`.
#[must_use]
pub fn account_in(message: &str) -> Option<AccountId> {
    message.split(|c: char| !c.is_ascii_digit()).find_map(AccountId::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_twelve_digits_of_a_message() {
        let found =
            account_in("STS is not activated in this region for account:222222222222. Your account administrator");
        assert_eq!(found.map(|account| account.to_string()).as_deref(), Some("222222222222"));
        assert_eq!(account_in("in the year 2027"), None);
    }

    #[test]
    fn the_message_tells_action_policy_and_whether_it_was_forbidden_or_only_not_allowed() {
        use PolicyKind as Kind;
        let user = "User: arn:aws:iam::111111111111:user/op is not authorized to perform:";
        let role = "on resource: arn:aws:iam::222222222222:role/reader";
        for (rest, action, by, explicit) in [
            (format!("sts:AssumeRole {role}"), "sts:AssumeRole", None, false),
            (format!("sts:TagSession {role}"), "sts:TagSession", None, false),
            (
                format!("sts:AssumeRole {role} because no identity-based policy allows the sts:AssumeRole action"),
                "sts:AssumeRole",
                Some(Kind::Identity),
                false,
            ),
            (
                "sts:AssumeRole because no role trust policy allows the sts:AssumeRole action".into(),
                "sts:AssumeRole",
                Some(Kind::Trust),
                false,
            ),
            (
                "sts:AssumeRole with an explicit deny in the role trust policy".into(),
                "sts:AssumeRole",
                Some(Kind::Trust),
                true,
            ),
            (
                "sts:AssumeRole because no resource-based policy allows the sts:AssumeRole action".into(),
                "sts:AssumeRole",
                Some(Kind::Trust),
                false,
            ),
            (
                format!("iam:CreateRole {role} because no permissions boundary allows the iam:CreateRole action"),
                "iam:CreateRole",
                Some(Kind::Boundary),
                false,
            ),
            (
                format!("iam:GetRole {role} with an explicit deny in a sessions policy"),
                "iam:GetRole",
                Some(Kind::Session),
                true,
            ),
            (
                "sts:AssumeRole with an explicit deny in a service control policy".into(),
                "sts:AssumeRole",
                Some(Kind::ServiceControl),
                true,
            ),
            (
                format!("sts:AssumeRole {role} with an explicit deny in a resource control policy"),
                "sts:AssumeRole",
                Some(Kind::ResourceControl),
                true,
            ),
            (
                "sts:AssumeRole because no VPC endpoint policy allows the sts:AssumeRole action".into(),
                "sts:AssumeRole",
                Some(Kind::VpcEndpoint),
                false,
            ),
            (
                format!(
                    "sts:AssumeRole {role} with an explicit deny in a VPC endpoint policy transitively through a service \
                     control policy"
                ),
                "sts:AssumeRole",
                Some(Kind::ServiceControl),
                true,
            ),
            (format!("iam:GetRole {role} with an explicit deny"), "iam:GetRole", None, true),
        ] {
            let caller = Some("arn:aws:iam::111111111111:user/op".to_owned());
            let expected = AccessDenied { caller, action: Some(action.into()), by, explicit };
            assert_eq!(AccessDenied::read(&format!("{user} {rest}")), expected, "{rest}");
        }
        let nothing = AccessDenied { caller: None, action: None, by: None, explicit: false };
        assert_eq!(AccessDenied::read("Roles may not be assumed by root accounts."), nothing);
    }

    #[test]
    fn a_role_that_is_named_like_a_policy_is_no_policy() {
        let message = "User: u is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::222222222222:role/session policy";
        assert_eq!(AccessDenied::read(message).by, None);
    }
}
