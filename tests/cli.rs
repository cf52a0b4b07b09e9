//! The plugin of kubectl, run as a person runs it.

mod changes;
mod explain;
mod graph;
mod import;
mod orphans;
mod people;
mod plan;
mod session;
mod shells;
mod status;
mod transcript;
mod uninstall;
