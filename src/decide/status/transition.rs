//! Events about changes of the condition `Ready`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{ConditionType, Outlook, Reason, condition};
use crate::decide::event::Event;

/// An Event for each change of status or reason of `Ready`, and none while it stays the same. Work on the way is not worth one.
#[must_use]
pub fn transition(before: &[Condition], after: &[Condition]) -> Option<Event> {
    let ready = condition(after, ConditionType::Ready)?;
    let was = condition(before, ConditionType::Ready);
    if was.is_some_and(|was| (&was.status, &was.reason) == (&ready.status, &ready.reason)) {
        return None;
    }
    let reason: Reason = ready.reason.parse().ok()?;
    match reason {
        Reason::Available | Reason::Observed | Reason::Suspended => Some(Event::normal(reason, &ready.message)),
        _ if reason.outlook() == Outlook::OnTheWay => None,
        _ => Some(Event::warning(reason, &ready.message)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::decide::status::conditions::Conditions;

    fn ready(status: bool, reason: Reason) -> Vec<Condition> {
        let mut conditions = Conditions::after(&[], Some(1), Timestamp::UNIX_EPOCH);
        conditions.set(ConditionType::Ready, status, reason, "a message");
        conditions.into_vec()
    }

    #[test]
    fn there_is_one_event_when_access_comes_and_one_when_it_is_in_trouble() {
        let (good, denied) = (ready(true, Reason::Available), ready(false, Reason::IdentityDenied));
        let event = |before: &[Condition], after: &[Condition]| {
            transition(before, after).map(|event| (event.warning, event.reason.as_str()))
        };
        assert_eq!(event(&[], &good), Some((false, "Available")));
        assert_eq!(event(&good, &good), None);
        assert_eq!(event(&good, &denied), Some((true, "IdentityDenied")));
        assert_eq!(event(&denied, &denied), None);
        assert_eq!(event(&[], &ready(false, Reason::Propagating)), None);
    }
}
