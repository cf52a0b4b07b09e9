//! All behaviour tests, one file per behaviour, in one binary.

mod crd_rules;
mod process;
mod support;
