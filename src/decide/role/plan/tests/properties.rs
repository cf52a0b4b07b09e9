//! What holds of every plan, whatever is declared, whatever stands in AWS, and whichever steps fail.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::generated::{Aim, Case, cases, respelled};
use super::model::{Session, inline_size, powerless, powers};
use super::*;
use crate::decide::role::denial::{self, DENY, own_denial};
use crate::domain::INLINE_QUOTA_OF_ROLE;
use crate::domain::tag;

/// The states that stand in AWS one after the other while a plan is executed, where these steps fail. Like the executor, it
/// tries every step of a stage, begins a stage only when those before it succeeded, and always tries the side steps.
fn states(plan: &Plan, before: Option<&IamRoleState>, fails: &[bool]) -> Vec<Option<IamRoleState>> {
    let mut fails = fails.iter().copied().chain(std::iter::repeat(false));
    let mut states = vec![before.cloned()];
    let mut tries = |steps: &Vec<Step>| {
        let mut all_succeed = true;
        for step in steps {
            if fails.next() == Some(true) {
                all_succeed = false;
            } else {
                let state = states.last().cloned().flatten();
                states.push(step.apply(state));
            }
        }
        all_succeed
    };
    let _ = plan.stages.iter().all(&mut tries);
    tries(&plan.side);
    states
}

fn failures() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.25), 0..12)
}

/// The steps of a plan, each with the state that it finds when all before it succeeded.
fn steps_from<'a>(plan: &'a Plan, before: Option<&IamRoleState>) -> Vec<(Option<IamRoleState>, &'a Step)> {
    let mut found = before.cloned();
    let next = |step: &'a Step| {
        let before = found.clone();
        found = step.apply(found.take());
        (before, step)
    };
    plan.steps().map(next).collect()
}

fn opens(case: &Case) -> bool {
    matches!(case.aim, Aim::Declared | Aim::Adopted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_plan_that_was_executed_leaves_nothing_to_do_however_iam_spells_the_result(case in cases()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            let result = planned.result(case.state.as_ref());
            let again = case.plan_from(result.as_ref()).expect("a plan");
            prop_assert!(again.is_empty(), "{} -- and then -- {}", in_words(&planned), in_words(&again));
            let again = case.plan_from(result.map(respelled).as_ref()).expect("a plan");
            prop_assert!(again.is_empty(), "spelled otherwise: {} -- and then -- {}", in_words(&planned), in_words(&again));
        }
    }

    #[test]
    fn a_plan_that_broke_off_anywhere_is_taken_up_and_ends_where_it_would_have(case in cases(), fails in failures()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            let whole = powers(planned.result(case.state.as_ref()).as_ref());
            for state in states(&planned, case.state.as_ref(), &fails) {
                let rest = case.plan_from(state.as_ref()).expect("a plan");
                let end = powers(rest.result(state.as_ref()).as_ref());
                let more: Vec<_> = end.difference(&whole).collect();
                prop_assert!(more.is_empty(), "{} -- and then -- {}: {more:?}", in_words(&planned), in_words(&rest));
            }
        }
    }

    #[test]
    fn nobody_can_do_more_at_any_moment_than_before_or_after_whichever_steps_fail(case in cases(), fails in failures()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            let before = powers(case.state.as_ref());
            let after = powers(planned.result(case.state.as_ref()).as_ref());
            let bounds: BTreeSet<_> = before.union(&after).copied().collect();
            for state in states(&planned, case.state.as_ref(), &fails) {
                let more: Vec<_> = powers(state.as_ref()).difference(&bounds).copied().collect();
                prop_assert!(more.is_empty(), "{}: {more:?}", in_words(&planned));
            }
        }
    }

    #[test]
    fn nothing_is_given_while_something_that_is_to_be_taken_stays(case in cases(), fails in failures()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            let before = powers(case.state.as_ref());
            let after = powers(planned.result(case.state.as_ref()).as_ref());
            for state in states(&planned, case.state.as_ref(), &fails) {
                let present = powers(state.as_ref());
                let given: Vec<_> = present.difference(&before).collect();
                let stays: Vec<_> = present.iter().filter(|power| before.contains(power) && !after.contains(power)).collect();
                prop_assert!(given.is_empty() || stays.is_empty(), "{}: {given:?} beside {stays:?}", in_words(&planned));
            }
        }
    }

    #[test]
    fn who_is_denied_everything_stays_so_unless_access_returns_or_the_role_goes(case in cases(), fails in failures()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            let before = powerless(case.state.as_ref());
            let after = powerless(planned.result(case.state.as_ref()).as_ref());
            let goes = planned.steps().any(|step| *step == Step::DeleteRole);
            for state in states(&planned, case.state.as_ref(), &fails).iter().filter(|_| !goes) {
                let freed: Vec<Session> = before.difference(&powerless(state.as_ref())).copied().collect();
                let meant = |session: &Session| opens(&case) && !after.contains(session);
                prop_assert!(freed.iter().all(meant), "{}: {freed:?}", in_words(&planned));
            }
        }
    }

    #[test]
    fn each_denial_that_is_put_says_all_that_the_one_before_it_said_unless_access_returns(case in cases()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            for (state, step) in steps_from(&planned, case.state.as_ref()) {
                let (Some(state), Step::Deny(denial)) = (state, step) else { continue };
                let current = own_denial(&state);
                let returns = opens(&case) && current.everyone == Denied::Everyone;
                if returns {
                    prop_assert!(matches!(denial.everyone, Denied::Before(moment) if moment > now()), "{denial:?}");
                    prop_assert_eq!(planned.stages.last(), Some(&vec![step.clone()]), "access returns last");
                }
                let kept = if returns { Denial { everyone: Denied::Nobody, ..current } } else { current };
                prop_assert_eq!(denial.clone().with(kept), denial.clone(), "{}", in_words(&planned));
            }
        }
    }

    #[test]
    fn closing_is_one_stage_whose_steps_each_do_their_part_when_the_others_fail(case in cases(), fails in failures()) {
        let case = Case { aim: Aim::Closed, ..case };
        let planned = case.plan_from(case.state.as_ref()).expect("a plan");
        prop_assert!(planned.stages.len() <= 1 && planned.side.is_empty());
        if !case.is_ours() {
            return Ok(());
        }
        let closed = planned.result(case.state.as_ref()).expect("a role");
        prop_assert_eq!(denial::denied(&closed, []), Denied::Everyone);
        prop_assert!(case.desired.boundary.is_none() || closed.role.boundary == case.desired.boundary);
        prop_assert_eq!(model::trusted(closed.role.trust.as_ref()), ["operator"]);
        let last = states(&planned, case.state.as_ref(), &fails).pop().flatten().expect("a role");
        for (failed, step) in fails.iter().chain(std::iter::repeat(&false)).zip(planned.steps()) {
            match step {
                _ if *failed => {}
                Step::Deny(_) => prop_assert_eq!(denial::denied(&last, []), Denied::Everyone),
                Step::UpdateTrust(_) => prop_assert_eq!(model::trusted(last.role.trust.as_ref()), ["operator"]),
                Step::PutBoundary(_) => prop_assert_eq!(&last.role.boundary, &case.desired.boundary),
                Step::DeleteInline(name) => prop_assert!(!last.inline.contains_key(name)),
                other => prop_assert!(false, "{other:?} is no part of closing"),
            }
        }
    }

    #[test]
    fn the_denial_of_everyone_fits_when_it_is_put(case in cases()) {
        if let Ok(planned) = case.plan_from(case.state.as_ref()) {
            for (state, step) in steps_from(&planned, case.state.as_ref()) {
                let (Some(state), Step::Deny(Denial { everyone: Denied::Everyone, .. })) = (state, step) else { continue };
                let after = step.apply(Some(state)).expect("a role");
                prop_assert!(inline_size(&after) <= INLINE_QUOTA_OF_ROLE, "{}", in_words(&planned));
            }
        }
    }

    #[test]
    fn what_others_put_on_a_role_stays(case in cases()) {
        let (Ok(planned), Some(state)) = (case.plan_from(case.state.as_ref()), &case.state) else { return Ok(()) };
        if !case.is_ours() && case.aim != Aim::Adopted {
            prop_assert!(planned.is_empty(), "a role of somebody else: {}", in_words(&planned));
        }
        let ends = matches!(case.aim, Aim::Closed | Aim::Absent | Aim::Released { .. });
        for step in planned.steps() {
            match step {
                Step::Untag(keys) => {
                    prop_assert!(!keys.iter().any(|key| key == "terraform"));
                    prop_assert!(keys.iter().all(|key| key != "cost" || case.declared_tags.contains(key)));
                    prop_assert!(ends || !keys.iter().any(|key| key == tag::CREATED));
                }
                Step::Tag(tags) => {
                    prop_assert!(!tags.contains_key("terraform") && !tags.contains_key(tag::CREATED));
                }
                Step::Detach(arn) if !ends => prop_assert!(arn.as_str() != model::DENY_ALL),
                Step::DeleteInline(name) | Step::PutInline(name, _) if !ends && name != DENY => {
                    let declared = case.desired.inline.contains_key(name) || case.declared_inline.contains(name);
                    let denies = state.inline.get(name).is_some_and(|found| found.as_ref().is_some_and(PolicyDocument::only_denies));
                    prop_assert!(declared || !denies, "{name}");
                    let room = planned.steps().any(|step| matches!(step, Step::Deny(_)));
                    prop_assert!(name != "crossaccount-green" || room, "the permissions of source grants");
                }
                _ => {}
            }
        }
    }
}
