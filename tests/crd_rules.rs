//! What the API server accepts and refuses, asked of a real one: every rule and every bound in the CRDs, both ways.
#![allow(clippy::unwrap_used, clippy::panic, reason = "only data of these tests can be wrong here")]

mod account;
pub mod case;
mod coverage;
mod delivery;
mod guardrails;
pub mod object;
mod operator;
mod role;
mod round_trip;
mod session;
mod tags;
mod transitions;
mod unruled;

use anyhow::Result;
use kube::Client;

/// A client of a control plane that serves both kinds.
async fn client() -> Result<Client> {
    lab::control_plane::control_plane().await?.admin().await
}

#[tokio::test]
async fn the_api_server_enforces_the_declared_rules_of_accounts() -> Result<()> {
    case::check(client().await?, &account::cases()).await
}

#[tokio::test]
async fn the_api_server_enforces_the_declared_rules_of_roles() -> Result<()> {
    case::check(client().await?, &role::cases()).await
}

#[tokio::test]
async fn the_api_server_lets_only_the_mutable_fields_change() -> Result<()> {
    transitions::check(client().await?, &transitions::transitions()).await
}

#[test]
fn every_rule_and_bound_of_the_crds_has_a_case_that_it_refuses() {
    let cases = [account::cases(), role::cases()].into_iter().flatten().filter_map(|case| case.refusal);
    let transitions = transitions::transitions().into_iter().filter_map(|transition| transition.refusal);
    let refusals: Vec<_> = cases.chain(transitions).collect();
    assert_eq!(coverage::uncovered(&refusals), Vec::<String>::new());
}

#[test]
fn the_operator_refuses_every_role_that_the_api_server_refuses() {
    assert_eq!(operator::accepted(&role::cases()), Vec::<String>::new());
}

#[test]
fn the_operator_accepts_every_role_that_the_api_server_accepts() {
    assert_eq!(operator::refused(&role::cases()), Vec::<String>::new());
}
