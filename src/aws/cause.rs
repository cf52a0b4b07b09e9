//! Why no answer of AWS came, or no credentials: by the kind of an error. Its words may quote secrets, such as what a credential
//! process writes to its standard error.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError as WebIdentityError;

use super::own_credentials::ProviderFailed;
use super::redact::redact;

/// Where the operator's credentials should have come from, and why they did not.
pub(super) fn missing_credentials(error: &(dyn Error + 'static)) -> String {
    match chain(error).into_iter().find_map(|error| error.downcast_ref::<ProviderFailed>()) {
        Some(ProviderFailed { provider, source }) => {
            format!("the operator cannot get its own AWS credentials from {provider}: {}", of_provider(source))
        }
        None => "the operator has no AWS credentials: none of the AWS SDK's providers is configured; give it an IRSA role, Pod \
                 Identity, environment variables or a profile"
            .to_owned(),
    }
}

fn of_provider(error: &CredentialsError) -> String {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    match error {
        CredentialsError::ProviderTimedOut(_) => "it does not answer in time".to_owned(),
        // Names of profiles and settings, and what is wrong with them.
        CredentialsError::InvalidConfiguration(_) => redact(&cause),
        _ => {
            let said = || chain(error).into_iter().find_map(|error| known_words(&error.to_string()));
            connection(error).or_else(said).unwrap_or_else(|| "it fails".to_owned())
        }
    }
}

/// What the SDK says itself, without what it quotes after that.
fn known_words(text: &str) -> Option<String> {
    const QUOTES: [&str; 4] = [". Stderr", ", could not parse", ": could not decode", "process: "];
    const KNOWN: [&str; 3] = ["Error retrieving credentials", "Non-success status", "error response from IMDS"];
    let known = KNOWN.iter().any(|start| text.starts_with(start));
    let end = QUOTES.iter().filter_map(|quote| text.find(quote)).min().unwrap_or(text.len());
    known.then(|| redact(&text[..end]))
}

/// Why a connection was not made or broke, if that is known.
pub(super) fn connection(error: &(dyn Error + 'static)) -> Option<String> {
    chain(error).into_iter().filter_map(link).last()
}

fn link(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(match error {
            rustls::Error::InvalidCertificate(_) => {
                format!(
                    "the server's certificate is not trusted ({error}); if it is right, name its issuer in AWS_CA_BUNDLE"
                )
            }
            _ => error.to_string(),
        });
    }
    if let Some(answer) = error.downcast_ref::<WebIdentityError>() {
        return answer.code().map(|code| format!("STS answers {}", redact(code)));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        let said = error.kind() != io::ErrorKind::Other && error.raw_os_error().is_some();
        return said.then(|| error.kind().to_string());
    }
    let text = error.to_string(); // of types that their crates keep to themselves, and of fixed words
    if text == "dns error" {
        return Some("the name of the server cannot be resolved".to_owned());
    }
    text.starts_with("tunnel error").then(|| format!("the proxy does not connect ({text})"))
}

/// An error and its causes, outermost first. The payload of an I/O error is one, too; `source` leaves it out.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut all, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        all.push(error);
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(payload) => Some(payload as &'a (dyn Error + 'static)),
            None => error.source(),
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(source: CredentialsError) -> String {
        missing_credentials(&CredentialsError::provider_error(ProviderFailed { provider: "the profile", source }))
    }

    #[test]
    fn the_provider_is_named_with_what_went_wrong() {
        let missing = io::Error::from_raw_os_error(2);
        for (source, words) in [
            (CredentialsError::provider_error(missing), "from the profile: entity not found"),
            (CredentialsError::provider_timed_out(std::time::Duration::from_secs(5)), "it does not answer in time"),
            (CredentialsError::invalid_configuration("profile `a` is a loop"), "profile `a` is a loop"),
            (
                CredentialsError::provider_error("Non-success status from HTTP credential provider: 403"),
                "Non-success status from HTTP credential provider: 403",
            ),
            (CredentialsError::unhandled("anything"), "it fails"),
        ] {
            let text = failed(source);
            assert!(text.ends_with(words), "{text}");
        }
        let none = missing_credentials(&CredentialsError::not_loaded("nothing"));
        assert!(none.contains("none of the AWS SDK's providers is configured"), "{none}");
    }

    #[test]
    fn nothing_that_a_credential_process_writes_is_repeated() {
        for text in [
            "Error retrieving credentials: external process exited with code exit status: 1. Stderr: canary",
            "Error retrieving credentials from external process, could not parse response: canary",
            "Error retrieving credentials from external process: canary",
            "canary",
        ] {
            let said = failed(CredentialsError::provider_error(text));
            assert!(!said.contains("canary"), "{said}");
        }
        let said = failed(CredentialsError::provider_error(
            "Error retrieving credentials: external process exited with code exit status: 1. Stderr: canary",
        ));
        assert!(said.ends_with("exited with code exit status: 1"), "{said}");
    }

    #[test]
    fn an_untrusted_certificate_is_found_inside_an_io_error() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let text = connection(&io::Error::new(io::ErrorKind::InvalidData, inner)).expect("a cause");
        assert!(text.contains("UnknownIssuer") && text.contains("AWS_CA_BUNDLE"), "{text}");
    }
}
