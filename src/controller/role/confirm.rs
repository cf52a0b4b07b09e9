//! Which object a pass goes by: the one in the cache, or the one in the API server where the cache may be behind.

use std::borrow::Cow;

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::CrossAccountRole;
use crate::controller::Error;
use crate::controller::context::Context;
use crate::controller::state::objects::Cached;

/// The object as the cache has it. It is read from the API server after a pass found the cache to be behind, and once in each
/// drift interval, in case the watch lost an event. None if the object is gone.
pub async fn confirmed<'a>(
    ctx: &Context,
    cached: &'a CrossAccountRole,
) -> Result<Option<Cow<'a, CrossAccountRole>>, Error> {
    let (uid, now) = (cached.uid().unwrap_or_default(), ctx.now());
    match ctx.objects.of(&uid).cache {
        Cached::Unchecked => ctx.objects.change(&uid, |state| state.cache = Cached::CurrentAt(now)),
        Cached::CurrentAt(at) if now < at + ctx.drift_interval => {}
        Cached::CurrentAt(_) | Cached::Outdated => return read(ctx, cached, now).await,
    }
    Ok(Some(Cow::Borrowed(cached)))
}

async fn read<'a>(
    ctx: &Context,
    cached: &'a CrossAccountRole,
    now: Timestamp,
) -> Result<Option<Cow<'a, CrossAccountRole>>, Error> {
    let uid = cached.uid().unwrap_or_default();
    let live = ctx.cluster.role_of(&ObjectRef::from_obj(cached)).await?;
    let live_uid = live.as_ref().and_then(ResourceExt::uid);
    if live_uid.as_ref() != Some(&uid) {
        ctx.objects.change(&uid, |state| state.cache = Cached::Outdated); // until the cache has forgotten it
        ctx.wake_roles(ctx.names.forget(&uid));
    }
    let Some(live) = live else { return Ok(None) };
    ctx.objects.change(&live_uid.unwrap_or_default(), |state| state.cache = Cached::CurrentAt(now));
    if live.resource_version() == cached.resource_version() {
        return Ok(Some(Cow::Borrowed(cached)));
    }
    ctx.wake_roles(ctx.names.update(&live));
    Ok(Some(Cow::Owned(live)))
}
