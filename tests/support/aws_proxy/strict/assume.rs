//! `AssumeRole` (AWS API reference, STS `AssumeRole`).
//!
//! MiniStack is asked first: it checks the signature, the caller's policies and the trust policy. What it does not know is
//! decided here, from the role and the caller it tells about. A session that AWS grants and MiniStack cannot is then made
//! through the door in the role's trust policy (see `documents`).

use super::{
    super::{
        call::Form,
        fault::AwsError,
        reply::Reply,
        upstream::{OUTSIDER, is_root_key},
        xml,
    },
    Ask, Refusal, Strictness,
    condition::Context,
    documents,
    evaluate::{Caller, Verdict, evaluate},
    lookup::{self, Role},
    packed, request_context,
    sessions::Session,
    wording,
};

/// Answers `AssumeRole`.
pub(crate) async fn answer(ask: &Ask<'_>, rules: &Strictness) -> Result<Reply, Refusal> {
    let form = &ask.call.form;
    let key = ask.call.access_key.as_deref().unwrap_or_default();
    if is_root_key(key) {
        return Err(AwsError::new(403, "AccessDenied", "Roles may not be assumed by root accounts.").into());
    }
    let from = rules.sessions.get(key);
    chaining_hour(ask, from.is_some()).await?;
    let wanted = Wanted::read(form, from.as_ref())?;
    let packed = packed::percent(form, &wanted.tags)?;

    let mut stated = form.clone();
    wanted.state(&mut stated);
    let first = ask.forward(&stated).await?;
    let own = match (first.status.is_success(), first.error_code()) {
        (true, _) => Own::Allows,
        (_, Some("AccessDenied")) => Own::of_denial(&first),
        _ => return Ok(first),
    };
    if first.status.is_success() && wanted.is_plain() {
        return Ok(issue(first, wanted, packed, rules));
    }
    let Some(attempt) = Attempt::look_up(ask, &wanted, from.as_ref()).await? else {
        return Ok(denied(first, ask).await?);
    };
    if !first.status.is_success() && !attempt.permitted(own, attempt.says("sts:AssumeRole")) {
        return Ok(denied(first, ask).await?);
    }
    attempt.may_pass_on(ask, &wanted, first.status.is_success()).await?;
    longest_session(&attempt.role, form)?;
    if first.status.is_success() && wanted.source_identity.is_none() {
        return Ok(issue(first, wanted, packed, rules));
    }
    let through = through_the_door(ask, &stated, &wanted).await?;
    Ok(if through.status.is_success() { issue(through, wanted, packed, rules) } else { through })
}

/// Answers `AssumeRoleWithWebIdentity`: MiniStack's answer, within the role's maximum.
pub(crate) async fn with_web_identity(ask: &Ask<'_>, rules: &Strictness) -> Result<Reply, Refusal> {
    let form = &ask.call.form;
    let reply = ask.forward(form).await?;
    if !reply.status.is_success() {
        return Ok(reply);
    }
    if let Some((account, name)) = account_and_name(form)
        && let Some(role) = lookup::role(ask.upstream, account, name).await?
    {
        longest_session(&role, form)?;
    }
    let wanted = Wanted { tags: Vec::new(), transitive: Vec::new(), source_identity: None, long: false };
    Ok(issue(reply, wanted, None, rules))
}

/// What a session is to carry, inherited things included.
struct Wanted {
    tags: Vec<(String, String)>,
    transitive: Vec<(String, String)>,
    source_identity: Option<String>,
    /// Longer than every role allows.
    long: bool,
}

impl Wanted {
    /// "You cannot override a transitive tag" and "the source identity cannot be changed" (IAM user guide, "Pass session
    /// tags in AWS STS", "Monitor and control actions taken with assumed roles").
    fn read(form: &Form, from: Option<&Session>) -> Result<Self, AwsError> {
        let inherited = from.map(|session| session.transitive_tags.clone()).unwrap_or_default();
        let own = form.tags();
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if let Some((key, _)) = own.iter().find(|(key, _)| inherited.iter().any(|(other, _)| same(key, other))) {
            let message = format!(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session. Key: {key}"
            );
            return Err(AwsError::new(400, "InvalidParameterValue", message));
        }
        let keys = form.list("TransitiveTagKeys");
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let passed_on = own.iter().filter(|(key, _)| keys.iter().any(|other| same(key, other))).map(owned);
        let source_identity =
            match (from.and_then(|session| session.source_identity.as_deref()), form.get("SourceIdentity")) {
                (Some(set), Some(asked)) if set != asked => {
                    let message = "The source identity of the calling session cannot be changed.";
                    return Err(AwsError::new(403, "AccessDenied", message));
                }
                (set, asked) => set.or(asked).map(str::to_owned),
            };
        Ok(Self {
            transitive: inherited.iter().cloned().chain(passed_on).collect(),
            tags: own.iter().map(owned).chain(inherited).collect(),
            source_identity,
            long: duration(form) > 3600,
        })
    }

    /// Whether MiniStack's word is enough.
    fn is_plain(&self) -> bool {
        self.tags.is_empty() && self.source_identity.is_none() && !self.long
    }

    /// Writes the tags into a request.
    fn state(&self, form: &mut Form) {
        for (index, (key, value)) in (1..).zip(&self.tags) {
            form.set(&format!("Tags.member.{index}.Key"), key);
            form.set(&format!("Tags.member.{index}.Value"), value);
        }
        if let Some(policy) = form.get("Policy").map(documents::kept_identity) {
            form.set("Policy", policy);
        }
    }
}

/// What the caller's own policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    Allows,
    Silent,
    Denies,
}

impl Own {
    /// Reads it from a denial: one that gives no identity policy as its reason is the trust policy's.
    fn of_denial(reply: &Reply) -> Self {
        let message = xml::element(reply.text(), "Message").unwrap_or_default();
        match (message.contains("with an explicit deny"), message.contains("because no")) {
            (true, _) => Self::Denies,
            (false, true) => Self::Silent,
            (false, false) => Self::Allows,
        }
    }
}

/// One caller and one role.
struct Attempt {
    role: Role,
    caller: Caller,
    context: Context,
    same_account: bool,
    role_arn: String,
}

impl Attempt {
    /// `None` if there is no such role or the caller is nobody.
    async fn look_up(ask: &Ask<'_>, wanted: &Wanted, from: Option<&Session>) -> Result<Option<Self>, Refusal> {
        let form = &ask.call.form;
        let Some((account, name)) = account_and_name(form) else { return Ok(None) };
        let Some(role) = lookup::role(ask.upstream, account, name).await? else { return Ok(None) };
        let Some(caller) = ask.caller().await? else { return Ok(None) };
        let (caller, mut tags) = request_context::identify(ask.upstream, caller).await?;
        tags.extend(from.map(|session| session.tags.clone()).unwrap_or_default());
        let mut context = request_context::of(&caller, &tags, &ask.call.region);
        request_context::add_request(&mut context, form, &wanted.tags, wanted.source_identity.as_deref());
        if let Some(identity) = from.and_then(|session| session.source_identity.clone()) {
            context.insert("aws:sourceidentity".into(), vec![identity]);
        }
        let same_account = caller.account == account;
        let role_arn = form.get("RoleArn").unwrap_or_default().to_owned();
        Ok(Some(Self { role, caller, context, same_account, role_arn }))
    }

    /// What the trust policy says to an action.
    fn says(&self, action: &str) -> Verdict {
        evaluate(&self.role.trust, action, &self.caller, &self.context)
    }

    /// Both sides must allow; in one account a trust policy that names the caller is enough, unless it is denied.
    fn permitted(&self, own: Own, trust: Verdict) -> bool {
        match (own, trust) {
            (Own::Denies, _) | (_, Verdict::Denied) => false,
            (Own::Allows, _) => true,
            (Own::Silent, verdict) => verdict == Verdict::Named && self.same_account,
        }
    }

    /// Tags need `sts:TagSession` and a source identity `sts:SetSourceIdentity`, on both sides.
    async fn may_pass_on(&self, ask: &Ask<'_>, wanted: &Wanted, tags_trusted: bool) -> Result<(), Refusal> {
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
        if self.permitted(own, trust) {
            return Ok(());
        }
        let (caller, role) = (&self.caller.arn, &self.role_arn);
        let message = format!("User: {caller} is not authorized to perform: sts:{action} on resource: {role}");
        Err(AwsError::new(403, "AccessDenied", message).into())
    }
}

/// Role chaining "limits your session to a maximum of one hour" (IAM user guide, "Roles terms and concepts"). A session
/// token of a user is no role.
async fn chaining_hour(ask: &Ask<'_>, known_session: bool) -> Result<(), Refusal> {
    let temporary = ask.call.access_key.as_deref().is_some_and(|key| key.starts_with("ASIA"));
    if !temporary || duration(&ask.call.form) <= 3600 {
        return Ok(());
    }
    if known_session || ask.caller().await?.is_some_and(|caller| caller.arn.contains(":assumed-role/")) {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(AwsError::new(400, "ValidationError", message).into());
    }
    Ok(())
}

/// The role's own maximum (AWS API reference, `AssumeRole`, `DurationSeconds`).
fn longest_session(role: &Role, form: &Form) -> Result<(), AwsError> {
    if duration(form) <= role.max_session_duration {
        return Ok(());
    }
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    Err(AwsError::new(400, "ValidationError", message))
}

fn duration(form: &Form) -> u32 {
    form.get("DurationSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600)
}

fn account_and_name(form: &Form) -> Option<(&str, &str)> {
    let mut fields = form.get("RoleArn")?.splitn(6, ':').skip(4);
    Some((fields.next()?, fields.next()?.rsplit('/').next()?))
}

/// Has MiniStack make a session that the caller is entitled to.
async fn through_the_door(ask: &Ask<'_>, stated: &Form, wanted: &Wanted) -> Result<Reply, Refusal> {
    let mut form = stated.clone();
    if let Some(identity) = &wanted.source_identity {
        let index = wanted.tags.len() + 1;
        form.set(&format!("Tags.member.{index}.Key"), documents::SOURCE_IDENTITY_TAG);
        form.set(&format!("Tags.member.{index}.Value"), identity);
    }
    Ok(ask.upstream.send_as_root(OUTSIDER, "sts", &form).await?)
}

/// Completes the answer with a new session and remembers the session.
fn issue(reply: Reply, wanted: Wanted, packed: Option<u32>, rules: &Strictness) -> Reply {
    let text = reply.text();
    let field = |name| xml::element(text, name).unwrap_or_default();
    let role_id = field("AssumedRoleId").split(':').next().unwrap_or_default().to_owned();
    let mut added =
        packed.map_or_else(String::new, |percent| format!("<PackedPolicySize>{percent}</PackedPolicySize>"));
    if let Some(identity) = &wanted.source_identity {
        added.extend(["<SourceIdentity>", &xml::escape(identity), "</SourceIdentity>"]);
    }
    let Wanted { tags, transitive, source_identity, long: _ } = wanted;
    rules
        .sessions
        .issued(field("AccessKeyId"), Session { role_id, source_identity, transitive_tags: transitive, tags });
    let body = text.replacen("<PackedPolicySize>0</PackedPolicySize>", &added, 1);
    reply.with_body(body)
}

/// The denial with the caller and the role in it, as AWS words it.
async fn denied(denial: Reply, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    if denial.error_code() != Some("AccessDenied") {
        return Ok(denial);
    }
    let message = xml::element(denial.text(), "Message").unwrap_or_default();
    let mut reworded = wording::with_resource(message, ask.call.form.get("RoleArn").unwrap_or_default());
    if reworded.starts_with("User: is ")
        && let Some(caller) = ask.caller().await?
    {
        reworded = reworded.replacen("User: is", &format!("User: {} is", caller.arn), 1);
    }
    let body = denial.text().replacen(message, &reworded, 1);
    Ok(denial.with_body(body))
}
