//! Strictness: the rules by which the proxy and MiniStack together answer as AWS does.
//!
//! Each rule is a file and cites what it follows. A rule may refuse a call, restate it, ask MiniStack about it as root,
//! or touch up the answer. MiniStack remains the judge of signatures and of every service but IAM.

mod assume;
mod attempt;
mod authorize;
mod condition;
mod constraints;
mod details;
mod documents;
mod evaluate;
mod grammar;
mod iam;
mod iam_context;
mod identity;
mod lookup;
mod names;
mod packed;
mod pages;
pub(crate) mod partition;
mod quotas;
mod request_context;
mod resource;
mod sessions;
mod snapshot;
mod trust;
mod usage;
mod wanted;
mod wording;

use hyper::{body::Bytes, http::request::Parts};

use self::{
    authorize::Users, details::Boundaries, evaluate::Caller, names::Names, partition::Homes, quotas::Quotas,
    sessions::Sessions, trust::Trusts, usage::Jobs,
};
use super::{
    call::{Call, Form},
    fault::AwsError,
    reply::Reply,
    restate::{NoRoom, restate},
    upstream::{Upstream, UpstreamError},
    xml,
};

/// What the rules remember about one MiniStack. Proxies in front of the same MiniStack share it.
#[derive(Default)]
pub struct Strictness {
    quotas: Quotas,
    sessions: Sessions,
    names: Names,
    trusts: Trusts,
    boundaries: Boundaries,
    homes: Homes,
    users: Users,
    jobs: Jobs,
}

impl Strictness {
    /// Forgets everything, as MiniStack does when it is reset.
    pub(crate) fn forget(&self) {
        self.sessions.forget();
        self.names.forget();
        self.trusts.forget();
        self.boundaries.forget();
        self.homes.forget();
        self.users.forget();
        self.jobs.forget();
    }

    /// Notes the use of a session, and makes a request useless whose session ended with its role.
    pub(crate) fn witness(&self, parts: &mut Parts, call: &Call) {
        if let Some(key) = &call.access_key
            && !self.sessions.used(key, &call.service, &call.region)
        {
            sessions::revoke(&mut parts.headers, key);
        }
    }

    /// Answers a call to IAM or STS in the partition of its region.
    pub(crate) async fn answer(&self, ask: Ask<'_>) -> Result<Reply, UpstreamError> {
        let (service, partition) = (ask.call.service.as_str(), partition::of_region(&ask.call.region));
        if ask.account.is_some_and(|account| !self.homes.has(account, partition)) {
            return Ok(Reply::error(service, &partition::unknown_here()));
        }
        if let Some(refused) = partition::check(&ask, partition).await? {
            return Ok(Reply::error(service, &refused));
        }
        if partition == partition::MINISTACK {
            return self.answer_in_ministack(ask).await;
        }
        let call = Call { form: partition::restated(&ask.call.form, partition), ..ask.call.clone() };
        let (parts, body) = match restate(ask.parts, ask.body, &call.form) {
            Ok(restated) => restated,
            Err(no_room) => return Ok(Reply::error(service, &no_room.into())),
        };
        let reply = self.answer_in_ministack(Ask { parts: &parts, body: &body, call: &call, ..ask }).await?;
        let text = partition::exchanged(reply.text(), partition);
        Ok(reply.with_body(text))
    }

    async fn answer_in_ministack(&self, ask: Ask<'_>) -> Result<Reply, UpstreamError> {
        let service = ask.call.service.as_str();
        let answer = match constraints::check(ask.call) {
            Err(refused) => Err(refused.into()),
            Ok(()) => match (service, ask.call.action.as_str(), ask.account) {
                ("sts", "AssumeRole", Some(_)) => assume::answer(&ask, self).await,
                ("sts", "AssumeRoleWithWebIdentity", _) => assume::with_web_identity(&ask, self).await,
                ("iam", _, Some(account)) => iam::answer(&ask, account, self).await,
                _ => ask.forward(&ask.call.form).await, // also a caller that is nobody: MiniStack says so
            },
        };
        let temporary = |key: &String| key.starts_with("ASIA") && !self.sessions.ended_with_its_role(key);
        match answer {
            // A key whose account is known was good before.
            Ok(reply) if ask.account.is_some() && ask.call.access_key.as_ref().is_some_and(temporary) => {
                Ok(sessions::expired(service, reply))
            }
            Ok(reply) => Ok(reply),
            Err(Refusal::Aws(error)) => Ok(Reply::error(service, &error)),
            Err(Refusal::Upstream(error)) => Err(error),
        }
    }
}

/// A call as it came in.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) upstream: &'a Upstream,
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a Bytes,
    pub(crate) call: &'a Call,
    /// Account of the caller, if it is known to MiniStack.
    pub(crate) account: Option<&'a str>,
}

impl Ask<'_> {
    /// Sends it to MiniStack, restated if `form` says other than the client did.
    async fn forward(&self, form: &Form) -> Result<Reply, Refusal> {
        let (parts, body) = if *form == self.call.form {
            (self.parts.clone(), self.body.clone())
        } else {
            restate(self.parts, self.body, form)?
        };
        Ok(self.upstream.exchange(parts, body).await?)
    }

    /// Sends another question to MiniStack in the caller's name.
    async fn in_its_name(&self, form: &Form) -> Result<Reply, Refusal> {
        self.forward(form).await
    }

    /// The denial, if the caller's own policies (boundary and session policy included) do not allow an STS action on the
    /// role in question. MiniStack authorizes an action before it finds that it has no such operation.
    async fn may(&self, action: &str) -> Result<Option<Reply>, Refusal> {
        let mut form = self.call.form.clone();
        form.set("Action", action);
        form.remove("Version");
        let reply = self.in_its_name(&form).await?;
        Ok((reply.error_code() == Some("AccessDenied")).then_some(reply))
    }

    /// The ARN of the caller in its partition, for messages.
    pub(crate) async fn caller_arn(&self) -> Result<String, UpstreamError> {
        let here = |arn: String| partition::exchanged(&arn, partition::of_region(&self.call.region));
        match self.caller().await {
            Ok(caller) => Ok(caller.map(|caller| here(caller.arn)).unwrap_or_default()),
            Err(Refusal::Aws(_)) => Ok(String::new()),
            Err(Refusal::Upstream(error)) => Err(error),
        }
    }

    /// Who calls, as `GetCallerIdentity` has it; `None` if the credentials are no good.
    async fn caller(&self) -> Result<Option<Caller>, Refusal> {
        let reply = self.in_its_name(&Form::of(&[("Action", "GetCallerIdentity")])).await?;
        let field = |name| xml::element(reply.text(), name).map(str::to_owned);
        let (Some(arn), Some(user_id), Some(account)) = (field("Arn"), field("UserId"), field("Account")) else {
            return Ok(None);
        };
        Ok(Some(Caller { principal: arn.clone(), arn, user_id, account }))
    }
}

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// AWS would refuse it so.
    Aws(AwsError),
    /// MiniStack could not be asked.
    Upstream(UpstreamError),
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl From<UpstreamError> for Refusal {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

impl From<NoRoom> for Refusal {
    fn from(error: NoRoom) -> Self {
        Self::Aws(error.into())
    }
}

impl From<NoRoom> for AwsError {
    fn from(error: NoRoom) -> Self {
        Self::new(501, "NotImplemented", error.to_string())
    }
}
