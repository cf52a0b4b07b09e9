//! The condition keys of a request to assume a role (IAM user guide, "AWS global condition context keys" and "IAM and STS
//! condition context keys").

use jiff::Timestamp;

use super::{
    super::{
        call::Form,
        upstream::{Upstream, UpstreamError},
    },
    condition::Context,
    evaluate::Caller,
    lookup,
    sessions::Session,
};

/// Looks up what an ARN alone does not say: the principal's unique id and tags, and of the role behind a session its path.
pub(crate) async fn identify(
    upstream: &Upstream,
    mut caller: Caller,
) -> Result<(Caller, Vec<(String, String)>), UpstreamError> {
    let account = caller.account.as_str();
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some((_, path)) = caller.arn.split_once(":assumed-role/")
        && let Some((name, session)) = path.split_once('/')
        && let Some(role) = lookup::role(upstream, account, name).await?
    {
        caller.user_id = format!("{}:{session}", role.id);
        caller.principal = role.arn;
        return Ok((caller, role.tags));
    }
    if let Some((_, path)) = caller.arn.split_once(":user/")
        && let Some(user) = lookup::user(upstream, account, &last(path)).await?
    {
        caller.user_id = user.id;
        return Ok((caller, user.tags));
    }
    Ok((caller, Vec::new()))
}

/// The keys about the caller and the moment. Later tags win over earlier ones of the same key.
pub(crate) fn of(caller: &Caller, tags: &[(String, String)], region: &str) -> Context {
    let now = Timestamp::now();
    let session = caller.arn.contains(":assumed-role/");
    let mut context = Context::new();
    let mut set = |key: &str, value: &str| drop(context.insert(key.to_ascii_lowercase(), vec![value.to_owned()]));
    set("aws:PrincipalArn", &caller.principal);
    set("aws:PrincipalAccount", &caller.account);
    set("aws:PrincipalType", if session { "AssumedRole" } else { "User" });
    set("aws:userid", &caller.user_id);
    set("aws:CurrentTime", &now.to_string());
    set("aws:EpochTime", &now.as_second().to_string());
    set("aws:SecureTransport", "false");
    set("aws:SourceIp", "127.0.0.1");
    set("aws:RequestedRegion", region);
    if session {
        set("aws:MultiFactorAuthPresent", "false");
    } else if let Some(name) = caller.arn.rsplit('/').next() {
        set("aws:username", name);
    }
    for (key, value) in tags {
        set(&format!("aws:PrincipalTag/{key}"), value);
    }
    context
}

/// The keys about the session that calls.
pub(crate) fn add_session(context: &mut Context, session: &Session) {
    let issued_at = session.issued_at.map(|at| ("aws:tokenissuetime", at.to_string()));
    let source_identity = session.source_identity.clone().map(|identity| ("aws:sourceidentity", identity));
    for (key, value) in issued_at.into_iter().chain(source_identity) {
        context.insert(key.to_owned(), vec![value]);
    }
}

/// The keys about what is asked for.
pub(crate) fn add_request(
    context: &mut Context,
    form: &Form,
    tags: &[(String, String)],
    source_identity: Option<&str>,
) {
    let mut set = |key: &str, values: Vec<String>| drop(context.insert(key.to_ascii_lowercase(), values));
    let given = [
        ("sts:ExternalId", form.get("ExternalId")),
        ("sts:RoleSessionName", form.get("RoleSessionName")),
        ("sts:SourceIdentity", source_identity),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            set(key, vec![value.to_owned()]);
        }
    }
    for (key, value) in tags {
        set(&format!("aws:RequestTag/{key}"), vec![value.clone()]);
    }
    if !tags.is_empty() {
        set("aws:TagKeys", tags.iter().map(|(key, _)| key.clone()).collect());
    }
    let transitive = form.list("TransitiveTagKeys");
    if !transitive.is_empty() {
        set("sts:TransitiveTagKeys", transitive.into_iter().map(str::to_owned).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_of_a_session_in_conditions_is_that_of_its_role() {
        let caller = Caller {
            arn: "arn:aws:sts::111111111111:assumed-role/ops/me".into(),
            user_id: "AROA1:me".into(),
            account: "111111111111".into(),
            principal: "arn:aws:iam::111111111111:role/ops".into(),
        };
        let tags = [("team".to_owned(), "of the role".to_owned()), ("Team".to_owned(), "of the session".to_owned())];
        let mut context = of(&caller, &tags, "eu-west-1");
        add_request(&mut context, &Form::of(&[("ExternalId", "x1")]), &tags[..1], None);
        assert_eq!(context["aws:principalarn"], [caller.principal]);
        assert_eq!(context["aws:principaltag/team"], ["of the session"]);
        assert_eq!(
            (&context["sts:externalid"][..], &context["aws:tagkeys"][..]),
            (&["x1".to_owned()][..], &["team".to_owned()][..])
        );
        assert!(!context.contains_key("aws:username"));
    }
}
