//! The plugin of kubectl, run as a person runs it.

mod changes;
mod explain;
mod graph;
mod import;
mod orphans;
mod people;
mod plan;
mod release;
mod session;
mod shells;
mod status;
mod support_bundle;
mod terminal;
mod transcript;
mod uninstall;
mod unused;
