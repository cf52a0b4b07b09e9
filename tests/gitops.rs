//! What GitOps tools make of the objects: their health, differences from Git, and the order of the examples.

mod drift;
mod examples;
mod judges;
mod life;
mod states;
