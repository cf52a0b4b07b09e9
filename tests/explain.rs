//! Which side is wrong: each thing that can be is really broken here, and what the operator then says is what
//! docs/troubleshooting.md shows.

mod account;
mod echoes;
pub mod page;
mod role;
pub mod stage;

use anyhow::Result;

/// One test for each row, which compares the row's section of the page; so no section can be there that no test produces.
macro_rules! rows {
    ($($module:ident::$name:ident),* $(,)?) => {
        const ROWS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test]
            async fn $name() -> Result<()> {
                page::check(ROWS, stringify!($name), &$module::$name().await?)
            }
        )*
    };
}

rows! {
    role::the_trust_policy_does_not_name_the_operator,
    role::an_observed_role_does_not_trust_the_operator,
    role::the_operators_identity_may_not_assume_the_role,
    role::the_external_id_differs,
    role::the_trust_policy_does_not_allow_tags,
    role::the_operators_identity_may_not_pass_tags,
    role::a_service_control_policy_denies_it,
    role::the_manager_lacks_a_permission,
    role::the_session_is_longer_than_the_role_allows,
    role::the_session_policy_leaves_nothing,
    role::another_account_answers_for_the_role,
    account::a_hop_is_refused_and_aws_does_not_say_by_whom,
    account::a_hop_is_refused_by_the_trust_policy,
    account::a_hop_is_refused_by_the_caller,
    account::another_account_answers_at_the_end_of_the_chain,
    account::the_operator_is_in_another_account,
    account::the_operator_is_in_another_partition,
    account::the_operators_key_is_gone,
    account::the_operators_session_has_expired,
    account::the_operator_has_no_credentials,
    account::the_region_is_not_active,
    account::the_chain_ends_in_another_account,
}

#[test]
fn the_page_has_every_row_and_nothing_else() -> Result<()> {
    page::check_whole(ROWS)
}
