//! When IAM is asked which services a role used, and what follows from its answer.

pub mod narrow;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::target::requests::LEAST_INTERVAL;
use crate::api::{CrossAccountRole, ServiceUsage, UsageStatus};
use crate::domain::{UsageReport, UsedService, whole_seconds};

/// IAM needs seconds. After this time the request is answered with what is in the way.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// How often a report that is not complete is asked for.
const PAUSE: SignedDuration = SignedDuration::from_secs(2);

/// The most services that a status names, about as many as AWS has; they take 30 kB.
const MOST_SERVICES: usize = 500;

/// The work on one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The request.
    pub request: Timestamp,
    /// When the work on it began.
    pub since: Timestamp,
    /// IAM's job, once it has one.
    pub job: Option<String>,
}

/// What a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: there is none, or it is answered.
    Nothing,
    /// Nothing before this moment: the last report is too new.
    Wait(Timestamp),
    /// A report, for which this is the work.
    Begin(Work),
    /// A look at the report that IAM makes.
    Look(Work, String),
}

/// What the request that is due needs, by the last answer and by what this process has begun.
#[must_use]
pub fn next(due: Option<Timestamp>, answered: Option<&UsageStatus>, work: Option<Work>, now: Timestamp) -> Next {
    let moment = |time: &Option<Time>| time.as_ref().map(|time| time.0);
    let met = answered.and_then(|last| moment(&last.requested_at));
    let Some(request) = due.map(whole_seconds).filter(|due| met != Some(*due)) else { return Next::Nothing };
    if let Some(work) = work.filter(|work| work.request == request) {
        return match work.job.clone() {
            Some(job) => Next::Look(work, job),
            None => Next::Begin(work),
        };
    }
    // A moment ahead is forged: it must not put off what is asked for.
    let last = answered.and_then(|last| moment(&last.reported_at)).filter(|last| *last <= now);
    let rested = last.map(|last| last + LEAST_INTERVAL).filter(|rested| *rested > now);
    rested.map_or_else(|| Next::Begin(Work { request, since: now, job: None }), Next::Wait)
}

/// What comes of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The request is answered.
    Done(UsageStatus),
    /// The work goes on at this moment.
    Later(Work, Timestamp),
}

/// What IAM's answer means for a request about the role with this id.
#[must_use]
pub fn answered(work: Work, role_id: &str, report: UsageReport, now: Timestamp) -> Answer {
    match report {
        UsageReport::Running => later(work, "IAM has not completed the report within five minutes", now),
        UsageReport::Failed(why) => unanswered(&work, format!("IAM cannot make the report: {why}"), now),
        UsageReport::Completed { at, services } => {
            let mut services = services;
            services.sort_by_key(|one| one.last_used.is_none()); // used ones are kept
            services.truncate(MOST_SERVICES);
            services.sort_by(|one, other| one.service.cmp(&other.service));
            let of = |UsedService { service, last_used }| ServiceUsage { service, last_used: last_used.map(Time) };
            Answer::Done(UsageStatus {
                requested_at: Some(Time(work.request)),
                reported_at: Some(Time(at)),
                role_id: Some(role_id.to_owned()),
                services: services.into_iter().map(of).collect(),
                problem: None,
            })
        }
    }
}

/// Whether the role of an object used each service of its report since a moment. Empty without a report, or where the report is about
/// an earlier role of the name.
#[must_use]
pub fn used_since(object: &CrossAccountRole, moment: Timestamp) -> BTreeMap<String, bool> {
    let report = object.status.as_ref().and_then(|status| status.usage.as_ref());
    let role_id = object.reported_role().and_then(|role| role.id.as_ref());
    let services = report.filter(|report| report.role_id.as_ref() == role_id).map(|report| report.services.as_slice());
    let used = |one: &ServiceUsage| one.last_used.as_ref().is_some_and(|last| last.0 >= moment);
    services.unwrap_or_default().iter().map(|one| (one.service.clone(), used(one))).collect()
}

/// What a failed call means: one that may pass is made again for some time.
#[must_use]
pub fn failed(work: Work, why: &str, may_pass: bool, now: Timestamp) -> Answer {
    if may_pass { later(work, why, now) } else { unanswered(&work, why.to_owned(), now) }
}

fn later(work: Work, why: &str, now: Timestamp) -> Answer {
    if now.duration_since(work.since) >= PATIENCE {
        return unanswered(&work, why.to_owned(), now);
    }
    Answer::Later(work, now + PAUSE)
}

fn unanswered(work: &Work, problem: String, now: Timestamp) -> Answer {
    Answer::Done(UsageStatus {
        requested_at: Some(Time(work.request)),
        reported_at: Some(Time(now)),
        problem: Some(problem),
        ..UsageStatus::default()
    })
}

#[cfg(test)]
mod tests;
