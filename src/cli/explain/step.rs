//! One step on the way from the declaration to the pods.

use serde::Serialize;

/// A step, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What the step is.
    pub title: &'static str,
    /// How it is.
    pub state: State,
    /// What is seen.
    pub message: String,
    /// Who has to change something, where something is wrong.
    pub side: Option<Side>,
    /// What the reason means, and what to do.
    pub remedy: Option<String>,
    /// The permission that the caller lacks to see it.
    pub missing_permission: Option<String>,
}

/// How a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It works.
    Works,
    /// It does not.
    Fails,
    /// The operator is at work, or an earlier step has to work first.
    Waits,
    /// The caller may not see it.
    Unknown,
}

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The author of the object.
    #[strum(to_string = "the declaration in this cluster")]
    Declaration,
    /// Those who write `AWSAccount`s.
    #[strum(to_string = "the platform team, in this cluster")]
    Platform,
    /// Those who run the operator, and the account that its identity is in.
    #[strum(to_string = "the operator, and the AWS account of its own identity")]
    Operator,
    /// The account of the role.
    #[strum(to_string = "the target account, which the role is in")]
    Target,
    /// An account in which principals get permission.
    #[strum(to_string = "a source account, which a grant is in")]
    Source,
}

impl Step {
    fn new(title: &'static str, state: State, message: impl Into<String>) -> Self {
        Self { title, state, message: message.into(), side: None, remedy: None, missing_permission: None }
    }

    /// One that works.
    #[must_use]
    pub fn works(title: &'static str, message: impl Into<String>) -> Self {
        Self::new(title, State::Works, message)
    }

    /// One that does not.
    #[must_use]
    pub fn fails(title: &'static str, message: impl Into<String>) -> Self {
        Self::new(title, State::Fails, message)
    }

    /// One that is on the way.
    #[must_use]
    pub fn waits(title: &'static str, message: impl Into<String>) -> Self {
        Self::new(title, State::Waits, message)
    }

    /// One that the caller may not see.
    #[must_use]
    pub fn hidden(title: &'static str, permission: &crate::cli::cluster::Permission) -> Self {
        let message = format!("you may not {permission}");
        Self { missing_permission: Some(permission.to_string()), ..Self::new(title, State::Unknown, message) }
    }

    /// The same, with who has to do what.
    #[must_use]
    pub fn by(self, side: Option<Side>, remedy: Option<String>) -> Self {
        Self { side, remedy, ..self }
    }
}
