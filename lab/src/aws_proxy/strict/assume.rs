//! `AssumeRole` (AWS API reference, STS `AssumeRole`).
//!
//! MiniStack is asked first: it checks the signature, the caller's policies and the trust policy. What it does not know is
//! decided here, from the role and the caller it tells about. A session that AWS grants and MiniStack cannot is then made
//! through the door in the role's trust policy (see `documents`).

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{
        call::Form,
        fault::AwsError,
        reply::Reply,
        upstream::{OUTSIDER, is_root_key},
        xml,
    },
    Ask, Refusal, Strictness,
    attempt::{Attempt, Own, account_and_name},
    documents,
    lookup::{self, Role},
    packed,
    sessions::Session,
    wanted::{Wanted, duration},
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
    if let Some(policy) = form.get("Policy") {
        stated.set("Policy", documents::kept_identity(policy));
    }
    let first = ask.forward(&stated).await?;
    let granted = first.status.is_success();
    if granted && wanted.is_plain() {
        return Ok(issue(first, form, wanted, packed, rules));
    }
    if !granted && first.error_code() != Some("AccessDenied") {
        return Ok(first);
    }
    let Some(attempt) = Attempt::look_up(ask, &wanted, from.as_ref()).await? else { return denied(first, ask).await };
    let known = granted && wanted.is_known();
    let own = if granted { Own::Allows } else { Own::of_denial(&first) };
    if !known && !attempt.permitted(own, attempt.says("sts:AssumeRole")) {
        return if granted { Err(attempt.denial("AssumeRole", own).into()) } else { refused(first, ask).await };
    }
    attempt.may_pass_on(ask, &wanted, known).await?;
    longest_session(&attempt.role, form)?;
    let session = if known { first } else { through_the_door(ask, stated, &wanted).await? };
    Ok(if session.status.is_success() { issue(session, form, wanted, packed, rules) } else { session })
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
    Ok(issue(reply, form, Wanted::default(), None, rules))
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

/// Has MiniStack make a session that the caller is entitled to.
async fn through_the_door(ask: &Ask<'_>, stated: Form, wanted: &Wanted) -> Result<Reply, Refusal> {
    let mut form = stated;
    wanted.state(&mut form);
    Ok(ask.upstream.send_as_root(OUTSIDER, "sts", &form).await?)
}

/// Completes the answer with a new session and remembers the session.
fn issue(reply: Reply, form: &Form, wanted: Wanted, packed: Option<u32>, rules: &Strictness) -> Reply {
    let text = reply.text();
    let field = |name| xml::element(text, name).unwrap_or_default();
    let role_id = field("AssumedRoleId").split(':').next().unwrap_or_default().to_owned();
    let mut added =
        packed.map_or_else(String::new, |percent| format!("<PackedPolicySize>{percent}</PackedPolicySize>"));
    if let Some(identity) = &wanted.source_identity {
        added.extend(["<SourceIdentity>", &xml::escape(identity), "</SourceIdentity>"]);
    }
    let Wanted { tags, transitive, source_identity, .. } = wanted;
    let seconds = SignedDuration::from_secs(duration(form).into());
    let expires: Option<Timestamp> = field("Expiration").parse().ok();
    let session = Session {
        role_id,
        arn: field("Arn").to_owned(),
        issued_at: expires.map(|expires| expires - seconds),
        source_identity,
        transitive_tags: transitive,
        tags,
        policy: form.get("Policy").map(str::to_owned),
        policy_arns: form.list_of("PolicyArns", "arn").into_iter().map(str::to_owned).collect(),
    };
    rules.sessions.issued(field("AccessKeyId"), session);
    let body = text.replacen("<PackedPolicySize>0</PackedPolicySize>", &added, 1);
    reply.with_body(body)
}

/// The denial of a role that is there: what the caller's policies allow, its trust policy does not.
async fn refused(denial: Reply, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let denial = denied(denial, ask).await?;
    let Some(message) = xml::element(denial.text(), "Message") else { return Ok(denial) };
    let action = if message.contains("sts:TagSession") { "sts:TagSession" } else { "sts:AssumeRole" };
    let told = wording::no_policy_allows(message, "role trust policy", action);
    let body = denial.text().replacen(message, &told, 1);
    Ok(denial.with_body(body))
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
