//! What a session is to carry (IAM user guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with
//! assumed roles").

use super::{
    super::{call::Form, fault::AwsError},
    documents,
    sessions::Session,
};

/// What a session is to carry, inherited things included.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// All session tags, the inherited ones last.
    pub(crate) tags: Vec<(String, String)>,
    /// The tags that go on to the next session of a chain.
    pub(crate) transitive: Vec<(String, String)>,
    pub(crate) source_identity: Option<String>,
    /// Whether something comes from the calling session and so is not in the request.
    inherits: bool,
    /// Whether it lasts longer than every role allows.
    long: bool,
}

impl Wanted {
    /// "You cannot override a transitive tag" and "the source identity cannot be changed" (IAM user guide, "Pass session
    /// tags in AWS STS", "Monitor and control actions taken with assumed roles").
    pub(crate) fn read(form: &Form, from: Option<&Session>) -> Result<Self, AwsError> {
        let inherited = from.map(|session| session.transitive_tags.clone()).unwrap_or_default();
        let own = form.tags();
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        if let Some((key, _)) = own.iter().find(|(key, _)| inherited.iter().any(|(other, _)| same(key, other))) {
            let message = format!(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session. Key: {key}"
            );
            return Err(AwsError::new(400, "InvalidParameterValue", message));
        }
        let keys = form.list("TransitiveTagKeys");
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        let passed_on = own.iter().filter(|(key, _)| keys.iter().any(|other| same(key, other))).map(owned);
        let source_identity =
            match (from.and_then(|session| session.source_identity.as_deref()), form.get("SourceIdentity")) {
                (Some(set), Some(asked)) if set != asked => {
                    let message = "The source identity of the calling session cannot be changed.";
                    return Err(AwsError::new(403, "AccessDenied", message));
                }
                (set, asked) => set.or(asked).map(str::to_owned),
            };
        Ok(Self {
            transitive: inherited.iter().cloned().chain(passed_on).collect(),
            inherits: !inherited.is_empty(),
            tags: own.iter().map(owned).chain(inherited).collect(),
            source_identity,
            long: duration(form) > 3600,
        })
    }

    /// Whether MiniStack's word is enough to let it be.
    pub(crate) fn is_plain(&self) -> bool {
        self.tags.is_empty() && self.source_identity.is_none() && !self.long
    }

    /// Whether MiniStack makes such a session when it is asked as the client asked.
    pub(crate) fn is_known(&self) -> bool {
        !self.inherits && self.source_identity.is_none()
    }

    /// Writes tags and source identity into a request of the proxy's own.
    pub(crate) fn state(&self, form: &mut Form) {
        let identity = self.source_identity.iter().map(|identity| (documents::SOURCE_IDENTITY_TAG, identity));
        let tags = self.tags.iter().map(|(key, value)| (key.as_str(), value)).chain(identity);
        for (index, (key, value)) in (1..).zip(tags) {
            form.set(&format!("Tags.member.{index}.Key"), key);
            form.set(&format!("Tags.member.{index}.Value"), value);
        }
    }
}

/// The lifetime asked for, in seconds; an hour unless said otherwise.
pub(crate) fn duration(form: &Form) -> u32 {
    form.get("DurationSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blue() -> Session {
        let transitive_tags = vec![("team".to_owned(), "blue".to_owned())];
        Session { transitive_tags, source_identity: Some("alice".into()), ..Session::default() }
    }

    #[test]
    fn transitive_tags_and_the_source_identity_are_inherited() {
        let form = Form::of(&[("Tags.member.1.Key", "project"), ("Tags.member.1.Value", "x")]);
        let wanted = Wanted::read(&form, Some(&blue())).unwrap();
        assert_eq!(wanted.tags.len(), 2);
        assert_eq!(wanted.transitive, blue().transitive_tags);
        assert_eq!(wanted.source_identity.as_deref(), Some("alice"));
        assert!(!wanted.is_known());
    }

    #[test]
    fn what_is_inherited_cannot_be_overridden() {
        let tag = Form::of(&[("Tags.member.1.Key", "TEAM"), ("Tags.member.1.Value", "red")]);
        assert_eq!(Wanted::read(&tag, Some(&blue())).unwrap_err().code, "InvalidParameterValue");
        let identity = Form::of(&[("SourceIdentity", "bob")]);
        assert_eq!(Wanted::read(&identity, Some(&blue())).unwrap_err().code, "AccessDenied");
    }

    #[test]
    fn an_hour_without_extras_is_plain() {
        assert!(Wanted::read(&Form::default(), None).unwrap().is_plain());
        assert!(!Wanted::read(&Form::of(&[("DurationSeconds", "3601")]), None).unwrap().is_plain());
    }
}
