//! What a request to the API server asks for (Kubernetes documentation, "Kubernetes API Concepts").

use std::fmt;

use hyper::{Method, Uri, body::Bytes, header::CONTENT_TYPE, http::request::Parts};
use serde_json::Value;
use strum::Display;

/// What is asked for.
#[derive(Clone, Copy, Debug, Display, PartialEq, Eq, PartialOrd, Ord)]
#[strum(serialize_all = "lowercase")]
pub enum Verb {
    /// One object.
    Get,
    /// A collection.
    List,
    /// Changes of a collection.
    Watch,
    /// A new object.
    Create,
    /// An object as a whole.
    Update,
    /// Server-side apply.
    Apply,
    /// Any other patch.
    Patch,
    /// The end of an object.
    Delete,
    /// The end of a collection.
    DeleteCollection,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 9] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Apply,
        Self::Patch,
        Self::Delete,
        Self::DeleteCollection,
    ];
    /// The verbs that only read.
    pub const READS: [Self; 3] = [Self::Get, Self::List, Self::Watch];

    fn reads(self) -> bool {
        Self::READS.contains(&self)
    }
}

/// One request, as far as rules and counts need to understand it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// What is asked for.
    pub verb: Verb,
    /// The plural, such as `secrets`; the path, if it is none of an object or collection.
    pub resource: String,
    /// `status` and the like; empty without.
    pub subresource: String,
    /// The namespace, if it is about one.
    pub namespace: Option<String>,
    /// The name of the object, if it is about one.
    pub name: Option<String>,
}

impl ApiRequest {
    /// Reads the request line and headers, and for a new object its name from the `body`.
    pub(crate) fn read(parts: &Parts, body: &Bytes) -> Self {
        let path = Path::read(parts.uri.path());
        let verb = match parts.method {
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH if is_apply(parts) => Verb::Apply,
            Method::PATCH => Verb::Patch,
            Method::DELETE if path.name.is_none() => Verb::DeleteCollection,
            Method::DELETE => Verb::Delete,
            _ if is_watch(&parts.uri) => Verb::Watch,
            _ if path.name.is_none() && path.is_resource => Verb::List,
            _ => Verb::Get,
        };
        let name = path.name.map(str::to_owned).or_else(|| (verb == Verb::Create).then(|| name_in(body))?);
        Self {
            verb,
            resource: path.resource.to_owned(),
            subresource: path.subresource.to_owned(),
            namespace: path.namespace.map(str::to_owned),
            name,
        }
    }

    /// Whether it changes what an operator is answerable for. Events and leases are only signs of life.
    pub fn is_write(&self) -> bool {
        !self.verb.reads() && !matches!(self.resource.as_str(), "events" | "leases")
    }

    /// `secrets`, or with its subresource `crossaccountroles/status`.
    pub fn kind(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }
}

impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object: Vec<&str> = [&self.namespace, &self.name].into_iter().flatten().map(String::as_str).collect();
        write!(f, "{} {} {}", self.verb, self.kind(), object.join("/"))
    }
}

/// The parts of `/api/v1/…` and `/apis/<group>/<version>/…`.
#[derive(Default)]
struct Path<'a> {
    is_resource: bool,
    namespace: Option<&'a str>,
    resource: &'a str,
    name: Option<&'a str>,
    subresource: &'a str,
}

impl<'a> Path<'a> {
    fn read(path: &'a str) -> Self {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let rest = match segments[..] {
            ["api", _, ref rest @ ..] | ["apis", _, _, ref rest @ ..] => rest,
            _ => &[],
        };
        let of = |namespace, resource, rest: &[&'a str]| Self {
            is_resource: true,
            namespace,
            resource,
            name: rest.first().copied(),
            subresource: rest.get(1).copied().unwrap_or_default(),
        };
        match *rest {
            // These two are of the namespace itself.
            ["namespaces", name, part @ ("status" | "finalize")] => of(None, "namespaces", &[name, part]),
            ["namespaces", namespace, resource, ref rest @ ..] => of(Some(namespace), resource, rest),
            [resource, ref rest @ ..] => of(None, resource, rest),
            [] => Self { resource: path, ..Self::default() },
        }
    }
}

fn is_apply(parts: &Parts) -> bool {
    parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/apply-patch"))
}

fn is_watch(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "watch" && matches!(&*value, "true" | "1"))
}

fn name_in(body: &Bytes) -> Option<String> {
    let object: Value = serde_json::from_slice(body).ok()?;
    Some(object["metadata"]["name"].as_str()?.to_owned())
}

/// The same URI whose `labelSelector` also asks for this.
pub(crate) fn with_selector(uri: &Uri, selector: &str) -> Result<Uri, hyper::http::Error> {
    let query = uri.query().unwrap_or_default();
    let mut selectors = vec![selector.to_owned()];
    let mut changed = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name == "labelSelector" {
            selectors.push(value.into_owned());
        } else {
            changed.append_pair(&name, &value);
        }
    }
    selectors.retain(|selector| !selector.is_empty());
    changed.append_pair("labelSelector", &selectors.join(","));
    Uri::builder().path_and_query(format!("{}?{}", uri.path(), changed.finish())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str, content_type: &str, body: &'static str) -> ApiRequest {
        let request = hyper::Request::builder().method(method).uri(uri).header(CONTENT_TYPE, content_type);
        ApiRequest::read(&request.body(()).unwrap().into_parts().0, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn a_request_is_read_from_its_method_path_and_content_type() {
        let json = "application/json";
        let roles = "/apis/iam.crossaccount.dev/v1alpha1/namespaces/a/crossaccountroles";
        for (method, uri, kind, said) in [
            (Method::GET, "/api/v1/namespaces/a/secrets/x", json, "get secrets a/x"),
            (Method::GET, "/api/v1/namespaces/a", json, "get namespaces a"),
            (Method::GET, "/api/v1/namespaces", json, "list namespaces "),
            (Method::GET, "/api/v1/namespaces/a/secrets?limit=500", json, "list secrets a"),
            (Method::GET, "/api/v1/secrets?watch=true&limit=1", json, "watch secrets "),
            (Method::PUT, "/api/v1/namespaces/a/finalize", json, "update namespaces/finalize a"),
            (Method::PATCH, &format!("{roles}/x/status"), json, "patch crossaccountroles/status a/x"),
            (Method::PATCH, &format!("{roles}/x"), "application/apply-patch+yaml", "apply crossaccountroles a/x"),
            (Method::DELETE, &format!("{roles}/x"), json, "delete crossaccountroles a/x"),
            (Method::DELETE, roles, json, "deletecollection crossaccountroles a"),
            (Method::GET, "/version", json, "get /version "),
        ] {
            assert_eq!(request(method, uri, kind, "").to_string(), said);
        }
        let created = request(Method::POST, roles, json, r#"{"metadata": {"name": "x"}}"#);
        assert_eq!(created.to_string(), "create crossaccountroles a/x");
    }

    #[test]
    fn events_and_leases_are_no_writes() {
        let write = |uri: &str| request(Method::PATCH, uri, "application/json", "").is_write();
        assert!(write("/api/v1/namespaces/a/secrets/x"));
        assert!(!write("/apis/events.k8s.io/v1/namespaces/a/events/x"));
        assert!(!write("/apis/coordination.k8s.io/v1/namespaces/a/leases/x"));
        assert!(!request(Method::GET, "/api/v1/secrets", "application/json", "").is_write());
    }

    #[test]
    fn a_selector_is_added_to_the_one_that_is_there() {
        let changed = |uri: &str| with_selector(&uri.parse().unwrap(), "test=a").unwrap().to_string();
        assert_eq!(changed("/x"), "/x?labelSelector=test%3Da");
        assert_eq!(changed("/x?watch=1&labelSelector=b%3D1"), "/x?watch=1&labelSelector=test%3Da%2Cb%3D1");
    }
}
