//! Short ways to what the objects say of themselves.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    AWSAccount, ConditionType, CrossAccountRole, FINALIZER, Reason, RoleStatus, SourceGrantStatus, annotation,
};
use crate::domain::default_role_name;

/// The condition of this type, if it is set.
#[must_use]
pub fn condition(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == kind.to_string())
}

macro_rules! accessors {
    ($($kind:ty),*) => {$(
        impl $kind {
            /// All conditions.
            #[must_use]
            pub fn conditions(&self) -> &[Condition] {
                self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
            }

            /// The condition of this type.
            #[must_use]
            pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
                condition(self.conditions(), kind)
            }

            /// Whether the condition of this type has this reason.
            #[must_use]
            pub fn has_reason(&self, kind: ConditionType, reason: Reason) -> bool {
                self.condition(kind).is_some_and(|condition| condition.reason == reason.as_str())
            }

            /// Whether the condition of this type is `True` for the present generation.
            #[must_use]
            pub fn is_true(&self, kind: ConditionType) -> bool {
                let generation = self.metadata.generation;
                self.condition(kind).is_some_and(|c| c.status == "True" && c.observed_generation == generation)
            }

            /// Whether the object has the operator's finalizer.
            #[must_use]
            pub fn has_finalizer(&self) -> bool {
                self.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
            }

            /// Whether the object is being deleted.
            #[must_use]
            pub fn is_deleted(&self) -> bool {
                self.metadata.deletion_timestamp.is_some()
            }

            /// Whether the annotation asks to remove the finalizer although AWS is not clean.
            #[must_use]
            pub fn is_abandoned(&self) -> bool {
                let annotations = self.metadata.annotations.as_ref();
                annotations.and_then(|all| all.get(annotation::ABANDON)).is_some_and(|value| value == "true")
            }
        }
    )*};
}

accessors!(CrossAccountRole, AWSAccount);

impl CrossAccountRole {
    /// Whether status reports something in AWS, and the finalizer by which it is cleaned is gone: `kubectl replace` takes it
    /// off.
    #[must_use]
    pub fn lost_finalizer(&self) -> bool {
        let has_something = self.reported_role().is_some() || !self.reported_grants().is_empty();
        has_something && !self.has_finalizer() && !self.is_deleted()
    }

    /// What status reports of the role. It is a hint, and proves nothing.
    #[must_use]
    pub fn reported_role(&self) -> Option<&RoleStatus> {
        self.status.as_ref()?.role.as_ref()
    }

    /// The source grants that status reports.
    #[must_use]
    pub fn reported_grants(&self) -> &[SourceGrantStatus] {
        self.status.as_ref().map(|status| status.source_grants.as_slice()).unwrap_or_default()
    }

    /// Name of the IAM role: the declared one, or the default.
    #[must_use]
    pub fn iam_role_name(&self) -> String {
        self.spec.role.name.clone().unwrap_or_else(|| self.default_role_name())
    }

    /// Name that the role has unless another is declared.
    #[must_use]
    pub fn default_role_name(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        default_role_name(&text(&self.metadata.namespace), &text(&self.metadata.name))
    }

    /// Name of the Secret: the declared one, or the object's own.
    #[must_use]
    pub fn secret_name(&self) -> String {
        self.spec.secret.name.clone().or_else(|| self.metadata.name.clone()).unwrap_or_default()
    }

    /// `<namespace>/<name>`, for messages.
    #[must_use]
    pub fn full_name(&self) -> String {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{}/{}", text(&self.metadata.namespace), text(&self.metadata.name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_finalizer_is_lost_where_status_reports_something_in_aws_and_the_object_is_not_being_deleted() {
        let lost = |metadata: Value, status: Value| {
            let mut object = json!({
                "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
                "metadata": {"name": "reader"}, "spec": {"accountRef": {"name": "analytics"}}, "status": status,
            });
            object["metadata"]
                .as_object_mut()
                .expect("an object")
                .extend(metadata.as_object().cloned().expect("an object"));
            serde_json::from_value::<CrossAccountRole>(object).expect("a role").lost_finalizer()
        };
        let (role, none) = (json!({"role": {"arn": "arn:aws:iam::222222222222:role/reader"}}), json!({}));
        let grant = json!({"sourceGrants": [{"account": "ci", "user": "deployer", "policy": "crossaccount-c"}]});
        assert!(lost(none.clone(), role.clone()) && lost(none.clone(), grant));
        assert!(!lost(none.clone(), none.clone()), "there is nothing in AWS");
        assert!(!lost(json!({"finalizers": [FINALIZER]}), role.clone()));
        assert!(!lost(json!({"deletionTimestamp": "2027-01-15T08:00:00Z"}), role), "none can be added any more");
    }
}
