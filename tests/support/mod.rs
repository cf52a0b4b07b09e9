//! The lab.

pub mod aws_proxy;
