//! The evidence that Seiriken keeps its promises.
//!
//! Each gate is a module with one function, `run`: it does its work and answers a
//! [`Report`](report::Report). `cargo xtask prove` runs them all in the size for every change, `cargo xtask
//! campaign GATE --minutes N` one of them for as long as one likes.
//!
//! ```text
//! effort  how much a gate is to do
//! report  what it says in the end
//! random  the same chance in every run
//!
//! model      every state that a key's record can come to, by the shipped transition function
//! histories  the engine in a world where everything goes wrong
//! mistakes   planted, each is found
//! sweep      every store call at fault, every poll the last one, every frame cut
//! kills      real processes, killed and stopped
//! power      what is on the disk after a loss of power
//! disk       disks that are full or fail, at any call
//! corpora    what a fuzzer has found, and what is near it
//! fuzz       what a fuzzer holds the code to
//! strace     how processes are traced, and their calls made to fail
//! ```

pub mod corpora;
pub mod disk;
pub mod effort;
pub mod fleet;
pub mod fuzz;
pub mod histories;
pub mod kills;
#[cfg(seiriken_proof)]
pub mod mistakes;
pub mod model;
pub mod power;
pub mod random;
pub mod report;
mod strace;
pub mod sweep;
mod witness;
