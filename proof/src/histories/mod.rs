//! Histories: the shipped engine, its shipped store in memory and the shipped client's judgement,
//! in a world where messages are lost, late and repeated, processes die and stand still, and clocks
//! jump. Whatever happens in one is decided by its plan, and the plan by its seed.
//!
//! ```text
//! plan     what happens and what goes wrong        draw   a plan from a seed
//! world    time, processes, the store's clock      store  the store at the end of a network
//! service  a process: engine, handler, answers     client one that wants something done
//! cluster  the processes, and what befalls them    run    plays a plan to its end
//! judge    sees everything that happens            rules  what may be told to whom, and when
//! person   one who settles or forgets keys         desk   what the judge knows of that
//! shrink   a finding with as few events as possible
//! gate     how many are played, and what must have been seen in them
//! ```

mod client;
mod cluster;
mod desk;
mod draw;
mod gate;
mod judge;
mod mark;
mod person;
pub mod plan;
mod rules;
mod run;
mod service;
mod shrink;
mod store;
mod world;

pub use draw::plan as draw;
pub use gate::{run, show};
pub use mark::{Mark, Marks};
pub use run::{Played, catch_panics, play};
pub use shrink::shrink;
