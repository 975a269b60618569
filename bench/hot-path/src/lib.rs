//! What every request does, one operation at a time, to be measured without a network: by time
//! (`cargo bench`) and by instructions (`cargo xtask bench instructions`).
//!
//! ```text
//! parts    keys, fingerprints, records as bytes
//! claims   the memory store alone
//! layered  a service on axum, without the layer and with it
//! inputs   what all of them work on: the same in every run
//! ```
//!
//! Nothing here waits: whatever has to be polled is done when it was polled once. Keys, the store's
//! secret and the time are fixed, so that one run takes the instructions that another one took.

mod claims;
mod inputs;
mod layered;
mod parts;

use std::fmt;
use std::pin::pin;
use std::task::{self, Poll, Waker};

use anyhow::Context;

/// One operation of the hot path.
#[derive(Debug, Clone, Copy)]
pub struct HotPath {
    /// What it is called on the command line and in tables.
    pub name: &'static str,
    prepare: fn() -> anyhow::Result<Operation>,
}

/// Does it once, whenever it is called; panics when what comes of it is wrong.
pub type Operation = Box<dyn FnMut()>;

/// All of them, from the smallest to a whole request.
pub const ALL: [HotPath; 14] = [
    HotPath { name: "key", prepare: || Ok(parts::read_key()) },
    HotPath { name: "fingerprint-bytes", prepare: || Ok(parts::order_by_bytes()) },
    HotPath { name: "fingerprint-canonical", prepare: || Ok(parts::order_as_canonical_json()) },
    HotPath { name: "fingerprint-bytes-1k", prepare: parts::document_by_bytes },
    HotPath { name: "fingerprint-canonical-1k", prepare: parts::document_as_canonical_json },
    HotPath { name: "record-encode", prepare: parts::encode },
    HotPath { name: "record-decode", prepare: parts::decode },
    HotPath { name: "memory-claim-complete", prepare: claims::claim_and_complete },
    HotPath { name: "memory-claim-finished", prepare: claims::claim_finished },
    HotPath { name: "bare-post", prepare: || Ok(layered::bare_post()) },
    HotPath { name: "bare-get", prepare: || Ok(layered::bare_get()) },
    HotPath { name: "layer-new", prepare: layered::new_key },
    HotPath { name: "layer-replay", prepare: layered::replay },
    HotPath { name: "layer-get", prepare: layered::unguarded_get },
];

// === impl HotPath ===

impl HotPath {
    /// The one of this name.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        let found = ALL.into_iter().find(|path| path.name == name);
        found.with_context(|| format!("no operation is called {name:?}"))
    }

    /// Makes what it needs. To be called, and the operation too, in the context of a tokio runtime.
    pub fn prepared(self) -> anyhow::Result<Operation> {
        (self.prepare)()
    }
}

impl fmt::Display for HotPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What comes of a future that waits for nothing.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("an operation of the hot path waited for something"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each asserts of itself that it does what it is called.
    #[tokio::test]
    async fn every_operation_can_be_repeated() {
        for path in ALL {
            let mut operation = path.prepared().unwrap();
            (0..3).for_each(|_| operation());
        }
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        for path in ALL {
            assert!(HotPath::named(path.name).is_ok());
            let namesakes = ALL.iter().filter(|other| other.name == path.name);
            assert_eq!(namesakes.count(), 1, "{path}");
        }
        assert!(HotPath::named("coffee").is_err());
    }
}
