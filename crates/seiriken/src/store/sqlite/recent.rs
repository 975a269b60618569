//! Answers of a short while ago, in memory: most retries come soon after the first request, and
//! need no read of the file.
//!
//! The index says first whether an answer stands, and under which token. A token names one record
//! for ever, and a settled one never changes, so what is here can be too old to be asked for and
//! never wrong.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::PoisonError;

use crate::record::{Record, State};
use crate::sync::{Mutex, MutexGuard};

/// So many bytes of answers at most, over all shards; beyond it the oldest go.
const BYTES_MAX: usize = 16 << 20;

const SHARDS: usize = 16;

/// About what an answer takes beside itself.
const BESIDE: usize = 320;

#[derive(Debug, Default)]
pub(super) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    records: HashMap<i64, Record, BuildHasherDefault<TokenHasher>>,
    /// Oldest first; some may have been forgotten.
    order: VecDeque<i64>,
    bytes: usize,
}

impl Recent {
    pub(super) fn record(&self, token: i64) -> Option<Record> {
        self.shard(token).records.get(&token).cloned()
    }

    /// Keeps a record whose answer stands.
    pub(super) fn keep(&self, token: i64, record: Record) {
        let bytes = bytes_of(&record);
        if bytes > BYTES_MAX / SHARDS / 4 {
            return;
        }
        let mut shard = self.shard(token);
        if shard.records.insert(token, record).is_none() {
            shard.order.push_back(token);
            shard.bytes += bytes;
        }
        while shard.bytes > BYTES_MAX / SHARDS {
            let Some(oldest) = shard.order.pop_front() else { break };
            shard.forget(oldest);
        }
    }

    pub(super) fn forget(&self, token: i64) {
        self.shard(token).forget(token);
    }

    fn shard(&self, token: i64) -> MutexGuard<'_, Shard> {
        let shard = usize::try_from(token).unwrap_or_default() % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn forget(&mut self, token: i64) {
        if let Some(record) = self.records.remove(&token) {
            self.bytes -= bytes_of(&record);
        }
    }
}

fn bytes_of(record: &Record) -> usize {
    match &record.state {
        State::Completed { response, .. } => response.as_bytes().len() + BESIDE,
        State::InProgress { .. } | State::Indeterminate { .. } => BESIDE,
    }
}

/// Tokens are given out one after the other: spread by a multiplication.
#[derive(Debug, Default)]
struct TokenHasher(u64);

impl Hasher for TokenHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a token is hashed as a number");
    }

    fn write_i64(&mut self, token: i64) {
        self.0 = token.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Timestamp;
    use crate::fingerprint::Fingerprint;
    use crate::identity::IdentityDigest;
    use crate::record::{EffectClass, Minted, RecordedResponse, Token};
    use crate::scope::ScopeDigest;

    fn answered(token: i64, body: &[u8]) -> Record {
        let now = Timestamp::from_millis(1000);
        let response = RecordedResponse::of_work(body);
        Record {
            token: Token::from_u128(u128::try_from(token).unwrap()),
            identity: IdentityDigest::from_bytes([1; 16]),
            fingerprint: Fingerprint::from_stored(1, [1; 16]).unwrap(),
            scope: ScopeDigest::from_bytes([1; 8]),
            minted: Minted::By(now),
            class: EffectClass::Opaque,
            executions: 1,
            state: State::Completed { response, expires_at: now.after(Duration::from_mins(1)) },
        }
    }

    #[test]
    fn the_latest_are_kept_and_memory_is_bounded() {
        let recent = Recent::default();
        let body = vec![7; 1000];
        let count = i64::try_from(3 * BYTES_MAX / 1000).unwrap();
        for token in 1..=count {
            recent.keep(token, answered(token, &body));
            recent.keep(token, answered(token, &body));
        }
        assert_eq!(recent.record(count), Some(answered(count, &body)));
        assert_eq!(recent.record(1), None);
        let (bytes, records) = recent.shards.iter().fold((0, 0), |(bytes, records), shard| {
            let shard = shard.lock().unwrap();
            (bytes + shard.bytes, records + shard.records.len())
        });
        assert!((BYTES_MAX / 2..=BYTES_MAX).contains(&bytes), "{bytes} bytes");
        assert_eq!(bytes, records * bytes_of(&answered(1, &body)));
    }

    #[test]
    fn what_is_forgotten_is_gone_and_can_come_again() {
        let recent = Recent::default();
        recent.keep(5, answered(5, b"a"));
        recent.forget(5);
        recent.forget(5);
        assert_eq!(recent.record(5), None);
        recent.keep(5, answered(5, b"a"));
        assert_eq!(recent.record(5), Some(answered(5, b"a")));
    }

    #[test]
    fn one_that_would_push_out_all_others_is_not_kept() {
        let recent = Recent::default();
        recent.keep(1, answered(1, b"a"));
        recent.keep(17, answered(17, &vec![0; BYTES_MAX / SHARDS]));
        assert_eq!(recent.record(17), None);
        assert!(recent.record(1).is_some());
    }

    /// An answer of just so many bytes: with what is beside it.
    fn of_bytes(token: i64, bytes: usize) -> Record {
        let empty = bytes_of(&answered(token, b""));
        let long = |more: usize| answered(token, &vec![0; bytes - empty - more]);
        let mut records = (0..16).map(long);
        records.find(|record| bytes_of(record) == bytes).expect("its length takes a few bytes")
    }

    #[test]
    fn what_just_fits_is_kept() {
        let (recent, quarter) = (Recent::default(), BYTES_MAX / SHARDS / 4);
        for token in [1, 17, 33, 49] {
            recent.keep(token, of_bytes(token, quarter));
        }
        assert!([1, 17, 33, 49].iter().all(|token| recent.record(*token).is_some()));
        recent.keep(65, of_bytes(65, quarter + 1));
        assert_eq!(recent.record(65), None);
        assert!(recent.record(1).is_some());
    }
}
