//! Mistakes that can be planted into this crate, to see that the evidence would find them.
//!
//! They exist in builds with `--cfg seiriken_proof` alone, which `cargo xtask prove` makes; in any
//! other build [`planted`] is the constant `false`.

/// A mistake that clients make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(seiriken_proof), expect(unreachable_pub, reason = "public where it can be planted"))]
pub enum Mistake {
    /// Out of time is out of luck: what may have run is reported as not run.
    TellsUnknownAsFailed,
    /// A request whose answer was lost counts as never sent.
    ForgetsThatItMayHaveRun,
    /// A refusal of a later attempt counts for all of them.
    TakesARefusalForAll,
}

#[cfg(seiriken_proof)]
impl Mistake {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::TellsUnknownAsFailed, Self::ForgetsThatItMayHaveRun, Self::TakesARefusalForAll];
}

#[cfg(seiriken_proof)]
mod seeded {
    use std::cell::Cell;

    use super::Mistake;

    thread_local! {
        static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
    }

    /// Plants a mistake into all that runs on this thread from now on, or takes it out.
    pub fn plant(mistake: Option<Mistake>) {
        PLANTED.set(mistake);
    }

    pub(crate) fn planted(mistake: Mistake) -> bool {
        PLANTED.get() == Some(mistake)
    }
}

#[cfg(seiriken_proof)]
pub use seeded::plant;
#[cfg(seiriken_proof)]
pub(crate) use seeded::planted;

#[cfg(not(seiriken_proof))]
pub(crate) const fn planted(_: Mistake) -> bool {
    false
}
