//! The tower layer in front of small services, each of which does one thing.

mod guarded;
mod shelf;

mod bodies;
mod committed;
mod dropped;
mod fields;
mod gate;
mod identities;
mod outcomes;
mod same_request;
#[cfg(feature = "faults")]
mod store_faults;
mod timeouts;
#[cfg(feature = "faults")]
mod traces;
mod uncommitted;
mod waiting;
