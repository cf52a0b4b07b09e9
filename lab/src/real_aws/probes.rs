//! The probes: a sample of what `docs/aws-proxy.md` claims, one or more for each rule that can be seen from outside.

mod documents;
mod roles;
mod sessions;

use super::probe::Probe;

/// All probes, in the order in which they are asked.
pub fn all() -> Vec<Probe> {
    let mut all = documents::probes();
    all.extend(roles::probes());
    all.extend(sessions::probes());
    all
}
