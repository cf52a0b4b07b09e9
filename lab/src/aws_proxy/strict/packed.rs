//! The packed size of session policies and tags (AWS API reference, `AssumeRole`, `PackedPolicySize`).

use super::super::{call::Form, fault::AwsError};

/// Characters that make 100 %. AWS does not publish its packed format; with this figure the example of the API reference
/// (a policy of 105 characters, two policy ARNs and three tags: 8 %) comes out right.
const ALLOTTED: usize = 3500;

/// How much of the allotted space the session policies and tags take, in per cent; `None` without any.
pub(crate) fn percent(form: &Form, tags: &[(String, String)]) -> Result<Option<u32>, AwsError> {
    let policy = form.get("Policy").map_or(0, |policy| policy.chars().filter(|c| !c.is_whitespace()).count());
    let arns: usize = form.list_of("PolicyArns", "arn").iter().map(|arn| arn.len()).sum();
    let tags: usize = tags.iter().map(|(key, value)| key.len() + value.len() + 2).sum();
    let size = policy + arns + tags;
    let percent = u32::try_from((size * 100).div_ceil(ALLOTTED)).unwrap_or(u32::MAX);
    if percent > 100 {
        let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        return Err(AwsError::new(400, "PackedPolicyTooLarge", message));
    }
    Ok((size > 0).then_some(percent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passed_has_no_size_and_something_at_least_one_per_cent() {
        assert_eq!(percent(&Form::default(), &[]), Ok(None));
        assert_eq!(percent(&Form::default(), &[("a".into(), "b".into())]), Ok(Some(1)));
    }

    #[test]
    fn too_many_tags_are_refused() {
        let tags = vec![("k".repeat(128), "v".repeat(256)); 10];
        assert_eq!(percent(&Form::default(), &tags).unwrap_err().code, "PackedPolicyTooLarge");
    }
}
