//! Who tries what, and how the tries are judged.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::{Client, error::ProvideErrorMetadata};
use aws_sdk_sts::{config::Credentials, error::SdkError};

use lab::{aws::MANAGER_EXTERNAL_ID, env::TestEnv};

/// IAM as a manager role, entered like the operator enters it.
pub async fn manager(env: &TestEnv, role_arn: &str) -> Result<Client> {
    let sts = aws_sdk_sts::Client::new(&env.through_proxy(env.aws.operator.credentials.clone()));
    let assume = sts.assume_role().role_arn(role_arn).role_session_name("trial").external_id(MANAGER_EXTERNAL_ID);
    let session = assume.send().await?.credentials.context("AssumeRole gave no credentials")?;
    let (key, secret, token) = (session.access_key_id, session.secret_access_key, session.session_token);
    Ok(Client::new(&env.through_proxy(Credentials::new(key, secret, Some(token), None, "trial"))))
}

/// Judges one try after the other, and fails at the end if any came out otherwise.
#[derive(Default)]
pub struct Trial {
    tries: usize,
    surprises: Vec<String>,
}

impl Trial {
    /// The try must be refused, because no policy allows the action.
    pub async fn forbids<T, E: ProvideErrorMetadata>(
        &mut self,
        what: &str,
        action: &str,
        attempt: impl Future<Output = Result<T, SdkError<E>>>,
    ) {
        let reason = format!("because no identity-based policy allows the iam:{action} action");
        self.is_refused(what, action, &reason, attempt.await);
    }

    /// The try must be refused, because a policy denies the action.
    pub async fn denies<T, E: ProvideErrorMetadata>(
        &mut self,
        what: &str,
        action: &str,
        attempt: impl Future<Output = Result<T, SdkError<E>>>,
    ) {
        self.is_refused(what, action, "with an explicit deny in an identity-based policy", attempt.await);
    }

    /// The try must work.
    pub async fn allows<T, E: ProvideErrorMetadata>(
        &mut self,
        what: &str,
        attempt: impl Future<Output = Result<T, SdkError<E>>>,
    ) {
        self.tries += 1;
        if let Err(error) = attempt.await {
            self.surprises.push(format!("{what} is refused: {}", error.message().unwrap_or("without words")));
        }
    }

    fn is_refused<T, E: ProvideErrorMetadata>(
        &mut self,
        what: &str,
        action: &str,
        reason: &str,
        outcome: Result<T, SdkError<E>>,
    ) {
        self.tries += 1;
        let Err(error) = outcome else {
            return self.surprises.push(format!("{what} works"));
        };
        let message = error.message().unwrap_or_default();
        let denied = message.contains(&format!("is not authorized to perform: iam:{action} on resource: "));
        if error.code() != Some("AccessDenied") || !denied || !message.ends_with(reason) {
            self.surprises.push(format!("{what} is not refused {reason}, but: {:?} {message}", error.code()));
        }
    }

    /// Fails if anything came out otherwise than said.
    pub fn ends(self) -> Result<()> {
        ensure!(self.tries > 0, "nothing was tried");
        ensure!(self.surprises.is_empty(), "of {} tries:\n{}", self.tries, self.surprises.join("\n"));
        Ok(())
    }
}
