//! The calls of IAM.

use super::{
    super::{
        call::{Call, Form},
        fault::AwsError,
        reply::Reply,
        upstream::Upstream,
    },
    Ask, Refusal, Strictness,
    authorize::{Permission, authorize},
    details, documents,
    grammar::{self, Kind},
    lookup, names, pages,
    trust::{Admitted, malformed},
    usage, wording,
};

/// Answers a call to IAM by a caller of `account`.
pub(crate) async fn answer(ask: &Ask<'_>, account: &str, rules: &Strictness) -> Result<Reply, Refusal> {
    let action = ask.call.action.as_str();
    let _changing = match action {
        "CreateRole" | "UpdateAssumeRolePolicy" | "DeleteRole" | "DeleteUser" => {
            Some(rules.trusts.changing.lock().await)
        }
        _ => None,
    };
    let mut call = ask.call.clone();
    resolve_names(&mut call.form, action, account, ask.upstream, rules).await?;
    let permission = authorize(ask, account, &call, rules).await?;
    let admitted = admit_documents(&mut call.form, action, ask.upstream, rules).await?;
    rules.quotas.check(&call, account, ask.upstream).await?;
    attachable(&call, account, ask.upstream).await?;
    usage::check(ask, account).await?;
    let leaving = leaving(&call, account, ask.upstream).await?;

    let mut reply = ask.forward(&call.form).await?;
    if permission == Permission::Granted && reply.error_code() == Some("AccessDenied") {
        reply = ask.upstream.send_as_root(account, "iam", &call.form).await?;
    }
    if !reply.status.is_success() {
        return Ok(wording::reword(&call, account, reply));
    }
    rules.names.witness(account, &call);
    if let Some(role) = call.form.get("RoleName") {
        if action == "UpdateRole" && call.form.get("Description") == Some("") {
            clear(role, account, ask.upstream).await?;
        }
        if let Some(admitted) = &admitted {
            rules.trusts.keep(ask.upstream, account, role, admitted).await?;
        }
        if action.contains("PermissionsBoundary") || action.ends_with("eRole") {
            rules.boundaries.changed(account, role);
        }
    }
    if let Some(id) = leaving {
        rules.sessions.role_deleted(&id);
        rules.trusts.orphan(ask.upstream, &id).await?;
    }
    let mut text = usage::answered(ask, account, rules, &documents::shown(reply.text())).await?;
    if let Some(admitted) = &admitted {
        text = documents::with_trust(&text, &admitted.trust);
    }
    if let Some(page) = pages::cut(action, &text, ask.call.form.get("MaxItems"), ask.call.form.get("Marker"))? {
        text = page;
    }
    match action {
        "GetRole" => text = details::with_last_used(&text, &rules.sessions),
        "GetAccountAuthorizationDetails" => text = details::complete(&text, account, ask.upstream, rules).await?,
        _ => {}
    }
    if text != reply.text() {
        reply = reply.with_body(text);
    }
    Ok(reply)
}

/// Finds roles, users and groups by any case of their names, and refuses to create one that differs in case only.
async fn resolve_names(
    form: &mut Form,
    action: &str,
    account: &str,
    upstream: &Upstream,
    rules: &Strictness,
) -> Result<(), Refusal> {
    for kind in names::KINDS {
        let parameter = format!("{kind}Name");
        let Some(name) = form.get(&parameter) else { continue };
        match rules.names.resolve(upstream, account, kind, name).await? {
            Some(known) if known == name => {}
            Some(_) if action.strip_prefix("Create") == Some(kind) => {
                let message = format!("{kind} with name {name} already exists.");
                return Err(AwsError::new(409, "EntityAlreadyExists", message).into());
            }
            Some(known) => form.set(&parameter, known),
            None => {}
        }
    }
    Ok(())
}

/// Checks the policy documents of a call, and restates those of identities as MiniStack keeps them.
async fn admit_documents(
    form: &mut Form,
    action: &str,
    upstream: &Upstream,
    rules: &Strictness,
) -> Result<Option<Admitted>, Refusal> {
    let (parameter, kind) = match action {
        "CreateRole" => ("AssumeRolePolicyDocument", Kind::Trust),
        "UpdateAssumeRolePolicy" => ("PolicyDocument", Kind::Trust),
        "PutRolePolicy" | "PutUserPolicy" | "PutGroupPolicy" | "CreatePolicy" | "CreatePolicyVersion" => {
            ("PolicyDocument", Kind::Identity)
        }
        _ => return Ok(None),
    };
    let Some(document) = form.get(parameter) else { return Ok(None) };
    if kind == Kind::Identity {
        grammar::parse(kind, document).map_err(malformed)?;
        let kept = documents::kept_identity(document);
        form.set(parameter, kept);
        return Ok(None);
    }
    let admitted = rules.trusts.admit(upstream, document).await?;
    rules.quotas.trust(document)?;
    Ok(Some(admitted))
}

/// A managed policy must exist to be attached (AWS API reference, IAM `AttachRolePolicy`).
async fn attachable(call: &Call, account: &str, upstream: &Upstream) -> Result<(), Refusal> {
    let (true, Some(arn)) = (call.action.starts_with("Attach"), call.form.get("PolicyArn")) else { return Ok(()) };
    let reply = upstream.as_root(account, "iam", &[("Action", "GetPolicy"), ("PolicyArn", arn)]).await?;
    if reply.error_code() == Some("NoSuchEntity") {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(AwsError::new(404, "NoSuchEntity", message).into());
    }
    Ok(())
}

/// An empty description takes the present one away (AWS API reference, IAM `UpdateRole`); MiniStack takes an empty
/// parameter for none, but knows an older action to which none is an empty one.
async fn clear(role: &str, account: &str, upstream: &Upstream) -> Result<(), Refusal> {
    upstream.as_root(account, "iam", &[("Action", "UpdateRoleDescription"), ("RoleName", role)]).await?;
    Ok(())
}

/// The unique id of the principal that a call deletes.
async fn leaving(call: &Call, account: &str, upstream: &Upstream) -> Result<Option<String>, Refusal> {
    let name = |parameter| call.form.get(parameter).unwrap_or_default();
    Ok(match call.action.as_str() {
        "DeleteRole" => lookup::role(upstream, account, name("RoleName")).await?.map(|role| role.id),
        "DeleteUser" => lookup::user(upstream, account, name("UserName")).await?.map(|user| user.id),
        _ => None,
    })
}
