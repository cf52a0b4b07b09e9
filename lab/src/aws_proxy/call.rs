//! What a request asks for: service, action, the key it is signed with, and its parameters.

use hyper::{
    HeaderMap, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
    http::request::Parts,
};
use percent_encoding::{AsciiSet, utf8_percent_encode};

/// One request to AWS, as far as rules need to understand it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Signing name of the service (`iam`, `sts`, `s3`); empty for an unsigned request that names none.
    pub(crate) service: String,
    /// The API action; for REST services, which name none, the method and path.
    pub(crate) action: String,
    /// Region of the credential scope.
    pub(crate) region: String,
    /// Access key id the request is signed with.
    pub(crate) access_key: Option<String>,
    /// Parameters of a query-protocol request; empty for other protocols.
    pub(crate) form: Form,
}

impl Call {
    /// Reads the request line and headers, and for the query protocol the `body`.
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let scope = Scope::read(&parts.headers);
        let mut form = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        form.0.extend(Form::parse(body).0);
        let action = form
            .get("Action")
            .map(str::to_owned)
            .or_else(|| json_target(&parts.headers))
            .unwrap_or_else(|| format!("{} {}", parts.method, parts.uri.path()));
        let service = match (scope.service, action.as_str()) {
            ("", "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML") => "sts",
            (service, _) => service,
        };
        Self {
            service: service.to_owned(),
            action,
            region: scope.region.to_owned(),
            access_key: (!scope.key.is_empty()).then(|| scope.key.to_owned()),
            form,
        }
    }

    /// Whether it changes something that lasts. A session that is begun does not count.
    pub(crate) fn is_write(&self) -> bool {
        let reads = ["Get", "List", "Describe", "Simulate", "AssumeRole", "GET ", "HEAD "];
        !reads.iter().any(|prefix| self.action.starts_with(prefix))
    }

    /// Name of the role the call is about, if it is about one.
    pub(crate) fn role(&self) -> Option<&str> {
        self.form.get("RoleName").or_else(|| self.form.get("RoleArn")?.rsplit('/').next())
    }
}

/// Whether the body must be read before the request can be understood: the query protocol of IAM and STS.
/// Everything else streams through.
pub(crate) fn speaks_query(parts: &Parts) -> bool {
    let form =
        parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form"));
    let service = Scope::read(&parts.headers).service;
    parts.method == Method::POST && form && matches!(service, "iam" | "sts" | "")
}

/// The credential scope of a `SigV4` authorization header (AWS API reference, "Signature Version 4").
struct Scope<'a> {
    key: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn read(headers: &'a HeaderMap) -> Self {
        let credential = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.split_once("Credential="))
            .map_or("", |(_, rest)| rest.split([',', ' ']).next().unwrap_or_default());
        let mut fields = credential.split('/');
        let mut next = || fields.next().unwrap_or_default();
        let (key, _date, region, service) = (next(), next(), next(), next());
        Self { key, region, service }
    }
}

/// The operation of a JSON-protocol request, such as `GetSecretValue` of `secretsmanager.GetSecretValue`.
fn json_target(headers: &HeaderMap) -> Option<String> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target.rsplit('.').next().map(str::to_owned)
}

/// Characters that mean something in a form.
const MISREAD: &AsciiSet = &percent_encoding::CONTROLS.add(b'%').add(b'&').add(b'+').add(b'=').add(b';').add(b' ');

/// The parameters of a query-protocol request, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads an `application/x-www-form-urlencoded` body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// A form made of these parameters.
    pub(crate) fn of(parameters: &[(&str, &str)]) -> Self {
        Self(parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets a parameter, in place where it is already there.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some(parameter) => parameter.1 = value.into(),
            None => self.0.push((name.to_owned(), value.into())),
        }
    }

    /// The same parameters with other values.
    pub(crate) fn map_values(&self, change: impl Fn(&str) -> String) -> Self {
        Self(self.0.iter().map(|(name, value)| (name.clone(), change(value))).collect())
    }

    /// Takes a parameter out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    /// The values of a list: `TagKeys.member.1`, `TagKeys.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        self.list_of(name, "")
    }

    /// One field of each structure of a list: `PolicyArns.member.1.arn`, …
    pub(crate) fn list_of(&self, name: &str, field: &str) -> Vec<&str> {
        let suffix = if field.is_empty() { String::new() } else { format!(".{field}") };
        (1..).map_while(|index| self.get(&format!("{name}.member.{index}{suffix}"))).collect()
    }

    /// The tags of a request, as pairs of key and value.
    pub(crate) fn tags(&self) -> Vec<(&str, &str)> {
        let value = |index: usize| self.get(&format!("Tags.member.{index}.Value")).unwrap_or_default();
        self.list_of("Tags", "Key").into_iter().zip(1..).map(|(key, index)| (key, value(index))).collect()
    }

    /// The form as a request body, in as few characters as it can be told in: only what would be misread is escaped.
    pub(crate) fn encode(&self) -> String {
        let escape = |text: &str| utf8_percent_encode(text, MISREAD).to_string();
        let pair = |(name, value): &(String, String)| format!("{}={}", escape(name), escape(value));
        self.0.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(authorization: &str) -> Parts {
        hyper::Request::post("/").header(AUTHORIZATION, authorization).body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_signed_query_request_tells_key_service_action_and_role() {
        let parts = parts("AWS4-HMAC-SHA256 Credential=AKIA1/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host");
        let call = Call::read(&parts, b"Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpath%2Freader");
        assert_eq!(
            (call.service.as_str(), call.action.as_str(), call.region.as_str()),
            ("sts", "AssumeRole", "eu-west-1")
        );
        assert_eq!((call.access_key.as_deref(), call.role()), (Some("AKIA1"), Some("reader")));
    }

    #[test]
    fn a_rest_request_is_named_by_method_and_path() {
        let parts = hyper::Request::get("/bucket/key").body(()).unwrap().into_parts().0;
        assert_eq!(Call::read(&parts, b"").action, "GET /bucket/key");
    }

    #[test]
    fn a_form_survives_encoding() {
        let form = Form::of(&[("Policy", "{\"a\": \"b&c=d+e%20;é\"}"), ("Empty", "")]);
        assert_eq!(Form::parse(form.encode().as_bytes()).0, form.0);
    }

    #[test]
    fn tags_are_read_in_order() {
        let form = Form::parse(b"Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=");
        assert_eq!(form.tags(), [("a", "1"), ("b", "")]);
    }
}
