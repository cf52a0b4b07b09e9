//! The inline policy that holds all permissions of one principal, and what fits into it.

use std::collections::BTreeSet;

use serde_json::json;

use super::Line;
use crate::api::Reason;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::denial::{RESERVED, is_denial_name};
use crate::domain::policy::{PolicyDocument, PolicyError, Statement};
use crate::domain::{Grantee, GranteeKind, digest_hex, truncate_with_hash};

/// Longest name of ours. IAM takes 128 characters of `[\w+=,.@-]` (IAM API reference, `PutUserPolicy`).
const NAME_MAX: usize = 64;

/// How the names of all such policies begin.
const PREFIX: &str = "crossaccount-";

/// Name of the policy: `crossaccount-<cluster>`, cut with a hash to 64. A cluster name is a tag value and may have
/// characters that IAM does not take in names; they become hyphens, and the hash keeps two such clusters apart.
#[must_use]
pub fn policy_name(cluster: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if cluster.chars().all(legal) && !is_denial_name(&format!("{PREFIX}{cluster}")) {
        return truncate_with_hash(&format!("{PREFIX}{cluster}"), NAME_MAX);
    }
    let plain: String = cluster.chars().map(|c| if legal(c) { c } else { '-' }).collect();
    let hash = &digest_hex(&[cluster.as_bytes()])[..8];
    // A cluster named `deny` must not write into the denial of a role.
    let own = if is_denial_name(&format!("{PREFIX}{plain}")) { "cluster-" } else { "" };
    truncate_with_hash(&format!("{PREFIX}{own}{plain}-{hash}"), NAME_MAX)
}

/// Whether an inline policy on a role is one of these, of whichever cluster, and so no part of the role's declaration: by its
/// name, and because it allows nothing but to assume roles.
#[must_use]
pub fn is_grant_policy(name: &str, document: Option<&PolicyDocument>) -> bool {
    let only_assumes = |statement: Statement<'_>| {
        let assumes =
            matches!(statement.texts("Action")[..], [action] if action.eq_ignore_ascii_case("sts:AssumeRole"));
        statement.allows() && assumes
    };
    let mut statements = document.into_iter().flat_map(PolicyDocument::statements).peekable();
    name.starts_with(PREFIX) && !is_denial_name(name) && statements.peek().is_some() && statements.all(only_assumes)
}

/// One statement with all roles, sorted.
pub fn document(lines: &[Line]) -> Result<PolicyDocument, PolicyError> {
    let mut roles: Vec<&str> = lines.iter().map(|line| line.role_arn.as_str()).collect();
    roles.sort_unstable();
    PolicyDocument::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}],
    }))
}

/// ARNs of the roles that a policy names.
#[must_use]
pub fn lines_of(document: &PolicyDocument) -> BTreeSet<String> {
    document.statements().flat_map(|statement| statement.texts("Resource")).map(str::to_owned).collect()
}

/// How many of the lines, from the first on, fit into what IAM allows such a principal.
///
/// A line that fits keeps fitting while those before it stay or go: whoever asks later takes nothing away.
#[must_use]
pub fn fitting(lines: &[Line], kind: GranteeKind) -> usize {
    let fits = |count: &usize| size(&lines[..*count]) <= room(kind);
    (1..=lines.len()).rev().find(fits).unwrap_or_default()
}

/// What the policy of such a principal may take, in characters. A role may belong to an object: room for its denial is left free.
fn room(kind: GranteeKind) -> usize {
    match kind {
        GranteeKind::User | GranteeKind::Group => kind.inline_quota(),
        GranteeKind::Role => kind.inline_quota() - RESERVED,
    }
}

/// Size of the policy, in characters without white space.
fn size(lines: &[Line]) -> usize {
    document(lines).map_or(usize::MAX, |document| document.quota_size())
}

/// Checks that the line of a role is among the first `fitting`, which are in place.
pub fn check_in_place(
    grantee: &Grantee,
    policy: &str,
    role_arn: Option<&str>,
    lines: &[Line],
    fitting: usize,
) -> Result<(), Verdict> {
    match lines.iter().position(|line| Some(line.role_arn.as_str()) == role_arn) {
        Some(place) if place < fitting => Ok(()),
        Some(_) => Err(full(grantee, policy, lines, fitting)),
        None => {
            let message = format!("the declaration of the grant to {grantee} changed in the meantime; retrying");
            Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
        }
    }
}

/// What to say to an object whose line is not among the first `fitting`.
fn full(grantee: &Grantee, policy: &str, lines: &[Line], fitting: usize) -> Verdict {
    let (kind, quota) = (grantee.kind(), room(grantee.kind()));
    let (count, wanted) = (lines.len(), size(lines));
    let shared = if wanted <= quota { ", and its other inline policies use up the rest" } else { "" };
    let in_place = match fitting {
        0 => "none of them is in place".to_owned(),
        _ => format!("the first {fitting} ({} characters) are in place and this one is not", size(&lines[..fitting])),
    };
    let another = match kind {
        GranteeKind::Role => "",
        GranteeKind::User | GranteeKind::Group => " or grant to a role, which has more,",
    };
    let message = format!(
        "{grantee} is full: inline policy {policy} with {count} roles would be {wanted} characters. A {kind} has {quota} for \
         all its inline policies together{shared}: {in_place}. Give this {kind} fewer grants,{another} or let its account give it one \
         policy of its own with a wildcard, such as role/crossaccount/*"
    );
    Verdict { reason: Reason::LimitExceeded, message, retry: Retry::Rarely }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::AccountId;

    fn line(name: &str) -> Line {
        Line {
            is_new: true,
            created: Timestamp::UNIX_EPOCH,
            namespace: "team".into(),
            name: name.into(),
            uid: name.into(),
            role_arn: format!("arn:aws:iam::222222222222:role/crossaccount/{name}"),
        }
    }

    fn user() -> Grantee {
        let account = AccountId::parse("111111111111").expect("an account");
        Grantee::new(account, GranteeKind::User, "deployer").expect("a user")
    }

    #[test]
    fn a_policy_is_one_statement_that_only_lets_roles_be_assumed() {
        let document = document(&[line("b"), line("a")]).expect("a policy");
        let expected = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [
            "arn:aws:iam::222222222222:role/crossaccount/a", "arn:aws:iam::222222222222:role/crossaccount/b"]}]});
        assert_eq!(document.to_json(), expected.to_string());
    }

    #[test]
    fn a_policy_is_named_after_its_cluster_in_characters_that_iam_takes() {
        assert_eq!(policy_name("production-eu"), "crossaccount-production-eu");
        let (space, slash) = (policy_name("a b"), policy_name("a/b"));
        assert!(space.starts_with("crossaccount-a-b-") && slash.starts_with("crossaccount-a-b-") && space != slash);
        let (long, longer) = (policy_name(&"c".repeat(100)), policy_name(&"c".repeat(101)));
        assert!(long.len() == 64 && longer.len() == 64 && long != longer);
    }

    #[test]
    fn a_full_policy_is_told_with_its_arithmetic_and_what_to_do() {
        let lines: Vec<Line> = (10..60).map(|n| line(&format!("reader-{n}"))).collect();
        let fits = fitting(&lines, GranteeKind::User);
        assert!(size(&lines[..fits]) <= 2048 && size(&lines[..=fits]) > 2048);
        let Verdict { reason, message, retry } = full(&user(), "crossaccount-c", &lines, fits);
        assert_eq!((reason, retry), (Reason::LimitExceeded, Retry::Rarely));
        for words in [
            "user deployer of account 111111111111",
            "50 roles",
            "2048",
            &format!("the first {fits} ("),
            "grant to a role",
        ] {
            assert!(message.contains(words), "{words}: {message}");
        }
    }

    #[test]
    fn a_full_principal_is_told_who_uses_the_rest_and_what_else_helps() {
        let lines: Vec<Line> = (10..60).map(|n| line(&format!("reader-{n}"))).collect();
        let message = full(&user(), "crossaccount-c", &lines[..2], 0).message;
        assert!(message.contains("its other inline policies use up the rest: none of them is in place"), "{message}");
        let account = AccountId::parse("111111111111").expect("an account");
        let role = Grantee::new(account, GranteeKind::Role, "ci").expect("a role");
        let message = full(&role, "crossaccount-c", &lines, 50).message;
        assert!(message.contains("role ci of account") && !message.contains("grant to a role"), "{message}");
    }

    #[test]
    fn a_role_that_is_granted_something_keeps_room_for_its_own_denial() {
        let lines: Vec<Line> = (100..400).map(|n| line(&format!("reader-{n}"))).collect();
        let fits = fitting(&lines, GranteeKind::Role);
        let quota = GranteeKind::Role.inline_quota();
        assert!(size(&lines[..fits]) + RESERVED <= quota && size(&lines[..=fits]) + RESERVED > quota);
        assert_eq!(fitting(&[], GranteeKind::Role), 0);
    }

    #[test]
    fn a_policy_is_one_of_these_by_its_name_and_by_allowing_nothing_but_to_assume_roles() {
        let of = |statements: serde_json::Value| {
            PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy")
        };
        let assume = json!({"Effect": "Allow", "Action": ["STS:assumerole"], "Resource": "*"});
        for (what, name, document, expected) in [
            ("another cluster's", "crossaccount-green", Some(of(json!([assume]))), true),
            ("another name", "green", Some(of(json!([assume]))), false),
            ("a text that cannot be read", "crossaccount-green", None, false),
            (
                "one more action",
                "crossaccount-green",
                Some(of(json!([{"Effect": "Allow", "Action": ["sts:AssumeRole", "s3:*"], "Resource": "*"}]))),
                false,
            ),
            (
                "one more statement",
                "crossaccount-green",
                Some(of(json!([assume, {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]))),
                false,
            ),
            (
                "a denial",
                "crossaccount-green",
                Some(of(json!([{"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}]))),
                false,
            ),
        ] {
            assert_eq!(is_grant_policy(name, document.as_ref()), expected, "{what}");
        }
    }

    #[test]
    fn a_line_is_in_place_waits_for_room_or_is_no_longer_declared() {
        let lines = [line("a"), line("b")];
        let place = |arn: &str, fitting| check_in_place(&user(), "crossaccount-c", Some(arn), &lines, fitting);
        assert_eq!(place(&lines[1].role_arn, 2), Ok(()));
        assert_eq!(place(&lines[1].role_arn, 1).map_err(|verdict| verdict.reason), Err(Reason::LimitExceeded));
        assert_eq!(
            place("arn:aws:iam::222222222222:role/c", 2).map_err(|verdict| verdict.reason),
            Err(Reason::Progressing)
        );
    }

    #[test]
    fn the_roles_of_a_policy_are_read_back_from_all_its_statements() {
        let written = document(&[line("b"), line("a")]).expect("a policy");
        assert_eq!(lines_of(&written), [line("a").role_arn, line("b").role_arn].into());
        let edited = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "x"},
                                          {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["y", "x"]}]});
        let edited = PolicyDocument::from_value(edited).expect("a policy");
        assert_eq!(lines_of(&edited), ["x".to_owned(), "y".to_owned()].into());
    }

    #[test]
    fn a_policy_of_source_grants_never_has_the_name_of_a_denial() {
        for cluster in ["deny", "deny-all", "deny/all"] {
            let name = policy_name(cluster);
            assert!(name.starts_with(PREFIX) && !is_denial_name(&name), "{name}");
        }
        let grant = document(&[line("a")]).ok();
        assert!(
            is_grant_policy("crossaccount-green", grant.as_ref())
                && !is_grant_policy("crossaccount-deny", grant.as_ref())
        );
    }

    proptest! {
        #[test]
        fn who_comes_later_takes_no_place_and_who_goes_frees_one(sizes in prop::collection::vec(1_usize..200, 1..60), gone in any::<prop::sample::Index>()) {
            let lines: Vec<Line> = sizes.iter().map(|size| line(&"x".repeat(*size))).collect();
            let fits = fitting(&lines, GranteeKind::User);
            let earlier = &lines[..lines.len() - 1];
            prop_assert!(fitting(earlier, GranteeKind::User) == fits.min(earlier.len()));
            let mut rest = lines.clone();
            let gone = gone.index(rest.len());
            rest.remove(gone);
            prop_assert!(fitting(&rest, GranteeKind::User) + usize::from(gone < fits) >= fits);
        }
    }
}
