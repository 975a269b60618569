//! shuttle's channel with one habit of the standard library's: with the receiver goes what is still
//! in the channel. Whoever waits for an answer to it hears that there will be none.

use std::ops::Deref;

pub(crate) use shuttle::sync::mpsc::{RecvTimeoutError, Sender};

/// The receiving end.
pub(crate) struct Receiver<T>(shuttle::sync::mpsc::Receiver<T>);

/// A channel without a bound.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = shuttle::sync::mpsc::channel();
    (sender, Receiver(receiver))
}

impl<T> Deref for Receiver<T> {
    type Target = shuttle::sync::mpsc::Receiver<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'r, T> IntoIterator for &'r Receiver<T> {
    type Item = T;
    type IntoIter = shuttle::sync::mpsc::Iter<'r, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Nobody else goes on between the last look and the end of the receiver.
        while self.0.try_recv().is_ok() {}
    }
}
