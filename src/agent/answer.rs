//! What a request is answered with: the container-credentials protocol (AWS SDKs reference, "Container credential
//! provider").

use axum::http::StatusCode;
use serde_json::{Value, json};
use thiserror::Error;

use super::{
    mounted::Unusable,
    token::{self, TokenError, TokenFile},
};
use crate::{domain::Credentials, host::error_chain::ErrorChain};

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Requests that carry the content of this file.
    Token(TokenFile),
    /// Every request that reaches the port.
    Anybody,
}

/// Why a request gets no credentials.
#[derive(Debug, Error)]
pub enum Refused {
    /// There is no `Authorization` header.
    #[error(
        "the request has no Authorization header; set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE to the token file in the program's container"
    )]
    NoToken,
    /// It is not the token.
    #[error("the Authorization header is not the content of the token file")]
    WrongToken,
    /// The agent itself cannot read the token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no credentials to give.
    #[error(transparent)]
    Credentials(#[from] Unusable),
    /// Another path.
    #[error("there is nothing at this path; credentials are at {}", super::serve::PATH)]
    NoSuchPath,
    /// Another method.
    #[error("only GET is answered")]
    NoSuchMethod,
}

impl Refused {
    /// SDKs try again on 5xx, and take 4xx for the final word.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoToken => StatusCode::UNAUTHORIZED,
            Self::WrongToken => StatusCode::FORBIDDEN,
            Self::Token(_) => StatusCode::INTERNAL_SERVER_ERROR,
            // The kubelet may still bring them.
            Self::Credentials(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoToken => "MissingAuthorization",
            Self::WrongToken => "AccessDenied",
            Self::Token(_) => "TokenUnavailable",
            Self::Credentials(_) => "CredentialsUnavailable",
            Self::NoSuchPath => "NotFound",
            Self::NoSuchMethod => "MethodNotAllowed",
        }
    }

    /// The error as the protocol has it.
    pub fn body(&self) -> Value {
        json!({ "code": self.code(), "message": ErrorChain(self).to_string() })
    }
}

/// A set as the protocol has it, with the role it is of if that is known.
pub fn set_body(set: &Credentials, role_arn: Option<&str>) -> Value {
    let Credentials { access_key_id, secret_access_key, session_token, expires_at } = set;
    let mut body = json!({
        "AccessKeyId": access_key_id.expose(),
        "SecretAccessKey": secret_access_key.expose(),
        "Token": session_token.expose(),
        "Expiration": expires_at.to_string(),
    });
    if let Some(arn) = role_arn {
        body["RoleArn"] = json!(arn);
    }
    body
}

impl Authorization {
    /// Lets a request with this `Authorization` header in, or says why not.
    pub fn admit(&self, given: Option<&[u8]>) -> Result<(), Refused> {
        let Self::Token(file) = self else { return Ok(()) };
        let given = given.ok_or(Refused::NoToken)?;
        if token::is(&file.read()?, given) { Ok(()) } else { Err(Refused::WrongToken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::SecretText;

    #[test]
    fn a_set_has_the_names_that_the_protocol_gives_its_parts() {
        let text = |text: &str| SecretText::new(text.to_owned());
        let set = Credentials {
            access_key_id: text("ASIAKEY"),
            secret_access_key: text("se/cr+et"),
            session_token: text("to/ken=="),
            expires_at: "2027-01-15T09:00:00Z".parse().unwrap(),
        };
        let mut expected = json!({"AccessKeyId": "ASIAKEY", "SecretAccessKey": "se/cr+et", "Token": "to/ken==",
                                  "Expiration": "2027-01-15T09:00:00Z"});
        assert_eq!(set_body(&set, None), expected);
        let role = "arn:aws:iam::222222222222:role/x/reader";
        expected["RoleArn"] = json!(role);
        assert_eq!(set_body(&set, Some(role)), expected);
    }

    #[test]
    fn a_denial_is_a_code_and_a_message() {
        assert_eq!(
            Refused::WrongToken.body(),
            json!({"code": "AccessDenied", "message": "the Authorization header is not the content of the token file"})
        );
    }
}
