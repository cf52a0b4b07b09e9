//! Are new credentials needed? A chain of small checks over one input, in order.

use jiff::Timestamp;

use super::published::PublishedCredentials;
use crate::decide::target::requests::LEAST_INTERVAL;

/// What the checks look at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The set the Secret holds, if it holds one that nobody edited.
    pub published: Option<&'a PublishedCredentials>,
    /// Whether there is a Secret of ours at all.
    pub secret_exists: bool,
    /// Digest of everything a session would be requested with now.
    pub inputs_hash: &'a str,
    /// When the published set is to be replaced.
    pub renew_at: Option<Timestamp>,
    /// Whether the published set is among the sessions that are denied.
    pub denied: bool,
    /// Value of the annotation that asks for new credentials, once it is due.
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

/// The checks of [`needs_new`], in order; the first that fires is the cause.
const NEEDS_NEW: [Check; 7] =
    [is_missing, was_edited, has_expired, was_revoked, inputs_changed, renewal_requested, renewal_due];

/// Why a new set has to be issued now, if it has to.
#[must_use]
pub fn needs_new(input: &Input<'_>) -> Option<Cause> {
    NEEDS_NEW.iter().find_map(|check| check(input))
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

/// Each value counts once. One that follows too soon waits.
fn renewal_requested(input: &Input<'_>) -> Option<Cause> {
    let requested = input.renew_requested_at?;
    let set = input.published.filter(|set| !set.answers(requested))?;
    (input.now.duration_since(set.issued_at) >= LEAST_INTERVAL).then_some(Cause::Requested)
}

/// Until when a request for new credentials waits for the least interval.
#[must_use]
pub fn request_waits_until(set: &PublishedCredentials, requested: Option<Timestamp>) -> Option<Timestamp> {
    requested.filter(|at| !set.answers(*at)).and_then(|_| set.issued_at.checked_add(LEAST_INTERVAL).ok())
}

fn renewal_due(input: &Input<'_>) -> Option<Cause> {
    input.renew_at.filter(|at| *at <= input.now).map(|_| Cause::Due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::credentials::published::fixture;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// The fixture's set lives from 08:00 to 09:00.
    fn input(set: &PublishedCredentials) -> Input<'_> {
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
        let asked = |time: &str| Input { renew_requested_at: Some(at(time)), ..fresh };
        for (what, input, new) in [
            ("a fresh set", fresh, None),
            ("no Secret", Input { secret_exists: false, published: None, ..fresh }, Some(Cause::Missing)),
            ("an edited Secret", Input { published: None, ..fresh }, Some(Cause::Edited)),
            ("an expired set", Input { now: at("2027-01-15T09:00:00Z"), ..fresh }, Some(Cause::Expired)),
            ("a revoked set", Input { denied: true, ..fresh }, Some(Cause::Revoked)),
            ("other inputs", Input { inputs_hash: "others", ..fresh }, Some(Cause::InputsChanged)),
            ("a request", asked("2027-01-15T08:05:00Z"), Some(Cause::Requested)),
            ("a request of a slow clock", asked("2027-01-15T07:59:00Z"), Some(Cause::Requested)),
            ("a request in the second of the issue", asked("2027-01-15T08:00:00Z"), Some(Cause::Requested)),
            (
                "a request just after the issue",
                Input { now: at("2027-01-15T08:00:29Z"), ..asked("2027-01-15T08:00:10Z") },
                None,
            ),
            ("half of its life", Input { now: at("2027-01-15T08:27:00Z"), ..fresh }, Some(Cause::Due)),
        ] {
            assert_eq!(needs_new(&input), new, "{what}");
        }
        let answers = PublishedCredentials { answered: Some(at("2027-01-15T08:05:00Z")), ..set.clone() };
        for (time, new) in
            [("08:05:00", None), ("08:04:00", Some(Cause::Requested)), ("08:06:00", Some(Cause::Requested))]
        {
            let input = Input { published: Some(&answers), ..asked(&format!("2027-01-15T{time}Z")) };
            assert_eq!(needs_new(&input), new, "each value counts once, also an earlier one: {time}");
        }
    }

    #[test]
    fn what_is_broken_comes_before_what_is_due() {
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

    #[test]
    fn a_request_that_waits_for_the_least_interval_says_until_when_and_no_other_does() {
        let set = PublishedCredentials { answered: Some(at("2027-01-15T08:00:00Z")), ..fixture::publication() };
        let waits = |requested: Option<&str>| request_waits_until(&set, requested.map(at));
        assert_eq!(waits(Some("2027-01-15T08:00:10Z")), Some(at("2027-01-15T08:00:30Z")));
        assert_eq!(waits(Some("2027-01-15T08:00:00Z")), None, "the set answers it");
        assert_eq!(waits(None), None);
    }

    #[test]
    fn a_request_after_the_least_interval_is_met_in_the_second_in_which_it_ends() {
        let set = fixture::publication();
        let asked =
            |now: &str| Input { renew_requested_at: Some(at("2027-01-15T08:00:10Z")), now: at(now), ..input(&set) };
        assert_eq!(needs_new(&asked("2027-01-15T08:00:29.999Z")), None);
        assert_eq!(needs_new(&asked("2027-01-15T08:00:30Z")), Some(Cause::Requested));
    }

    #[test]
    fn without_a_time_of_renewal_a_good_set_is_kept_until_it_expires() {
        let set = fixture::publication();
        let kept = Input { renew_at: None, now: at("2027-01-15T08:59:59Z"), ..input(&set) };
        assert_eq!(needs_new(&kept), None);
        assert_eq!(needs_new(&Input { now: at("2027-01-15T09:00:00Z"), ..kept }), Some(Cause::Expired));
    }

    #[test]
    fn a_set_whose_time_of_issue_somebody_moved_to_the_end_of_the_calendar_is_waited_for_and_nothing_else() {
        for issued_at in [Timestamp::MIN, Timestamp::MAX] {
            let set = PublishedCredentials { issued_at, ..fixture::publication() };
            let asked = Input { renew_requested_at: Some(at("2027-01-15T08:05:00Z")), ..input(&set) };
            assert_eq!(needs_new(&asked).is_some(), issued_at == Timestamp::MIN);
            let waits = request_waits_until(&set, asked.renew_requested_at);
            assert_eq!(waits.is_some(), issued_at == Timestamp::MIN);
        }
    }

    #[test]
    fn a_denial_of_sessions_revokes_only_a_set_that_is_there() {
        let set = fixture::publication();
        assert_eq!(needs_new(&Input { published: None, denied: true, ..input(&set) }), Some(Cause::Edited));
    }
}
