//! The owner's sign of life.

use std::time::Duration;

use super::harness::Harness;
use super::trial::{Trial, answer};
use crate::record::EffectClass;
use crate::record::transition::{ClaimOutcome, Ended, RenewOutcome};

/// However long the work takes: an owner that shows it is alive is not overtaken.
pub async fn a_renewed_lease_is_not_taken_over<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let lease = trial.time.lease();
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        for _ in 0..4 {
            trial.time.pass(lease / 2).await;
            let renewed = trial.renew(id, token, lease).await;
            assert_eq!(renewed, RenewOutcome::Renewed, "{class:?}");
        }
        let told = trial.retry(id, *class).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");
    }
}

/// A renewal that arrives late, or asks for less, takes nothing away.
pub async fn a_renewal_never_shortens_a_lease<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        let renewed = trial.renew(id, token, Duration::ZERO).await;
        assert_eq!(renewed, RenewOutcome::Renewed, "{class:?}");
        let told = trial.retry(id, *class).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");
    }
}

/// A token that is not the current one, or an execution that has ended, is told that it lost.
pub async fn only_the_owner_of_a_running_execution_renews<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let lease = trial.time.lease();
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        let elsewhere = trial.owner(trial.key(), *class).await;
        let lost = trial.renew(id, elsewhere, lease).await;
        assert_eq!(lost, RenewOutcome::Lost, "{class:?}: the token of another key");
        let lost = trial.renew(trial.key(), token, lease).await;
        assert_eq!(lost, RenewOutcome::Lost, "{class:?}: a key that nobody claimed");

        if *class != EffectClass::Opaque {
            trial.leases_end().await;
            let second = trial.granted(id, trial.ask(*class)).await.token;
            assert_eq!(trial.renew(id, token, lease).await, RenewOutcome::Lost, "{class:?}: late");
            assert_eq!(trial.renew(id, second, lease).await, RenewOutcome::Renewed, "{class:?}");
        }
        for end in [End::Completed, End::NothingDone, End::CannotSay] {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            match end {
                End::Completed => drop(trial.complete(id, token, &answer("done")).await),
                End::NothingDone => drop(trial.release(id, token, Ended::WithoutEffect).await),
                End::CannotSay => drop(trial.release(id, token, Ended::EffectUnknown).await),
            }
            // Whatever the end left: the retry finds it, and the first owner has no part in it.
            let told = trial.retry(id, *class).await;
            let lost = trial.renew(id, token, lease).await;
            assert_eq!(lost, RenewOutcome::Lost, "{class:?}, {end:?}; a retry was told {told:?}");
        }
    }
}

#[derive(Debug)]
enum End {
    Completed,
    NothingDone,
    CannotSay,
}
