//! The vocabulary of conditions: one word for each thing that can be the case.

use std::fmt::Write as _;

use strum::{EnumMessage as _, IntoEnumIterator as _};

/// Why a condition has its status. The text of each reason is what the documentation shows: what it means, and what to
/// do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::EnumIter,
    strum::EnumMessage,
)]
pub enum Reason {
    /// Everything is as declared and the credentials are valid. Nothing to do.
    Available,
    /// Something fails, and the last valid credentials are kept. The message says what fails and when the
    /// credentials expire. Correct it before then.
    Degraded,
    /// `spec.suspend` is true: no writes to AWS and no renewals. Set it to false to go on.
    Suspended,
    /// The lifecycle is `Observe`: the role was found and is never written. `status.plannedChanges` lists what differs
    /// from the declaration.
    Observed,
    /// Pods run with earlier credentials, because they took them by environment variables or a `subPath` mount. The message
    /// names them: restart them, mount the Secret as a volume without `subPath`, or declare `rolloutRestarts`.
    RestartNeeded,

    /// Work is in progress and continues by itself. Nothing to do.
    Progressing,
    /// The role or its trust policy is new, and AWS does not know it everywhere yet. This takes seconds, at most two
    /// minutes; nothing to do.
    Propagating,
    /// AWS throttles the account, so work on it waits. If this continues, lower `--concurrency`, or check who else calls
    /// IAM and STS in the account.
    Throttled,
    /// The object is being deleted, and the operator cleans up AWS first. If this continues, the message says what
    /// cannot be removed.
    Deleting,

    /// The platform team does not allow this: no such `AWSAccount`, not for this namespace, or against a guardrail. The
    /// message says which; change the declaration, or ask for the permission.
    NotAllowed,
    /// The `AWSAccount` is not Ready, so nothing can be done in it. Its own conditions say why.
    AccountNotReady,
    /// The declaration contradicts itself or is not valid for AWS. The message names the field and what to write
    /// instead.
    InvalidSpec,
    /// A role of that name exists and is not this object's. Choose another `role.name`, take the role over with
    /// `role.lifecycle: Adopt`, or have it handed over as docs/moving.md says.
    RoleNotOwned,
    /// The lifecycle is `Adopt` or `Observe` and there is no role of that name in the account. Create the role, or
    /// correct `role.name`.
    RoleNotFound,
    /// Another object has the same role name or Secret name. It owns the role or the Secret or, if neither object does,
    /// it is older. Change the name in one of the two, or delete one.
    Conflict,
    /// A Secret of that name exists and is not this object's, so it is left untouched. Choose another `secret.name`, or
    /// delete the Secret.
    SecretNotOwned,
    /// The role's trust policy refuses the operator. The message holds the statement to add in the role's account.
    TrustDenied,
    /// The operator's own identity lacks a permission on its side, such as `sts:AssumeRole`. The message holds the
    /// statement to add in the operator's account.
    IdentityDenied,
    /// The role by which the operator manages the account lacks an IAM permission. The message names it; add it to that
    /// role.
    ManagerDenied,
    /// The role could be assumed without its external id, so nothing is published. Look for statements in the trust
    /// policy that allow the operator without `sts:ExternalId`.
    ExternalIdNotEnforced,
    /// AWS does not know a principal in `trust.principals` or `sourceGrants`. Create it, or correct its name.
    PrincipalNotFound,
    /// AWS does not know a managed policy that is to be attached or used for the session. Create it, or correct its
    /// ARN.
    PolicyNotFound,
    /// A limit of AWS is reached, such as the size of a policy or the number of roles. The message has the arithmetic;
    /// shorten the declaration or raise the quota.
    LimitExceeded,
    /// The operator's identity is itself a role session, and AWS limits sessions from there to 3600 seconds. Lower
    /// `session.durationSeconds`, or give the operator an identity of its own.
    RoleChainingLimit,
    /// The requested session is longer than the role allows, and the operator may not change the role. Lower
    /// `session.durationSeconds`, or raise the role's maximum.
    DurationExceedsRole,
    /// New credentials turned out to be another account, role or role id than expected, so they were not published. The
    /// message shows both; check which server the operator's AWS endpoint reaches, and whether the role was created again.
    WrongIdentity,
    /// The operator has no AWS identity of its own at the moment. Check how it gets its credentials (IRSA, Pod
    /// Identity, profile).
    BaseIdentityUnavailable,
    /// STS is not active for this region in an account involved. Enable the region there, or choose another `region` in
    /// the `AWSAccount`.
    RegionDisabled,
    /// A workload in `rolloutRestarts` does not exist in this namespace. Create it, or correct the declaration.
    WorkloadNotFound,
    /// The API server refused the operator something that it has to read or write; the message holds its answer.
    /// Give the operator the rule of `deploy/rbac.yaml` for it, or look for the quota or admission policy that refuses.
    KubernetesDenied,
    /// AWS does not let this be done, such as changing a service-linked role. Declare something else.
    NotSupported,

    /// The credentials in the Secret have expired and no renewal succeeded. The message says what fails.
    Expired,
    /// The permission was withdrawn: the Secret is gone and older sessions are denied. Ask the platform team, or delete
    /// the object.
    Revoked,
    /// The annotation `iam.crossaccount.dev/abandon` removed the object although AWS could not be cleaned up. An
    /// Event lists what is left behind; remove it by hand.
    Abandoned,
}

/// What a reason means for someone who needs access.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::EnumIter, strum::EnumMessage,
)]
pub enum Outlook {
    /// The credentials are good. Some of these still ask for attention.
    #[strum(serialize = "While access works")]
    Works,
    /// Not there yet; the operator goes on by itself.
    #[strum(serialize = "On the way")]
    OnTheWay,
    /// Nothing will change until someone changes the declaration, the account or something in AWS.
    #[strum(serialize = "Needs someone")]
    NeedsSomeone,
    /// Access was there and is gone.
    #[strum(serialize = "Lost")]
    Lost,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// The word itself, as a condition shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What the reason means and what to do about it, on one line.
    #[must_use]
    pub fn doc(self) -> String {
        one_line(self.get_documentation())
    }

    /// The group of the documentation that the reason is in.
    #[must_use]
    pub fn outlook(self) -> Outlook {
        match self {
            Self::Available | Self::Degraded | Self::Suspended | Self::Observed | Self::RestartNeeded => Outlook::Works,
            Self::Progressing | Self::Propagating | Self::Throttled | Self::Deleting => Outlook::OnTheWay,
            Self::NotAllowed
            | Self::AccountNotReady
            | Self::InvalidSpec
            | Self::RoleNotOwned
            | Self::RoleNotFound
            | Self::Conflict
            | Self::SecretNotOwned
            | Self::TrustDenied
            | Self::IdentityDenied
            | Self::ManagerDenied
            | Self::ExternalIdNotEnforced
            | Self::PrincipalNotFound
            | Self::PolicyNotFound
            | Self::LimitExceeded
            | Self::RoleChainingLimit
            | Self::DurationExceedsRole
            | Self::WrongIdentity
            | Self::BaseIdentityUnavailable
            | Self::RegionDisabled
            | Self::WorkloadNotFound
            | Self::KubernetesDenied
            | Self::NotSupported => Outlook::NeedsSomeone,
            Self::Expired | Self::Revoked | Self::Abandoned => Outlook::Lost,
        }
    }
}

/// The page that explains all reasons, in Markdown.
#[must_use]
pub fn reasons_markdown() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Every condition of an AWSAccount or a CrossAccountRole has one of these reasons; its message says the rest.\n\
         [troubleshooting.md](troubleshooting.md) shows the messages where access between two accounts is refused.\n",
    );
    for outlook in Outlook::iter() {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {outlook}\n\n{}\n\n", one_line(outlook.get_documentation()));
        page.push_str("| reason | meaning, and what to do |\n|---|---|\n");
        for reason in Reason::all().filter(|reason| reason.outlook() == outlook) {
            let _ = writeln!(page, "| `{reason}` | {} |", reason.doc());
        }
    }
    page
}

fn one_line(documentation: Option<&str>) -> String {
    documentation.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(outlook: Outlook) -> Vec<&'static str> {
        Reason::all().filter(|reason| reason.outlook() == outlook).map(Reason::as_str).collect()
    }

    #[test]
    fn reasons_are_spelled_and_grouped_as_in_the_contract() {
        assert_eq!(words(Outlook::Works), ["Available", "Degraded", "Suspended", "Observed", "RestartNeeded"]);
        assert_eq!(words(Outlook::OnTheWay), ["Progressing", "Propagating", "Throttled", "Deleting"]);
        assert_eq!(
            words(Outlook::NeedsSomeone),
            [
                "NotAllowed",
                "AccountNotReady",
                "InvalidSpec",
                "RoleNotOwned",
                "RoleNotFound",
                "Conflict",
                "SecretNotOwned",
                "TrustDenied",
                "IdentityDenied",
                "ManagerDenied",
                "ExternalIdNotEnforced",
                "PrincipalNotFound",
                "PolicyNotFound",
                "LimitExceeded",
                "RoleChainingLimit",
                "DurationExceedsRole",
                "WrongIdentity",
                "BaseIdentityUnavailable",
                "RegionDisabled",
                "WorkloadNotFound",
                "KubernetesDenied",
                "NotSupported",
            ],
        );
        assert_eq!(words(Outlook::Lost), ["Expired", "Revoked", "Abandoned"]);
    }

    #[test]
    fn a_reason_is_read_back_from_its_own_spelling() {
        for reason in Reason::all() {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
    }

    #[test]
    fn the_committed_page_of_reasons_is_what_the_vocabulary_says() {
        crate::api::committed::check("docs/reasons.md", &reasons_markdown());
    }

    #[test]
    fn every_reason_is_explained_on_one_row_of_the_page() {
        let page = reasons_markdown();
        for reason in Reason::all() {
            let doc = reason.doc();
            assert!(doc.ends_with('.') && !doc.contains('|'), "{reason}: {doc}");
            assert_eq!(page.matches(&format!("| `{reason}` | {doc} |\n")).count(), 1, "{reason}");
        }
    }
}
