//! A panic of the work is caught: it says that nobody knows how far the work came.

use std::any::Any;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use futures_util::future::Either;

/// What a panic has said.
type Panic = Box<dyn Any + Send>;

/// Begins the work, whose function may panic before there is a future, and runs it. Its own state
/// is dropped with it; what it shares with others is its own to keep in order, as with any panic
/// in a handler.
pub(super) fn caught<F: Future>(
    begin: impl FnOnce() -> F,
) -> impl Future<Output = Result<F::Output, Panic>> {
    match catch_unwind(AssertUnwindSafe(begin)) {
        Ok(work) => Either::Left(AssertUnwindSafe(work).catch_unwind()),
        Err(panic) => Either::Right(ready(Err(panic))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_wherever_it_comes() {
        let early = caught(|| -> std::future::Ready<()> { panic!("at the beginning") }).await;
        let late = caught(|| async {
            tokio::task::yield_now().await;
            panic!("in the middle")
        });
        let late: Result<(), _> = late.await;
        for (panicked, said) in [(early, "at the beginning"), (late, "in the middle")] {
            let panic = panicked.expect_err("it has panicked");
            assert_eq!(panic.downcast_ref::<&str>(), Some(&said));
        }
        assert_eq!(caught(|| ready(7)).await.ok(), Some(7));
    }
}
