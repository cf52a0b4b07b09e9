use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn answer(request: i64, reported: i64) -> UsageStatus {
    UsageStatus {
        requested_at: Some(Time(at(request))),
        reported_at: Some(Time(at(reported))),
        ..UsageStatus::default()
    }
}

fn work(request: i64, since: i64, job: Option<&str>) -> Work {
    Work { request: at(request), since: at(since), job: job.map(str::to_owned) }
}

#[test]
fn a_request_is_answered_once_and_not_more_often_than_every_thirty_seconds() {
    let now = at(100);
    for (what, due, last, begun, expected) in [
        ("no request", None, None, None, Next::Nothing),
        ("a first one", Some(90), None, None, Next::Begin(work(90, 100, None))),
        ("answered", Some(90), Some(answer(90, 92)), None, Next::Nothing),
        ("another one at once", Some(95), Some(answer(90, 92)), None, Next::Wait(at(122))),
        ("another one later", Some(95), Some(answer(60, 62)), None, Next::Begin(work(95, 100, None))),
        ("an answer from the future", Some(95), Some(answer(90, 9000)), None, Next::Begin(work(95, 100, None))),
        ("begun", Some(95), None, Some(work(95, 97, Some("j"))), Next::Look(work(95, 97, Some("j")), "j".into())),
        ("begun and refused", Some(95), None, Some(work(95, 97, None)), Next::Begin(work(95, 97, None))),
        ("begun for an earlier one", Some(99), None, Some(work(95, 97, Some("j"))), Next::Begin(work(99, 100, None))),
    ] {
        assert_eq!(next(due.map(at), last.as_ref(), begun, now), expected, "{what}");
    }
    let with_a_fraction = at(90) + SignedDuration::from_millis(400);
    let next = next(Some(with_a_fraction), Some(&answer(90, 92)), None, now);
    assert_eq!(next, Next::Nothing, "Kubernetes keeps no fractions of a second");
}

#[test]
fn a_complete_report_names_every_service_and_the_role_that_it_is_about() {
    let services = vec![
        UsedService { service: "s3".into(), last_used: Some(at(-500)) },
        UsedService { service: "sqs".into(), last_used: None },
    ];
    let report = UsageReport::Completed { at: at(99), services };
    let Answer::Done(status) = answered(work(90, 95, Some("j")), "AROA1", report, at(100)) else {
        panic!("it is complete")
    };
    assert_eq!(status.role_id.as_deref(), Some("AROA1"));
    assert_eq!((status.requested_at, status.reported_at), (Some(Time(at(90))), Some(Time(at(99)))));
    let used: Vec<_> = status.services.iter().map(|one| (one.service.as_str(), one.last_used.is_some())).collect();
    assert_eq!(used, [("s3", true), ("sqs", false)]);
}

#[test]
fn what_may_pass_is_tried_for_five_minutes_and_then_reported() {
    let begun = work(90, 100, Some("j"));
    let running = |now| answered(begun.clone(), "AROA1", UsageReport::Running, now);
    assert_eq!(running(at(101)), Answer::Later(begun.clone(), at(103)));
    let Answer::Done(status) = running(at(400)) else { panic!("it takes too long") };
    assert!(status.problem.is_some_and(|problem| problem.contains("five minutes")));

    assert_eq!(failed(begun.clone(), "Throttling", true, at(101)), Answer::Later(begun.clone(), at(103)));
    for (may_pass, now) in [(false, at(101)), (true, at(400))] {
        let Answer::Done(status) = failed(begun.clone(), "AccessDenied", may_pass, now) else { panic!("it is over") };
        assert_eq!((status.problem.as_deref(), status.requested_at), (Some("AccessDenied"), Some(Time(at(90)))));
        assert_eq!(status.services, []);
    }
}

#[test]
fn the_status_has_room_for_a_role_that_may_use_everything() {
    let last_used = |n| (n == 999).then(|| at(0));
    let services =
        (0..1000).map(|n| UsedService { service: format!("service-{n}"), last_used: last_used(n) }).collect();
    let report = UsageReport::Completed { at: at(99), services };
    let Answer::Done(status) = answered(work(90, 95, None), "AROA1", report, at(100)) else { panic!("it is complete") };
    assert_eq!(status.services.len(), MOST_SERVICES);
    assert!(status.services.iter().any(|one| one.last_used.is_some()), "a used one is kept");
}
