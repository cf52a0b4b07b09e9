//! Answers, and how AWS words an error in the protocol of each service.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::{
    HeaderMap, StatusCode,
    body::Bytes,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
};

use super::{
    fault::AwsError,
    xml::{self, escape},
};

/// A whole answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The answer as text; the query protocol answers in XML.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_default()
    }

    /// The same answer with another body.
    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.headers.remove(CONTENT_LENGTH); // of the old body; the server counts the new one
        self
    }

    /// AWS error code, if this is an error of a query service.
    pub(crate) fn error_code(&self) -> Option<&str> {
        if self.status.is_success() { None } else { xml::element(self.text(), "Code") }
    }

    /// Words an error in the protocol of `service` (AWS API reference, "Common errors"; S3 "Error responses"; JSON
    /// services answer with `__type`).
    pub(crate) fn error(service: &str, error: &AwsError) -> Self {
        let AwsError { status, code, message } = error;
        let fault = if *status < 500 { "Sender" } else { "Receiver" };
        let request = request_id();
        let message_xml = escape(message);
        let (kind, body) = match service {
            "iam" | "sts" | "" => {
                let version = if service == "sts" {
                    "sts.amazonaws.com/doc/2011-06-15"
                } else {
                    "iam.amazonaws.com/doc/2010-05-08"
                };
                let error = format!("<Type>{fault}</Type><Code>{code}</Code><Message>{message_xml}</Message>");
                let body = format!(
                    "<ErrorResponse xmlns=\"https://{version}/\"><Error>{error}</Error><RequestId>{request}</RequestId></ErrorResponse>"
                );
                ("text/xml", body)
            }
            "s3" => {
                let error =
                    format!("<Code>{code}</Code><Message>{message_xml}</Message><RequestId>{request}</RequestId>");
                ("application/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>{error}</Error>"))
            }
            _ => ("application/x-amz-json-1.1", serde_json::json!({"__type": code, "message": message}).to_string()),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: body.into() }
    }
}

/// A request id in the shape of AWS's, which clients quote in their errors. Answers from the proxy itself begin with
/// zeros, so that a log tells them from MiniStack's.
fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("00000000-0000-0000-0000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iam_error_is_worded_in_the_query_protocol() {
        let reply = Reply::error("iam", &AwsError::throttling());
        assert_eq!((reply.status.as_u16(), reply.error_code()), (400, Some("Throttling")));
        assert_eq!(xml::element(reply.text(), "Message"), Some("Rate exceeded"));
    }

    #[test]
    fn a_json_service_gets_a_json_error() {
        let reply = Reply::error("secretsmanager", &AwsError::throttling());
        assert_eq!(reply.text(), r#"{"__type":"Throttling","message":"Rate exceeded"}"#);
    }
}
