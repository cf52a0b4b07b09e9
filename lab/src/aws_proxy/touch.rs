//! Answers that are touched up: what AWS would say in an account with another past, or to another caller.

use jiff::{SignedDuration, Timestamp};

use super::xml;

/// How an answer is changed. The call is carried out all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touch {
    /// A denial does not say which policy refused. Not every answer of AWS does: "the content of access denied error
    /// messages can vary" (IAM user guide, "Troubleshoot access denied error messages").
    Terse,
    /// Roles were created this much earlier, as if AWS had long made them known everywhere.
    Older(SignedDuration),
    /// `GetCallerIdentity` names this user, as an endpoint of another account would.
    Caller(String),
}

impl Touch {
    /// The answer, changed.
    pub(crate) fn to(&self, answer: &str) -> String {
        match self {
            Self::Terse => replaced(answer, "Message", |message| {
                let reason =
                    [" because no ", " with an explicit deny"].into_iter().filter_map(|words| message.find(words));
                message[..reason.min().unwrap_or(message.len())].to_owned()
            }),
            Self::Older(by) => replaced(answer, "CreateDate", |date| {
                date.parse::<Timestamp>().map_or_else(|_| date.to_owned(), |at| (at - *by).to_string())
            }),
            Self::Caller(arn) => {
                let account = arn.split(':').nth(4).unwrap_or_default();
                let answer = replaced(answer, "Arn", |_| arn.clone());
                let answer = replaced(&answer, "UserId", |_| "AIDA00000000000000000".to_owned());
                replaced(&answer, "Account", |_| account.to_owned())
            }
        }
    }
}

fn replaced(answer: &str, name: &str, change: impl FnOnce(&str) -> String) -> String {
    match xml::element(answer, name) {
        Some(text) => {
            let new = change(text);
            answer.replacen(&format!("<{name}>{text}</{name}>"), &format!("<{name}>{new}</{name}>"), 1)
        }
        None => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terse_denial_ends_with_the_resource() {
        for reason in ["because no role trust policy allows the sts:AssumeRole action", "with an explicit deny"] {
            let answer = format!("<Code>AccessDenied</Code><Message>User: u … on resource: r {reason}</Message>");
            let terse = "<Code>AccessDenied</Code><Message>User: u … on resource: r</Message>";
            assert_eq!(Touch::Terse.to(&answer), terse);
        }
    }

    #[test]
    fn an_older_role_differs_in_its_age_alone() {
        let older = Touch::Older(SignedDuration::from_hours(24));
        let role = "<RoleName>r</RoleName><CreateDate>2027-01-15T08:00:00Z</CreateDate>";
        assert_eq!(older.to(role), "<RoleName>r</RoleName><CreateDate>2027-01-14T08:00:00Z</CreateDate>");
    }

    #[test]
    fn another_caller_has_another_account() {
        let answer = "<Arn>a</Arn><UserId>b</UserId><Account>c</Account>";
        let touched = Touch::Caller("arn:aws:iam::333333333333:user/x".into()).to(answer);
        assert!(touched.contains("user/x") && touched.ends_with("<Account>333333333333</Account>"), "{touched}");
    }
}
