//! All behaviour tests, one file per behaviour, in one binary.

mod agent;
mod architecture;
mod conflicts;
mod consumers;
mod crd_rules;
mod entering;
mod every_field;
mod failures;
mod guardrails;
mod lifecycles;
mod process;
mod requests;
mod role_life;
mod sessions;
mod settling;
mod source_grants;
mod support;
mod trust;
mod which_side;
mod withdrawal;
mod workloads;
