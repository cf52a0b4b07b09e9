//! Whether a caller may carry out a call of IAM (IAM user guide, "Policy evaluation logic").
//!
//! MiniStack judges by the name of a role or user alone: it knows neither paths nor the condition keys of IAM. So its word
//! counts for who calls (signature, expiry, an end before that), and the caller's policies are judged here.

use std::{collections::HashMap, sync::Mutex};

use super::{
    super::{
        call::{Call, Form},
        fault::AwsError,
        locked,
        upstream::is_root_key,
        xml,
    },
    Ask, Refusal, Strictness,
    condition::Context,
    evaluate::Caller,
    iam_context::{self, BOUNDARY, BoundaryOf, Target, boundary_of},
    identity::{Decision, Kind, Policies},
    lookup, request_context,
    resource::{self, Need},
    sessions::Session,
    snapshot::{Snapshot, principal_of},
    wording,
};

/// The user of each access key. A key never changes hands.
#[derive(Default)]
pub(crate) struct Users(Mutex<HashMap<String, String>>);

impl Users {
    /// `None` for a key that is no user's.
    async fn of(&self, ask: &Ask<'_>, account: &str, key: &str) -> Result<Option<String>, Refusal> {
        if let Some(user) = locked(&self.0).get(key).cloned() {
            return Ok(Some(user));
        }
        let question = [("Action", "GetAccessKeyLastUsed"), ("AccessKeyId", key)];
        let reply = ask.upstream.as_root(account, "iam", &question).await?;
        let user = xml::element(reply.text(), "UserName").filter(|user| !user.is_empty()).map(str::to_owned);
        if let Some(user) = &user {
            locked(&self.0).insert(key.to_owned(), user.clone());
        }
        Ok(user)
    }

    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }
}

/// What is known of the permission to a call that is not refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// The caller has it: MiniStack's denial does not count.
    Granted,
    /// MiniStack decides.
    Unjudged,
}

/// Refuses a call that the caller's policies do not allow. `call` has the names as things were created with.
///
/// Root may do everything. Of a session that did not begin at the proxy, too little is known to judge it.
pub(crate) async fn authorize(
    ask: &Ask<'_>,
    account: &str,
    call: &Call,
    rules: &Strictness,
) -> Result<Permission, Refusal> {
    let Some(key) = call.access_key.as_deref().filter(|key| !is_root_key(key)) else {
        return Ok(Permission::Unjudged);
    };
    let session = rules.sessions.get(key);
    let arn = match &session {
        Some(session) => Some(session.arn.clone()),
        None => rules.users.of(ask, account, key).await?.map(|user| format!("arn:aws:iam::{account}:user/{user}")),
    };
    let Some(arn) = arn else { return Ok(Permission::Unjudged) };
    let caller = Caller { principal: arn.clone(), arn, user_id: String::new(), account: account.to_owned() };
    let judge = Judge::of(ask, caller, session.as_ref(), rules).await?;
    for need in resource::needs(call, &judge.caller, &judge.account) {
        let decision = judge.decide(&need, ask, call).await?;
        if decision != Decision::Allowed {
            // Bad credentials are refused as such, whatever the policies say.
            let authentic = is_authentic(ask).await?;
            return if authentic {
                Err(denial(&judge.caller, &need, decision).into())
            } else {
                Ok(Permission::Unjudged)
            };
        }
    }
    Ok(Permission::Granted)
}

/// Whether MiniStack accepts signature and credentials: it authorizes nobody else.
async fn is_authentic(ask: &Ask<'_>) -> Result<bool, Refusal> {
    let reply = ask.in_its_name(&Form::of(&[("Action", "GetAccountSummary")])).await?;
    Ok(reply.status.is_success() || reply.error_code() == Some("AccessDenied"))
}

/// One caller, with all that decides about its calls.
struct Judge {
    caller: Caller,
    account: Snapshot,
    policies: Policies,
    /// The keys about the caller and the moment.
    context: Context,
}

impl Judge {
    async fn of(ask: &Ask<'_>, caller: Caller, session: Option<&Session>, rules: &Strictness) -> Result<Self, Refusal> {
        let account = Snapshot::take(ask.upstream, &caller.account).await?;
        let (caller, mut tags) = account.identify(caller);
        tags.extend(session.map(|session| session.tags.clone()).unwrap_or_default());
        let mut context = request_context::of(&caller, &tags, &ask.call.region);
        if let Some(session) = session {
            request_context::add_session(&mut context, session);
        }
        let (kind, name, _) = principal_of(&caller.arn);
        let boundary = match kind {
            "Role" => rules.boundaries.of(ask.upstream, &caller.account, name).await?,
            _ => lookup::user(ask.upstream, &caller.account, name).await?.and_then(|user| user.boundary),
        };
        let principal = account.entity(kind, name);
        let policies = Policies::gather(ask.upstream, &account, principal, boundary.as_deref(), session).await?;
        Ok(Self { caller, account, policies, context })
    }

    async fn decide(&self, need: &Need, ask: &Ask<'_>, call: &Call) -> Result<Decision, Refusal> {
        let target = self.target(need, ask).await?;
        let mut context = self.context.clone();
        iam_context::add(&mut context, &need.action, call, &target);
        Ok(self.policies.decide(&need.action, &need.arn, &context))
    }

    /// The boundary takes another look-up: it is not in the description of the account.
    async fn target(&self, need: &Need, ask: &Ask<'_>) -> Result<Target, Refusal> {
        let Some((kind, name)) = &need.target else { return Ok(Target::default()) };
        let tags = self.account.entity(kind, name).map(|entity| entity.tags()).unwrap_or_default();
        let asked = boundary_of(&need.action) == BoundaryOf::Target && self.policies.ask_for(BOUNDARY, &need.action);
        let boundary = match *kind {
            "Role" if asked => lookup::role(ask.upstream, self.account.account(), name).await?.and_then(|r| r.boundary),
            "User" if asked => lookup::user(ask.upstream, self.account.account(), name).await?.and_then(|u| u.boundary),
            _ => None,
        };
        Ok(Target { tags, boundary })
    }
}

/// The refusal in AWS's words (IAM user guide, "Troubleshoot access denied error messages").
fn denial(caller: &Caller, need: &Need, decision: Decision) -> AwsError {
    let Need { action, shown, .. } = need;
    let denial = format!("User: {} is not authorized to perform: {action} on resource: {shown}", caller.arn);
    let message = match decision {
        Decision::Silent(kind) => wording::no_policy_allows(&denial, name(kind), action),
        Decision::Denied(kind) => wording::explicitly_denied(&denial, name(kind)),
        Decision::Allowed => denial,
    };
    AwsError::new(403, "AccessDenied", message)
}

/// As AWS names the kind of a policy.
fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "identity-based policy",
        Kind::Boundary => "permissions boundary",
        Kind::Session => "session policy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_names_caller_action_resource_and_kind_of_policy() {
        let caller = Caller { arn: "arn:aws:sts::2:assumed-role/manager/op".into(), ..Caller::default() };
        let need = Need {
            action: "iam:PutRolePolicy".into(),
            arn: "arn:aws:iam::2:role/op/reader".into(),
            shown: "role reader".into(),
            target: None,
        };
        let begin = "User: arn:aws:sts::2:assumed-role/manager/op is not authorized to perform: iam:PutRolePolicy on \
                     resource: role reader";
        for (decision, reason) in [
            (Decision::Silent(Kind::Identity), "because no identity-based policy allows the iam:PutRolePolicy action"),
            (Decision::Silent(Kind::Boundary), "because no permissions boundary allows the iam:PutRolePolicy action"),
            (Decision::Denied(Kind::Identity), "with an explicit deny in an identity-based policy"),
            (Decision::Denied(Kind::Session), "with an explicit deny in a session policy"),
        ] {
            let AwsError { status, code, message } = denial(&caller, &need, decision);
            assert_eq!((status, code.as_str()), (403, "AccessDenied"));
            assert_eq!(message, format!("{begin} {reason}"));
        }
    }
}
