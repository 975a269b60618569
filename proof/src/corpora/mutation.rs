//! Inputs that are near those of a corpus: the same ones from the same seed.

/// Makes them.
pub(super) struct Mutations(u64);

/// What the formats are made of: what is copied from elsewhere seldom falls where it matters.
const PIECES: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b";",
    b",",
    b"=",
    b"%\"",
    b"\"a\"",
    b"{\"a\":",
    b"}",
    b"[",
    b"]",
    b"\0",
    b"\0/a",
    b"~1",
    b"\\u0061",
    b"1e0",
    b"9007199254740993",
    b"-0",
    b".5",
    b" GMT",
    b"Thu, ",
    b"00",
    b"\x01",
    b"\xff",
];

const EDITS_MAX: u64 = 4;

impl Mutations {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the corpus, changed in some places.
    pub(super) fn another(&mut self, corpus: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut input = self.one_of(corpus).to_vec();
        for _ in 0..=self.below(EDITS_MAX) {
            let at = self.below_length(input.len() + 1);
            let end = (at + 1 + self.below_length(8)).min(input.len());
            match self.below(7) {
                0 => drop(input.drain(at..end)),
                1 => self.change(&mut input, at),
                2 => {
                    let piece = PIECES[self.below_length(PIECES.len())];
                    input.splice(at..at, piece.iter().copied());
                }
                3 => {
                    let byte = self.next().to_le_bytes()[0];
                    input.insert(at, byte);
                }
                4 => {
                    let again = input[at..end].to_vec();
                    input.splice(at..at, again);
                }
                5 => {
                    let other = self.one_of(corpus);
                    let from = self.below_length(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
                _ => {
                    let piece = PIECES[self.below_length(PIECES.len())];
                    input.splice(at..end, piece.iter().copied());
                }
            }
        }
        input
    }

    fn change(&mut self, input: &mut [u8], at: usize) {
        let bit = self.below(8);
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }

    fn one_of<'c>(&mut self, corpus: &'c [(String, Vec<u8>)]) -> &'c [u8] {
        &corpus[self.below_length(corpus.len())].1
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn below_length(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("less than a length")
    }

    /// The generator `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
