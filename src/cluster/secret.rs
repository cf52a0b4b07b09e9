//! The Secret: read whole, written whole, and never taken from somebody else.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, Resource, ResourceExt};

use super::{Cluster, apply_params};
use crate::api::{CrossAccountRole, FIELD_MANAGER, MANAGED_BY_LABEL, SECRET_TYPE};
use crate::decide::credentials::data::texts;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::credentials::secret::SecretContent;
use crate::domain::SecretText;
use crate::domain::kubernetes::is_object_name;

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
    pub publication: Option<PublishedCredentials>,
    content: SecretContent,
    uid: Option<String>,
    resource_version: Option<String>,
    /// Whether this object is its controller. One that was restored from a backup has no owner until it is written again.
    is_controlled: bool,
    immutable: bool,
}

#[cfg(test)]
impl ObservedSecret {
    /// The Secret of an object as a test has it.
    #[must_use]
    pub fn of(secret: Option<Secret>, role: &CrossAccountRole, account: &str) -> Self {
        secret.map_or(Self::Absent, |secret| observe(secret, role, Some(account)))
    }
}

impl ObservedSecret {
    /// The set in it.
    #[must_use]
    pub fn publication(&self) -> Option<&PublishedCredentials> {
        match self {
            Self::Ours(secret) => secret.publication.as_ref(),
            Self::Absent | Self::Foreign(_) => None,
        }
    }

    /// Whether it is ours, with this object as its controller, and shows all of this, and nothing else of ours.
    #[must_use]
    pub fn shows(&self, wanted: &SecretContent) -> bool {
        let Self::Ours(secret) = self else { return false };
        let has = |all: &BTreeMap<String, String>, some: &BTreeMap<String, String>| {
            some.iter().all(|(key, value)| all.get(key) == Some(value))
        };
        let SecretContent { data, labels, annotations } = wanted;
        secret.is_controlled
            && data.iter().all(|(key, value)| secret.content.data.get(key) == Some(value))
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
    /// Reads a Secret in the namespace of its object. `account` is the id of the object's account, if it is known.
    pub async fn secret(
        &self,
        role: &CrossAccountRole,
        account: Option<&str>,
        name: &str,
    ) -> kube::Result<ObservedSecret> {
        if !is_object_name(name) {
            return Ok(ObservedSecret::Absent); // it would lead to another path of the API server
        }
        Ok(match self.secrets_of(role).get_opt(name).await? {
            None => ObservedSecret::Absent,
            Some(secret) => observe(secret, role, account),
        })
    }

    /// Writes the whole Secret with server-side apply.
    ///
    /// Over one of ours it insists on the version that was read, so that a newer set is never lost. Where there was none
    /// it does not force: should somebody have made a Secret of that name meanwhile, its `type` is another manager's,
    /// and the API server answers with a conflict. One of ours that was made immutable is deleted and written again.
    pub async fn write_secret(
        &self,
        role: &CrossAccountRole,
        name: &str,
        observed: &ObservedSecret,
        content: &SecretContent,
    ) -> kube::Result<SecretWrite> {
        let (params, resource_version) = match observed {
            ObservedSecret::Ours(secret) if secret.immutable => match self.delete_exactly(role, name, secret).await {
                Ok(SecretDeletion::Gone | SecretDeletion::Absent) => (PatchParams::apply(FIELD_MANAGER), None),
                Ok(SecretDeletion::HeldBack(finalizers)) => {
                    let held = finalizers.join(", ");
                    return Ok(SecretWrite::Refused(format!("it is immutable, and finalizers keep it: {held}")));
                }
                Err(error) => return refused(error),
            },
            ObservedSecret::Ours(secret) => (apply_params(), secret.resource_version.clone()),
            ObservedSecret::Absent => (PatchParams::apply(FIELD_MANAGER), None),
            ObservedSecret::Foreign(_) => return Ok(SecretWrite::Overtaken),
        };
        let body = manifest(role, name, content, resource_version);
        match self.secrets_of(role).patch(name, &params, &Patch::Apply(body)).await {
            Ok(_) => Ok(SecretWrite::Written),
            Err(error) => refused(error),
        }
    }

    /// All Secrets of the operator in the namespace of an object, without what they hold.
    pub async fn secrets_beside(&self, role: &CrossAccountRole) -> kube::Result<Vec<PartialObjectMeta<Secret>>> {
        let ours = ListParams::default().labels(&format!("{MANAGED_BY_LABEL}={FIELD_MANAGER}"));
        Ok(self.secrets_of(role).list_metadata(&ours).await?.items)
    }

    /// Deletes a Secret if it is ours, also one that was made immutable, and exactly the one that is looked at now.
    pub async fn delete_secret(
        &self,
        role: &CrossAccountRole,
        account: Option<&str>,
        name: &str,
    ) -> kube::Result<SecretDeletion> {
        match self.secret(role, account, name).await? {
            ObservedSecret::Ours(secret) => self.delete_exactly(role, name, &secret).await,
            ObservedSecret::Absent | ObservedSecret::Foreign(_) => Ok(SecretDeletion::Absent),
        }
    }

    async fn delete_exactly(
        &self,
        role: &CrossAccountRole,
        name: &str,
        secret: &OwnSecret,
    ) -> kube::Result<SecretDeletion> {
        let preconditions = Preconditions { uid: secret.uid.clone(), resource_version: None };
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

/// The whole Secret.
pub(crate) fn manifest(
    role: &CrossAccountRole,
    name: &str,
    content: &SecretContent,
    resource_version: Option<String>,
) -> Secret {
    Secret {
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
    }
}

fn bytes(text: &SecretText) -> ByteString {
    ByteString(text.expose().as_bytes().to_vec())
}

fn refused(error: kube::Error) -> kube::Result<SecretWrite> {
    match error {
        kube::Error::Api(status) if status.is_conflict() => Ok(SecretWrite::Overtaken),
        kube::Error::Api(status) if [400, 403, 422].contains(&status.code) => Ok(SecretWrite::Refused(status.message)),
        error => Err(error),
    }
}

/// Who owns a Secret, by its owner references.
enum Owner {
    ThisObject,
    Nobody,
    Another,
}

fn owner_of(metadata: &ObjectMeta, role: &CrossAccountRole) -> Owner {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let this = |owner: &OwnerReference| owner.controller == Some(true) && Some(&owner.uid) == role.uid().as_ref();
    match owners {
        [] => Owner::Nobody,
        _ if owners.iter().any(this) => Owner::ThisObject,
        _ => Owner::Another,
    }
}

fn observe(secret: Secret, role: &CrossAccountRole, account: Option<&str>) -> ObservedSecret {
    let Secret { metadata, data, type_, immutable, .. } = secret;
    let name = metadata.name.clone().unwrap_or_default();
    let owner = owner_of(&metadata, role);
    if matches!(owner, Owner::Another) {
        return ObservedSecret::Foreign(format!("Secret {name} exists and is not owned by this object"));
    }
    if type_.as_deref() != Some(SECRET_TYPE) {
        return ObservedSecret::Foreign(format!("Secret {name} exists and its type is not {SECRET_TYPE}"));
    }
    let data = texts(data);
    let (labels, annotations) = (metadata.labels.unwrap_or_default(), metadata.annotations.unwrap_or_default());
    let publication = PublishedCredentials::read(&data, &annotations);
    let is_controlled = matches!(owner, Owner::ThisObject);
    let labelled = labels.get(MANAGED_BY_LABEL).is_some_and(|manager| manager == FIELD_MANAGER);
    let left = labelled && publication.as_ref().is_some_and(|set| set.is_of(&role.iam_role_name(), account));
    if !is_controlled && !left {
        return ObservedSecret::Foreign(format!(
            "Secret {name} exists, has no owner, and does not hold credentials of this object's role as the operator wrote them"
        ));
    }
    ObservedSecret::Ours(Box::new(OwnSecret {
        publication,
        content: SecretContent { data, labels, annotations },
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        is_controlled,
        immutable: immutable == Some(true),
    }))
}

#[cfg(test)]
mod tests;
