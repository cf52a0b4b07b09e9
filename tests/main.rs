//! All behaviour tests, one file per subject, in one binary.

mod account;
mod agent;
mod architecture;
mod bootstrap;
mod bulkheads;
mod conflicts;
mod consumers;
mod crash;
mod crd_rules;
mod credentials;
mod every_field;
mod explain;
mod faults;
mod grants;
mod least_privilege;
mod moves;
mod partitions;
mod process;
mod rbac;
mod real_aws;
mod revocation;
mod role;
mod secret;
mod surroundings;
mod trust;
mod workloads;
