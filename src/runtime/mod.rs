//! The host of the controllers: settings, leader lease, admin server, metrics, logs, shutdown.

pub mod admin;
pub mod args;
pub mod chain;
pub mod client;
pub mod health;
pub mod leader;
pub mod logs;
pub mod metrics;
pub mod run;
pub mod shutdown;
