//! Cross-account AWS access as a Kubernetes object.
//!
//! A `CrossAccountRole` declares a role in one AWS account and who may use it from another. The operator makes that
//! true, proves it by assuming the role, and keeps fresh temporary credentials in a Secret that pods mount.
//!
//! Where to look: [`api`] is what users write; [`domain`] and [`decide`] are pure and hold every decision; [`aws`] and
//! [`cluster`] are the only places with effects; [`controller`] puts them in sequence; [`operator`] is the process
//! around it. [`agent`] is what a pod runs, and [`cli`] is a kubectl plugin, programs of their own; all stand on [`host`].

#![cfg_attr(
    test,
    allow(
        clippy::needless_pass_by_value,
        clippy::too_many_lines,
        clippy::unnecessary_wraps,
        clippy::unwrap_in_result,
        reason = "tables and fixtures of tests: their own data is never wrong, and long tables read well"
    )
)]

pub mod agent;
pub mod api;
pub mod aws;
pub mod cli;
pub mod cluster;
pub mod controller;
pub mod decide;
pub mod domain;
pub mod host;
pub mod operator;
