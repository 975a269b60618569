//! The evidence that Seiriken keeps its promises.
//!
//! Each gate is a module with one function, `run`: it does its work and answers a
//! [`Report`](report::Report). `cargo xtask prove` runs them all in the size for every change, `cargo xtask
//! campaign GATE --minutes N` one of them for as long as one likes.
//!
//! ```text
//! corpora  gate: what a fuzzer has found, and what is near it
//! effort   how much a gate is to do
//! fuzz     what a fuzzer holds the code to
//! report   what it says in the end
//! ```

pub mod corpora;
pub mod effort;
pub mod fuzz;
pub mod report;
