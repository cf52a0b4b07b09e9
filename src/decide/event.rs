//! Events: what people around an object should learn of, each with one word of a fixed list.

use strum::{EnumMessage as _, IntoEnumIterator as _};

use crate::api::Reason;

/// The word of an Event. An Event about a change of the condition `Ready` has the reason of that condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::EnumIter, strum::EnumMessage)]
pub enum EventReason {
    /// The IAM role was created.
    RoleCreated,
    /// The IAM role was changed to a new declaration.
    RoleUpdated,
    /// An existing IAM role was taken over; `status.role.changedOnAdoption` lists what changed.
    RoleAdopted,
    /// The role stays although its object was deleted; the message says why.
    RoleRetained,
    /// Something in AWS differed from the declaration and was changed back. If it keeps coming, find out who writes to the
    /// role.
    DriftRepaired,
    /// Access was taken away, or sessions were denied on request.
    Revoked,
    /// An inline policy that only denies is on the role, and the operator leaves it there. Remove it by hand when it is no
    /// longer needed.
    DenialKept,
    /// The Secret holds its first credentials.
    CredentialsIssued,
    /// The Secret was edited; it holds new credentials.
    SecretHealed,
    /// The Secret was deleted because its credentials expired and `secret.onExpiry` is `Delete`.
    SecretDeleted,
    /// Session policy and tags are close to AWS's size limit.
    PackedPolicySize,
    /// Workloads were restarted for new credentials.
    RolloutRestarted,
    /// Principals of a source account may now assume the role.
    SourceGrantGiven,
    /// Principals of a source account may no longer assume the role.
    SourceGrantTakenBack,
    /// Roles with this cluster's tags have no object; the message names them.
    OrphansFound,
    /// The condition `Ready` changed.
    #[strum(disabled)]
    Ready(Reason),
}

impl EventReason {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready(reason) => reason.as_str(),
            other => other.into(),
        }
    }
}

impl From<Reason> for EventReason {
    fn from(reason: Reason) -> Self {
        Self::Ready(reason)
    }
}

/// An Event before it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether it needs attention.
    pub warning: bool,
    /// Its word.
    pub reason: EventReason,
    /// One sentence.
    pub note: String,
}

impl Event {
    /// Something went as it should.
    pub fn normal(reason: impl Into<EventReason>, note: impl Into<String>) -> Self {
        Self { warning: false, reason: reason.into(), note: note.into() }
    }

    /// Something needs attention.
    pub fn warning(reason: impl Into<EventReason>, note: impl Into<String>) -> Self {
        Self { warning: true, reason: reason.into(), note: note.into() }
    }
}

/// Names for a message: five at most, and how many more there are.
#[must_use]
pub fn some_of(names: &[String]) -> String {
    const MAX: usize = 5;
    let shown = names.iter().take(MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The page that explains the words of Events, in Markdown.
#[must_use]
pub fn events_markdown() -> String {
    let mut page = String::from(
        "# Events\n\n\
         The operator publishes an Event when something happens that people may want to know of. `kubectl describe` and\n\
         `kubectl events` show them. When the condition `Ready` changes, the Event has its reason: see [reasons.md](reasons.md).\n\n\
         | reason | meaning |\n|---|---|\n",
    );
    for reason in EventReason::iter() {
        let words = reason.get_documentation().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        page.extend(["| `", reason.as_str(), "` | ", &words, " |\n"]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_of_events_is_what_the_list_says() {
        crate::api::committed::check("docs/events.md", &events_markdown());
    }

    #[test]
    fn an_event_about_ready_has_the_reason_of_the_condition() {
        assert_eq!(Event::warning(Reason::Expired, "").reason.as_str(), "Expired");
        assert_eq!(Event::normal(EventReason::RoleCreated, "").reason.as_str(), "RoleCreated");
    }

    #[test]
    fn a_message_names_five_and_says_how_many_more_there_are() {
        let names = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(some_of(&names(5)), "0, 1, 2, 3, 4");
        assert_eq!(some_of(&names(7)), "0, 1, 2, 3, 4 and 2 more");
    }
}
