//! Ranges and patterns of request parameters (AWS API reference: IAM `CreateRole` and others, STS `AssumeRole`), refused
//! before anything is looked at, in the words of AWS's validation.

use std::{fmt::Write, ops::RangeInclusive};

use super::super::{
    call::{Call, Form},
    fault::AwsError,
};

/// What AWS requires of one parameter.
enum Constraint {
    /// Length in characters, and the characters allowed beside letters, digits and `_`.
    Text(RangeInclusive<usize>, &'static str),
    /// A length only.
    Length(RangeInclusive<usize>),
    Number(RangeInclusive<i64>),
    /// Number of entries of a list; the field tells entries that are structures.
    Entries(&'static str, usize),
}

/// The constraints on the parameters of an action.
fn constraints(service: &str, action: &str) -> &'static [(&'static str, Constraint)] {
    use Constraint::{Entries, Length, Number, Text};
    match (service, action) {
        ("sts", "AssumeRole") => &[
            ("RoleArn", Length(20..=2048)),
            ("RoleSessionName", Text(2..=64, "+=,.@-")),
            ("ExternalId", Text(2..=1224, "+=,.@:/-")),
            ("SourceIdentity", Text(2..=64, "+=,.@-")),
            ("DurationSeconds", Number(900..=43200)),
            ("Policy", Length(1..=2048)),
            ("PolicyArns", Entries(".arn", 10)),
            ("Tags", Entries(".Key", 50)),
            ("TransitiveTagKeys", Entries("", 50)),
        ],
        ("iam", "CreateRole") => &[
            ("RoleName", Text(1..=64, "+=,.@-")),
            ("Path", Length(1..=512)),
            ("MaxSessionDuration", Number(3600..=43200)),
            ("AssumeRolePolicyDocument", Length(1..=131_072)),
            ("Tags", Entries(".Key", 50)),
        ],
        ("iam", "UpdateRole") => &[("RoleName", Text(1..=64, "+=,.@-")), ("MaxSessionDuration", Number(3600..=43200))],
        ("iam", _) => &[
            ("RoleName", Text(1..=64, "+=,.@-")),
            ("UserName", Text(1..=128, "+=,.@-")),
            ("GroupName", Text(1..=128, "+=,.@-")),
            ("PolicyName", Text(1..=128, "+=,.@-")),
            ("PolicyDocument", Length(1..=131_072)),
            ("Path", Length(1..=512)),
            ("MaxItems", Number(1..=1000)),
            ("Tags", Entries(".Key", 50)),
            ("TagKeys", Entries("", 50)),
        ],
        _ => &[],
    }
}

/// Refuses a call whose parameters break a constraint.
pub(crate) fn check(call: &Call) -> Result<(), AwsError> {
    let mut broken = Vec::new();
    for (name, constraint) in constraints(&call.service, &call.action) {
        constraint.check(&call.form, name, &mut broken);
    }
    for (index, (key, value)) in (1..).zip(call.form.tags()) {
        Constraint::Length(1..=128).check_text(key, &format!("tags.{index}.member.key"), &mut broken);
        Constraint::Length(0..=256).check_text(value, &format!("tags.{index}.member.value"), &mut broken);
    }
    if let Some(path) = call.form.get("Path").filter(|path| !(path.starts_with('/') && path.ends_with('/'))) {
        broken.push(format!("Value '{path}' at 'path' failed to satisfy constraint: it must begin and end with /"));
    }
    if broken.is_empty() {
        return Ok(());
    }
    let mut message = format!("{} validation error{} detected", broken.len(), if broken.len() == 1 { "" } else { "s" });
    for (index, complaint) in broken.iter().enumerate() {
        let _ = write!(message, "{} {complaint}", if index == 0 { ":" } else { ";" }); // writing to a string cannot fail
    }
    Err(AwsError::new(400, "ValidationError", message))
}

impl Constraint {
    fn check(&self, form: &Form, name: &str, broken: &mut Vec<String>) {
        match self {
            Self::Entries(field, most) => {
                let count = form.list_of(name, field.trim_start_matches('.')).len();
                if count > *most {
                    broken.push(complaint(
                        "[...]",
                        name,
                        &format!("Member must have length less than or equal to {most}"),
                    ));
                }
            }
            Self::Text(..) | Self::Length(_) | Self::Number(_) => {
                if let Some(value) = form.get(name) {
                    self.check_text(value, name, broken);
                }
            }
        }
    }

    fn check_text(&self, value: &str, name: &str, broken: &mut Vec<String>) {
        let (Self::Text(range, _) | Self::Length(range)) = self else {
            return self.check_number(value, name, broken);
        };
        let length = value.chars().count();
        if length < *range.start() {
            let rule = format!("Member must have length greater than or equal to {}", range.start());
            broken.push(complaint(value, name, &rule));
        }
        if length > *range.end() {
            broken.push(complaint(
                value,
                name,
                &format!("Member must have length less than or equal to {}", range.end()),
            ));
        }
        if let Self::Text(_, extra) = self
            && !value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c))
        {
            broken.push(complaint(
                value,
                name,
                &format!("Member must satisfy regular expression pattern: [\\w{extra}]*"),
            ));
        }
    }

    fn check_number(&self, value: &str, name: &str, broken: &mut Vec<String>) {
        let Self::Number(range) = self else { return };
        let rule = match value.parse::<i64>() {
            Ok(number) if number < *range.start() => {
                format!("Member must have value greater than or equal to {}", range.start())
            }
            Ok(number) if number > *range.end() => {
                format!("Member must have value less than or equal to {}", range.end())
            }
            Ok(_) => return,
            Err(_) => "Member must be a number".to_owned(),
        };
        broken.push(complaint(value, name, &rule));
    }
}

/// AWS names parameters in its complaints in lower camel case.
fn complaint(value: &str, name: &str, rule: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("Value '{value}' at '{}{rest}' failed to satisfy constraint: {rule}", first.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assume(name: &str, value: &str) -> Result<(), AwsError> {
        let parameters = [("RoleArn", "arn:aws:iam::222222222222:role/reader"), (name, value)];
        check(&Call {
            service: "sts".into(),
            action: "AssumeRole".into(),
            region: "us-east-1".into(),
            access_key: None,
            form: Form::of(&parameters),
        })
    }

    #[test]
    fn values_at_the_limits_pass_and_beyond_them_do_not() {
        for (name, good, bad) in [
            ("RoleSessionName", "xx", "x"),
            ("RoleSessionName", &"x".repeat(64), &"x".repeat(65)),
            ("RoleSessionName", "op@x,1", "a/b"),
            ("ExternalId", &"x".repeat(1224), &"x".repeat(1225)),
            ("ExternalId", "a:b/c", "a b"),
            ("DurationSeconds", "900", "899"),
            ("DurationSeconds", "43200", "43201"),
        ] {
            assert_eq!(assume(name, good), Ok(()), "{name} {good}");
            assert_eq!(assume(name, bad).unwrap_err().code, "ValidationError", "{name} {bad}");
        }
    }

    #[test]
    fn the_complaint_is_worded_as_aws_words_it() {
        let message = assume("RoleSessionName", "x").unwrap_err().message;
        assert_eq!(
            message,
            "1 validation error detected: Value 'x' at 'roleSessionName' failed to satisfy constraint: \
             Member must have length greater than or equal to 2"
        );
    }
}
