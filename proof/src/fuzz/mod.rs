//! What a fuzzer holds the code to: one function for each target, which takes any bytes and panics
//! where a promise is broken.
//!
//! The programs in `fuzz/` call these functions and nothing else, so that what a fuzzer has found
//! is replayed on every change, without a fuzzer ([`corpora`](crate::corpora)). Each oracle is
//! written apart from what it judges: from the RFC, or from the sentence that the code promises.
//!
//! ```text
//! key_field     the key's field, beside the parser `sfv`
//! fingerprint   canonical JSON, beside a JSON reader of our own (json) with exact numbers
//! record_codec  a record as bytes
//! operations    verbs on both stores (tried), beside the transition function (reference)
//! retry_after   what the client reads of an answer (date), and what it makes of it (replies)
//! reader        how such a function takes choices from bytes
//! ```
#![expect(clippy::missing_panics_doc, reason = "a promise that is broken panics: that is all")]

mod date;
pub mod fingerprint;
mod json;
pub mod key_field;
pub mod operations;
mod reader;
pub mod record_codec;
mod reference;
mod replies;
pub mod retry_after;
mod tried;

/// Something to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, also of its program and of its corpus.
    pub name: &'static str,
    /// Holds the code to its promises on these bytes. Answers whether they came to what is
    /// promised of good input, rather than to a refusal alone.
    pub check: fn(&[u8]) -> bool,
    /// How many mutated inputs are tried for every change.
    pub mutations: u64,
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target { name: "key_field", check: key_field::check, mutations: 800_000 },
    Target { name: "fingerprint", check: fingerprint::check, mutations: 200_000 },
    Target { name: "record_codec", check: record_codec::check, mutations: 400_000 },
    Target { name: "operations", check: operations::check, mutations: 4_000 },
    Target { name: "retry_after", check: retry_after::check, mutations: 800_000 },
];
