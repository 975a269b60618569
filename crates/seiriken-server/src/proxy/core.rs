//! A thread of its own for each core of the machine.
//!
//! A connection stays with the core that it was given to, and so do its requests and the connections to
//! the upstream that they go on: nothing is handed from core to core on the way there and back.
//! What cores share is the store and its engines, so that a key is one wherever it comes in.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle, available_parallelism};

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

/// Whom a core's connections are given to, and what their requests go through there.
pub(super) struct Core<G> {
    guards: Arc<G>,
    runtime: Handle,
    connections: Arc<AtomicUsize>,
}

/// A core's thread. It ends when this is dropped, and with it whatever still runs there.
pub(super) struct Thread {
    runtime: Handle,
    end: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

/// A connection that a core has, until it goes away.
pub(super) struct Taken(Arc<AtomicUsize>);

/// As many threads as there are cores.
pub(super) fn threads() -> io::Result<Vec<Thread>> {
    let count = available_parallelism().map_or(1, usize::from);
    (0..count).map(|_| Thread::start()).collect()
}

impl Thread {
    fn start() -> io::Result<Self> {
        let ((say, told), (end, ended)) = (channel(), oneshot::channel());
        let running = Builder::new().name("core".into()).spawn(move || run(&say, ended))?;
        // An error is a panic of the thread.
        let runtime = told.recv().map_err(io::Error::other)??;
        Ok(Self { runtime, end: Some(end), running: Some(running) })
    }

    /// A core on it, with guards that are made where its runtime is at hand.
    pub(super) fn core<G>(&self, guards: impl FnOnce() -> G) -> Core<G> {
        let _at_hand = self.runtime.enter();
        let (guards, connections) = (Arc::new(guards()), Arc::default());
        Core { guards, runtime: self.runtime.clone(), connections }
    }
}

fn run(say: &Sender<io::Result<Handle>>, ended: oneshot::Receiver<()>) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(say.send(Err(error))),
    };
    if say.send(Ok(runtime.handle().clone())).is_ok() {
        // That nobody is left to say so is the end as well.
        let _ = runtime.block_on(ended);
    }
    // A name that is still being looked up is not waited for: nobody wants it any more.
    runtime.shutdown_background();
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.end.take());
        if self.running.take().is_some_and(|running| running.join().is_err()) {
            tracing::error!("a thread of connections ended in a panic");
        }
    }
}

impl<G> Core<G> {
    /// The one that has the fewest connections takes another.
    pub(super) fn take(cores: &[Self]) -> Option<(&Self, Taken)> {
        let core = cores.iter().min_by_key(|core| core.connections.load(Ordering::Relaxed))?;
        core.connections.fetch_add(1, Ordering::Relaxed);
        Some((core, Taken(Arc::clone(&core.connections))))
    }

    /// Where it runs what it is given.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// What its requests go through.
    pub(super) fn guards(&self) -> &Arc<G> {
        &self.guards
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_with;

    use super::*;

    #[test]
    fn a_connection_goes_where_the_fewest_are() {
        let threads: Vec<_> = repeat_with(|| Thread::start().expect("a thread")).take(3).collect();
        let cores: Vec<_> = threads.iter().zip(0..).map(|(thread, n)| thread.core(|| n)).collect();
        let take = || Core::take(&cores).map(|(core, taken)| (**core.guards(), taken));
        let mut first: Vec<_> = repeat_with(|| take().expect("a core")).take(6).collect();
        let mut each: Vec<i32> = first.iter().map(|(core, _)| *core).collect();
        each.sort_unstable();
        assert_eq!(each, [0, 0, 1, 1, 2, 2]);
        // Two that end make room on their core for the next two.
        first.retain(|(core, _)| *core != 1);
        let next: Vec<_> = repeat_with(|| take().expect("a core")).take(2).collect();
        assert!(next.iter().all(|(core, _)| *core == 1));
    }

    #[test]
    fn what_runs_on_a_core_ends_with_it() {
        let thread = Thread::start().expect("a thread");
        let core = thread.core(|| ());
        let (held, mut ended) = oneshot::channel::<()>();
        let (begun, has_begun) = channel();
        core.runtime().spawn(async move {
            begun.send(()).expect("it is waited for");
            std::future::pending::<()>().await;
            drop(held);
        });
        has_begun.recv().expect("it has begun");
        drop(thread);
        // Dropped, and so is what it held.
        assert_eq!(ended.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
