//! Names, sizes and places in the policy of a principal.

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

fn placed(lines: &[Line], fitting: usize, kind: GranteeKind) -> Placed {
    Placed { lines: lines.to_vec(), fitting, room: room(kind, 0) }
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
    let fits = fitting(&lines, room(GranteeKind::User, 0));
    assert!(size(&lines[..fits]) <= 2048 && size(&lines[..=fits]) > 2048);
    let Verdict { reason, message, retry } = full(&user(), "crossaccount-c", &placed(&lines, fits, GranteeKind::User));
    assert_eq!((reason, retry), (Reason::LimitExceeded, Retry::Rarely));
    for words in
        ["user deployer of account 111111111111", "50 roles", "2048", &format!("the first {fits} ("), "grant to a role"]
    {
        assert!(message.contains(words), "{words}: {message}");
    }
}

#[test]
fn a_full_principal_is_told_who_uses_the_rest_and_what_else_helps() {
    let lines: Vec<Line> = (10..60).map(|n| line(&format!("reader-{n}"))).collect();
    let message = full(&user(), "crossaccount-c", &placed(&lines[..2], 0, GranteeKind::User)).message;
    assert!(message.contains("its other inline policies use up the rest: none of them is in place"), "{message}");
    let account = AccountId::parse("111111111111").expect("an account");
    let role = Grantee::new(account, GranteeKind::Role, "ci").expect("a role");
    let message = full(&role, "crossaccount-c", &placed(&lines, 50, GranteeKind::Role)).message;
    assert!(message.contains("role ci of account") && !message.contains("grant to a role"), "{message}");
}

#[test]
fn a_role_that_is_granted_something_keeps_room_for_what_its_object_declares_and_for_its_denial() {
    let lines: Vec<Line> = (100..400).map(|n| line(&format!("reader-{n}"))).collect();
    let quota = GranteeKind::Role.inline_quota();
    for declared in [0, 4_000, 9_000] {
        let fits = fitting(&lines, room(GranteeKind::Role, declared));
        let free = quota - RESERVED - declared;
        assert!(size(&lines[..fits]) <= free && size(&lines[..=fits]) > free, "{declared}");
    }
    assert_eq!(room(GranteeKind::Role, quota), 0);
    assert_eq!(room(GranteeKind::User, quota), GranteeKind::User.inline_quota());
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
    let place = |arn: &str, fitting| {
        check_in_place(&user(), "crossaccount-c", Some(arn), &placed(&lines, fitting, GranteeKind::User))
    };
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
        is_grant_policy("crossaccount-green", grant.as_ref()) && !is_grant_policy("crossaccount-deny", grant.as_ref())
    );
}

proptest! {
    #[test]
    fn who_comes_later_takes_no_place_and_who_goes_frees_one(sizes in prop::collection::vec(1_usize..200, 1..60), gone in any::<prop::sample::Index>()) {
        let lines: Vec<Line> = sizes.iter().map(|size| line(&"x".repeat(*size))).collect();
        let fits = fitting(&lines, room(GranteeKind::User, 0));
        let earlier = &lines[..lines.len() - 1];
        prop_assert!(fitting(earlier, room(GranteeKind::User, 0)) == fits.min(earlier.len()));
        let mut rest = lines.clone();
        let gone = gone.index(rest.len());
        rest.remove(gone);
        prop_assert!(fitting(&rest, room(GranteeKind::User, 0)) + usize::from(gone < fits) >= fits);
    }
}
