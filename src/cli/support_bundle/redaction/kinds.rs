//! What may be shown of each kind of object.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cleaner::Cleaner;
use super::known::{is_known_annotation, is_known_variable};
use super::shape::{Shape, shaped};
use crate::cli::support_bundle::part::Kind;

use Shape::{But, Each, Environment, Fields, Kept, Nothing, Values};

/// The object as it may be shown.
#[must_use]
pub fn shown(kind: Kind, object: &Value, cleaner: &Cleaner) -> Value {
    let shape = match kind {
        Kind::Declaration => &DECLARATION,
        Kind::Event => &EVENT,
        Kind::Workload => &WORKLOAD,
        Kind::Pod => &POD,
        Kind::SecretMetadata => &SURROUNDINGS,
        Kind::Definition => &DEFINITION,
        Kind::Rules => &RULES,
    };
    let mut shown = shaped(shape, object, cleaner);
    if kind == Kind::SecretMetadata {
        shown["dataKeysByManager"] = shaped(&Kept, &data_keys(object), cleaner);
    }
    shown
}

/// The keys of a Secret by who wrote them. They are in the managed fields: the data is not needed to know its keys.
fn data_keys(secret: &Value) -> Value {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in secret["metadata"]["managedFields"].as_array().into_iter().flatten() {
        let manager = entry["manager"].as_str().unwrap_or_default();
        let fields = entry["fieldsV1"]["f:data"].as_object().into_iter().flatten();
        let keys = fields.filter_map(|(field, _)| field.strip_prefix("f:"));
        found.entry(manager).or_default().extend(keys);
    }
    found.retain(|_, keys| !keys.is_empty());
    json!(found)
}

const ANNOTATIONS: Shape = Values(is_known_annotation);

const METADATA: Shape = Fields(&[
    ("annotations", &ANNOTATIONS),
    ("creationTimestamp", &Kept),
    ("deletionGracePeriodSeconds", &Kept),
    ("deletionTimestamp", &Kept),
    ("finalizers", &Kept),
    ("generateName", &Kept),
    ("generation", &Kept),
    ("labels", &Kept),
    ("managedFields", &Nothing),
    ("name", &Kept),
    ("namespace", &Kept),
    ("ownerReferences", &Kept),
    ("resourceVersion", &Kept),
    ("uid", &Kept),
]);

const SURROUNDINGS: Shape = Fields(&[("apiVersion", &Kept), ("kind", &Kept), ("metadata", &METADATA)]);

/// The annotations that are declared for a Secret are as unknown as those of an object.
const DECLARATION: Shape = Fields(&[
    ("apiVersion", &Kept),
    ("kind", &Kept),
    ("metadata", &METADATA),
    ("spec", &But(&[("secret", &But(&[("annotations", &ANNOTATIONS)]))])),
    ("status", &Kept),
]);

const EVENT: Shape = Fields(&[
    ("action", &Kept),
    ("apiVersion", &Kept),
    ("deprecatedCount", &Kept),
    ("deprecatedFirstTimestamp", &Kept),
    ("deprecatedLastTimestamp", &Kept),
    ("deprecatedSource", &Kept),
    ("eventTime", &Kept),
    ("kind", &Kept),
    ("metadata", &METADATA),
    ("note", &Kept),
    ("reason", &Kept),
    ("regarding", &Kept),
    ("related", &Kept),
    ("reportingController", &Kept),
    ("reportingInstance", &Kept),
    ("series", &Kept),
    ("type", &Kept),
]);

const RULES: Shape = Fields(&[
    ("aggregationRule", &Kept),
    ("apiVersion", &Kept),
    ("automountServiceAccountToken", &Kept),
    ("imagePullSecrets", &Kept),
    ("kind", &Kept),
    ("metadata", &METADATA),
    ("roleRef", &Kept),
    ("rules", &Kept),
    ("secrets", &Kept),
    ("spec", &Kept),
    ("status", &Kept),
    ("subjects", &Kept),
]);

/// Which versions are served and stored. The schemas are in the operator's repository.
const DEFINITION: Shape = Fields(&[
    ("apiVersion", &Kept),
    ("kind", &Kept),
    ("metadata", &METADATA),
    (
        "spec",
        &Fields(&[
            ("conversion", &Fields(&[("strategy", &Kept)])),
            ("group", &Kept),
            ("names", &Kept),
            ("scope", &Kept),
            (
                "versions",
                &Each(&Fields(&[
                    ("additionalPrinterColumns", &Nothing),
                    ("deprecated", &Kept),
                    ("name", &Kept),
                    ("schema", &Nothing),
                    ("served", &Kept),
                    ("storage", &Kept),
                    ("subresources", &Nothing),
                ])),
            ),
        ]),
    ),
    ("status", &Kept),
]);

const WORKLOAD: Shape = Fields(&[
    ("apiVersion", &Kept),
    ("kind", &Kept),
    ("metadata", &METADATA),
    (
        "spec",
        &Fields(&[
            ("minReadySeconds", &Kept),
            ("paused", &Kept),
            ("progressDeadlineSeconds", &Kept),
            ("replicas", &Kept),
            ("revisionHistoryLimit", &Kept),
            ("selector", &Kept),
            ("strategy", &Kept),
            ("template", &Fields(&[("metadata", &METADATA), ("spec", &POD_SPEC)])),
        ]),
    ),
    ("status", &Kept),
]);

const POD: Shape =
    Fields(&[("apiVersion", &Kept), ("kind", &Kept), ("metadata", &METADATA), ("spec", &POD_SPEC), ("status", &Kept)]);

const POD_SPEC: Shape = Fields(&[
    ("affinity", &Kept),
    ("automountServiceAccountToken", &Kept),
    ("containers", &CONTAINERS),
    ("dnsPolicy", &Kept),
    ("ephemeralContainers", &CONTAINERS),
    ("hostNetwork", &Kept),
    ("imagePullSecrets", &Kept),
    ("initContainers", &CONTAINERS),
    ("nodeName", &Kept),
    ("nodeSelector", &Kept),
    ("priority", &Kept),
    ("priorityClassName", &Kept),
    ("restartPolicy", &Kept),
    ("runtimeClassName", &Kept),
    ("schedulerName", &Kept),
    ("securityContext", &Kept),
    ("serviceAccount", &Kept),
    ("serviceAccountName", &Kept),
    ("terminationGracePeriodSeconds", &Kept),
    ("tolerations", &Kept),
    ("topologySpreadConstraints", &Kept),
    ("volumes", &VOLUMES),
]);

const PROBE: Shape = Fields(&[
    ("failureThreshold", &Kept),
    ("httpGet", &Fields(&[("path", &Kept), ("port", &Kept), ("scheme", &Kept)])),
    ("initialDelaySeconds", &Kept),
    ("periodSeconds", &Kept),
    ("successThreshold", &Kept),
    ("tcpSocket", &Kept),
    ("timeoutSeconds", &Kept),
]);

const CONTAINERS: Shape = Each(&Fields(&[
    ("args", &Kept),
    ("command", &Kept),
    ("env", &Environment(is_known_variable)),
    ("envFrom", &Kept),
    ("image", &Kept),
    ("imagePullPolicy", &Kept),
    ("livenessProbe", &PROBE),
    ("name", &Kept),
    ("ports", &Kept),
    ("readinessProbe", &PROBE),
    ("resources", &Kept),
    ("restartPolicy", &Kept),
    ("securityContext", &Kept),
    ("startupProbe", &PROBE),
    ("terminationMessagePath", &Kept),
    ("terminationMessagePolicy", &Kept),
    ("volumeMounts", &Kept),
]));

/// Kinds of volumes that only refer to something. The options of drivers may hold anything.
const VOLUMES: Shape = Each(&Fields(&[
    ("configMap", &Kept),
    ("downwardAPI", &Kept),
    ("emptyDir", &Kept),
    ("image", &Kept),
    ("name", &Kept),
    ("persistentVolumeClaim", &Kept),
    ("projected", &Kept),
    ("secret", &Kept),
]));
