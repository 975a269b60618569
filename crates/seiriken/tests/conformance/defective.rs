//! Stores that are right but for one thing each, and the clause that has to say so: a suite that
//! lets one of them pass tests nothing there.

use std::sync::Arc;

use seiriken::clock::ManualClock;
use seiriken::conformance::{self, Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::EffectClass;

use super::defective_store::Defective;
use super::manual_clock;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    None,
    ReadsThenWritesTheClaim,
    ReadsThenWritesTheAnswer,
    WritesAClaimInTwoHalves,
    ForgetsTheAttempt,
    IgnoresTheIdentity,
    ComparesTheRequestBeforeTheIdentity,
    ReplaysBeforeTheFingerprintCheck,
    SaysRunningBeforeTheFingerprintCheck,
    NamesTheWrongKind,
    TakesOverAnOpaqueEffect,
    TakesOverForAnyRequest,
    NeverTakesOver,
    RenewsNothing,
    RenewsForAnybody,
    ShortensALease,
    CompletesWithoutTheToken,
    ReplacesAnAnswer,
    RefusesALateOwner,
    LeavesIndeterminateAsItIs,
    ForgetsTrailers,
    ForgetsThatTheBodyWasNotKept,
    ReleasesWithoutTheToken,
    FreesAKeyedKeyAfterATakeover,
    FreesWhatIsNotKnown,
    CountsTokensPerRecord,
    CountsTokensPerProcess,
    ForgetsTheSkew,
    KeepsAMillisecondTooLong,
    ForgetsIndeterminateWithTheAnswers,
    ForgetsWhatARestartKeeps,
    IgnoresTheDate,
    IgnoresTheEndOfAKey,
    ForgetsThatItForgot,
    TakesAnyFuture,
    HasNoQuota,
    CountsNoBytes,
    CountsForAllScopes,
}

/// Every defect, and the clause that finds it (others may as well).
const FOUND_BY: &[(Defect, &str)] = &[
    (Defect::ReadsThenWritesTheClaim, "concurrency::of_many_claims_one_is_granted"),
    (Defect::ReadsThenWritesTheClaim, "concurrency::of_many_takeovers_one_is_granted"),
    (
        Defect::ReadsThenWritesTheClaim,
        "concurrency::what_is_answered_is_what_some_order_would_answer",
    ),
    (Defect::ReadsThenWritesTheAnswer, "concurrency::of_many_answers_one_stands"),
    (Defect::WritesAClaimInTwoHalves, "cancellation::a_claim_may_be_dropped_at_any_point"),
    (Defect::ForgetsTheAttempt, "claim::the_same_attempt_is_granted_again_with_the_same_token"),
    (Defect::IgnoresTheIdentity, "claim::another_identity_is_refused_before_anything_is_compared"),
    (
        Defect::ComparesTheRequestBeforeTheIdentity,
        "claim::another_identity_is_refused_before_anything_is_compared",
    ),
    (
        Defect::ReplaysBeforeTheFingerprintCheck,
        "claim::another_request_is_a_mismatch_however_far_the_first_is",
    ),
    (
        Defect::SaysRunningBeforeTheFingerprintCheck,
        "claim::another_request_is_a_mismatch_however_far_the_first_is",
    ),
    (Defect::NamesTheWrongKind, "claim::another_request_is_a_mismatch_however_far_the_first_is"),
    (Defect::TakesOverAnOpaqueEffect, "claim::an_ended_lease_ends_as_its_class_says"),
    (Defect::TakesOverForAnyRequest, "claim::a_takeover_is_for_the_same_request_alone"),
    (Defect::NeverTakesOver, "claim::an_ended_lease_ends_as_its_class_says"),
    (Defect::RenewsNothing, "renew::a_renewed_lease_is_not_taken_over"),
    (Defect::RenewsForAnybody, "renew::only_the_owner_of_a_running_execution_renews"),
    (Defect::ShortensALease, "renew::a_renewal_never_shortens_a_lease"),
    (Defect::CompletesWithoutTheToken, "complete::an_owner_that_was_overtaken_changes_nothing"),
    (Defect::CompletesWithoutTheToken, "complete::nothing_is_recorded_for_an_unknown_execution"),
    (Defect::ReplacesAnAnswer, "complete::an_answer_that_stands_never_changes"),
    (Defect::RefusesALateOwner, "complete::a_late_owner_completes_while_nobody_took_over"),
    (Defect::LeavesIndeterminateAsItIs, "complete::a_late_owner_settles_an_indeterminate_key"),
    (Defect::ForgetsTrailers, "complete::an_answer_is_replayed_byte_for_byte"),
    (Defect::ForgetsThatTheBodyWasNotKept, "complete::an_answer_is_replayed_byte_for_byte"),
    (Defect::ReleasesWithoutTheToken, "release::only_the_owner_of_a_running_execution_releases"),
    (
        Defect::FreesAKeyedKeyAfterATakeover,
        "release::after_a_takeover_a_keyed_release_frees_nothing",
    ),
    (Defect::FreesWhatIsNotKnown, "release::a_release_frees_only_where_nothing_happened"),
    (Defect::CountsTokensPerRecord, "release::a_token_never_repeats"),
    (Defect::CountsTokensPerProcess, "restart::a_token_is_not_given_out_again"),
    (Defect::ForgetsTheSkew, "expiry::an_answer_is_kept_for_retention_and_skew"),
    (Defect::ForgetsTheSkew, "expiry::an_abandoned_keyed_claim_is_kept_for_its_own_request"),
    (Defect::KeepsAMillisecondTooLong, "expiry::an_answer_is_kept_for_retention_and_skew"),
    (
        Defect::ForgetsIndeterminateWithTheAnswers,
        "expiry::an_unknown_outcome_is_kept_for_thirty_days",
    ),
    (Defect::ForgetsWhatARestartKeeps, "restart::an_answer_survives"),
    (Defect::ForgetsWhatARestartKeeps, "restart::a_running_execution_is_settled_by_its_class"),
    (Defect::ForgetsWhatARestartKeeps, "restart::an_unknown_outcome_survives"),
    (Defect::ForgetsWhatARestartKeeps, "restart::the_secret_survives"),
    (Defect::IgnoresTheDate, "dated::a_key_older_than_the_retention_is_expired"),
    (Defect::IgnoresTheDate, "dated::a_key_from_the_future_is_refused"),
    (Defect::IgnoresTheEndOfAKey, "dated::a_key_past_its_own_end_is_expired"),
    (Defect::ForgetsThatItForgot, "dated::a_forgotten_key_stays_expired_when_the_retention_grows"),
    (Defect::TakesAnyFuture, "dated::a_key_from_the_future_is_refused"),
    (Defect::TakesAnyFuture, "dated::an_answer_outlives_the_age_of_its_key"),
    (Defect::HasNoQuota, "quota::beyond_the_quota_new_keys_are_refused"),
    (Defect::CountsNoBytes, "quota::answers_count_by_their_bytes"),
    (Defect::CountsForAllScopes, "quota::each_scope_has_a_quota_of_its_own"),
];

/// All others show in a random sequence as well.
const NOT_SEQUENTIAL: &[Defect] = &[
    Defect::ReadsThenWritesTheClaim,
    Defect::ReadsThenWritesTheAnswer,
    Defect::WritesAClaimInTwoHalves,
    Defect::CountsTokensPerProcess,
    Defect::ForgetsWhatARestartKeeps,
    // The sequences record whole bodies without trailers.
    Defect::ForgetsTrailers,
    Defect::ForgetsThatTheBodyWasNotKept,
    // The sequences' keys have no dates, and there is room for them.
    Defect::IgnoresTheDate,
    Defect::IgnoresTheEndOfAKey,
    Defect::ForgetsThatItForgot,
    Defect::TakesAnyFuture,
    Defect::HasNoQuota,
    Defect::CountsNoBytes,
    Defect::CountsForAllScopes,
    // Too rare a moment for a random clock.
    Defect::KeepsAMillisecondTooLong,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_its_defect_the_store_of_these_tests_keeps_the_contract() {
    conformance::run_all(&Bench::new(Defect::None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_defect_is_found_by_the_clause_that_is_about_it() {
    let mut last: Option<(Defect, Vec<&str>)> = None;
    for (defect, clause) in FOUND_BY {
        assert!(conformance::CLAUSES.contains(clause), "{clause} is a clause");
        let clauses = match last.take() {
            Some((known, clauses)) if known == *defect => clauses,
            _ => {
                let broken = conformance::broken(&Bench::new(*defect)).await;
                broken.into_iter().map(|broken| broken.clause).collect()
            }
        };
        assert!(clauses.contains(clause), "{defect:?} is not found by {clause}, but {clauses:?}");
        let in_sequence = clauses.iter().any(|clause| clause.starts_with("sequences::"));
        assert!(in_sequence || NOT_SEQUENTIAL.contains(defect), "{defect:?} in no sequence");
        last = Some((*defect, clauses));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_report_names_every_clause_that_is_broken() {
    let run = tokio::spawn(async {
        conformance::run_all(&Bench::new(Defect::ShortensALease)).await;
    });
    let panic = run.await.expect_err("the store breaks its contract").into_panic();
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("\n  renew::a_renewal_never_shortens_a_lease: "), "{message}");
}

/// The harness of a store with this defect.
struct Bench {
    defect: Defect,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new(defect: Defect) -> Self {
        Self { defect, clock: manual_clock() }
    }
}

impl Harness for Bench {
    type Store = Defective;

    async fn fresh(&self) -> Defective {
        Defective::new(self.defect, Arc::clone(&self.clock))
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.clock))
    }

    /// As a store that several processes share: its leases go on.
    fn restarts(&self) -> Restarts {
        Restarts::Keeps { owners: OwnersAfterRestart::MayLive }
    }

    async fn restart(&self, store: Defective, _: Stop) -> Defective {
        store.opened_again()
    }
}
