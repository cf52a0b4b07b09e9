//! IAM's report on the services that a role last accessed (IAM user guide, "Refine permissions in AWS using last accessed
//! information"). IAM makes it in the background.

use std::collections::BTreeMap;

use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{ErrorDetails, JobStatusType, ServiceLastAccessed};
use jiff::Timestamp;

use super::iam::IamClient;
use super::iam_answers::unreadable;
use super::redact::redact;
use crate::domain::{AwsFailure, RoleArn, UsageReport, UsedService};

const DETAILS: &str = "GetServiceLastAccessedDetails";

/// The most that IAM gives at once (IAM API reference, `GetServiceLastAccessedDetails`).
const PAGE: i32 = 1000;

impl IamClient {
    /// `GenerateServiceLastAccessedDetails`: begins a report on a role, and gives the id of the job.
    pub async fn begin_usage_report(&self, role: &RoleArn) -> Result<String, AwsFailure> {
        let sent = self.client.generate_service_last_accessed_details().arn(role.to_string()).send();
        let answer = self.caller.call("GenerateServiceLastAccessedDetails", sent).await?;
        answer.job_id.ok_or_else(|| unreadable("GenerateServiceLastAccessedDetails", "an answer without a job"))
    }

    /// `GetServiceLastAccessedDetails`, all pages. Only sessions of the role that began the job may ask.
    pub async fn usage_report(&self, job: &str) -> Result<UsageReport, AwsFailure> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let call = self.client.get_service_last_accessed_details().job_id(job).max_items(PAGE);
            let page = self.caller.call(DETAILS, call.set_marker(marker).send()).await?;
            match page.job_status {
                JobStatusType::Completed => {}
                JobStatusType::Failed => return Ok(UsageReport::Failed(reason(page.error.as_ref()))),
                _ => return Ok(UsageReport::Running),
            }
            found.extend(page.services_last_accessed);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                let at = moment(&page.job_completion_date);
                let at = at.ok_or_else(|| unreadable(DETAILS, "a report without a time"))?;
                return Ok(UsageReport::Completed { at, services: services(found) });
            }
        }
    }
}

/// The latest use of each service.
fn services(found: Vec<ServiceLastAccessed>) -> Vec<UsedService> {
    let mut services = BTreeMap::new();
    for ServiceLastAccessed { service_namespace, last_authenticated, .. } in found {
        let used: &mut Option<Timestamp> = services.entry(service_namespace).or_default();
        *used = (*used).max(last_authenticated.as_ref().and_then(moment));
    }
    services.into_iter().map(|(service, last_used)| UsedService { service, last_used }).collect()
}

fn moment(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

fn reason(error: Option<&ErrorDetails>) -> String {
    error
        .map_or_else(|| "IAM gives no reason".to_owned(), |error| format!("{}: {}", error.code, redact(&error.message)))
}
