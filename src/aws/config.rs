//! The SDK's configuration: everything is the SDK's own, save for time limits, retries, the HTTP client and names of providers.

use std::time::Duration;

use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::own_credentials;

/// Attempts of one call. Throttled ones are cheap, because the account's pace limits them.
const ATTEMPTS: u32 = 10;

/// The longest wait before the second attempt. It doubles from attempt to attempt, and a random part of it is waited for.
const BACKOFF: Duration = Duration::from_millis(100);

/// The longest wait before a later one.
const LONGEST_BACKOFF: Duration = Duration::from_millis(300);

/// How long one attempt may take.
pub(super) const ATTEMPT: Duration = Duration::from_secs(10);

/// Loads the SDK's default chain: environment, profiles, IRSA, Pod Identity, instance metadata; region, endpoints, FIPS and
/// dual stack likewise. Credentials are resolved later, at the first call.
pub(super) async fn load(http: SharedHttpClient) -> SdkConfig {
    let timeouts = limited_timeouts().to_builder().operation_attempt_timeout(ATTEMPT).build();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF);
    let loaded = aws_config::from_env().http_client(http.clone()).timeout_config(timeouts).retry_config(retries);
    let loaded = loaded.load().await;
    // Only the operator's own GetCallerIdentity is asked here; each account names its region.
    let region = loaded.region().cloned().unwrap_or(Region::from_static("us-east-1"));
    let surroundings = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_use_fips(loaded.use_fips())
        .with_use_dual_stack(loaded.use_dual_stack())
        .with_http_client(http);
    let credentials = SharedCredentialsProvider::new(own_credentials::chain(&surroundings));
    loaded.into_builder().region(region).credentials_provider(credentials).build()
}

/// Time limits of a client whose attempts are limited elsewhere, where waiting for a turn does not count. The SDK itself sets no
/// limit, and a call that hangs must not hold a worker.
pub(super) fn limited_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(Duration::from_secs(40)).build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::config::endpoint as iam;
    use aws_sdk_sts::config::endpoint as sts;
    use iam::ResolveEndpoint as _;
    use sts::ResolveEndpoint as _;

    use crate::domain::Region as RegionCode;

    /// Where the SDK calls IAM and STS for an account of this region.
    async fn endpoints(region: &str) -> (String, String) {
        let iam_params = iam::Params::builder().region(region).build().expect("parameters");
        let sts_params = sts::Params::builder().region(region).use_global_endpoint(false).build().expect("parameters");
        let iam = iam::DefaultResolver::new().resolve_endpoint(&iam_params).await.expect("an endpoint of IAM");
        let sts = sts::DefaultResolver::new().resolve_endpoint(&sts_params).await.expect("an endpoint of STS");
        (iam.url().to_owned(), sts.url().to_owned())
    }

    /// AWS General Reference, "AWS Identity and Access Management endpoints and quotas" and "AWS Security Token Service
    /// endpoints and quotas".
    #[tokio::test]
    async fn iam_and_sts_are_called_in_the_partition_of_the_accounts_region() {
        for (region, partition, iam, sts) in [
            ("eu-west-1", "aws", "iam.amazonaws.com", "sts.eu-west-1.amazonaws.com"),
            ("cn-north-1", "aws-cn", "iam.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "iam.us-gov.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"),
            ("us-iso-east-1", "aws-iso", "iam.us-iso-east-1.c2s.ic.gov", "sts.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "iam.us-isob-east-1.sc2s.sgov.gov", "sts.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "iam.eu-isoe-west-1.cloud.adc-e.uk", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
            (
                "us-isof-south-1",
                "aws-iso-f",
                "iam.us-isof-south-1.csp.hci.ic.gov",
                "sts.us-isof-south-1.csp.hci.ic.gov",
            ),
            ("eusc-de-east-1", "aws-eusc", "iam.eusc-de-east-1.amazonaws.eu", "sts.eusc-de-east-1.amazonaws.eu"),
        ] {
            assert_eq!(RegionCode::parse(region).map(|region| region.partition().as_str()), Some(partition));
            assert_eq!(endpoints(region).await, (format!("https://{iam}"), format!("https://{sts}")), "{region}");
        }
    }
}
