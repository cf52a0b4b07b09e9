//! The SDK's configuration: everything is the SDK's own, save for time limits, retries and one shared connection pool.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Attempts of one call. Throttled ones are cheap, because the account's pace limits them.
const ATTEMPTS: u32 = 10;

/// The longest wait before the second attempt. It doubles from attempt to attempt, and a random part of it is waited for.
const BACKOFF: Duration = Duration::from_millis(100);

/// The longest wait before a later one.
const LONGEST_BACKOFF: Duration = Duration::from_millis(300);

/// How long one attempt may take.
pub(super) const ATTEMPT: Duration = Duration::from_secs(10);

/// Loads the SDK's default chain: environment, profiles, IRSA, Pod Identity, instance metadata; region, endpoint, FIPS
/// and dual stack likewise. Credentials are resolved later, at the first call.
pub(super) async fn load() -> SdkConfig {
    let timeouts = limited_timeouts().to_builder().operation_attempt_timeout(ATTEMPT).build();
    let pool = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let config = aws_config::from_env()
        .http_client(pool)
        .timeout_config(timeouts)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .load()
        .await;
    match config.region() {
        Some(_) => config,
        // Only the operator's own GetCallerIdentity is asked here; each account names its region.
        None => config.into_builder().region(Region::new("us-east-1")).build(),
    }
}

/// Time limits of a client whose attempts are limited elsewhere, where waiting for a turn does not count. The SDK itself sets no
/// limit, and a call that hangs must not hold a worker.
pub(super) fn limited_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(Duration::from_secs(40)).build()
}
