//! Work that outlives its caller.
//!
//! A server drops a request's future when the client goes away, at whatever point it is. Work
//! that has claimed its key must not end there: nobody would know whether its effect happened.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// A future that is polled where it is awaited, so that the ordinary case costs no task; when it
/// is dropped before its end, the rest of it runs on in a task of its own, which
/// [`drain`](super::Engine::drain) waits for.
pub struct Run<T: Send + 'static> {
    /// `None` once it has ended.
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    started: bool,
    /// It is being polled; still set when it is dropped because that poll panicked.
    polling: bool,
    tasks: TaskTracker,
    runtime: Handle,
}

impl<T: Send + 'static> Run<T> {
    pub(crate) fn new(
        tasks: TaskTracker,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let future: Pin<Box<dyn Future<Output = T> + Send>> = Box::pin(future);
        Self {
            future: Some(future),
            started: false,
            polling: false,
            tasks,
            runtime: Handle::current(),
        }
    }

    /// Lets it run to its end also when it is dropped before its first poll.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "for stores that commit"))]
    pub(crate) fn detach_on_drop(&mut self) {
        self.started = true;
    }
}

impl<T: Send + 'static> Future for Run<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let run = &mut *self;
        run.started = true;
        let future = run.future.as_mut().expect("a future is not polled after its end");
        run.polling = true;
        let polled = future.as_mut().poll(cx);
        run.polling = false;
        if polled.is_ready() {
            run.future = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Run<T> {
    fn drop(&mut self) {
        // A panic of the work is caught inside; one that comes out of here is a broken invariant
        // of ours, and polling again would only panic again.
        let rest = self.future.take().filter(|_| self.started && !self.polling);
        if let Some(rest) = rest {
            let rest = async move { drop(rest.await) };
            self.tasks.spawn_on(rest, &self.runtime);
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
        let mut run = Run::new(tasks.clone(), async move {
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
    async fn it_runs_on_when_it_is_dropped_by_somebody_elses_panic() {
        let steps = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steps);
        let tasks = TaskTracker::new();
        let mut run = Run::new(tasks.clone(), async move {
            tokio::task::yield_now().await;
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let _ = futures_util::poll!(&mut run);
        let neighbour = tokio::spawn(async move {
            let _run = run;
            panic!("a neighbour in the same task");
        });
        assert!(neighbour.await.is_err_and(|error| error.is_panic()));
        tasks.close();
        tasks.wait().await;
        assert_eq!(steps.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_was_never_polled_never_runs() {
        assert_eq!(dropped_after(0).await, 0);
    }
}
