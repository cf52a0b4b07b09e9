//! Does a trust policy let somebody in, as far as its text shows?
//!
//! Of conditions only those on the external id and on the caller's ARN are judged: the others depend on what AWS knows of a
//! request and we do not. So what is said here is either certain, or [`Reading::Depends`] (IAM user guide, "Policy
//! evaluation logic", "AWS JSON policy elements: Principal" and "Condition operators").

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::policy::{PolicyDocument, Statement, texts};
use crate::domain::{Arn, glob_covers};

/// Who asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// ARN of the user or the role.
    pub principal: String,
    /// ARN of the session, if it is one: a trust policy may name that as well.
    pub session: Option<String>,
    /// External id that is sent.
    pub external_id: Option<String>,
}

impl Caller {
    /// The account in the ARN; empty if it is no ARN, and then no policy names it.
    #[must_use]
    pub fn account(&self) -> &str {
        Arn::split(&self.principal).map(|arn| arn.account).unwrap_or_default()
    }
}

/// What a trust policy says to a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It allows the action, and nothing in it forbids that.
    Allows,
    /// No statement allows the action to the caller or its account.
    NotMentioned,
    /// It asks for one of these external ids, and none of them is sent.
    RequiresExternalId(BTreeSet<String>),
    /// A statement forbids the action.
    Denies,
    /// It depends on these condition keys or policy elements.
    Depends(BTreeSet<String>),
}

/// Reads what `trust` says to `caller` about an action such as `sts:AssumeRole`.
#[must_use]
pub fn reading(trust: &PolicyDocument, action: &str, caller: &Caller) -> Reading {
    let (mut allowed, mut barred) = (false, BTreeSet::new());
    let (mut asked_for, mut may_allow, mut may_forbid) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for statement in trust.statements().filter(|statement| covers(*statement, action)) {
        match (statement.allows(), applies(statement, action, caller)) {
            (true, Applies::Yes(_)) => allowed = true,
            (true, Applies::ForOther(ids)) => asked_for.extend(ids),
            (true, Applies::Maybe(keys)) => may_allow.extend(keys),
            (false, Applies::Yes(ids)) if ids.is_empty() => return Reading::Denies,
            (false, Applies::Yes(ids)) => barred.extend(ids),
            (false, Applies::Maybe(keys)) => may_forbid.extend(keys),
            (_, Applies::No) | (false, Applies::ForOther(_)) => {}
        }
    }
    if !barred.is_empty() {
        return Reading::RequiresExternalId(barred);
    }
    match allowed {
        true if may_forbid.is_empty() => Reading::Allows,
        true => Reading::Depends(may_forbid),
        false if !may_allow.is_empty() => Reading::Depends(may_allow),
        false if !asked_for.is_empty() => Reading::RequiresExternalId(asked_for),
        false => Reading::NotMentioned,
    }
}

/// Whether a statement applies to a request.
enum Applies {
    /// Certainly; with the external ids that would have kept it from applying.
    Yes(BTreeSet<String>),
    /// It is about somebody else.
    No,
    /// Only with one of these external ids.
    ForOther(BTreeSet<String>),
    /// That depends on these condition keys or elements.
    Maybe(BTreeSet<String>),
}

fn applies(statement: Statement<'_>, action: &str, caller: &Caller) -> Applies {
    let (mut maybe, mut other, mut spared) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    match statement.get("Principal") {
        Some(principal) if !names(principal, caller) => return Applies::No,
        Some(_) => {}
        None => drop(maybe.insert("NotPrincipal".to_owned())),
    }
    for (operator, key, values) in statement.conditions() {
        let known = known(key, action, caller);
        let of_id = matches!(known, Some(Known::ExternalId(_)));
        let held = match known {
            Some(Known::ExternalId(sent)) => holds(operator, &values, sent),
            Some(Known::Principal(arn)) => holds(operator, &values, Some(arn)),
            None => None,
        };
        match held {
            None => drop(maybe.insert(key.to_owned())),
            Some(true) if of_id && operator.contains("Not") => spared.extend(values),
            Some(true) => {}
            Some(false) if of_id && !operator.contains("Not") => other.extend(values),
            Some(false) => return Applies::No,
        }
    }
    match (other.is_empty(), maybe.is_empty()) {
        (false, _) => Applies::ForOther(other.into_iter().map(str::to_owned).collect()),
        (true, false) => Applies::Maybe(maybe),
        (true, true) => Applies::Yes(spared.into_iter().map(str::to_owned).collect()),
    }
}

/// A condition key whose value we know.
enum Known<'a> {
    ExternalId(Option<&'a str>),
    Principal(&'a str),
}

/// The external id is part of the request context of `sts:AssumeRole` alone (service authorization reference, AWS STS);
/// `aws:PrincipalArn` of a session is its role's (IAM user guide, "AWS global condition context keys").
fn known<'a>(key: &str, action: &str, caller: &'a Caller) -> Option<Known<'a>> {
    if key.eq_ignore_ascii_case("aws:PrincipalArn") {
        return Some(Known::Principal(&caller.principal));
    }
    let is_id = key.eq_ignore_ascii_case("sts:ExternalId") && action.eq_ignore_ascii_case("sts:AssumeRole");
    is_id.then_some(Known::ExternalId(caller.external_id.as_deref()))
}

/// Whether a condition on one text key holds; none for operators and policy variables that are not judged here. Negated
/// operators hold where the key is absent.
fn holds(operator: &str, values: &[&str], sent: Option<&str>) -> Option<bool> {
    if values.iter().any(|value| value.contains("${")) {
        return None;
    }
    let (plain, absent_is_fine) = match operator.strip_suffix("IfExists") {
        Some(plain) => (plain, true),
        None => (operator, false),
    };
    let equals = sent.map(|sent| values.contains(&sent));
    let like = sent.map(|sent| values.iter().any(|glob| glob_covers(glob, sent)));
    // A wildcard of an ARN operator stays within its part of the ARN, which a glob does not know.
    let plain = match plain {
        "ArnEquals" | "ArnLike" if !values.iter().any(|value| value.contains(['*', '?'])) => "StringEquals",
        "ArnNotEquals" | "ArnNotLike" if !values.iter().any(|value| value.contains(['*', '?'])) => "StringNotEquals",
        other => other,
    };
    match plain {
        "StringEquals" => Some(equals.unwrap_or(absent_is_fine)),
        "StringLike" => Some(like.unwrap_or(absent_is_fine)),
        "StringNotEquals" => Some(!equals.unwrap_or(false)),
        "StringNotLike" => Some(!like.unwrap_or(false)),
        _ => None,
    }
}

/// Actions are compared without case.
fn covers(statement: Statement<'_>, action: &str) -> bool {
    let listed = |value: &Value| {
        texts(value).iter().any(|glob| glob_covers(&glob.to_ascii_lowercase(), &action.to_ascii_lowercase()))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => listed(actions),
        (None, Some(others)) => !listed(others),
        (None, None) => false,
    }
}

/// Everyone, the caller's account, or the caller.
fn names(principal: &Value, caller: &Caller) -> bool {
    let account = caller.account();
    let is_caller = |name: &str| {
        let root = || Arn::split(name).and_then(|arn| arn.root_account()) == Some(account);
        name == "*" || name == account || root() || name == caller.principal || Some(name) == caller.session.as_deref()
    };
    principal == "*" || principal.get("AWS").is_some_and(|names| texts(names).into_iter().any(is_caller))
}

#[cfg(test)]
mod tests;
