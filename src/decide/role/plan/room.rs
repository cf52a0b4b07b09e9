//! Room for a denial: IAM limits the inline policies of a role together, so others go first where it does not fit.

use std::cmp::Reverse;

use crate::decide::grants::policy::is_grant_policy;
use crate::decide::role::denial::{DENY, Denial};
use crate::decide::role::step::Step;
use crate::domain::policy::PolicyDocument;
use crate::domain::{INLINE_QUOTA_OF_ROLE, IamRoleState};

/// Which inline policies may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayGo {
    /// Permissions to assume other roles, on behalf of source grants: nobody declared them for this role. What is declared
    /// leaves room for a denial.
    Grants,
    /// All: the role is being closed.
    All,
}

/// Deletes inline policies until the denial fits beside the others: first those of source grants, then the largest, and last
/// what only denies. A text that cannot be read counts as too large.
pub(super) fn make_room(denial: &Denial, state: &IamRoleState, may_go: MayGo) -> Vec<Step> {
    let size = |document: Option<&PolicyDocument>| document.map_or(INLINE_QUOTA_OF_ROLE, PolicyDocument::quota_size);
    let others = state.inline.iter().filter(|(name, _)| *name != DENY);
    let mut others: Vec<_> = others
        .map(|(name, found)| {
            let found = found.as_ref();
            let of_grants = is_grant_policy(name, found);
            let only_denies = found.is_some_and(PolicyDocument::only_denies);
            ((only_denies, !of_grants, Reverse(size(found))), name)
        })
        .collect();
    others.sort();
    let needed = denial.document().as_ref().map_or(0, PolicyDocument::quota_size);
    let mut total = needed + others.iter().map(|((_, _, Reverse(size)), _)| size).sum::<usize>();
    let mut steps = Vec::new();
    for ((_, not_of_grants, Reverse(size)), name) in others {
        if total <= INLINE_QUOTA_OF_ROLE || (not_of_grants && may_go == MayGo::Grants) {
            break;
        }
        total -= size;
        steps.push(Step::DeleteInline(name.clone()));
    }
    steps
}
