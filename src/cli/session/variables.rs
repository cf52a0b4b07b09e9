//! A session as environment variables.

use super::args::Shell;
use super::read::Session;
use crate::decide::credentials::secret::environment;
use crate::domain::SecretText;

/// Variables that some SDK prefers to the keys, or that name another identity (AWS SDKs reference, "Environment variables").
pub const MISLEADING: [&str; 9] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The variables of a session.
#[must_use]
pub fn variables(session: &Session) -> Vec<(&'static str, SecretText)> {
    environment(&session.credentials, session.region.as_ref())
}

/// Lines that a shell evaluates.
#[must_use]
pub fn lines(session: &Session, shell: Shell) -> SecretText {
    let removed = MISLEADING.map(|name| match shell {
        Shell::Sh => format!("unset {name}\n"),
        Shell::Fish => format!("set -e {name}\n"),
    });
    let set = variables(session).into_iter().map(|(name, value)| match shell {
        Shell::Sh => format!("export {name}='{}'\n", value.expose().replace('\'', r"'\''")),
        Shell::Fish => format!("set -gx {name} '{}'\n", value.expose().replace('\\', r"\\").replace('\'', r"\'")),
    });
    SecretText::new(removed.into_iter().chain(set).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Credentials, Region};

    fn session(region: Option<&str>) -> Session {
        let text = |text: &str| SecretText::new(text.to_owned());
        let credentials = Credentials {
            access_key_id: text("ASIAKEY"),
            secret_access_key: text(r"se'cr\et"),
            session_token: text("to/ken=="),
            expires_at: "2027-01-15T09:00:00Z".parse().unwrap(),
        };
        Session { credentials, region: region.and_then(Region::parse) }
    }

    #[test]
    fn each_shell_has_its_own_words_and_quotes() {
        let of = |shell| {
            let lines = lines(&session(Some("eu-west-1")), shell);
            lines.expose().lines().skip(MISLEADING.len() - 1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            of(Shell::Sh),
            [
                "unset AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                "export AWS_ACCESS_KEY_ID='ASIAKEY'",
                r"export AWS_SECRET_ACCESS_KEY='se'\''cr\et'",
                "export AWS_SESSION_TOKEN='to/ken=='",
                "export AWS_CREDENTIAL_EXPIRATION='2027-01-15T09:00:00Z'",
                "export AWS_REGION='eu-west-1'",
                "export AWS_DEFAULT_REGION='eu-west-1'",
            ]
        );
        assert_eq!(
            of(Shell::Fish)[..3],
            [
                "set -e AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                "set -gx AWS_ACCESS_KEY_ID 'ASIAKEY'",
                r"set -gx AWS_SECRET_ACCESS_KEY 'se\'cr\\et'",
            ]
        );
    }

    #[test]
    fn the_caller_keeps_the_region_where_the_secret_names_none() {
        assert!(!lines(&session(None), Shell::Sh).expose().contains("REGION"));
    }
}
