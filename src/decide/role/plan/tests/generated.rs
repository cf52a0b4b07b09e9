//! Generated roles, as declared and as they stand in AWS, over a small alphabet.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::decide::role::denial::DENY;
use crate::decide::role::fixture::{DEPLOYER, allow, arn, deny, policy};
use crate::decide::role::trust::entry;
use crate::domain::tag;
use crate::domain::{INLINE_QUOTA_OF_ROLE, RoleSettings};

/// One case: a goal, what is declared, what stands in AWS, and what else is known.
#[derive(Clone, Debug)]
pub struct Case {
    pub aim: Aim,
    pub desired: DesiredRole,
    pub state: Option<IamRoleState>,
    pub revoke: Option<Timestamp>,
    pub declared_inline: Vec<String>,
    pub declared_tags: Vec<String>,
    pub profiles: Vec<String>,
    pub deletion_failed: bool,
}

/// A [`Goal`] without the declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    Declared,
    Adopted,
    Kept,
    Closed,
    Absent,
    Released { closed: bool },
}

impl Case {
    /// The plan that leads from a state to the goal.
    pub fn plan_from(&self, state: Option<&IamRoleState>) -> Result<Plan, Refusal> {
        let goal = match self.aim {
            Aim::Declared => Goal::Declared(&self.desired),
            Aim::Adopted => Goal::Adopted(&self.desired),
            Aim::Kept => Goal::Kept,
            Aim::Closed => Goal::Closed,
            Aim::Absent => Goal::Absent { closed: false },
            Aim::Released { closed } => Goal::Released { closed },
        };
        let object = fixture::object();
        let boundary = fixture::arn("boundary");
        let given = Given {
            boundary: self.desired.boundary.as_ref(),
            revoke: self.revoke,
            declared_inline: &self.declared_inline,
            declared_tags: &self.declared_tags,
            instance_profiles: &self.profiles,
            deletion_failed: self.deletion_failed,
            ..fixture::given(&object, &boundary)
        };
        plan(goal, &given, state)
    }

    /// Whether the role is the object's own.
    pub fn is_ours(&self) -> bool {
        self.state.as_ref().is_some_and(|state| fixture::object().ownership(&state.role.tags).is_ours())
    }
}

pub fn cases() -> impl Strategy<Value = Case> {
    let aims = [Aim::Declared, Aim::Declared, Aim::Adopted, Aim::Kept, Aim::Closed, Aim::Absent];
    let ends = [Aim::Released { closed: false }, Aim::Released { closed: true }];
    let aim = prop::sample::select([&aims[..], &ends[..]].concat());
    let revoke = prop::sample::select(vec![None, None, Some(60), Some(1), Some(-3), Some(-120), Some(800)]);
    let hints = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (aim, desired(), prop::option::weighted(0.8, state().prop_filter("IAM takes no more", fits)), revoke, hints)
        .prop_map(|(aim, desired, state, revoke, (inline, tags, profile, deletion_failed))| Case {
            aim,
            desired,
            revoke: revoke.filter(|_| state.is_some()).map(minutes_ago), // a role that is not there yet has no sessions
            state,
            declared_inline: if inline { vec!["guard".into(), "read".into()] } else { Vec::new() },
            declared_tags: if tags { vec!["cost".into()] } else { Vec::new() },
            profiles: if profile { vec!["profile".into()] } else { Vec::new() },
            deletion_failed,
        })
}

fn fits(state: &IamRoleState) -> bool {
    model::inline_size(state) <= INLINE_QUOTA_OF_ROLE
}

fn desired() -> impl Strategy<Value = DesiredRole> {
    (inline(), managed(), declared_trust(), any::<bool>(), settings(), any::<bool>()).prop_map(
        |(inline, managed, trust, bounded, settings, costs)| {
            let mut tags = fixture::object().role_tags();
            tags.extend(costs.then(|| ("cost".to_owned(), "42".to_owned())));
            let boundary = bounded.then(|| arn("boundary"));
            DesiredRole { trust, settings, boundary, tags, managed, inline, ..fixture::desired() }
        },
    )
}

fn settings() -> impl Strategy<Value = RoleSettings> {
    let settings = |seconds| RoleSettings { description: None, max_session_seconds: seconds };
    prop::sample::select(vec![3600, 7200]).prop_map(settings)
}

/// Policies that a declaration may hold.
fn inline() -> impl Strategy<Value = BTreeMap<String, PolicyDocument>> {
    let giving =
        || prop::option::of(prop::sample::select(vec![allow("s3:GetObject"), allow("s3:*"), allow("ec2:*"), mixed()]));
    let guard = prop::option::of(Just(deny("s3:PutObject")));
    (giving(), giving(), guard).prop_map(|(read, write, guard)| {
        let named = [("read", read), ("write", write), ("guard", guard)];
        named.into_iter().filter_map(|(name, document)| Some((name.to_owned(), document?))).collect()
    })
}

/// Allows and denies in one document.
fn mixed() -> PolicyDocument {
    policy(&json!([
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Deny", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": "*"},
    ]))
}

fn managed() -> impl Strategy<Value = BTreeSet<PolicyArn>> {
    prop::sample::subsequence(vec![arn("managed"), arn("admin")], 0..=2).prop_map(|arns| arns.into_iter().collect())
}

fn others() -> impl Strategy<Value = Vec<Value>> {
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let mut careful = entry(DEPLOYER, None);
    careful["Condition"] = mfa;
    let statements = vec![entry(DEPLOYER, None), careful, entry("333333333333", None)];
    prop::sample::subsequence(statements, 0..=2)
}

fn declared_trust() -> impl Strategy<Value = PolicyDocument> {
    let own = || fixture::trust(&[]).statements().next().map(|own| own.elements().clone()).expect("a statement");
    others().prop_map(move |others| policy(&json!([vec![Value::from(own())], others].concat())))
}

/// Trust policies that a role may have before the plan; anybody may have written them.
fn standing_trust() -> impl Strategy<Value = Option<PolicyDocument>> {
    let everyone = entry("*", None);
    let mut nobody = entry(DEPLOYER, None);
    nobody["Effect"] = "Deny".into();
    let foreign = prop::sample::subsequence(vec![everyone, nobody], 0..=2);
    let foreign = (others(), foreign).prop_map(|(others, foreign)| {
        let all = [others, foreign].concat();
        Some(if all.is_empty() { PolicyDocument::trusting_nobody() } else { policy(&json!(all)) })
    });
    prop_oneof![4 => declared_trust().prop_map(Some), 2 => foreign, 1 => Just(None)]
}

/// Denials that may stand: of everyone, before a moment, of the operator's own sessions, of sessions long ended.
fn standing_denial() -> impl Strategy<Value = Option<PolicyDocument>> {
    let own = Denial { own: Some(("AROA1:team.reader".into(), minutes_ago(30))), ..Denial::default() };
    let asked = Denial { request: Some(minutes_ago(60)), ..Denial::before(minutes_ago(59)) };
    let denials =
        [Denial::of_everyone(), Denial::before(minutes_ago(30)), Denial::before(minutes_ago(900)), asked, own];
    let mut documents: Vec<_> = denials.iter().map(Denial::document).collect();
    documents.push(Denial::of_everyone().with(denials[4].clone()).document());
    let edited = json!([{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:userid": "*:ci"}}}]);
    documents.push(Some(policy(&edited)));
    prop::option::of(prop::sample::select(documents)).prop_map(Option::flatten)
}

/// What other people and programs may have put on a role.
fn foreign_inline() -> impl Strategy<Value = Vec<(String, Option<PolicyDocument>)>> {
    let console = Denial::before(minutes_ago(30)).document();
    let bulk = policy(&json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(9_900)}]));
    let all = vec![
        ("AWSRevokeOlderSessions".to_owned(), console),
        ("quarantine".to_owned(), Some(deny("*"))),
        ("no-puts".to_owned(), Some(deny("s3:PutObject"))),
        ("crossaccount-green".to_owned(), Some(allow("sts:AssumeRole"))),
        ("more".to_owned(), Some(allow("*"))),
        ("bulk".to_owned(), Some(bulk)),
        ("text".to_owned(), None),
    ];
    prop::sample::subsequence(all, 0..=3)
}

fn state() -> impl Strategy<Value = IamRoleState> {
    let tags = prop::sample::select(vec![
        "created",
        "created",
        "created",
        "adopted",
        "recreated",
        "nobody's",
        "released",
        "another's",
    ]);
    let boundary = prop::sample::select(vec![None, Some(arn("boundary")), Some(arn("older"))]);
    let policies = (inline(), foreign_inline(), standing_denial(), managed(), prop::bool::weighted(0.2));
    (tags, policies, standing_trust(), boundary, settings(), any::<bool>()).prop_map(
        |(owner, (inline, foreign, denial, mut attached, deny_all), trust, boundary, settings, costs)| {
            let mut state = fixture::state();
            state.role.tags = owned_by(owner);
            state.role.tags.extend([("terraform".to_owned(), "yes".to_owned())]);
            state.role.tags.extend(costs.then(|| ("cost".to_owned(), "1".to_owned())));
            (state.role.trust, state.role.boundary, state.role.settings) = (trust, boundary, settings);
            attached.extend(deny_all.then(|| PolicyArn::parse(model::DENY_ALL).expect("an ARN")));
            state.attached = attached;
            state.inline = inline.into_iter().map(|(name, document)| (name, Some(document))).chain(foreign).collect();
            state.inline.extend(denial.map(|document| (DENY.to_owned(), Some(document))));
            state
        },
    )
}

fn owned_by(owner: &str) -> crate::domain::RoleTags {
    let object = fixture::object();
    let mut tags = object.role_tags();
    match owner {
        "created" => tags.extend([ObjectIdentity::created_tag()]),
        "recreated" => tags.extend([ObjectIdentity::created_tag(), (tag::UID.to_owned(), "uid-0".to_owned())]),
        "another's" => tags.extend([ObjectIdentity::created_tag(), (tag::NAME.to_owned(), "writer".to_owned())]),
        "released" => tags = [object.released_tag()].into(),
        "nobody's" => tags.clear(),
        _ => {}
    }
    tags
}

/// The same state as IAM, or a person, may spell it: single values in lists, lists turned round, actions in another case,
/// accounts by their root.
pub fn respelled(mut state: IamRoleState) -> IamRoleState {
    let again = |document: &PolicyDocument| {
        let value: Value = serde_json::from_str(&document.to_json()).expect("JSON");
        PolicyDocument::from_value(spelled(&value, "")).expect("a policy")
    };
    state.role.trust = state.role.trust.as_ref().map(again);
    state.inline = state.inline.iter().map(|(name, found)| (name.clone(), found.as_ref().map(again))).collect();
    state
}

fn spelled(value: &Value, element: &str) -> Value {
    let listed = ["Action", "Resource", "AWS", "sts:ExternalId", "aws:MultiFactorAuthPresent", "aws:TokenIssueTime"];
    match (value, element) {
        (Value::Object(map), _) => {
            map.iter().map(|(key, inner)| (key.clone(), spelled(inner, key))).collect::<serde_json::Map<_, _>>().into()
        }
        (Value::Array(many), _) => many.iter().rev().map(|one| text(one, element)).collect::<Vec<_>>().into(),
        (one, element) if listed.contains(&element) => json!([text(one, element)]),
        (one, _) => one.clone(),
    }
}

fn text(value: &Value, element: &str) -> Value {
    match (value, element) {
        (Value::String(action), "Action") => action.to_uppercase().into(),
        (Value::String(id), "AWS") if id.len() == 12 => format!("arn:aws:iam::{id}:root").into(),
        (Value::String(_), _) => value.clone(),
        (other, _) => spelled(other, ""),
    }
}
