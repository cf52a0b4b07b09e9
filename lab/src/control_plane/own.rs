//! Control planes of single tests.

use std::ops::Deref;

use anyhow::Result;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Contents, ControlPlane};

/// A control plane of one test. Its processes end with the test, and few such tests run at a time: each control plane takes
/// half a gigabyte.
#[derive(Debug)]
pub struct OwnControlPlane {
    // What a test has to itself lives as long as the process, as with the shared one. It is small.
    plane: &'static ControlPlane,
    _permit: SemaphorePermit<'static>,
}

impl OwnControlPlane {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        Self::start_with(Contents::Manifests).await
    }

    /// Starts one without CRDs and RBAC, for those who install the operator themselves.
    pub async fn start_empty() -> Result<Self> {
        Self::start_with(Contents::Nothing).await
    }

    async fn start_with(contents: Contents) -> Result<Self> {
        static AT_A_TIME: Semaphore = Semaphore::const_new(2);
        let permit = AT_A_TIME.acquire().await?;
        Ok(Self { plane: Box::leak(Box::new(ControlPlane::start_with(contents).await?)), _permit: permit })
    }

    /// For a [`TestEnv`](crate::env::TestEnv), which must not outlive this.
    pub fn plane(&self) -> &'static ControlPlane {
        self.plane
    }
}

impl Deref for OwnControlPlane {
    type Target = ControlPlane;

    fn deref(&self) -> &ControlPlane {
        self.plane
    }
}

impl Drop for OwnControlPlane {
    fn drop(&mut self) {
        self.plane.end();
    }
}
