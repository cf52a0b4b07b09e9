//! What a caller's own policies allow (IAM user guide, "Policy evaluation logic").

use serde_json::Value;

use super::{
    super::{
        upstream::{Upstream, UpstreamError},
        xml,
    },
    condition::{Context, all_hold, glob, texts},
    documents,
    evaluate::{covers, statements},
    sessions::Session,
    snapshot::{Entity, Snapshot},
};

/// A kind of policy that limits what a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Identity,
    Boundary,
    Session,
}

/// What all policies together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// A policy of this kind denies.
    Denied(Kind),
    /// No policy of this kind allows.
    Silent(Kind),
}

/// The policies that decide about a caller. Each kind must allow, and none may deny.
#[derive(Debug, Default)]
pub(crate) struct Policies(Vec<(Kind, Vec<Value>)>);

impl Policies {
    /// Collects the policies of a role or user, of the groups that a user is in, its permissions boundary and what its
    /// session was limited to.
    pub(crate) async fn gather(
        upstream: &Upstream,
        account: &Snapshot,
        principal: Option<Entity<'_>>,
        boundary: Option<&str>,
        session: Option<&Session>,
    ) -> Result<Self, UpstreamError> {
        let library = Library { upstream, account };
        let mut entities: Vec<Entity<'_>> = principal.into_iter().collect();
        let groups = principal.map(|principal| principal.groups()).unwrap_or_default();
        entities.extend(groups.into_iter().filter_map(|name| account.entity("Group", name)));
        let mut identity = Vec::new();
        for entity in entities {
            identity.extend(entity.inline_policies());
            identity.extend(library.managed(&entity.attached_policies()).await?);
        }
        let mut kinds = vec![(Kind::Identity, identity)];
        if let Some(boundary) = boundary {
            kinds.push((Kind::Boundary, library.managed(&[boundary]).await?));
        }
        if let Some(Session { policy, policy_arns, .. }) = session
            && !(policy.is_none() && policy_arns.is_empty())
        {
            let policy_arns: Vec<&str> = policy_arns.iter().map(String::as_str).collect();
            let mut passed = library.managed(&policy_arns).await?;
            passed.extend(policy.iter().map(|policy| serde_json::from_str(policy).unwrap_or_default()));
            kinds.push((Kind::Session, passed));
        }
        Ok(Self(kinds))
    }

    /// "An explicit deny in any of these policies overrides the allow" (IAM user guide, "Policy evaluation logic").
    pub(crate) fn decide(&self, action: &str, resource: &str, context: &Context) -> Decision {
        let says = |policies: &[Value], effect: &str| {
            policies.iter().flat_map(statements).any(|statement| {
                statement["Effect"] == effect
                    && covers(statement, action)
                    && reaches(statement, resource)
                    && all_hold(&statement["Condition"], context)
            })
        };
        let denied = self.0.iter().find(|(_, policies)| says(policies, "Deny"));
        let silent = || self.0.iter().find(|(_, policies)| !says(policies, "Allow"));
        match (denied, silent()) {
            (Some((kind, _)), _) => Decision::Denied(*kind),
            (None, Some((kind, _))) => Decision::Silent(*kind),
            (None, None) => Decision::Allowed,
        }
    }

    /// Those of the principal itself and of its groups.
    pub(crate) fn of_identity(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|(kind, _)| *kind == Kind::Identity).flat_map(|(_, policies)| policies)
    }

    /// Whether a statement about the action has a condition on this key.
    pub(crate) fn ask_for(&self, key: &str, action: &str) -> bool {
        let names = |keys: &Value| {
            keys.as_object().is_some_and(|keys| keys.keys().any(|named| named.eq_ignore_ascii_case(key)))
        };
        let asks = |statement: &Value| {
            covers(statement, action) && statement["Condition"].as_object().is_some_and(|all| all.values().any(names))
        };
        self.0.iter().flat_map(|(_, policies)| policies).flat_map(statements).any(asks)
    }
}

/// Whether a statement is about this resource.
fn reaches(statement: &Value, resource: &str) -> bool {
    let listed = |element: &str| texts(&statement[element]).iter().any(|pattern| glob(pattern, resource));
    if statement["NotResource"].is_null() { listed("Resource") } else { !listed("NotResource") }
}

/// Managed policies. Those of AWS are not among what an account has, and never change here.
struct Library<'a> {
    upstream: &'a Upstream,
    account: &'a Snapshot,
}

impl Library<'_> {
    async fn managed(&self, arns: &[&str]) -> Result<Vec<Value>, UpstreamError> {
        let mut policies = Vec::new();
        for arn in arns {
            policies.push(match self.account.own_policy(arn) {
                Some(policy) => policy,
                None => self.of_aws(arn).await?,
            });
        }
        Ok(policies)
    }

    /// A policy that does not exist allows nothing.
    async fn of_aws(&self, arn: &str) -> Result<Value, UpstreamError> {
        let question = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", "v1")];
        let reply = self.upstream.as_root(self.account.account(), "iam", &question).await?;
        Ok(documents::read(xml::element(reply.text(), "Document").unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(effect: &str, resource: &str) -> Value {
        json!({"Statement": {"Effect": effect, "Action": "iam:Create*", "Resource": resource}})
    }

    fn decide(kinds: Vec<(Kind, Vec<Value>)>) -> Decision {
        Policies(kinds).decide("iam:CreateRole", "arn:aws:iam::222222222222:role/op/reader", &Context::new())
    }

    #[test]
    fn a_policy_reaches_roles_by_their_path() {
        let on = |resource: &str| decide(vec![(Kind::Identity, vec![statement("Allow", resource)])]);
        assert_eq!(on("arn:aws:iam::222222222222:role/op/*"), Decision::Allowed);
        assert_eq!(on("arn:aws:iam::222222222222:role/op/reade?"), Decision::Allowed);
        assert_eq!(on("arn:aws:iam::222222222222:role/reader"), Decision::Silent(Kind::Identity));
    }

    #[test]
    fn every_kind_must_allow_and_none_may_deny() {
        let all = || vec![statement("Allow", "*")];
        let identity = |more: Vec<Value>| (Kind::Identity, [all(), more].concat());
        for (kinds, decision) in [
            (vec![(Kind::Identity, Vec::new())], Decision::Silent(Kind::Identity)),
            (vec![identity(Vec::new()), (Kind::Boundary, all())], Decision::Allowed),
            (vec![identity(Vec::new()), (Kind::Boundary, Vec::new())], Decision::Silent(Kind::Boundary)),
            (vec![identity(Vec::new()), (Kind::Session, Vec::new())], Decision::Silent(Kind::Session)),
            (vec![identity(vec![statement("Deny", "*")])], Decision::Denied(Kind::Identity)),
            (
                vec![identity(Vec::new()), (Kind::Boundary, Vec::new()), (Kind::Session, vec![statement("Deny", "*")])],
                Decision::Denied(Kind::Session),
            ),
        ] {
            assert_eq!(decide(kinds.clone()), decision, "{kinds:?}");
        }
    }

    #[test]
    fn not_resource_reaches_all_others() {
        let other = json!({"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "*:role/op/*"}});
        assert_eq!(decide(vec![(Kind::Identity, vec![other])]), Decision::Silent(Kind::Identity));
    }

    #[test]
    fn a_key_is_asked_for_by_statements_about_the_action_only() {
        let bounded = json!({"Statement": {
            "Effect": "Allow", "Action": "iam:Put*", "Resource": "*",
            "Condition": {"StringEquals": {"iam:permissionsboundary": "arn:b"}},
        }});
        let policies = Policies(vec![(Kind::Identity, vec![bounded])]);
        assert!(policies.ask_for("iam:PermissionsBoundary", "iam:PutRolePolicy"));
        assert!(!policies.ask_for("iam:PermissionsBoundary", "iam:DeleteRolePolicy"));
        assert!(!policies.ask_for("iam:PolicyARN", "iam:PutRolePolicy"));
    }
}
