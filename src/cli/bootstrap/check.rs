//! `bootstrap check`: reads an account with the AWS credentials at hand, and has it judged.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::error::BootstrapError;
use super::read::Reader;
use super::request::Request;
use crate::aws::AwsClients;
use crate::cli::outcome::Outcome;
use crate::decide::bootstrap::{Finding, Place, judge};
use crate::domain::CallerIdentity;
use crate::host::metrics::{Metrics, PerObject};

/// Compares the account of the credentials with what is set up for the request.
pub(super) async fn check(request: &Request, account_id: Option<&str>) -> Result<Outcome, BootstrapError> {
    let clients = AwsClients::load(Metrics::new(PerObject::Never), None).await?;
    let (sts, iam) = clients.own();
    let caller = sts.caller_identity().await.map_err(BootstrapError::NoAccount)?;
    is_expected(&caller, request, account_id)?;
    let place = Place { partition: caller.partition().to_owned(), account: caller.account.to_string() };
    let setup = request.setup(place);
    setup.fits()?;

    let mut reader = Reader::new(iam, caller);
    let found = reader.read(&setup).await;
    let mut findings = judge(&setup, &found)?;
    findings.extend(reader.not_read);
    findings.sort();
    let account = &setup.place.account;
    Ok(report(account, &findings))
}

/// Refuses to judge another account than the one that is meant.
fn is_expected(caller: &CallerIdentity, request: &Request, account_id: Option<&str>) -> Result<(), BootstrapError> {
    let CallerIdentity { account, arn, user_id: _ } = caller;
    let expected = [account_id, request.account.as_deref()];
    if let Some(other) = expected.into_iter().flatten().find(|id| *id != account.as_str()) {
        let problem = format!("the AWS credentials are of {arn}, and this is about account {other}");
        return Err(BootstrapError::Usage(format!("{problem}; use credentials of that account")));
    }
    if caller.partition() != request.partition {
        let problem = format!("the AWS credentials are of {arn}, and this is about partition {}", request.partition);
        return Err(BootstrapError::Usage(format!("{problem}; use credentials of that partition")));
    }
    Ok(())
}

fn report(account: &str, findings: &[Finding]) -> Outcome {
    if findings.is_empty() {
        return Outcome { text: format!("account {account} matches\n"), code: ExitCode::SUCCESS };
    }
    let text = findings.iter().fold(String::new(), |mut text, finding| {
        let _ = writeln!(text, "{finding}");
        text
    });
    Outcome { text, code: ExitCode::FAILURE }
}
