//! One write to a role, as data: what it is about, and what stands in AWS after it.

use jiff::Timestamp;

use crate::decide::role::denial::{DENY, Denial, Denied, moment_of_denial};
use crate::domain::policy::{PolicyDocument, Write};
use crate::domain::{DesiredRole, IamRole, IamRoleState, PolicyArn, RoleArn, RoleSettings, RoleTags};

/// One call of IAM that writes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Creates the role, with everything `CreateRole` takes.
    Create(Box<DesiredRole>),
    /// Puts the operator's denial on.
    Deny(Denial),
    /// Puts the permissions boundary on.
    PutBoundary(PolicyArn),
    /// Takes the permissions boundary off.
    DeleteBoundary,
    /// Detaches a managed policy.
    Detach(PolicyArn),
    /// Attaches a managed policy.
    Attach(PolicyArn),
    /// Deletes an inline policy.
    DeleteInline(String),
    /// Puts an inline policy.
    PutInline(String, PolicyDocument),
    /// Replaces the trust policy.
    UpdateTrust(PolicyDocument),
    /// Sets description and longest session.
    Update(RoleSettings),
    /// Sets tags.
    Tag(RoleTags),
    /// Removes tags.
    Untag(Vec<String>),
    /// Removes the role from an instance profile.
    LeaveInstanceProfile(String),
    /// Deletes the role.
    DeleteRole,
}

impl Step {
    /// The write of an inline policy.
    #[must_use]
    pub fn inline(name: &str, write: Write) -> Self {
        match write {
            Write::Put(document) => Self::PutInline(name.to_owned(), document),
            Write::Delete => Self::DeleteInline(name.to_owned()),
        }
    }

    /// What the step is about, for Events.
    #[must_use]
    pub fn subject(&self) -> String {
        let keys = |keys: Vec<&str>| format!("tags {}", keys.join(", "));
        match self {
            Self::Create(role) => format!("role {}", role.name),
            Self::Deny(_) => "denial of sessions".into(),
            Self::PutBoundary(_) | Self::DeleteBoundary => "permissions boundary".into(),
            Self::Detach(arn) | Self::Attach(arn) => format!("managed policy {arn}"),
            Self::DeleteInline(name) | Self::PutInline(name, _) => format!("inline policy {name}"),
            Self::UpdateTrust(_) => "trust policy".into(),
            Self::Update(_) => "description or maximum session".into(),
            Self::Tag(tags) => keys(tags.keys().map(String::as_str).collect()),
            Self::Untag(removed) => keys(removed.iter().map(String::as_str).collect()),
            Self::LeaveInstanceProfile(name) => format!("instance profile {name}"),
            Self::DeleteRole => "role".into(),
        }
    }

    /// Whether it only takes something away: what is gone already needs no deletion, and the rest is still taken away.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        match self {
            Self::Deny(denial) => denial.document().is_none(),
            Self::Detach(_) | Self::DeleteInline(_) | Self::LeaveInstanceProfile(_) | Self::DeleteRole => true,
            Self::Create(_)
            | Self::PutBoundary(_)
            | Self::DeleteBoundary
            | Self::Attach(_)
            | Self::PutInline(..)
            | Self::UpdateTrust(_)
            | Self::Update(_)
            | Self::Tag(_)
            | Self::Untag(_) => false,
        }
    }

    /// Whether it decides who gets in, so that the refusal without the external id has to be proven again.
    #[must_use]
    pub fn changes_trust(&self) -> bool {
        matches!(self, Self::Create(_) | Self::UpdateTrust(_))
    }

    /// The step that has to follow a denial of older sessions whose write took longer than its moment allowed for. `planned`
    /// is AWS's time when the denial was planned, `written` after the write. A moment before the plan stays what it is.
    #[must_use]
    pub fn corrected(&self, planned: Timestamp, written: Timestamp) -> Option<Self> {
        let Self::Deny(denial) = self else { return None };
        let late = |moment: Timestamp| moment > planned && moment <= written;
        let moment = moment_of_denial(written);
        let everyone = match denial.everyone {
            Denied::Before(before) if late(before) => Denied::Before(moment),
            other => other,
        };
        let own = denial.own.clone().map(|(id, before)| (id, if late(before) { moment } else { before }));
        let later = Denial { everyone, own, ..denial.clone() };
        (later != *denial).then_some(Self::Deny(later))
    }

    /// What stands in AWS after the step, where `state` stood before it.
    #[must_use]
    pub fn apply(&self, state: Option<IamRoleState>) -> Option<IamRoleState> {
        if let Self::Create(role) = self {
            return Some(created(role));
        }
        let mut state = state?;
        match self {
            Self::Create(_) | Self::LeaveInstanceProfile(_) => {}
            Self::Deny(denial) => drop(state.inline.insert(DENY.to_owned(), denial.document())),
            Self::PutBoundary(arn) => state.role.boundary = Some(arn.clone()),
            Self::DeleteBoundary => state.role.boundary = None,
            Self::Detach(arn) => drop(state.attached.remove(arn)),
            Self::Attach(arn) => drop(state.attached.insert(arn.clone())),
            Self::DeleteInline(name) => drop(state.inline.remove(name)),
            Self::PutInline(name, document) => drop(state.inline.insert(name.clone(), Some(document.clone()))),
            Self::UpdateTrust(document) => state.role.trust = Some(document.clone()),
            Self::Update(settings) => state.role.settings = settings.clone(),
            Self::Tag(tags) => state.role.tags.extend(tags.clone()),
            Self::Untag(keys) => state.role.tags.retain(|key, _| !keys.contains(key)),
            Self::DeleteRole => return None,
        }
        Some(state)
    }
}

/// A role just after `CreateRole`, as far as the declaration says. AWS's answer has the rest.
fn created(role: &DesiredRole) -> IamRoleState {
    let DesiredRole { path, name, trust, settings, boundary, tags, managed: _, inline: _, account, partition } = role;
    let arn = RoleArn { partition: *partition, account: account.clone(), path: path.clone(), name: name.clone() };
    IamRoleState {
        role: IamRole {
            arn,
            id: String::new(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            settings: settings.clone(),
            boundary: boundary.clone(),
            trust: Some(trust.clone()),
            tags: tags.clone(),
            last_used: None,
        },
        attached: std::collections::BTreeSet::new(),
        inline: std::collections::BTreeMap::new(),
    }
}
