//! `seiriken keys` as an operator uses it: the real program, on every store.
//!
//! What there is to settle is left by a service that is killed in the middle of its work
//! ([`victim`]); what was settled is seen by the client's retry at the order service.
#![cfg(unix)]

mod admin;
mod changes;
mod lists;
mod night;
mod orders;
mod program;
mod socket;
mod stores;
mod victim;
