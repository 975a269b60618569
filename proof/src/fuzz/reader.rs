//! Choices from bytes: what a fuzzer changes a little is a choice that changes a little.

/// Takes from the front. Where nothing is left, zeros.
#[derive(Debug, Clone)]
pub(super) struct Reader<'d> {
    left: &'d [u8],
}

impl<'d> Reader<'d> {
    pub(super) fn new(data: &'d [u8]) -> Self {
        Self { left: data }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.bytes(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub(super) fn number(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// So many bytes, or what is left.
    pub(super) fn bytes(&mut self, count: usize) -> &'d [u8] {
        let (taken, left) = self.left.split_at(count.min(self.left.len()));
        self.left = left;
        taken
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'d [u8] {
        std::mem::take(&mut self.left)
    }

    /// A few bytes, with how many they are before them.
    pub(super) fn short(&mut self) -> &'d [u8] {
        let count = usize::from(self.byte());
        self.bytes(count)
    }

    /// One of them; there must be one.
    pub(super) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()].clone()
    }

    /// True for one byte in so many.
    pub(super) fn once_in(&mut self, times: u8) -> bool {
        self.byte().is_multiple_of(times)
    }

    /// A place in something this long; nothing has none.
    pub(super) fn place(&mut self, length: usize) -> Option<usize> {
        let number = usize::from(u16::from_le_bytes(self.array()));
        number.checked_rem(length)
    }
}
