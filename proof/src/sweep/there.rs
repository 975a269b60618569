//! A verb of a store that has connections: they are on a runtime of their own, which outlives the
//! points and whose time is real.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A verb that is polled by whoever asks, and dropped there, as if that were on the store's runtime:
/// what it spawns, its sockets and its timeouts are.
pub(super) struct There<V> {
    runtime: Option<Handle>,
    /// `None` once it is dropped.
    verb: Option<Pin<Box<V>>>,
}

impl<V> There<V> {
    /// Without a runtime, wherever it is polled.
    pub(super) fn new(runtime: Option<Handle>, verb: V) -> Self {
        Self { runtime, verb: Some(Box::pin(verb)) }
    }
}

impl<V: Future> Future for There<V> {
    type Output = V::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<V::Output> {
        let Self { runtime, verb } = &mut *self;
        let _there = runtime.as_ref().map(Handle::enter);
        verb.as_mut().expect("it is there until this is dropped").as_mut().poll(cx)
    }
}

impl<V> Drop for There<V> {
    fn drop(&mut self) {
        let _there = self.runtime.as_ref().map(Handle::enter);
        self.verb = None;
    }
}
