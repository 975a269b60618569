//! `seiriken check`: who is convicted, and who is not.
//!
//! Each broken server differs from one that passes by a single switch, and is to be convicted of
//! that alone: a tester that finds more is one that nobody believes.

mod faults;
mod program;
mod server;
mod wire;

mod convicted;
mod orders;
mod reports;
mod textbook;
mod usage;
