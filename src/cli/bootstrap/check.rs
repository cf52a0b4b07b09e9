//! `bootstrap check`: reads an account with the AWS credentials at hand, and has it judged.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::error::BootstrapError;
use super::read::Reader;
use super::request::Request;
use crate::cli::aws_account::OwnAccount;
use crate::cli::outcome::Outcome;
use crate::decide::bootstrap::{Finding, Place, judge};

/// Compares the account of the credentials with what is set up for the request.
pub(super) async fn check(request: &Request, account_id: Option<&str>) -> Result<Outcome, BootstrapError> {
    let own = OwnAccount::enter().await?;
    // Refuses to judge another account than the one that is meant.
    for account in [account_id, request.account.as_deref()].into_iter().flatten() {
        own.is_account(account)?;
    }
    own.is_partition(&request.partition)?;
    let OwnAccount { iam, caller } = own;
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
