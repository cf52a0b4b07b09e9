//! The Secret: read whole, written whole, and never taken from somebody else.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, ObjectList, ObjectMeta, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Resource, ResourceExt};

use super::{Cluster, apply_params};
use crate::api::{CrossAccountRole, FIELD_MANAGER, MANAGED_BY_LABEL, SECRET_TYPE};
use crate::decide::credentials::published::Publication;
use crate::decide::credentials::secret::SecretContent;
use crate::domain::SecretText;

/// The Secret of a name, as found.
#[derive(Clone, Debug)]
pub enum ObservedSecret {
    /// There is none.
    Absent,
    /// There is one that this object does not own; it is not touched.
    Foreign(String),
    /// There is ours.
    Ours(Box<OwnSecret>),
}

/// A Secret of ours.
#[derive(Clone, Debug)]
pub struct OwnSecret {
    /// The set it holds, if it holds one as it was published.
    pub publication: Option<Publication>,
    content: SecretContent,
    resource_version: Option<String>,
}

impl ObservedSecret {
    /// The set in it.
    #[must_use]
    pub fn publication(&self) -> Option<&Publication> {
        match self {
            Self::Ours(secret) => secret.publication.as_ref(),
            Self::Absent | Self::Foreign(_) => None,
        }
    }

    /// Whether it is ours and shows all of this, and nothing else of ours.
    #[must_use]
    pub fn shows(&self, wanted: &SecretContent) -> bool {
        let Self::Ours(secret) = self else { return false };
        let has = |all: &BTreeMap<String, String>, some: &BTreeMap<String, String>| {
            some.iter().all(|(key, value)| all.get(key) == Some(value))
        };
        let SecretContent { data, labels, annotations } = wanted;
        data.iter().all(|(key, value)| secret.content.data.get(key) == Some(value))
            && has(&secret.content.labels, labels)
            && has(&secret.content.annotations, annotations)
    }
}

/// How a deletion of a Secret ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretDeletion {
    /// There was none of ours.
    Absent,
    /// It is gone.
    Gone,
    /// It goes once these finalizers of others are removed; until then it can be read.
    HeldBack(Vec<String>),
}

/// How a write of the Secret ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretWrite {
    /// It is written.
    Written,
    /// Somebody else was there first; look again.
    Overtaken,
    /// The API server does not take it, by its own rules, an admission policy or a quota. Its answer.
    Refused(String),
}

impl Cluster {
    /// Reads a Secret in the namespace of its object.
    pub async fn secret(&self, role: &CrossAccountRole, name: &str) -> kube::Result<ObservedSecret> {
        Ok(match self.secrets_of(role).get_opt(name).await? {
            None => ObservedSecret::Absent,
            Some(secret) => observe(secret, role),
        })
    }

    /// Writes the whole Secret with server-side apply.
    ///
    /// Over one of ours it insists on the version that was read, so that a newer set is never lost. Where there was none
    /// it does not force: should somebody have made a Secret of that name meanwhile, its `type` is another manager's,
    /// and the API server answers with a conflict.
    pub async fn write_secret(
        &self,
        role: &CrossAccountRole,
        name: &str,
        observed: &ObservedSecret,
        content: &SecretContent,
    ) -> kube::Result<SecretWrite> {
        let (params, resource_version) = match observed {
            ObservedSecret::Ours(secret) => (apply_params(), secret.resource_version.clone()),
            ObservedSecret::Absent => (PatchParams::apply(FIELD_MANAGER), None),
            ObservedSecret::Foreign(_) => return Ok(SecretWrite::Overtaken),
        };
        let body = Secret {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(content.labels.clone()),
                annotations: Some(content.annotations.clone()),
                owner_references: Some(role.controller_owner_ref(&()).into_iter().collect()),
                resource_version,
                ..ObjectMeta::default()
            },
            type_: Some(SECRET_TYPE.to_owned()),
            data: Some(content.data.iter().map(|(key, text)| (key.clone(), bytes(text))).collect()),
            ..Secret::default()
        };
        match self.secrets_of(role).patch(name, &params, &Patch::Apply(body)).await {
            Ok(_) => Ok(SecretWrite::Written),
            Err(kube::Error::Api(status)) if status.is_conflict() => Ok(SecretWrite::Overtaken),
            Err(kube::Error::Api(status)) if [400, 403, 422].contains(&status.code) => {
                Ok(SecretWrite::Refused(status.message))
            }
            Err(error) => Err(error),
        }
    }

    /// Names of all Secrets of an object, whatever its declaration and its status say.
    pub async fn secrets_of_object(&self, role: &CrossAccountRole) -> kube::Result<Vec<String>> {
        let ours = ListParams::default().labels(&format!("{MANAGED_BY_LABEL}={FIELD_MANAGER}"));
        let found: ObjectList<PartialObjectMeta<Secret>> = self.secrets_of(role).list_metadata(&ours).await?;
        let controlled = |secret: &PartialObjectMeta<Secret>| {
            let mut owners = secret.owner_references().iter();
            owners.any(|owner| owner.controller == Some(true) && Some(&owner.uid) == role.uid().as_ref())
        };
        Ok(found.into_iter().filter(controlled).map(|secret| secret.name_any()).collect())
    }

    /// Deletes a Secret if it is ours, also one that was made immutable, and exactly the one that is looked at now.
    pub async fn delete_secret(&self, role: &CrossAccountRole, name: &str) -> kube::Result<SecretDeletion> {
        let Some(secret) = self.secrets_of(role).get_opt(name).await? else { return Ok(SecretDeletion::Absent) };
        if !is_ours(&secret, role) {
            return Ok(SecretDeletion::Absent);
        }
        let preconditions = Preconditions { uid: secret.metadata.uid, resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match self.secrets_of(role).delete(name, &params).await {
            Ok(answer) => Ok(match answer.left() {
                Some(held) => SecretDeletion::HeldBack(held.metadata.finalizers.unwrap_or_default()),
                None => SecretDeletion::Gone,
            }),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {
                Ok(SecretDeletion::Absent)
            }
            Err(error) => Err(error),
        }
    }

    fn secrets_of(&self, role: &CrossAccountRole) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &role.namespace().unwrap_or_default())
    }
}

fn bytes(text: &SecretText) -> ByteString {
    ByteString(text.expose().as_bytes().to_vec())
}

fn is_controlled(secret: &Secret, role: &CrossAccountRole) -> bool {
    secret.owner_references().iter().any(|o| o.controller == Some(true) && Some(&o.uid) == role.uid().as_ref())
}

fn is_ours(secret: &Secret, role: &CrossAccountRole) -> bool {
    is_controlled(secret, role) && secret.type_.as_deref() == Some(SECRET_TYPE)
}

fn observe(secret: Secret, role: &CrossAccountRole) -> ObservedSecret {
    let name = secret.name_any();
    if !is_controlled(&secret, role) {
        return ObservedSecret::Foreign(format!("Secret {name} exists and is not owned by this object"));
    }
    if secret.type_.as_deref() != Some(SECRET_TYPE) {
        return ObservedSecret::Foreign(format!("Secret {name} exists and its type is not {SECRET_TYPE}"));
    }
    if secret.immutable == Some(true) {
        return ObservedSecret::Foreign(format!("Secret {name} was made immutable, so it cannot be renewed"));
    }
    let Secret { metadata, data, .. } = secret;
    let texts = |(key, ByteString(bytes))| Some((key, SecretText::new(String::from_utf8(bytes).ok()?)));
    let data: BTreeMap<String, SecretText> = data.unwrap_or_default().into_iter().filter_map(texts).collect();
    let annotations = metadata.annotations.unwrap_or_default();
    ObservedSecret::Ours(Box::new(OwnSecret {
        publication: Publication::read(&data, &annotations),
        content: SecretContent { data, labels: metadata.labels.unwrap_or_default(), annotations },
        resource_version: metadata.resource_version,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role() -> CrossAccountRole {
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "team", "uid": "uid-1"}, "spec": {"accountRef": {"name": "a"}},
        }))
        .expect("a role")
    }

    fn secret(change: &serde_json::Value) -> ObservedSecret {
        let mut value = json!({
            "metadata": {"name": "reader", "ownerReferences": [
                {"apiVersion": "v", "kind": "k", "name": "reader", "uid": "uid-1", "controller": true}]},
            "type": SECRET_TYPE,
        });
        value.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        observe(serde_json::from_value(value).expect("a Secret"), &role())
    }

    #[test]
    fn only_a_secret_of_our_type_that_this_object_controls_is_ours() {
        assert!(matches!(secret(&json!({})), ObservedSecret::Ours(_)));
        let owner = |uid: &str, controller: bool| {
            json!({"metadata": {"name": "reader", "ownerReferences": [
                {"apiVersion": "v", "kind": "k", "name": "reader", "uid": uid, "controller": controller}]}})
        };
        for (what, change) in [
            ("no owner", json!({"metadata": {"name": "reader"}})),
            ("an earlier object of the same name", owner("uid-0", true)),
            ("an owner that is not its controller", owner("uid-1", false)),
            ("another type", json!({"type": "Opaque"})),
            ("an immutable one", json!({"immutable": true})),
        ] {
            assert!(matches!(secret(&change), ObservedSecret::Foreign(_)), "{what}");
        }
    }
}
