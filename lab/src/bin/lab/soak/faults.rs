//! The faults of AWS during the run.

use std::time::Duration;

use super::dice::Dice;
use lab::aws_proxy::{AwsError, AwsProxy, Fault};

/// Calls that a fault may befall.
const ACTIONS: [&str; 10] = [
    "*",
    "Get*",
    "CreateRole",
    "PutRolePolicy",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "UpdateAssumeRolePolicy",
    "DeleteRole",
    "TagRole",
    "AssumeRole",
];

/// Has one kind of fault befall the next calls of one kind. Gives its name.
pub fn inject(proxy: &AwsProxy, dice: &mut Dice) -> &'static str {
    let busy = || AwsError::new(409, "ConcurrentModification", "The request was rejected");
    let (name, fault, most) = match dice.between(0, 8) {
        0 => ("throttled", Fault::Answer(AwsError::throttling()), 30),
        1 => ("busy", Fault::Answer(busy()), 10),
        2 => ("unavailable", Fault::Answer(AwsError::new(503, "ServiceUnavailable", "Service Unavailable")), 20),
        3 => ("reset", Fault::Reset, 20),
        4 | 5 => ("lost answers", Fault::DropResponse, 10),
        6 => ("half answers", Fault::Truncated, 10),
        _ => ("slow", Fault::Latency(Duration::from_millis(dice.between(50, 3000))), 40),
    };
    let action: &&str = dice.one_of(&ACTIONS);
    proxy.on(action).times(dice.between(1, most)).inject(fault);
    name
}
