//! STS: sessions, and who somebody is.

use jiff::{SignedDuration, Timestamp};

use super::roles::{Caller, State};
use crate::aws_proxy::{AwsError, Call};

/// Characters of a session token. Tokens of real sessions have several hundred.
const TOKEN: usize = 700;

pub(super) fn answer(state: &mut State, call: &Call, caller: &Caller) -> Result<String, AwsError> {
    match call.action.as_str() {
        "AssumeRole" => assume_role(state, call, caller),
        "GetCallerIdentity" => {
            let Caller { account, arn, user_id } = caller;
            Ok(format!("<Arn>{arn}</Arn><UserId>{user_id}</UserId><Account>{account}</Account>"))
        }
        action => Err(AwsError::new(400, "InvalidAction", format!("the fake AWS has no {action}"))),
    }
}

fn assume_role(state: &mut State, call: &Call, caller: &Caller) -> Result<String, AwsError> {
    let arn = call.form.get("RoleArn").unwrap_or_default().to_owned();
    let session = call.form.get("RoleSessionName").unwrap_or("session").to_owned();
    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    let name = arn.rsplit('/').next().unwrap_or_default();
    let role = state.role(&account, name).filter(|role| role.arn == arn && role.admits(call.form.get("ExternalId")));
    let Some((name, id)) = role.map(|role| (role.name.clone(), role.id.clone())) else {
        let who = &caller.arn;
        let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}");
        return Err(AwsError::new(403, "AccessDenied", message));
    };
    let seconds = call.form.get("DurationSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600);
    let expires = Timestamp::now() + SignedDuration::from_secs(seconds);
    let expires = expires.strftime("%Y-%m-%dT%H:%M:%SZ");
    let key = format!("ASIA{:016}", state.next());
    let (session_arn, user_id) =
        (format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"), format!("{id}:{session}"));
    state.add_caller(&key, &account, &session_arn, &user_id);
    let token = format!("{key}{}", "t".repeat(TOKEN));
    Ok(format!(
        "<AssumedRoleUser><AssumedRoleId>{user_id}</AssumedRoleId><Arn>{session_arn}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>",
        "s".repeat(40)
    ))
}
