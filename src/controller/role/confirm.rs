//! Which object a pass goes by: the one in the cache, or the one in the API server where the cache may be behind.

use std::borrow::Cow;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::CrossAccountRole;
use crate::controller::Error;
use crate::controller::context::Context;

/// The object as the cache has it. It is read from the API server after a pass found the cache to be behind, and once in each
/// drift interval, in case the watch lost an event. None if the object is gone.
pub async fn confirmed<'a>(
    ctx: &Context,
    cached: &'a CrossAccountRole,
) -> Result<Option<Cow<'a, CrossAccountRole>>, Error> {
    let (uid, now) = (cached.uid().unwrap_or_default(), ctx.now());
    let state = ctx.objects.of(&uid);
    if !state.outdated && state.confirmed_at.is_none_or(|at| now < at + ctx.drift_interval) {
        ctx.objects.change(&uid, |state| {
            state.confirmed_at.get_or_insert(now);
        });
        return Ok(Some(Cow::Borrowed(cached)));
    }
    let live = ctx.cluster.role_of(&ObjectRef::from_obj(cached)).await?;
    let live_uid = live.as_ref().and_then(ResourceExt::uid);
    if live_uid.as_ref() != Some(&uid) {
        ctx.objects.forget(&uid);
        ctx.wake_roles(ctx.names.forget(&uid));
    }
    let Some(live) = live else { return Ok(None) };
    ctx.objects.change(&live_uid.unwrap_or_default(), |state| {
        (state.confirmed_at, state.outdated) = (Some(now), false);
    });
    if live.resource_version() == cached.resource_version() {
        return Ok(Some(Cow::Borrowed(cached)));
    }
    ctx.wake_roles(ctx.names.update(&live));
    Ok(Some(Cow::Owned(live)))
}
