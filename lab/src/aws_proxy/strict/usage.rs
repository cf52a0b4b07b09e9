//! The report on last accessed services (IAM user guide, "Refine permissions in AWS using last accessed information"; IAM API
//! reference, `GenerateServiceLastAccessedDetails`, `GetServiceLastAccessedDetails`). MiniStack takes the request and reports no
//! service.
//!
//! A job takes some time: the first look finds it in progress. It "must be used by the same role within a session, or by the
//! same user". Each service counts that a policy of the role allows, also one that was never called. AWS counts every
//! attempt, whether or not it is allowed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
};

use serde_json::Value;

use super::{
    super::{fault::AwsError, locked, xml},
    Ask, Refusal, Strictness,
    condition::texts,
    evaluate::statements,
    identity::Policies,
    sessions::Sessions,
    snapshot::Snapshot,
};

/// One job.
#[derive(Clone, Debug, Default)]
struct Job {
    role_arn: String,
    /// Access key of the session or user that began it.
    access_key: Option<String>,
    looked_at: bool,
}

/// The jobs by their ids.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<HashMap<String, Job>>);

impl Jobs {
    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }

    fn begin(&self, id: &str, job: Job) {
        locked(&self.0).insert(id.to_owned(), job);
    }

    /// The job as it was before this look at it.
    fn look(&self, id: &str, access_key: Option<&String>) -> Option<Job> {
        let mut jobs = locked(&self.0);
        let job = jobs.get_mut(id).filter(|job| job.access_key.as_ref() == access_key)?;
        let before = job.clone();
        job.looked_at = true;
        Some(before)
    }
}

/// Refuses a report on what does not exist.
pub(crate) async fn check(ask: &Ask<'_>, account: &str) -> Result<(), Refusal> {
    if ask.call.action != "GenerateServiceLastAccessedDetails" {
        return Ok(());
    }
    let arn = ask.call.form.get("Arn").unwrap_or_default();
    let found = Snapshot::take(ask.upstream, account).await?.by_arn(arn).is_some();
    if found { Ok(()) } else { Err(no_such(&format!("{arn} cannot be found.")).into()) }
}

/// Makes the answer to a call about a report what AWS would answer.
pub(crate) async fn answered(
    ask: &Ask<'_>,
    account: &str,
    rules: &Strictness,
    answer: &str,
) -> Result<String, Refusal> {
    let (form, access_key) = (&ask.call.form, ask.call.access_key.as_ref());
    match ask.call.action.as_str() {
        "GenerateServiceLastAccessedDetails" => {
            let role_arn = form.get("Arn").unwrap_or_default().to_owned();
            let job = Job { role_arn, access_key: access_key.cloned(), looked_at: false };
            rules.jobs.begin(xml::element(answer, "JobId").unwrap_or_default(), job);
            Ok(answer.to_owned())
        }
        "GetServiceLastAccessedDetails" => {
            let id = form.get("JobId").unwrap_or_default();
            let job = rules.jobs.look(id, access_key);
            let job = job.ok_or_else(|| no_such(&format!("JobId {id} cannot be found.")))?;
            if !job.looked_at {
                return Ok(answer.replace(">COMPLETED<", ">IN_PROGRESS<"));
            }
            let services = services(ask, account, &job.role_arn, &rules.sessions).await?;
            Ok(answer.replace(EMPTY, &format!("<{LIST}>{services}</{LIST}>")))
        }
        _ => Ok(answer.to_owned()),
    }
}

const LIST: &str = "ServicesLastAccessed";
const EMPTY: &str = "<ServicesLastAccessed></ServicesLastAccessed>";

async fn services(ask: &Ask<'_>, account: &str, arn: &str, sessions: &Sessions) -> Result<String, Refusal> {
    let snapshot = Snapshot::take(ask.upstream, account).await?;
    let role = snapshot.by_arn(arn);
    let policies = Policies::gather(ask.upstream, &snapshot, role, None, None).await?;
    let role_id = role.map(|role| role.id()).unwrap_or_default();
    let allowed: BTreeSet<String> = policies.of_identity().flat_map(allowed_services).collect();
    Ok(allowed.iter().map(|service| described(service, arn, role_id, sessions)).collect())
}

fn described(service: &str, arn: &str, role_id: &str, sessions: &Sessions) -> String {
    let used = sessions.service_used(role_id, service).map_or_else(
        || "<TotalAuthenticatedEntities>0</TotalAuthenticatedEntities>".to_owned(),
        |last| {
            format!(
                "<LastAuthenticated>{}</LastAuthenticated><LastAuthenticatedEntity>{arn}</LastAuthenticatedEntity>\
                 <LastAuthenticatedRegion>{}</LastAuthenticatedRegion>\
                 <TotalAuthenticatedEntities>1</TotalAuthenticatedEntities>",
                last.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                last.region
            )
        },
    );
    let name = service.to_uppercase();
    format!("<member><ServiceName>{name}</ServiceName><ServiceNamespace>{service}</ServiceNamespace>{used}</member>")
}

/// The services that the actions of a policy name. AWS knows which services there are; here a wildcard in the place of the service
/// is taken for a few of them.
fn allowed_services(policy: &Value) -> BTreeSet<String> {
    const ALL: [&str; 6] = ["dynamodb", "ec2", "iam", "s3", "sqs", "sts"];
    let allows = statements(policy).iter().filter(|statement| statement["Effect"] == "Allow");
    let actions: Vec<String> = allows
        .flat_map(|statement| texts(&statement["Action"]).into_iter().map(|action| action.to_lowercase()))
        .collect();
    let of = |action: &String| match action.split_once(':') {
        Some((service, _)) if !service.contains(['*', '?']) => vec![service.to_owned()],
        _ => ALL.map(str::to_owned).to_vec(),
    };
    actions.iter().flat_map(of).collect()
}

fn no_such(message: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_in_progress_at_the_first_look_and_belongs_to_its_session() {
        let (jobs, key, other) = (Jobs::default(), "ASIA1".to_owned(), "ASIA2".to_owned());
        jobs.begin("job", Job { access_key: Some(key.clone()), ..Job::default() });
        assert!(jobs.look("job", Some(&other)).is_none() && jobs.look("other", Some(&key)).is_none());
        let looks = [0, 1].map(|_| jobs.look("job", Some(&key)).unwrap().looked_at);
        assert_eq!(looks, [false, true]);
    }

    #[test]
    fn the_services_of_a_policy_are_those_that_it_allows() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Action": ["s3:Get*", "SQS:SendMessage"], "Resource": "*"},
            {"Effect": "Deny", "Action": "kms:*", "Resource": "*"},
        ]});
        assert_eq!(allowed_services(&policy).into_iter().collect::<Vec<_>>(), ["s3", "sqs"]);
        let everything = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        assert!(allowed_services(&everything).contains("dynamodb"));
    }
}
