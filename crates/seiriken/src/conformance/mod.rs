//! The suite that every store passes, also one that was written elsewhere.
//!
//! Each clause of the [store contract](crate::store) is a function of its own here, named as the
//! sentence that it holds the store to. A store's author writes a [`Harness`], which says what the
//! store is like, and one test that calls [`run_all`]:
//!
//! ```
//! use std::sync::Arc;
//!
//! use seiriken::clock::{ManualClock, Timestamp};
//! use seiriken::conformance::{self, Harness, Restarts, Stop, Time};
//! use seiriken::record::EffectClass;
//! use seiriken::store::MemoryStore;
//!
//! struct Memory(Arc<ManualClock>);
//!
//! impl Harness for Memory {
//!     type Store = MemoryStore;
//!
//!     async fn fresh(&self) -> MemoryStore {
//!         MemoryStore::with_clock(Arc::clone(&self.0)).expect("the system has randomness")
//!     }
//!
//!     fn classes(&self) -> &[EffectClass] {
//!         &[EffectClass::Keyed, EffectClass::Opaque]
//!     }
//!
//!     fn time(&self) -> Time {
//!         Time::Moved(Arc::clone(&self.0))
//!     }
//!
//!     fn restarts(&self) -> Restarts {
//!         Restarts::Forgets
//!     }
//!
//!     async fn restart(&self, _ended: MemoryStore, _: Stop) -> MemoryStore {
//!         self.fresh().await
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a crate's tests: #[tokio::test(flavor = "multi_thread")] async fn …
//! let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
//! conformance::run_all(&Memory(Arc::new(clock))).await;
//! # }
//! ```
//!
//! Run it on a runtime with several threads, or the clauses on concurrency see little of it. The
//! suite needs Tokio; the store itself need not.
//!
//! A store that a person can look into ([`Operate`]) passes [`run_operate`] as well.
//!
//! What differs between good stores (which effects they carry, whether their clock can be moved,
//! what a restart leaves) is said in the harness and changes what a clause expects. No clause is
//! left out for a store. A later version may add clauses: passing an earlier suite is no promise
//! to pass a later one.
#![expect(
    clippy::missing_panics_doc,
    reason = "a clause that is broken panics: that is all a clause does"
)]

pub mod cancellation;
pub mod claim;
pub mod complete;
pub mod concurrency;
pub mod dated;
pub mod expiry;
mod harness;
mod model;
pub mod operate;
pub mod quota;
mod random;
pub mod release;
pub mod renew;
pub mod restart;
pub mod sequences;
mod trial;

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

pub use harness::{Harness, OwnersAfterRestart, Restarts, Stop, Time};

use crate::store::{Operate, Store};

/// A clause that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The clause: its module and its name, `complete::an_answer_is_replayed_byte_for_byte`, say.
    pub clause: &'static str,
    /// In what way.
    pub how: String,
}

/// Holds a store to every clause.
///
/// # Panics
/// When it breaks any: the message names each clause that is broken.
pub async fn run_all<H: Harness>(harness: &H) {
    assert_none(&broken(harness).await);
}

/// Holds a store to the clauses of [`Operate`].
///
/// # Panics
/// When it breaks any: the message names each clause that is broken.
pub async fn run_operate<H: Harness<Store: Operate>>(harness: &H) {
    assert_none(&broken_by_operating(harness).await);
}

fn assert_none(broken: &[Broken]) {
    let list: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "the store breaks its contract in\n  {}", list.join("\n  "));
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.clause, self.how)
    }
}

macro_rules! clauses {
    (
        $(#[$about_names:meta])* $names:ident,
        $(#[$about_run:meta])* $run:ident<H: Harness<Store: $contract:ident>>;
        $($file:ident: $($clause:ident),+;)+
    ) => {
        $(#[$about_names])*
        pub const $names: &[&str] =
            &[$($(concat!(stringify!($file), "::", stringify!($clause)),)+)+];

        $(#[$about_run])*
        pub async fn $run<H: Harness<Store: $contract>>(harness: &H) -> Vec<Broken> {
            let mut broken = Vec::new();
            $($(
                let name = concat!(stringify!($file), "::", stringify!($clause));
                // Boxed: together their futures are large for a stack.
                broken.extend(Box::pin(breach(name, $file::$clause(harness))).await);
            )+)+
            broken
        }
    };
}

clauses! {
    /// Every clause, in the order in which [`run_all`] goes through them.
    CLAUSES,
    /// Runs every clause, and answers which are broken.
    broken<H: Harness<Store: Store>>;
    claim:
        the_store_carries_what_its_harness_says,
        the_first_claim_is_granted,
        the_same_attempt_is_granted_again_with_the_same_token,
        a_running_operation_is_said_to_be_running,
        another_request_is_a_mismatch_however_far_the_first_is,
        another_identity_is_refused_before_anything_is_compared,
        an_ended_lease_ends_as_its_class_says,
        a_takeover_is_for_the_same_request_alone;
    renew:
        a_renewed_lease_is_not_taken_over,
        a_renewal_never_shortens_a_lease,
        only_the_owner_of_a_running_execution_renews;
    complete:
        an_answer_is_replayed_byte_for_byte,
        the_same_answer_twice_is_recorded_once,
        an_answer_that_stands_never_changes,
        a_late_owner_completes_while_nobody_took_over,
        a_late_owner_settles_an_indeterminate_key,
        an_owner_that_was_overtaken_changes_nothing,
        nothing_is_recorded_for_an_unknown_execution;
    release:
        a_release_frees_only_where_nothing_happened,
        after_a_takeover_a_keyed_release_frees_nothing,
        only_the_owner_of_a_running_execution_releases,
        a_token_never_repeats;
    expiry:
        a_lease_ends_at_its_time,
        an_answer_is_kept_for_retention_and_skew,
        after_expiry_a_key_is_new,
        an_unknown_outcome_is_kept_for_thirty_days,
        an_abandoned_keyed_claim_is_kept_for_its_own_request;
    dated:
        a_key_older_than_the_retention_is_expired,
        a_key_past_its_own_end_is_expired,
        a_key_from_the_future_is_refused,
        an_answer_outlives_the_age_of_its_key,
        a_forgotten_key_stays_expired_when_the_retention_grows,
        a_restart_forgets_no_dated_key;
    quota:
        beyond_the_quota_new_keys_are_refused,
        each_scope_has_a_quota_of_its_own,
        answers_count_by_their_bytes,
        a_restart_loses_no_count;
    cancellation:
        a_claim_may_be_dropped_at_any_point,
        a_completion_may_be_dropped_at_any_point,
        a_release_may_be_dropped_at_any_point;
    concurrency:
        of_many_claims_one_is_granted,
        of_many_takeovers_one_is_granted,
        of_many_answers_one_stands,
        what_is_answered_is_what_some_order_would_answer;
    sequences:
        any_sequence_is_answered_as_the_transition_function_answers;
    restart:
        an_answer_survives,
        a_running_execution_is_settled_by_its_class,
        an_unknown_outcome_survives,
        the_secret_survives,
        a_token_is_not_given_out_again,
        an_owner_from_before_changes_nothing_of_its_successor;
}

clauses! {
    /// Every clause of [`Operate`], in the order in which [`run_operate`] goes through them.
    OPERATE_CLAUSES,
    /// Runs every clause of [`Operate`], and answers which are broken.
    broken_by_operating<H: Harness<Store: Operate>>;
    operate:
        what_stands_is_shown_as_a_claim_finds_it,
        a_list_comes_past_every_record,
        a_list_has_what_its_filter_takes,
        how_many_there_are_is_told_about,
        an_unknown_outcome_resolved_as_done_is_replayed,
        an_unknown_outcome_resolved_as_not_done_frees_its_key,
        only_an_unknown_outcome_is_resolved,
        an_abandoned_effect_is_resolved_though_nobody_came_upon_it,
        of_a_late_owner_and_a_person_one_settles_it,
        of_two_persons_one_settles_it,
        a_key_is_deleted_unless_it_runs,
        what_a_person_settled_survives_a_restart;
}

/// Runs one clause; `Some` when it panics.
async fn breach(clause: &'static str, run: impl Future<Output = ()>) -> Option<Broken> {
    // What the clause leaves half-done is its own store, which nobody uses after it.
    let panic = AssertUnwindSafe(run).catch_unwind().await.err()?;
    Some(Broken { clause, how: message(&*panic) })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").to_owned()
}
