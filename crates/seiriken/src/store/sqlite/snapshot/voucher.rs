//! What vouches for a snapshot: when it was made, how much there is of it, and its checksum.

use super::Kind;

/// One value in `seiriken_meta`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Voucher {
    /// Where the start after it begins to number: the start that made it was the last one.
    pub(super) next_token: i64,
    /// How many items there are of each kind.
    pub(super) counts: [u64; Kind::ALL.len()],
    /// CRC-32 of all parts.
    pub(super) checksum: u32,
}

const VERSION: u8 = 1;

impl Voucher {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.next_token.to_le_bytes());
        self.counts.iter().for_each(|count| bytes.extend(count.to_le_bytes()));
        bytes.extend(self.checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (next_token, rest) = rest.split_first_chunk()?;
        let (counts, checksum) = rest.split_last_chunk()?;
        let mut counts = counts.chunks(8).map(|count| count.try_into().map(u64::from_le_bytes));
        let voucher = Self {
            next_token: i64::from_le_bytes(*next_token),
            counts: std::array::from_fn(|_| counts.next().and_then(Result::ok).unwrap_or(0)),
            checksum: u32::from_le_bytes(*checksum),
        };
        (*version == VERSION && voucher.encode() == bytes).then_some(voucher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let voucher = Voucher { next_token: 7, counts: [1, 2, 3, u64::MAX], checksum: 9 };
        let bytes = voucher.encode();
        assert_eq!(Voucher::decode(&bytes), Some(voucher));
        let mut longer = bytes.clone();
        longer.push(0);
        let other_version = [&[VERSION + 1], &bytes[1..]].concat();
        for other in [&bytes[..bytes.len() - 1], &longer, &other_version, &[]] {
            assert_eq!(Voucher::decode(other), None, "{other:?}");
        }
    }
}
