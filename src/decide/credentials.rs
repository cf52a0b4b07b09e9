//! Are the published credentials good, and is it time for new ones? Two chains of small checks over one input; they differ
//! in what their last links ask.

use jiff::Timestamp;

use super::published::Publication;

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The set the Secret holds, if it holds one that nobody edited.
    pub published: Option<&'a Publication>,
    /// Whether there is a Secret of ours at all.
    pub secret_exists: bool,
    /// Digest of everything a session would be requested with now.
    pub inputs_hash: &'a str,
    /// When the published set is to be replaced.
    pub renew_at: Option<Timestamp>,
    /// Whether the published set is among the sessions that are denied.
    pub denied: bool,
    /// Value of the annotation that asks for new credentials.
    pub renew_requested_at: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// Why new credentials are needed, or the present ones unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Cause {
    /// There is no Secret.
    #[strum(to_string = "there is no Secret")]
    Missing,
    /// The Secret holds no set as it was published.
    #[strum(to_string = "the Secret was edited")]
    Edited,
    /// The set has expired.
    #[strum(to_string = "the credentials expired")]
    Expired,
    /// Sessions of its time are denied.
    #[strum(to_string = "the credentials were revoked")]
    Revoked,
    /// Another role, or other session options, are declared now.
    #[strum(to_string = "the declaration changed")]
    InputsChanged,
    /// Somebody asked for it, after the set was issued.
    #[strum(to_string = "a renewal was requested")]
    Requested,
    /// It is time.
    #[strum(to_string = "it is time")]
    Due,
}

type Check = fn(&Input<'_>) -> Option<Cause>;

/// The checks of [`needs_new`], in order; the first that fires tells the cause.
const NEEDS_NEW: [Check; 7] =
    [is_missing, was_edited, has_expired, was_revoked, inputs_changed, renewal_requested, renewal_due];

/// The checks of [`unusable`].
const UNUSABLE: [Check; 4] = [is_missing, was_edited, has_expired, was_revoked];

/// Why a new set has to be issued now, if it has to.
#[must_use]
pub fn needs_new(input: &Input<'_>) -> Option<Cause> {
    NEEDS_NEW.iter().find_map(|check| check(input))
}

/// Why pods cannot use what the Secret holds, if they cannot.
#[must_use]
pub fn unusable(input: &Input<'_>) -> Option<Cause> {
    UNUSABLE.iter().find_map(|check| check(input))
}

fn is_missing(input: &Input<'_>) -> Option<Cause> {
    (!input.secret_exists).then_some(Cause::Missing)
}

fn was_edited(input: &Input<'_>) -> Option<Cause> {
    input.published.is_none().then_some(Cause::Edited)
}

fn has_expired(input: &Input<'_>) -> Option<Cause> {
    input.published.filter(|set| set.credentials.expires_at <= input.now).map(|_| Cause::Expired)
}

fn was_revoked(input: &Input<'_>) -> Option<Cause> {
    (input.denied && input.published.is_some()).then_some(Cause::Revoked)
}

fn inputs_changed(input: &Input<'_>) -> Option<Cause> {
    input.published.filter(|set| set.inputs_hash != input.inputs_hash).map(|_| Cause::InputsChanged)
}

/// A request counts once: it is answered by a set issued after it. One in the future waits.
fn renewal_requested(input: &Input<'_>) -> Option<Cause> {
    let requested = input.renew_requested_at.filter(|at| *at <= input.now)?;
    input.published.filter(|set| set.issued_at < requested).map(|_| Cause::Requested)
}

fn renewal_due(input: &Input<'_>) -> Option<Cause> {
    input.renew_at.filter(|at| *at <= input.now).map(|_| Cause::Due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::published::fixture;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// The fixture's set lives from 08:00 to 09:00.
    fn input(set: &Publication) -> Input<'_> {
        Input {
            published: Some(set),
            secret_exists: true,
            inputs_hash: "inputs",
            renew_at: Some(at("2027-01-15T08:27:00Z")),
            denied: false,
            renew_requested_at: None,
            now: at("2027-01-15T08:10:00Z"),
        }
    }

    #[test]
    fn each_check_fires_for_its_own_cause_and_a_fresh_set_for_none() {
        let set = fixture::publication();
        let fresh = input(&set);
        for (what, input, new, broken) in [
            ("a fresh set", fresh, None, None),
            (
                "no Secret",
                Input { secret_exists: false, published: None, ..fresh },
                Some(Cause::Missing),
                Some(Cause::Missing),
            ),
            ("an edited Secret", Input { published: None, ..fresh }, Some(Cause::Edited), Some(Cause::Edited)),
            (
                "an expired set",
                Input { now: at("2027-01-15T09:00:00Z"), ..fresh },
                Some(Cause::Expired),
                Some(Cause::Expired),
            ),
            ("a revoked set", Input { denied: true, ..fresh }, Some(Cause::Revoked), Some(Cause::Revoked)),
            ("other inputs", Input { inputs_hash: "others", ..fresh }, Some(Cause::InputsChanged), None),
            (
                "a request",
                Input { renew_requested_at: Some(at("2027-01-15T08:05:00Z")), ..fresh },
                Some(Cause::Requested),
                None,
            ),
            (
                "an answered request",
                Input { renew_requested_at: Some(at("2027-01-15T07:59:00Z")), ..fresh },
                None,
                None,
            ),
            (
                "a request for later",
                Input { renew_requested_at: Some(at("2027-01-15T08:30:00Z")), ..fresh },
                None,
                None,
            ),
            ("half of its life", Input { now: at("2027-01-15T08:27:00Z"), ..fresh }, Some(Cause::Due), None),
        ] {
            assert_eq!((needs_new(&input), unusable(&input)), (new, broken), "{what}");
        }
    }

    #[test]
    fn what_is_broken_is_told_before_what_is_due() {
        let set = fixture::publication();
        let everything = Input {
            now: at("2027-01-15T10:00:00Z"),
            denied: true,
            inputs_hash: "others",
            renew_requested_at: Some(at("2027-01-15T09:30:00Z")),
            ..input(&set)
        };
        let fired: Vec<Cause> = NEEDS_NEW.iter().filter_map(|check| check(&everything)).collect();
        assert_eq!(fired, [Cause::Expired, Cause::Revoked, Cause::InputsChanged, Cause::Requested, Cause::Due]);
        assert_eq!(needs_new(&Input { secret_exists: false, published: None, ..everything }), Some(Cause::Missing));
    }
}
