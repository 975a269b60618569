//! How many of the points are played: all, or so many of them, drawn by a seed.

use super::random::Random;

/// One in so many.
#[derive(Debug)]
pub(super) struct Share {
    one_in: u64,
    random: Random,
}

impl Share {
    pub(super) fn all() -> Self {
        Self::one_in(1, 0)
    }

    pub(super) fn one_in(one_in: u64, seed: u64) -> Self {
        Self { one_in, random: Random::new(seed) }
    }

    /// Whether the next point is among them.
    pub(super) fn takes_the_next(&mut self) -> bool {
        self.random.is_one_in(self.one_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_it_is_called_and_the_same_for_the_same_seed() {
        let taken = |mut share: Share| (0..1000).filter(|_| share.takes_the_next()).count();
        assert_eq!(taken(Share::all()), 1000);
        let fifth = taken(Share::one_in(5, 7));
        assert!((150..250).contains(&fifth), "{fifth}");
        assert_eq!(taken(Share::one_in(5, 7)), fifth);
    }
}
