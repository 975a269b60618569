//! Random choices that come out the same from the same seed (`SplitMix64`).

/// A sequence of choices.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The sequence that belongs to these numbers: another for each list of them.
    pub(crate) fn of(numbers: &[u64]) -> Self {
        let mut dice = Self(0);
        for number in numbers {
            dice.0 ^= number;
            dice.0 = dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is something to choose from");
        self.next() % end
    }

    /// A place in something of this length.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("it is below a length")
    }

    /// A letter.
    pub(crate) fn letter(&mut self) -> char {
        char::from(b"abcdefghijklmnopqrstuvwxyz"[self.place(26)])
    }

    /// Eight bytes.
    pub(crate) fn bytes(&mut self) -> [u8; 8] {
        self.next().to_le_bytes()
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_choose_the_same_and_others_do_not() {
        let choices = |numbers: &[u64]| {
            let mut dice = Dice::of(numbers);
            [(); 8].map(|()| dice.below(1000))
        };
        assert_eq!(choices(&[1, 2]), choices(&[1, 2]));
        assert_ne!(choices(&[1, 2]), choices(&[2, 1]));
        assert_ne!(choices(&[0]), choices(&[0, 0]));
    }
}
