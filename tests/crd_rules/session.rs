//! Cases about the session of a `CrossAccountRole`.

use super::{
    case::Cases,
    tags::{tags, transitive_keys},
};

const TRANSITIVE: &str = "every key in session.transitiveTagKeys must be a key of session.tags";

/// How the role is assumed.
pub fn session(cases: Cases) -> Cases {
    session_tags(durations(cases))
        .format(
            "spec.session.sourceIdentity",
            &["ab", "A_9+=,.@-"],
            &["", "a", "a b", "a/b", "a:b"],
            "sourceIdentity has 2 to 64",
        )
        .longest("spec.session.sourceIdentity", 64, |length| "s".repeat(length))
}

fn with(fields: &str) -> String {
    format!("spec: {{session: {{{fields}}}}}")
}

fn durations(cases: Cases) -> Cases {
    let seconds = |lifecycle: &str, session: u32, role: u32| {
        format!(
            "spec: {{role: {{lifecycle: {lifecycle}, maxSessionDurationSeconds: {role}}}, \
             session: {{durationSeconds: {session}}}}}"
        )
    };
    cases
        .accepts("a session as long as the role allows", &seconds("Create", 7200, 7200))
        .accepts("a session longer than the declared maximum, which it raises", &seconds("Create", 7201, 7200))
        .accepts("a long session of a role that is not ours", &seconds("Observe", 43_200, 3600))
        .accepts("the shortest session", &with("durationSeconds: 900"))
        .accepts("the longest session", &seconds("Create", 43_200, 43_200))
        .refuses(
            "a session that is too short",
            &with("durationSeconds: 899"),
            "spec.session.durationSeconds",
            "should be greater than or equal to 900",
        )
        .refuses(
            "a session that is too long",
            &with("durationSeconds: 43201"),
            "spec.session.durationSeconds",
            "should be less than or equal to 43200",
        )
        .accepts("the earliest renewal", &with("durationSeconds: 900, renewBeforeSeconds: 899"))
        .accepts("the latest renewal", &with("renewBeforeSeconds: 300"))
        .refuses(
            "a renewal before the beginning",
            &with("durationSeconds: 900, renewBeforeSeconds: 900"),
            "spec.session",
            "session.renewBeforeSeconds must be less than session.durationSeconds",
        )
        .refuses(
            "a renewal that is too late",
            &with("renewBeforeSeconds: 299"),
            "spec.session.renewBeforeSeconds",
            "should be greater than or equal to 300",
        )
        .refuses(
            "a renewal before any beginning",
            &with("renewBeforeSeconds: 43200"),
            "spec.session.renewBeforeSeconds",
            "should be less than or equal to 43199",
        )
}

fn session_tags(cases: Cases) -> Cases {
    let numbered = |count| (0..count).map(|number| format!("tag{number}: value")).collect::<Vec<_>>().join(", ");
    let cases = tags(cases, "spec.session.tags", 50, |tags| with(&format!("tags: {{{tags}}}")));
    transitive_keys(cases, "spec.session.transitiveTagKeys", |tags, keys| {
        with(&format!("tags: {{{tags}}}, transitiveTagKeys: [{keys}]"))
    })
    .accepts(
        "47 session tags with Kubernetes tags",
        &with(&format!("kubernetesTags: true, tags: {{{}}}", numbered(47))),
    )
    .refuses(
        "48 session tags with Kubernetes tags",
        &with(&format!("kubernetesTags: true, tags: {{{}}}", numbered(48))),
        "spec.session",
        "session.tags has at most 47 entries with kubernetesTags",
    )
    .accepts("a transitive key", &with("tags: {a: b}, transitiveTagKeys: [a]"))
    .accepts(
        "transitive Kubernetes tags",
        &with(
            "kubernetesTags: true, transitiveTagKeys: \
                 [crossaccount.dev/cluster, crossaccount.dev/namespace, crossaccount.dev/name]",
        ),
    )
    .refuses(
        "a transitive key without its tag",
        &with("tags: {a: b}, transitiveTagKeys: [b]"),
        "spec.session",
        TRANSITIVE,
    )
    .refuses("a transitive key without any tag", &with("transitiveTagKeys: [a]"), "spec.session", TRANSITIVE)
    .refuses(
        "a transitive Kubernetes tag without Kubernetes tags",
        &with("transitiveTagKeys: [crossaccount.dev/name]"),
        "spec.session",
        TRANSITIVE,
    )
}
