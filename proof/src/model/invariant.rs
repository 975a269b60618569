//! What must hold, everywhere.

use super::named::named;

named! { always holds;
/// One thing that must hold. Those with numbers have them from the design.
///
/// I12, that no transition depends on two clocks, shows in the signatures: each takes one time.
pub enum Invariant {
    /// Within the promise there is at most one effect of a key.
    I1,
    /// All who hear an answer hear the same.
    I2,
    /// An answer that was heard stands until it expires.
    I3,
    /// A token has at most one live owner.
    I4,
    /// An answer that stands has had its effect.
    I5,
    /// An answer never changes.
    I6,
    /// A token that is not the record's changes nothing.
    I7,
    /// Which request it is, and whose, is fixed while the record exists.
    I8,
    /// A token never repeats, and executions are counted.
    I9,
    /// What is told as done is recorded.
    I10,
    /// Another request, or another caller, runs nothing and learns nothing.
    I11,
    /// Once faults stop, one lease is enough to settle a key.
    L1,
    /// Nobody is overtaken before the lease is over.
    L2,
    /// A key that says its age is refused once it may have been forgotten, and only then.
    Dates,
    /// A new key is refused where as much is kept as may be, and no other.
    Quota,
    /// Nothing that is answered depends on whether the sweeper has been there.
    Swept,
    /// What the transition function asserts itself.
    Asserted,
}
}
