//! The secrets that issued keys are signed with: apart from the store's own, so that they can be
//! changed while records stand.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::secret::{Purpose, StoreSecret};

/// The secret in use, and the one before it, whose keys are still taken.
///
/// A store keeps them beside its own secret, for all its nodes. Rotating twice makes every key
/// that was issued before unknown.
pub struct IssuingSecrets {
    live: RwLock<Arc<Live>>,
}

#[derive(Clone)]
struct Live {
    current: Numbered,
    previous: Option<Numbered>,
}

/// A secret and the number that issued keys name it by.
#[derive(Clone)]
pub struct Numbered {
    /// Its number: the first is 1, each rotation takes the next.
    pub number: u32,
    /// The secret.
    pub secret: StoreSecret,
}

impl IssuingSecrets {
    /// From what a store keeps.
    pub fn new(current: Numbered, previous: Option<Numbered>) -> Self {
        Self { live: RwLock::new(Arc::new(Live { current, previous })) }
    }

    /// For a store that keeps none apart: made from its own secret.
    pub fn derived_from(secret: &StoreSecret) -> Self {
        let secret = StoreSecret::from_bytes(secret.digest(Purpose::IssuingSecret, &[]));
        Self::new(Numbered { number: 1, secret }, None)
    }

    /// Signs with `next` from now on; keys of the one before it are still taken, older ones not.
    pub fn rotate(&self, next: Numbered) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let previous = Some(live.current.clone());
        *live = Arc::new(Live { current: next, previous });
    }

    /// The one that new keys are signed with.
    pub fn current(&self) -> Numbered {
        self.live().current.clone()
    }

    /// The one that keys of the current one's predecessor are checked with.
    pub fn previous(&self) -> Option<Numbered> {
        self.live().previous.clone()
    }

    /// The one of this number, while it is live.
    pub(crate) fn numbered(&self, number: u32) -> Option<StoreSecret> {
        let live = self.live();
        [Some(&live.current), live.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|numbered| numbered.number == number)
            .map(|numbered| numbered.secret.clone())
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for IssuingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live();
        write!(f, "IssuingSecrets(number {}, hidden)", live.current.number)
    }
}

impl fmt::Debug for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Numbered({}, hidden)", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_before_is_kept_and_no_secret_is_shown() {
        let numbered =
            |number, byte| Numbered { number, secret: StoreSecret::from_bytes([byte; 32]) };
        let issuing = IssuingSecrets::new(numbered(1, 7), None);
        assert!(issuing.previous().is_none());
        issuing.rotate(numbered(2, 8));
        let before = issuing.previous().expect("kept");
        assert_eq!((before.number, before.secret.as_bytes()), (1, &[7; 32]));
        assert_eq!(format!("{before:?}"), "Numbered(1, hidden)");
        assert_eq!(format!("{issuing:?}"), "IssuingSecrets(number 2, hidden)");
    }
}
