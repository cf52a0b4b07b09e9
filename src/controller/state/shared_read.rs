//! Work that is done once for all who ask for it at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Mutex;

/// A value that is made on request. Whoever asks gets one whose making began after the question, so it is as fresh as if it
/// were made for them alone; those who wait at the same time share one.
#[derive(Debug)]
pub struct SharedRead<T> {
    questions: AtomicU64,
    waiting: AtomicUsize,
    last: Mutex<Option<(u64, Arc<T>)>>,
}

impl<T> Default for SharedRead<T> {
    fn default() -> Self {
        Self { questions: AtomicU64::new(0), waiting: AtomicUsize::new(0), last: Mutex::new(None) }
    }
}

impl<T> SharedRead<T> {
    /// Gives a fresh value, made by `make` if nobody else makes it. A failure is not shared: the next in line tries again.
    pub async fn get<E>(&self, make: impl AsyncFnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let question = self.questions.fetch_add(1, Ordering::SeqCst) + 1;
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut last = self.last.lock().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let shared = last.as_ref().filter(|(begun, _)| *begun >= question).map(|(_, value)| Arc::clone(value));
        let answer = if let Some(value) = shared {
            Ok(value)
        } else {
            let begun = self.questions.load(Ordering::SeqCst);
            let value = make().await.map(Arc::new);
            *last = value.as_ref().ok().map(|value| (begun, Arc::clone(value)));
            value
        };
        if self.waiting.load(Ordering::SeqCst) == 0 {
            *last = None; // later questions are too new for it
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test]
    async fn those_who_wait_share_one_value_that_is_made_after_they_asked() {
        let read = SharedRead::default();
        let made = AtomicUsize::new(0);
        let ask = || {
            read.get(async || {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(made.fetch_add(1, Ordering::SeqCst))
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert_eq!([first, second, third].map(|value| value.map(|value| *value)), [Ok(0), Ok(1), Ok(1)]);
        assert_eq!(ask().await.map(|value| *value), Ok(2), "a later question gets a later value");
    }

    #[tokio::test]
    async fn a_failure_is_not_shared() {
        let read = SharedRead::default();
        let tries = AtomicUsize::new(0);
        let ask = || {
            read.get(async || match tries.fetch_add(1, Ordering::SeqCst) {
                0 => Err("failed"),
                n => Ok(n),
            })
        };
        let (first, second) = tokio::join!(ask(), ask());
        assert_eq!(first.map(|value| *value), Err("failed"));
        assert_eq!(second.map(|value| *value), Ok(1));
    }
}
