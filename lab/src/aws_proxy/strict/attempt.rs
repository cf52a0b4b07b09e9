//! Whether a caller may assume a role in a certain way, by the policies of both sides (IAM user guide, "Policy evaluation
//! logic").

use super::{
    super::{call::Form, fault::AwsError, reply::Reply, xml},
    Ask, Refusal,
    condition::Context,
    evaluate::{Caller, Verdict, evaluate},
    lookup::{self, Role},
    request_context,
    sessions::Session,
    wanted::Wanted,
    wording,
};

/// What the caller's own policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Allows,
    Silent,
    Denies,
}

impl Own {
    /// Reads it from a denial: one that gives no identity policy as its reason is the trust policy's.
    pub(crate) fn of_denial(reply: &Reply) -> Self {
        let message = xml::element(reply.text(), "Message").unwrap_or_default();
        match (message.contains("with an explicit deny"), message.contains("because no")) {
            (true, _) => Self::Denies,
            (false, true) => Self::Silent,
            (false, false) => Self::Allows,
        }
    }
}

/// One caller and one role.
pub(crate) struct Attempt {
    pub(crate) role: Role,
    caller: Caller,
    context: Context,
    same_account: bool,
    role_arn: String,
}

impl Attempt {
    /// `None` if there is no such role or the caller is nobody.
    pub(crate) async fn look_up(
        ask: &Ask<'_>,
        wanted: &Wanted,
        from: Option<&Session>,
    ) -> Result<Option<Self>, Refusal> {
        let form = &ask.call.form;
        let Some((account, name)) = account_and_name(form) else { return Ok(None) };
        let Some(role) = lookup::role(ask.upstream, account, name).await? else { return Ok(None) };
        let Some(caller) = ask.caller().await? else { return Ok(None) };
        let (caller, mut tags) = request_context::identify(ask.upstream, caller).await?;
        tags.extend(from.map(|session| session.tags.clone()).unwrap_or_default());
        let mut context = request_context::of(&caller, &tags, &ask.call.region);
        request_context::add_request(&mut context, form, &wanted.tags, wanted.source_identity.as_deref());
        if let Some(from) = from {
            request_context::add_session(&mut context, from);
        }
        let same_account = caller.account == account;
        let role_arn = form.get("RoleArn").unwrap_or_default().to_owned();
        Ok(Some(Self { role, caller, context, same_account, role_arn }))
    }

    /// What the trust policy says to an action.
    pub(crate) fn says(&self, action: &str) -> Verdict {
        evaluate(&self.role.trust, action, &self.caller, &self.context)
    }

    /// Both sides must allow; in one account a trust policy that names the caller is enough, unless it is denied.
    pub(crate) fn permitted(&self, own: Own, trust: Verdict) -> bool {
        match (own, trust) {
            (Own::Denies, _) | (_, Verdict::Denied) => false,
            (Own::Allows, _) => true,
            (Own::Silent, verdict) => verdict == Verdict::Named && self.same_account,
        }
    }

    /// Tags need `sts:TagSession` and a source identity `sts:SetSourceIdentity`, on both sides.
    pub(crate) async fn may_pass_on(&self, ask: &Ask<'_>, wanted: &Wanted, tags_trusted: bool) -> Result<(), Refusal> {
        if !wanted.tags.is_empty() {
            let trust = match self.says("sts:TagSession") {
                Verdict::Denied if tags_trusted => Verdict::Delegated, // MiniStack found so
                verdict => verdict,
            };
            self.must_be_permitted(ask, "TagSession", trust).await?;
        }
        if wanted.source_identity.is_some() {
            self.must_be_permitted(ask, "SetSourceIdentity", self.says("sts:SetSourceIdentity")).await?;
        }
        Ok(())
    }

    async fn must_be_permitted(&self, ask: &Ask<'_>, action: &str, trust: Verdict) -> Result<(), Refusal> {
        let own = match ask.may(action).await? {
            Some(denial) => Own::of_denial(&denial),
            None => Own::Allows,
        };
        if self.permitted(own, trust) { Ok(()) } else { Err(self.denial(action, own).into()) }
    }

    /// The refusal of an STS action in AWS's words: by the caller's policies if they do not allow it, else by the trust
    /// policy.
    pub(crate) fn denial(&self, action: &str, own: Own) -> AwsError {
        let (caller, role) = (&self.caller.arn, &self.role_arn);
        let denial = format!("User: {caller} is not authorized to perform: sts:{action} on resource: {role}");
        let action = format!("sts:{action}");
        let message = match own {
            Own::Allows => wording::no_policy_allows(&denial, "role trust policy", &action),
            Own::Silent => wording::no_policy_allows(&denial, "identity-based policy", &action),
            Own::Denies => wording::explicitly_denied(&denial, "identity-based policy"),
        };
        AwsError::new(403, "AccessDenied", message)
    }
}

/// The account and the name in the ARN of the role in question.
pub(crate) fn account_and_name(form: &Form) -> Option<(&str, &str)> {
    let mut fields = form.get("RoleArn")?.splitn(6, ':').skip(4);
    Some((fields.next()?, fields.next()?.rsplit('/').next()?))
}
