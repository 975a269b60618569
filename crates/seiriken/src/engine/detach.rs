//! Work that outlives its caller.
//!
//! A server drops a request's future when the client goes away, at whatever point it is. Work
//! that has claimed its key must not end there: nobody would know whether its effect happened.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::planted::{Mistake, planted};

/// A future that is polled where it is awaited, so that the ordinary case costs no task; when it
/// is dropped before its end, the rest of it runs on in a task of its own, which
/// [`drain`](super::Engine::drain) waits for.
pub struct Run<T: Send + 'static> {
    /// `None` while it is polled and once it has ended.
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    /// What it does stands in this.
    span: Span,
    started: bool,
    tasks: TaskTracker,
    runtime: Handle,
}

impl<T: Send + 'static> Run<T> {
    pub(crate) fn new(
        tasks: TaskTracker,
        span: Span,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        // Boxed as it comes: whatever it is wrapped in first is one more copy of it.
        let future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        Self { future: Some(future), span, started: false, tasks, runtime: Handle::current() }
    }
}

impl<T: Send + 'static> Future for Run<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let run = &mut *self;
        run.started = true;
        // Taken out while it is polled: should it panic there, nothing of it is left to go on.
        let mut future = run.future.take().expect("a future is not polled after its end");
        let polled = {
            let _within = run.span.enter();
            future.as_mut().poll(cx)
        };
        if polled.is_pending() {
            run.future = Some(future);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Run<T> {
    fn drop(&mut self) {
        // Also when a panic of its caller brings it here: that is one more way to go away.
        let dropped = planted(Mistake::DropsTheWorkWithItsCaller)
            || planted(Mistake::FreesTheKeyWhenItsCallerGoes);
        if let Some(future) = self.future.take().filter(|_| self.started && !dropped) {
            let rest = async move { drop(future.await) };
            let span = std::mem::replace(&mut self.span, Span::none());
            self.tasks.spawn_on(rest.instrument(span), &self.runtime);
        }
    }
}

impl<T: Send + 'static> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("started", &self.started).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Polls `run` k times, drops it, and answers how far the future came in the end.
    async fn dropped_after(polls: usize) -> u32 {
        let steps = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steps);
        let tasks = TaskTracker::new();
        let mut run = Run::new(tasks.clone(), Span::none(), async move {
            for _ in 0..5 {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        for _ in 0..polls {
            let _ = futures_util::poll!(&mut run);
        }
        drop(run);
        tasks.close();
        tasks.wait().await;
        steps.load(Ordering::SeqCst)
    }

    #[tokio::test]
    async fn wherever_it_is_dropped_it_runs_to_its_end_once() {
        for polls in 1..=6 {
            assert_eq!(dropped_after(polls).await, 5, "dropped after {polls} polls");
        }
    }

    #[tokio::test]
    async fn what_was_never_polled_never_runs() {
        assert_eq!(dropped_after(0).await, 0);
    }

    #[tokio::test]
    async fn it_shows_whether_it_has_begun() {
        let mut run = Run::new(TaskTracker::new(), Span::none(), std::future::pending::<()>());
        assert_eq!(format!("{run:?}"), "Run { started: false, .. }");
        assert!(futures_util::poll!(&mut run).is_pending());
        assert_eq!(format!("{run:?}"), "Run { started: true, .. }");
    }
}
