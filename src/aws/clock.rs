//! AWS's clock, read from the `Date` header of its answers.
//!
//! IAM judges by its own time when a session was issued (`aws:TokenIssueTime`). The operator's clock may be minutes off and
//! requests still work, because the SDK corrects its signatures.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_iam::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_iam::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_iam::error::BoxError;
use aws_sdk_iam::primitives::{DateTime, DateTimeFormat};
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use jiff::{SignedDuration, Timestamp};

/// The header has whole seconds: AWS's clock may show anything up to the next one.
const HEADER_PRECISION: SignedDuration = SignedDuration::from_secs(1);

/// The difference between AWS's clock and ours. All clones share the newest answer.
#[derive(Clone, Default)]
pub(super) struct AwsClock(Arc<Mutex<Option<SignedDuration>>>);

impl AwsClock {
    /// AWS's time at the moment that our clock calls `ours`; ours before the first answer. It is never earlier than the
    /// time on AWS's clock, and later by at most a second and the duration of the request that it was learned from.
    pub fn at(&self, ours: Timestamp) -> Timestamp {
        let offset = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offset.and_then(|offset| ours.checked_add(offset).ok()).unwrap_or(ours)
    }

    fn learn(&self, date: Timestamp, sent: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset(date, sent));
    }
}

/// How far AWS's clock is ahead of ours at most. AWS wrote `date` some time after `sent`, so the longer the answer took, the
/// larger the result.
fn offset(date: Timestamp, sent: Timestamp) -> SignedDuration {
    date.duration_since(sent).saturating_add(HEADER_PRECISION)
}

impl fmt::Debug for AwsClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwsClock")
    }
}

/// When an attempt was sent, by our clock.
#[derive(Debug)]
struct SentAt(Timestamp);

impl Storable for SentAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "AwsClock"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(SentAt(Timestamp::now()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        answer: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = answer.response().headers().get("date").and_then(read_date);
        if let (Some(date), Some(SentAt(sent))) = (date, bag.load::<SentAt>()) {
            self.learn(date, *sent);
        }
        Ok(())
    }
}

fn read_date(header: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(header, DateTimeFormat::HttpDate).ok()?;
    Timestamp::from_second(date.secs()).ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn before_the_first_answer_our_clock_has_to_do() {
        let ours = time("2026-03-01T10:00:00.5Z");
        assert_eq!(AwsClock::default().at(ours), ours);
    }

    #[test]
    fn awss_time_is_never_estimated_earlier_than_it_may_be() {
        // Whatever AWS's clock shows while it writes the header, the estimate for that moment is not earlier.
        let sent = time("2026-03-01T10:00:00.250Z");
        for (ahead_ms, answered_after_ms) in
            [(0, 0), (0, 900), (25_000, 20), (-25_000, 20), (749, 1), (750, 0), (-1, 5_000)]
        {
            let answered = sent + SignedDuration::from_millis(answered_after_ms);
            let on_awss_clock = answered + SignedDuration::from_millis(ahead_ms);
            let date = Timestamp::from_second(on_awss_clock.as_second()).expect("a time");
            let clock = AwsClock::default();
            clock.learn(date, sent);
            let late = clock.at(answered).duration_since(on_awss_clock);
            let most = HEADER_PRECISION + SignedDuration::from_millis(answered_after_ms);
            assert!(late >= SignedDuration::ZERO && late <= most, "{ahead_ms} {answered_after_ms}: {late}");
        }
    }

    #[test]
    fn the_newest_answer_wins() {
        let (clock, sent) = (AwsClock::default(), time("2026-03-01T10:00:00Z"));
        clock.learn(time("2026-03-01T11:00:00Z"), sent);
        clock.learn(time("2026-03-01T10:00:00Z"), sent);
        assert_eq!(clock.at(sent), time("2026-03-01T10:00:01Z"));
    }

    #[test]
    fn the_date_of_http_is_understood_and_nothing_else() {
        assert_eq!(read_date("Sun, 01 Mar 2026 10:00:00 GMT"), Some(time("2026-03-01T10:00:00Z")));
        assert_eq!(read_date("2026-03-01T10:00:00Z"), None);
    }

    #[tokio::test]
    async fn a_client_learns_the_time_also_from_an_answer_that_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 8192]).await.expect("a request");
            let answer = "HTTP/1.1 403 Forbidden\r\nDate: Wed, 01 Jan 2070 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.expect("the answer is taken");
        });
        let clock = AwsClock::default();
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .interceptor(clock.clone())
            .build();
        let refused = aws_sdk_sts::Client::from_conf(config).get_caller_identity().send().await;
        server.await.expect("the server answers");
        assert!(refused.is_err());
        let now = clock.at(Timestamp::now());
        assert!(now >= time("2070-01-01T00:00:01Z") && now < time("2070-01-02T00:00:00Z"), "{now}");
    }
}
