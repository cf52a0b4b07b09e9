//! Reads the credentials of an object from its Secret, with the caller's own rights.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::error::SessionError;
use super::object::Object;
use crate::api::CrossAccountRole;
use crate::cli::cluster::Cluster;
use crate::decide::credentials::data::{region, texts};
use crate::decide::credentials::published::PublishedCredentials;
use crate::domain::{Credentials, Region, SecretText};

/// A session of a role.
#[derive(Debug)]
pub struct Session {
    /// Its credentials, which are valid now.
    pub credentials: Credentials,
    /// The region that the Secret names.
    pub region: Option<Region>,
}

/// Reads the Secret that the status of the object names.
pub async fn read(cluster: &Cluster, object: &Object) -> Result<Session, SessionError> {
    let Object { namespace, name } = object;
    let role = cluster.within::<CrossAccountRole>(namespace).get(name).await?;
    let credentials = role.status.as_ref().and_then(|status| status.credentials.as_ref());
    let Some(secret_name) = credentials.and_then(|credentials| credentials.secret_name.as_deref()) else {
        return Err(SessionError::NoCredentials(object.clone()));
    };
    let Secret { data, metadata, .. } = cluster.within::<Secret>(namespace).get(secret_name).await?;
    let (data, annotations) = (texts(data), metadata.annotations.unwrap_or_default());
    let set = usable(&role, &data, &annotations, Timestamp::now()).map_err(|unusable| match unusable {
        Unusable::Foreign => SessionError::Foreign { object: object.clone(), secret: secret_name.to_owned() },
        Unusable::Expired(at) => SessionError::Expired { object: object.clone(), at },
    })?;
    Ok(Session { credentials: set, region: region(&data) })
}

/// Why what a Secret holds cannot be used.
#[derive(Debug, PartialEq, Eq)]
enum Unusable {
    Foreign,
    Expired(Timestamp),
}

/// The set of this object's role, as the operator wrote it.
fn usable(
    role: &CrossAccountRole,
    data: &BTreeMap<String, SecretText>,
    annotations: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Credentials, Unusable> {
    let published = PublishedCredentials::read(data, annotations);
    let published = published.filter(|set| set.is_of(&role.iam_role_name(), None)).ok_or(Unusable::Foreign)?;
    let expires_at = published.credentials.expires_at;
    if expires_at <= now { Err(Unusable::Expired(expires_at)) } else { Ok(published.credentials) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::annotation;

    const EXPIRES: &str = "2027-01-15T09:00:00Z";

    /// A Secret as the operator writes it, and the object whose it is.
    fn published() -> (CrossAccountRole, BTreeMap<String, SecretText>, BTreeMap<String, String>) {
        let text = |text: &str| SecretText::new(text.to_owned());
        let document = json!({"Version": 1, "AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary-secret",
                              "SessionToken": "canary-token", "Expiration": EXPIRES});
        let data = BTreeMap::from([("credentials.json".to_owned(), text(&document.to_string()))]);
        let set = PublishedCredentials {
            credentials: Credentials {
                access_key_id: text("ASIACANARY"),
                secret_access_key: text("canary-secret"),
                session_token: text("canary-token"),
                expires_at: at(EXPIRES),
            },
            role_arn: "arn:aws:iam::222222222222:role/crossaccount/analytics-reader".to_owned(),
            issued_at: at("2027-01-15T08:00:00Z"),
            inputs_hash: "inputs".to_owned(),
            answered: None,
        };
        let role = serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "analytics"},
            "spec": {"accountRef": {"name": "analytics"}, "role": {"name": "analytics-reader"}},
        }));
        (role.unwrap(), data, set.annotations())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_set_is_used_until_the_second_in_which_it_expires() {
        let (role, data, annotations) = published();
        let before = usable(&role, &data, &annotations, at("2027-01-15T08:59:59Z")).unwrap();
        assert_eq!(before.session_token.expose(), "canary-token");
        assert_eq!(usable(&role, &data, &annotations, at(EXPIRES)), Err(Unusable::Expired(at(EXPIRES))));
    }

    #[test]
    fn a_set_of_another_role_or_one_that_somebody_edited_is_refused() {
        let (mut role, data, annotations) = published();
        let now = at("2027-01-15T08:30:00Z");
        let mut later = annotations.clone();
        later.insert(annotation::EXPIRES_AT.to_owned(), "2028-01-01T00:00:00Z".to_owned());
        assert_eq!(usable(&role, &data, &later, now), Err(Unusable::Foreign));
        role.spec.role.name = Some("analytics-writer".to_owned());
        assert_eq!(usable(&role, &data, &annotations, now), Err(Unusable::Foreign));
    }

    #[test]
    fn an_error_names_the_object_and_the_command_that_shows_more() {
        let object = Object { namespace: "analytics".to_owned(), name: "reader".to_owned() };
        assert_eq!(
            SessionError::Expired { object, at: at(EXPIRES) }.to_string(),
            "the credentials of CrossAccountRole analytics/reader expired at 2027-01-15T09:00:00Z; `kubectl crossaccount \
             status reader -n analytics` shows why the operator did not renew them",
        );
    }
}
