//! Which row each stored key has, in as little memory as an exact answer takes.
//!
//! The whole id is kept: a key that is not there is told so without a look at the file. What a
//! claim, a sweeper or a quota needs beside the row's number stands in the row.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use crate::scope::RecordId;

/// A stored key: 24 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: RecordId,
    /// The number of its row.
    pub(super) token: i64,
}

/// Stored keys: the entries one after the other, and a hash table of where each of them is.
#[derive(Debug, Default)]
pub(super) struct Compact {
    entries: Vec<Entry>,
    places: HashTable<u32>,
}

/// By so much the entries grow when they are full, and never by less than a few.
const GROWTH: usize = 8;
const FEW: usize = 4;

impl Compact {
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn get(&self, id: &RecordId) -> Option<i64> {
        let found = self.places.find(hash(id), |at| self.entries[place(*at)].id == *id);
        found.map(|at| self.entries[place(*at)].token)
    }

    /// Puts a key there; answers the row that it had.
    pub(super) fn put(&mut self, id: RecordId, token: i64) -> Option<i64> {
        let Self { entries, places } = self;
        let same = |at: &u32| entries[place(*at)].id == id;
        match places.entry(hash(&id), same, |at| hash(&entries[place(*at)].id)) {
            Place::Occupied(at) => {
                let entry = &mut entries[place(*at.get())];
                Some(std::mem::replace(&mut entry.token, token))
            }
            Place::Vacant(free) => {
                let at = u32::try_from(entries.len()).expect("a shard has room for 2^32 keys");
                free.insert(at);
                if entries.len() == entries.capacity() {
                    // Doubling would leave half of the memory unused.
                    entries.reserve_exact((entries.len() / GROWTH).max(FEW));
                }
                entries.push(Entry { id, token });
                None
            }
        }
    }

    /// Takes a key away; answers the row that it had.
    pub(super) fn remove(&mut self, id: &RecordId) -> Option<i64> {
        let same = |at: &u32| self.entries[place(*at)].id == *id;
        let (gap, _) = self.places.find_entry(hash(id), same).ok()?.remove();
        let removed = self.entries.swap_remove(place(gap));
        if let Some(moved) = self.entries.get(place(gap)) {
            let was = self.entries.len();
            let moved = self.places.find_mut(hash(&moved.id), |at| place(*at) == was);
            *moved.expect("every entry has a place") = gap;
        }
        if self.entries.capacity() > 2 * (self.entries.len() + FEW) {
            self.fit();
        }
        Some(removed.token)
    }

    /// Makes room for so many keys more, at once.
    pub(super) fn expect(&mut self, keys: usize) {
        let Self { entries, places } = self;
        entries.reserve_exact(keys);
        places.reserve(keys, |at| hash(&entries[place(*at)].id));
    }

    /// How many keys there is room for.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.entries.capacity()
    }

    /// Gives back what is not needed for now, or soon.
    pub(super) fn fit(&mut self) {
        let Self { entries, places } = self;
        let most = entries.len() + entries.len() / GROWTH + FEW;
        entries.shrink_to(most);
        places.shrink_to(entries.len(), |at| hash(&entries[place(*at)].id));
    }
}

fn place(at: u32) -> usize {
    at as usize
}

/// A record id is the output of a keyed hash already.
fn hash(id: &RecordId) -> u64 {
    let (first, second) = id.as_bytes().split_at(8);
    let number = |half: &[u8]| half.try_into().map_or(0, u64::from_le_bytes);
    number(first) ^ number(second)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> RecordId {
        RecordId::from_bytes([number; 16])
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((any::<u8>(), any::<Option<i64>>()), 0..800)) {
            let (mut compact, mut map) = (Compact::default(), HashMap::new());
            for (number, token) in steps {
                let (held, expected) = match token {
                    Some(token) => (compact.put(id(number), token), map.insert(number, token)),
                    None => (compact.remove(&id(number)), map.remove(&number)),
                };
                prop_assert_eq!(held, expected);
                prop_assert_eq!(compact.entries().len(), map.len());
            }
            for number in 0..=255 {
                prop_assert_eq!(compact.get(&id(number)), map.get(&number).copied());
            }
        }
    }

    #[test]
    fn a_key_takes_less_than_forty_eight_bytes() {
        let mut compact = Compact::default();
        for number in 0..100_000_u128 {
            let bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            compact.put(RecordId::from_bytes(bits.to_le_bytes()), 1);
            let keys = compact.entries().len();
            if keys > 1000 {
                let entries = compact.entries.capacity() * size_of::<Entry>();
                let bytes = entries + compact.places.allocation_size();
                assert!(bytes <= keys * 40, "{bytes} bytes for {keys} keys");
            }
        }
    }

    #[test]
    fn memory_is_given_back() {
        let mut compact = Compact::default();
        let ids = (0..10_000_u128).map(|number| RecordId::from_bytes(number.to_le_bytes()));
        assert!(ids.clone().all(|id| compact.put(id, 1).is_none()));
        let full = compact.entries.capacity();
        assert!(ids.skip(100).all(|id| compact.remove(&id) == Some(1)));
        assert!(compact.entries.capacity() < full / 40, "{}", compact.entries.capacity());
        assert_eq!(compact.entries().len(), 100);
    }

    /// A ninth of the room may lie idle while keys come, and half of it while they go; and room is made,
    /// or given back, in steps, since each of them copies all keys.
    #[test]
    fn room_follows_the_keys_in_steps() {
        let id = |number: u128| RecordId::from_bytes(number.to_le_bytes());
        let (mut compact, mut room) = (Compact::default(), 0);
        for number in 0..2000 {
            let keys = compact.entries.len();
            if keys == room {
                room = keys + (keys / 8).max(4);
            }
            compact.put(id(number), 1);
            assert_eq!(compact.entries.capacity(), room, "with {} keys", keys + 1);
        }
        for number in 0..2000 {
            compact.remove(&id(number));
            let keys = compact.entries.len();
            if room > 2 * (keys + 4) {
                room = keys + keys / 8 + 4;
            }
            assert_eq!(compact.entries.capacity(), room, "with {keys} keys left");
        }
    }

    #[test]
    fn room_for_keys_that_are_expected_is_made_at_once() {
        let mut compact = Compact::default();
        compact.expect(1000);
        let room = |compact: &Compact| (compact.entries.capacity(), compact.places.capacity());
        let made = room(&compact);
        assert!(made.0 == 1000 && made.1 >= 1000, "{made:?}");
        for number in 0..1000_u128 {
            compact.put(RecordId::from_bytes(number.to_le_bytes()), 1);
        }
        assert_eq!(room(&compact), made);
    }

    #[test]
    fn each_half_of_an_id_tells_it_apart() {
        let hash_of = |halves: [u64; 2]| {
            let bytes = u128::from(halves[0]) | u128::from(halves[1]) << 64;
            hash(&RecordId::from_bytes(bytes.to_le_bytes()))
        };
        for other in [0, u64::MAX] {
            assert_ne!(hash_of([1, other]), hash_of([2, other]));
            assert_ne!(hash_of([other, 1]), hash_of([other, 2]));
        }
    }
}
