//! All behaviour tests, one file per behaviour, in one binary.

mod architecture;
mod crd_rules;
mod entering;
mod failures;
mod process;
mod role_life;
mod settling;
mod support;
mod withdrawal;
