//! What safe retries cost: the order service measured beside a server that does the same without
//! keys and without a store.
//!
//! ```text
//! orders     `cargo xtask bench orders`: the systems in interleaved rounds, and the tables
//! layout/    `cargo xtask bench layout`: two ways to lay out rows in SQLite
//! hot_path/  what every request does, one operation at a time: for divan and for callgrind
//! instructions/  `cargo xtask bench instructions`: that path by callgrind
//! load/      the generator: keep-alive connections that check every answer
//! bare       the baseline: the same POST /orders on axum alone
//! order      an order as the baseline answers it and as the filler records it
//! fill       many live keys in a file, through the library
//! process    a server as a process: its CPU time, its memory, how soon it listens
//! machine    what it was measured on, down to the price of one sync
//! table      medians, and tables as documents show them
//! ```
//!
//! Nothing here asserts how fast anything is. What is asserted is that every request was answered
//! as it must be: a server that answers wrongly is quick.

pub mod bare;
mod failure;
pub mod fill;
pub mod hot_path;
pub mod instructions;
pub mod layout;
pub mod load;
mod machine;
mod order;
pub mod orders;
mod process;
mod random;
mod stopwatch;
mod table;

pub use failure::Failure;
