//! The searches.

use serde_json::json;

use super::effects::Weather;
use super::harness::Harness;
use super::moves::{Declared, Meddling, Move};
use super::run::Defect;
use super::search::{Search, Seen};
use super::world::{Object, World};
use crate::domain::tag;

/// One object that nobody has looked at yet.
fn alone() -> World {
    World::of([Some(Object::new("a", &json!({}))), None])
}

/// The same after two passes: the role is there, and the Secret.
fn ready(mut world: World) -> World {
    let mut harness = Harness::new(Defect::None);
    for who in [0, 0, 1, 1] {
        harness.pass(&mut world, who, Weather::Fair);
    }
    world
}

fn two(second: &serde_json::Value) -> World {
    World::of([Some(Object::new("a", &json!({}))), Some(Object::new("b", second))])
}

/// More moves than by default, for a longer run.
fn more() -> usize {
    std::env::var("MODEL_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn search(start: World, moves: &[Move], depth: usize) -> Search {
    Search { start, moves: moves.to_vec(), who: vec![0, 1], faults: true, depth: depth + more(), defect: Defect::None }
}

fn nothing_breaks(name: &str, search: &Search, at_least: usize) {
    let Seen { worlds, transitions, quiet_passes, violation } = search.run();
    eprintln!("{name}: {worlds} worlds, {transitions} moves, depth {}, {quiet_passes} quiet passes", search.depth);
    if let Some((why, moves)) = violation {
        panic!("{name}: {why}\n  after {moves:#?}");
    }
    assert!(worlds >= at_least, "only {worlds} worlds");
}

const EDITS: [Move; 4] =
    [Move::Declare(0, Declared::Wide), Move::Declare(0, Declared::Narrow), Move::Permission, Move::Restart];

const ENDS: [Move; 4] = [Move::Delete(0), Move::Retain(0), Move::Permission, Move::Restart];

#[test]
fn a_new_object_gets_its_role_whatever_is_edited_and_whichever_effect_goes_wrong() {
    nothing_breaks("new", &search(alone(), &EDITS, 3), 1000);
}

#[test]
fn a_role_that_stands_follows_its_object_whatever_is_edited_and_whichever_effect_goes_wrong() {
    let moves = [&EDITS[..], &[Move::Suspend(0), Move::Guardrail, Move::Minutes, Move::Hours]].concat();
    nothing_breaks("standing", &search(ready(alone()), &moves, 3), 500);
}

#[test]
fn a_role_that_is_closed_opens_again_when_access_returns_and_not_before() {
    let closed = ready(after(ready(after(alone(), &[Move::Declare(0, Declared::Wide)])), &[Move::Permission]));
    let moves = [&EDITS[..], &[Move::Guardrail, Move::Person(Meddling::LiftsDenial), Move::Minutes]].concat();
    nothing_breaks("closed", &search(closed, &moves, 3), 350);
}

#[test]
fn a_role_that_stands_ends_with_its_object_whichever_effect_goes_wrong() {
    let moves = [&ENDS[..], &[Move::Suspend(0), Move::Minutes]].concat();
    nothing_breaks("ends", &search(ready(alone()), &moves, 3), 400);
}

#[test]
fn what_people_do_to_a_role_opens_nothing_and_takes_nobody_elses_role() {
    use Meddling::{AddsPrincipal, DeletesRole, GivesAway, LiftsDenial, MakesAgain, TakesTagsOff};
    let people = [LiftsDenial, AddsPrincipal, TakesTagsOff, GivesAway, DeletesRole, MakesAgain].map(Move::Person);
    let moves = [&people[..], &[Move::Permission, Move::Restart, Move::Delete(0), Move::Minutes]].concat();
    nothing_breaks("people", &search(ready(alone()), &moves, 3), 500);
}

#[test]
fn of_two_objects_that_name_one_role_one_has_it() {
    let moves = [Move::Delete(0), Move::Delete(1), Move::Permission, Move::Restart, Move::Suspend(0)];
    nothing_breaks("two", &search(two(&json!({})), &moves, 2), 200);
}

#[test]
fn a_role_that_is_released_may_be_adopted() {
    let both = ready(two(&json!({"role": {"lifecycle": "Adopt"}})));
    let leaving = after(both, &[Move::Retain(0), Move::Delete(0)]);
    let moves = [Move::Delete(1), Move::Permission, Move::Restart, Move::Person(Meddling::TakesTagsOff)];
    nothing_breaks("adopted", &search(leaving, &moves, 3), 400);
}

/// AWS counts the issue of a session in whole seconds, and the denial of the sessions from before a return reaches to the next one.
#[test]
fn a_process_that_starts_in_the_second_of_a_return_publishes_no_session_of_that_second() {
    let closed = ready(after(ready(after(alone(), &[Move::Declare(0, Declared::Wide)])), &[Move::Permission]));
    let mut world = after(closed, &[Move::Permission]);
    let mut harness = Harness::new(Defect::None);
    let mut pass = |world: &mut World| {
        let passed = harness.pass(world, 0, Weather::Fair).expect("a pass");
        assert!(passed.violations.is_empty(), "{:?}", passed.violations);
        world.object(0).expect("the object").secret.is_some()
    };
    assert!(!pass(&mut world), "the role returns, and its first session is denied");
    world = after(world, &[Move::Restart]);
    assert!(!pass(&mut world), "the session of another process is denied as well");
    world.now += jiff::SignedDuration::from_secs(1);
    assert!(pass(&mut world), "a later one is not");
}

#[test]
fn a_denial_far_ahead_that_only_status_reports_takes_no_credentials_away() {
    let mut world = after(ready(alone()), &[Move::Restart]);
    let status = world.object(0).expect("the object").live.status.as_mut().expect("a status");
    let ahead = jiff::Timestamp::constant(4_102_444_800, 0);
    status.role.as_mut().expect("a role").denied_before =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(ahead));
    Harness::new(Defect::None).pass(&mut world, 0, Weather::Fair).expect("a pass");
    let object = world.object(0).expect("the object");
    assert!(
        object.secret.is_some() && object.live.is_true(crate::api::ConditionType::Ready),
        "{:?}",
        object.live.status
    );
}

/// The same operator with a mistake breaks a rule, so the rules can be broken.
fn breaks(defect: Defect, start: World, moves: &[Move], what: &str) {
    let seen = Search { who: vec![0, 1], start, moves: moves.to_vec(), faults: false, depth: 4, defect }.run();
    let (why, moves) = seen.violation.expect("a violation");
    assert!(why.contains(what), "{why} after {moves:#?}");
}

fn after(mut world: World, moves: &[Move]) -> World {
    for by in moves {
        world = by.apply(&world).expect("a change");
    }
    world
}

#[test]
fn an_operator_that_does_not_look_at_tags_is_caught() {
    let start = after(ready(alone()), &[Move::Person(Meddling::GivesAway), Move::Declare(0, Declared::Wide)]);
    breaks(Defect::IgnoresTags, start, &[], "on a role that is not ours");
}

#[test]
fn an_operator_that_deletes_a_role_it_did_not_create_is_caught() {
    let mut start = ready(alone());
    start.iam.role.as_mut().expect("a role").role.tags.remove(tag::CREATED);
    breaks(Defect::DeletesAnything, start, &[Move::Delete(0)], "did not create");
}

#[test]
fn an_operator_that_publishes_before_it_verified_is_caught() {
    let moves = [Move::Person(Meddling::MakesAgain), Move::Hours];
    breaks(Defect::PublishesUnverified, ready(alone()), &moves, "not verified");
}

#[test]
fn an_operator_that_believes_its_cache_is_caught() {
    let moves = [Move::Declare(0, Declared::Wide), Move::Guardrail, Move::Declare(0, Declared::Narrow)];
    breaks(Defect::TrustsCache, ready(alone()), &moves, "while the target is");
}

#[test]
fn an_operator_that_lifts_the_denial_first_is_caught() {
    let closed = after(ready(after(ready(alone()), &[Move::Declare(0, Declared::Wide)])), &[Move::Permission]);
    let stranger = Move::Person(Meddling::AddsPrincipal);
    let narrow = after(ready(closed), &[stranger, Move::Permission, Move::Declare(0, Declared::Narrow)]);
    breaks(Defect::WidensFirst, narrow, &[], "which nobody had before or has after");
}

#[test]
fn an_operator_that_never_lifts_a_denial_does_not_come_to_rest() {
    breaks(Defect::NeverLifts, ready(alone()), &[Move::Permission], "there is something to do");
}
