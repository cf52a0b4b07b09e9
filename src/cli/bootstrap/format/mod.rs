//! The forms in which a setup is printed.

mod cloudformation;
mod documents;
mod shell;
mod terraform;

use super::args::Format;
use super::error::BootstrapError;
use super::request::Request;
use crate::decide::bootstrap::{Place, Setup};

/// Where the setup is made: the account if it is known, else what this form has in its place.
pub(super) fn place(format: Format, request: &Request, given: Option<String>) -> Result<Place, BootstrapError> {
    if let (Some(given), Some(named)) = (&given, &request.account)
        && given != named
    {
        let problem = format!("--account-id is {given}, and the other ARNs are of account {named}");
        return Err(BootstrapError::Usage(format!("{problem}; correct one of them")));
    }
    if let Some(account) = given.or_else(|| request.account.clone()) {
        return Ok(Place { partition: request.partition.clone(), account });
    }
    let (partition, account) = match format {
        Format::Cloudformation => cloudformation::PLACE,
        Format::Terraform => terraform::PLACE,
        Format::Cli => (request.partition.as_str(), shell::ACCOUNT),
        Format::Json => return Err(BootstrapError::Usage("--format json needs --account-id".to_owned())),
    };
    Ok(Place { partition: partition.to_owned(), account: account.to_owned() })
}

/// The setup in this form.
pub(super) fn render(format: Format, setup: &Setup) -> Result<String, BootstrapError> {
    let wrong = |error: &dyn std::error::Error| BootstrapError::Render(error.to_string());
    match format {
        Format::Cloudformation => cloudformation::render(setup).map_err(|error| wrong(&error)),
        Format::Terraform => Ok(terraform::render(setup)),
        Format::Cli => shell::render(setup).map_err(|error| wrong(&error)),
        Format::Json => documents::render(setup).map_err(|error| wrong(&error)),
    }
}

#[cfg(test)]
mod tests;
