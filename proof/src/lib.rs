//! The evidence that Seiriken keeps its promises.
//!
//! Each gate is a module with one function, `run`: it does its work and answers a
//! [`Report`](report::Report). `cargo xtask prove` runs them all in the size for every change, `cargo xtask
//! campaign GATE --minutes N` one of them for as long as one likes.
//!
//! ```text
//! effort  how much a gate is to do
//! report  what it says in the end
//! ```

pub mod disk;
pub mod effort;
pub mod power;
pub mod report;
mod strace;
