//! Setups for tests.

use super::{Login, Manager, Operator, Place, ServiceAccount, Source, Target};

pub(super) fn place(account: &str) -> Place {
    Place { partition: "aws".to_owned(), account: account.to_owned() }
}

pub(super) fn manager() -> Manager {
    Manager {
        name: "crossaccount-manager".to_owned(),
        operator_arn: "arn:aws:iam::111111111111:role/crossaccount-operator".to_owned(),
        external_id: "7d1f0a".to_owned(),
    }
}

pub(super) fn target() -> Target {
    Target {
        place: place("222222222222"),
        manager: manager(),
        role_path: "/crossaccount/".to_owned(),
        boundary: "crossaccount-boundary".to_owned(),
        cluster: None,
        allow_unbounded: false,
    }
}

pub(super) fn source() -> Source {
    let grantees = ["user/ci/deployer", "group/developers", "role/batch"];
    let grantees = grantees.map(|resource| place("333333333333").arn(resource)).to_vec();
    Source { place: place("333333333333"), manager: manager(), grantees }
}

pub(super) fn operator(login: Login) -> Operator {
    Operator {
        place: place("111111111111"),
        name: "crossaccount-operator".to_owned(),
        login,
        accounts: vec!["222222222222".to_owned(), "333333333333".to_owned()],
        manager: "crossaccount-manager".to_owned(),
        role_path: "/crossaccount/".to_owned(),
        other_roles: Vec::new(),
    }
}

pub(super) fn service_account() -> ServiceAccount {
    ServiceAccount { namespace: "crossaccount-system".to_owned(), name: "crossaccount-operator".to_owned() }
}

pub(super) fn irsa() -> Login {
    let issuer = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
    let provider_arn = place("111111111111").arn(&format!("oidc-provider/{issuer}"));
    Login::Irsa { provider_arn, service_account: service_account() }
}
