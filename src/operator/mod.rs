//! The process of the operator: command line, leader lease, admin server, and the order in which its parts start and end.

pub mod admin;
pub mod args;
pub mod client;
pub mod leader;
pub mod run;
