//! Judges an account by what it should have.

use super::compare::{Finding, Kind, Words, compare};
use super::found::{Found, FoundIdentity, FoundPolicy};
use super::setup::{Identity, Setup};
use crate::domain::policy::{PolicyDocument, PolicyError};

/// Everything that the account lacks or has too much of. Fails where the setup itself is not made of policy documents.
pub fn judge(setup: &Setup, found: &Found) -> Result<Vec<Finding>, PolicyError> {
    let mut findings = boundary(setup, found)?;
    if let Some(identity) = &found.identity {
        findings.extend(match identity {
            Some(identity) => judge_identity(setup, identity)?,
            None => vec![missing(&setup.identity.kind().to_string(), setup.identity.name())],
        });
    }
    findings.extend(found.unbounded_roles.iter().map(|arn| {
        let message = format!(
            "{arn} is under the path that the operator manages and has no permissions boundary: the manager can give it any \
             inline policy; put the boundary on it, or move it out of the path"
        );
        Finding::new(Kind::TooWide, message)
    }));
    Ok(findings)
}

fn missing(kind: &str, name: &str) -> Finding {
    Finding::new(Kind::Missing, format!("there is no {kind} {name} in the account"))
}

fn boundary(setup: &Setup, found: &Found) -> Result<Vec<Finding>, PolicyError> {
    let (Some(expected), Some(found)) = (&setup.boundary, &found.boundary) else { return Ok(Vec::new()) };
    let Some(document) = found else { return Ok(vec![missing("managed policy", &expected.name)]) };
    let what = format!("managed policy {}", expected.name);
    let policies = [FoundPolicy { what: what.clone(), document: document.clone() }];
    Ok(compare(&what, Words::Permissions, &PolicyDocument::from_value(expected.document.clone())?, &policies))
}

fn judge_identity(setup: &Setup, found: &FoundIdentity) -> Result<Vec<Finding>, PolicyError> {
    let (kind, name) = (setup.identity.kind(), setup.identity.name());
    let mut findings = Vec::new();
    let expected_arn = setup.place.arn(&format!("{kind}/{name}"));
    if found.arn != expected_arn {
        findings.push(Finding::new(Kind::Differs, format!("{kind} {name} is {}, not {expected_arn}", found.arn)));
    }
    if let Identity::Role { trust, .. } = &setup.identity {
        let what = format!("the trust policy of {kind} {name}");
        let policies =
            found.trust.iter().map(|document| FoundPolicy { what: what.clone(), document: document.clone() });
        let policies: Vec<FoundPolicy> = policies.collect();
        let expected = PolicyDocument::from_value(trust.clone())?;
        findings.extend(compare(&what, Words::Trust, &expected, &policies));
    }
    if let Some(policies) = &found.policies {
        let expected = PolicyDocument::from_value(setup.policy.document.clone())?;
        findings.extend(compare(&format!("{kind} {name}"), Words::Permissions, &expected, policies));
    }
    findings.extend(found.groups.iter().map(|group| {
        Finding::new(Kind::TooWide, format!("user {name} is in group {group}, whose policies it has, too; take it out"))
    }));
    Ok(findings)
}
