//! What any part of a process may use: logs, metrics, traces, health, shutdown, proxies, and errors in words.

pub mod error_chain;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod proxy;
pub mod shutdown;
pub mod traces;
pub mod trust;
