//! The shipped transition function, as the model calls it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// A mistake that is planted into it while the model calls it. Only builds with
/// `--cfg seiriken_proof` have some.
#[cfg(seiriken_proof)]
pub type Planted = Option<seiriken::planted::Mistake>;
#[cfg(not(seiriken_proof))]
/// A mistake that is planted into it while the model calls it: this build has none.
pub type Planted = Option<std::convert::Infallible>;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// `None` where an assertion in it failed.
pub(super) fn call<T>(planted: Planted, step: impl FnOnce() -> T) -> Option<T> {
    hush();
    // The checker has threads of its own, and a mistake is planted into one thread.
    #[cfg(seiriken_proof)]
    seiriken::planted::plant(planted);
    #[cfg(not(seiriken_proof))]
    let _: Planted = planted;
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(step)).ok();
    QUIET.set(false);
    #[cfg(seiriken_proof)]
    seiriken::planted::plant(None);
    outcome
}

/// A failed assertion is a finding with a path that leads to it; its message alone says less.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
}
