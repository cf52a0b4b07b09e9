//! What the flags ask for, before it is known where it is made.

use super::args::{ManagerArgs, OperatorArgs, SourceArgs, TargetArgs};
use super::error::BootstrapError;
use crate::decide::bootstrap::{Login, Manager, Operator, Place, Setup, Source, Target};
use crate::domain::{Arn, partition_of_arn};

/// What is set up, in the account that [`Request::setup`] is asked for.
pub(super) struct Request {
    /// Partition of all ARNs.
    pub partition: String,
    /// The account, where the flags name it.
    pub account: Option<String>,
    kind: RequestKind,
}

enum RequestKind {
    Target(Target),
    Source(Source),
    Operator(Operator),
}

impl Request {
    pub fn target(args: TargetArgs) -> Result<Self, BootstrapError> {
        let TargetArgs { manager, boundary_name, role_path, cluster, allow_unbounded } = args;
        let manager = manager_of(manager);
        let partition = partition(&manager.operator_arn)?;
        let target = Target { place: nowhere(), manager, role_path, boundary: boundary_name, cluster, allow_unbounded };
        Ok(Self { partition, account: None, kind: RequestKind::Target(target) })
    }

    pub fn source(args: SourceArgs) -> Result<Self, BootstrapError> {
        let SourceArgs { manager, grantees } = args;
        let manager = manager_of(manager);
        let partition = partition(&manager.operator_arn)?;
        let account = account_of_all(&grantees, &partition)?;
        let itself = Place { partition: partition.clone(), account: account.clone() };
        let itself = itself.arn(&format!("role/{}", manager.name));
        let forbidden = [&itself, &manager.operator_arn];
        if let Some(arn) = grantees.iter().find(|arn| forbidden.iter().any(|other| other.eq_ignore_ascii_case(arn))) {
            let problem =
                format!("--grantee {arn} is the operator or its manager, which could then give itself any permission");
            return Err(BootstrapError::Usage(format!("{problem}; leave it out")));
        }
        let source = Source { place: nowhere(), manager, grantees };
        Ok(Self { partition, account: Some(account), kind: RequestKind::Source(source) })
    }

    pub fn operator(args: OperatorArgs) -> Result<Self, BootstrapError> {
        let OperatorArgs {
            accounts,
            also_assume,
            service_account,
            operator_name,
            manager_name,
            role_path,
            partition,
            ..
        } = args;
        let partition = partition.as_str().to_owned();
        let account = match &args.oidc_provider_arn {
            Some(arn) => Some(account_of_all(std::slice::from_ref(arn), &partition)?),
            None => None,
        };
        let login = match args.oidc_provider_arn {
            Some(provider_arn) => Login::Irsa { provider_arn, service_account },
            None if args.pod_identity => Login::PodIdentity { service_account },
            None => Login::User,
        };
        let (place, name, manager) = (nowhere(), operator_name, manager_name);
        let operator = Operator { place, name, login, accounts, manager, role_path, other_roles: also_assume };
        Ok(Self { partition, account, kind: RequestKind::Operator(operator) })
    }

    /// What is set up in this account.
    pub fn setup(&self, place: Place) -> Setup {
        match &self.kind {
            RequestKind::Target(target) => Target { place, ..target.clone() }.setup(),
            RequestKind::Source(source) => Source { place, ..source.clone() }.setup(),
            RequestKind::Operator(operator) => Operator { place, ..operator.clone() }.setup(),
        }
    }
}

/// Not known yet: [`Request::setup`] is given the place.
fn nowhere() -> Place {
    Place { partition: String::new(), account: String::new() }
}

fn manager_of(args: ManagerArgs) -> Manager {
    let ManagerArgs { operator_arn, external_id, manager_name } = args;
    Manager { name: manager_name, operator_arn, external_id }
}

fn partition(arn: &str) -> Result<String, BootstrapError> {
    let partition = partition_of_arn(arn).ok_or_else(|| BootstrapError::Usage(format!("{arn} is not an ARN")))?;
    Ok(partition.to_owned())
}

/// The one account that all of these are of.
fn account_of_all(arns: &[String], partition: &str) -> Result<String, BootstrapError> {
    let mut accounts = Vec::new();
    for arn in arns {
        let parts = Arn::split(arn).ok_or_else(|| BootstrapError::Usage(format!("{arn} is not an ARN")))?;
        if parts.partition != partition {
            let problem = format!("{arn} is of partition {}, and the operator of {partition}", parts.partition);
            return Err(BootstrapError::Usage(format!("{problem}; AWS joins no two partitions")));
        }
        accounts.push(parts.account);
    }
    accounts.sort_unstable();
    accounts.dedup();
    match accounts[..] {
        [one] => Ok(one.to_owned()),
        _ => {
            Err(BootstrapError::Usage("the --grantee ARNs are of several accounts; run this once for each".to_owned()))
        }
    }
}
