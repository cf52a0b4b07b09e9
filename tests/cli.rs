//! The plugin of kubectl, run as a person runs it.

mod uninstall;
