//! The SDK's configuration: everything is the SDK's own, save for time limits, retries and one shared connection pool.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Loads the SDK's default chain: environment, profiles, IRSA, Pod Identity, instance metadata; region, endpoint, FIPS
/// and dual stack likewise. Credentials are resolved later, at the first call.
pub(super) async fn load() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(10))
        .operation_timeout(Duration::from_secs(40)) // the SDK sets none itself, and a hung call must not hold a worker
        .build();
    let pool = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let config = aws_config::from_env()
        .http_client(pool)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::adaptive().with_max_attempts(3))
        .load()
        .await;
    match config.region() {
        Some(_) => config,
        // Only the operator's own GetCallerIdentity is asked here; each account names its region.
        None => config.into_builder().region(Region::new("us-east-1")).build(),
    }
}
