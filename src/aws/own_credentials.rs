//! The operator's own credentials: the providers of the SDK's default chain in its order, each with a name for messages.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};

/// How long a provider may take: less than an attempt of a call, so that the failure is the provider's. A credential process has
/// no limit of its own.
const LIMIT: Duration = Duration::from_secs(8);

/// A provider that is configured and gives no credentials. The chain ends with it.
#[derive(Debug, thiserror::Error)]
#[error("no credentials from {provider}")]
pub(super) struct ProviderFailed {
    /// The provider, and where it is configured.
    pub provider: &'static str,
    /// Why.
    pub source: CredentialsError,
}

/// The SDK's default chain (AWS SDKs and Tools reference guide, "Standardized credential providers"). Built from its parts,
/// because the error of the SDK's own chain does not say which provider failed.
pub(super) fn chain(surroundings: &ProviderConfig) -> CredentialsProviderChain {
    let environment = EnvironmentVariableCredentialsProvider::new();
    let profile = ProfileFileCredentialsProvider::builder().configure(surroundings).build();
    let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(surroundings).build();
    let container = EcsCredentialsProvider::builder().configure(surroundings).build();
    let metadata = ImdsCredentialsProvider::builder().configure(surroundings).build();
    CredentialsProviderChain::first_try("environment", Named("the environment (AWS_ACCESS_KEY_ID)", environment))
        .or_else("profile", Named("the profile in ~/.aws (AWS_PROFILE, AWS_CONFIG_FILE)", profile))
        .or_else("web identity", Named("the web identity token (AWS_WEB_IDENTITY_TOKEN_FILE, IRSA)", web_identity))
        .or_else(
            "container",
            Named("the container endpoint (AWS_CONTAINER_CREDENTIALS_FULL_URI, Pod Identity)", container),
        )
        .or_else("instance metadata", Named("the instance metadata service", metadata))
}

/// A provider and its name.
#[derive(Debug)]
struct Named<P>(&'static str, P);

impl<P: ProvideCredentials> Named<P> {
    async fn credentials(&self) -> provider::Result {
        let Self(provider, inner) = self;
        let limited = tokio::time::timeout(LIMIT, inner.provide_credentials()).await;
        let given = limited.unwrap_or_else(|_| Err(CredentialsError::provider_timed_out(LIMIT)));
        given.map_err(|error| match error {
            // Not configured: the chain goes on.
            error @ CredentialsError::CredentialsNotLoaded(_) => error,
            source => CredentialsError::provider_error(ProviderFailed { provider, source }),
        })
    }
}

impl<P: ProvideCredentials> ProvideCredentials for Named<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}
