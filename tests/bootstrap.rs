//! `kubectl crossaccount bootstrap`: what it prints is applied for real, and what it says of an account is true.

mod calls;
mod check;
mod forms;
pub mod plugin;
mod setups;
