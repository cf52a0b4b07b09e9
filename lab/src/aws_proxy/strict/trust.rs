//! Principals in trust policies (IAM user guide, "AWS JSON policy elements: Principal"): who they may be, and what becomes
//! of them when they are deleted.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use serde_json::Value;

use super::{
    super::{
        fault::AwsError,
        locked,
        upstream::{Upstream, UpstreamError},
    },
    Refusal, documents,
    grammar::{self, Kind},
    lookup,
};

/// Which principals exist, and which roles trust them.
#[derive(Default)]
pub(crate) struct Trusts {
    /// Held while trust policies or principals change: a principal must not go between the check and the write.
    pub(crate) changing: tokio::sync::Mutex<()>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// Unique ids of principals that were looked up, by the ARN that policies name them with.
    ids: HashMap<String, String>,
    /// Roles (account and name) whose trust names a principal, by the principal's unique id.
    referrers: HashMap<String, HashSet<(String, String)>>,
}

/// A trust policy that may be kept.
pub(crate) struct Admitted {
    /// As clients are shown it.
    pub(crate) trust: Value,
    principal_ids: Vec<String>,
}

impl Trusts {
    /// Checks a trust policy and brings its principals into the form that IAM keeps.
    pub(crate) async fn admit(&self, upstream: &Upstream, document: &str) -> Result<Admitted, Refusal> {
        let mut trust = grammar::parse(Kind::Trust, document).map_err(malformed)?;
        let mut principal_ids = Vec::new();
        let statements = match &mut trust["Statement"] {
            Value::Array(statements) => statements.iter_mut(),
            one => std::slice::from_mut(one).iter_mut(),
        };
        for statement in statements {
            match &mut statement["Principal"] {
                Value::Object(principals) => {
                    for (kind, names) in principals {
                        for name in entries(names) {
                            self.admit_principal(upstream, kind, name, &mut principal_ids).await?;
                        }
                    }
                }
                Value::String(any) if any == "*" => {}
                Value::Null => {} // NotPrincipal, which MiniStack refuses as IAM does
                other => return Err(invalid("AWS", &other.to_string()).into()),
            }
        }
        Ok(Admitted { trust, principal_ids })
    }

    async fn admit_principal(
        &self,
        upstream: &Upstream,
        kind: &str,
        name: &mut Value,
        ids: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        let Some(text) = name.as_str() else { return Err(invalid(kind, &name.to_string()).into()) };
        match kind {
            "AWS" if is_account(text) => *name = format!("arn:aws:iam::{text}:root").into(),
            "AWS" if text == "*" => {}
            "AWS" => match Principal::parse(text) {
                Some(Principal::Account) => {}
                Some(principal) => match self.id(upstream, text, &principal).await? {
                    Some(id) => ids.push(id),
                    None => return Err(invalid(kind, text).into()),
                },
                None => return Err(invalid(kind, text).into()),
            },
            "Service" if is_service(text) => {}
            "Service" => return Err(invalid("SERVICE", text).into()),
            "Federated" => {}
            _ => return Err(invalid(kind, text).into()),
        }
        Ok(())
    }

    /// The unique id of the principal an ARN names, if it exists.
    async fn id(
        &self,
        upstream: &Upstream,
        arn: &str,
        principal: &Principal<'_>,
    ) -> Result<Option<String>, UpstreamError> {
        if let Some(id) = locked(&self.memory).ids.get(arn).cloned() {
            return Ok(Some(id));
        }
        let id = match *principal {
            Principal::Account => None,
            Principal::Role { account, name } => {
                lookup::role(upstream, account, name).await?.filter(|role| role.arn == arn).map(|role| role.id)
            }
            Principal::User { account, name } => {
                lookup::user(upstream, account, name).await?.filter(|user| user.arn == arn).map(|user| user.id)
            }
            Principal::Session { account, role } => lookup::role(upstream, account, role).await?.map(|role| role.id),
        };
        if let Some(id) = &id {
            locked(&self.memory).ids.insert(arn.to_owned(), id.clone());
        }
        Ok(id)
    }

    /// A role was given this trust policy: MiniStack keeps it with what is added to it. The client's own request leaves no
    /// room for that (see `restate`), so the proxy writes it again, as root.
    pub(crate) async fn keep(
        &self,
        upstream: &Upstream,
        account: &str,
        role: &str,
        admitted: &Admitted,
    ) -> Result<(), UpstreamError> {
        write(upstream, account, role, &admitted.trust).await?;
        let mut memory = locked(&self.memory);
        for id in &admitted.principal_ids {
            memory.referrers.entry(id.clone()).or_default().insert((account.to_owned(), role.to_owned()));
        }
        Ok(())
    }

    /// A principal was deleted: policies that name it show its unique id from now on, and a new principal of the same
    /// name is another one ("If you delete the role, … you must edit the role to replace the now incorrect principal ID").
    pub(crate) async fn orphan(&self, upstream: &Upstream, id: &str) -> Result<(), UpstreamError> {
        let (arns, referrers) = {
            let mut memory = locked(&self.memory);
            let (gone, left) = std::mem::take(&mut memory.ids).into_iter().partition(|(_, of)| of == id);
            memory.ids = left;
            let gone: HashMap<String, String> = gone;
            (gone, memory.referrers.remove(id).unwrap_or_default())
        };
        for (account, name) in referrers {
            let Some(role) = lookup::role(upstream, &account, &name).await? else { continue };
            write(upstream, &account, &name, &with_ids(role.trust, &arns)).await?;
        }
        Ok(())
    }

    pub(crate) fn forget(&self) {
        *locked(&self.memory) = Memory::default();
    }
}

async fn write(upstream: &Upstream, account: &str, role: &str, trust: &Value) -> Result<(), UpstreamError> {
    let document = documents::kept_trust(trust);
    let update = [("Action", "UpdateAssumeRolePolicy"), ("RoleName", role), ("PolicyDocument", &document)];
    upstream.as_root(account, "iam", &update).await?;
    Ok(())
}

/// A principal ARN taken apart.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    Account,
    Role { account: &'a str, name: &'a str },
    User { account: &'a str, name: &'a str },
    Session { account: &'a str, role: &'a str },
}

impl<'a> Principal<'a> {
    /// "You cannot use a wildcard to match part of a principal name or ARN"; a unique id is no ARN either.
    fn parse(arn: &'a str) -> Option<Self> {
        let fields: Vec<_> = arn.splitn(6, ':').collect();
        let ["arn", _, service, "", account, resource] = fields[..] else { return None };
        if !is_account(account) || resource.contains(['*', '?']) {
            return None;
        }
        let (kind, path) = resource.split_once('/').unwrap_or((resource, ""));
        let name = path.rsplit('/').next().filter(|name| !name.is_empty());
        match (service, kind, name) {
            ("iam", "root", None) => Some(Self::Account),
            ("iam", "role", Some(name)) => Some(Self::Role { account, name }),
            ("iam", "user", Some(name)) => Some(Self::User { account, name }),
            ("sts", "assumed-role", Some(_)) => path.split_once('/').map(|(role, _)| Self::Session { account, role }),
            _ => None,
        }
    }
}

/// The same policy with deleted principals by id; a session of a deleted role becomes `id:session`.
fn with_ids(mut trust: Value, ids: &HashMap<String, String>) -> Value {
    let statements = trust["Statement"].as_array_mut().map(Vec::as_mut_slice).unwrap_or_default();
    for name in statements.iter_mut().filter_map(|statement| statement["Principal"].get_mut("AWS")).flat_map(entries) {
        let Some((arn, id)) = name.as_str().and_then(|name| ids.get_key_value(name)) else { continue };
        *name = match (Principal::parse(arn), arn.rsplit('/').next()) {
            (Some(Principal::Session { .. }), Some(session)) => format!("{id}:{session}").into(),
            _ => id.clone().into(),
        };
    }
    trust
}

/// The entries of one value or a list of values.
fn entries(value: &mut Value) -> &mut [Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_mut(one),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Service principals are names like `ec2.amazonaws.com`.
fn is_service(text: &str) -> bool {
    let name = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
    })
}

/// A document that IAM does not accept.
pub(crate) fn malformed(message: String) -> AwsError {
    AwsError::new(400, "MalformedPolicyDocument", message)
}

fn invalid(kind: &str, name: &str) -> AwsError {
    malformed(format!("Invalid principal in policy: \"{kind}\":\"{name}\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn principals_are_told_apart_and_wildcards_and_ids_are_none() {
        let role = Principal::Role { account: "111111111111", name: "reader" };
        assert_eq!(Principal::parse("arn:aws:iam::111111111111:role/a/b/reader"), Some(role));
        let session = Principal::Session { account: "111111111111", role: "reader" };
        assert_eq!(Principal::parse("arn:aws:sts::111111111111:assumed-role/reader/me"), Some(session));
        for bad in ["arn:aws:iam::111111111111:role/*", "arn:aws:iam::1:root", "AROA1234567890", "arn:aws:s3:::bucket"]
        {
            assert_eq!(Principal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn deleted_principals_are_shown_by_id() {
        let role = "arn:aws:iam::111111111111:role/reader".to_owned();
        let session = "arn:aws:sts::111111111111:assumed-role/reader/me".to_owned();
        let ids = [(role.clone(), "AROA1".to_owned()), (session.clone(), "AROA1".to_owned())].into();
        let trust = json!({"Statement": [
            {"Principal": {"AWS": [role, "arn:aws:iam::111111111111:root"]}},
            {"Principal": {"AWS": session}},
            {"Principal": "*"},
        ]});
        let shown = with_ids(trust, &ids);
        assert_eq!(shown["Statement"][0]["Principal"]["AWS"], json!(["AROA1", "arn:aws:iam::111111111111:root"]));
        assert_eq!(shown["Statement"][1]["Principal"]["AWS"], "AROA1:me");
    }

    #[test]
    fn service_principals_are_amazon_names() {
        assert!(is_service("ec2.amazonaws.com") && is_service("states.eu-west-1.amazonaws.com.cn"));
        assert!(!is_service("ec2.example.com") && !is_service(".amazonaws.com"));
    }
}
