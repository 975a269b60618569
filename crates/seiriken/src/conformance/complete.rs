//! The answer: who may record it, and what every retry is given.

use super::harness::Harness;
use super::trial::{Trial, answer};
use crate::record::transition::{
    ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use crate::record::{EffectClass, RecordedResponse};

/// Status, fields in their order and number, trailers and body come back as they were recorded.
pub async fn an_answer_is_replayed_byte_for_byte<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for (what, response) in answers() {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            let recorded = trial.complete(id, token, &response).await;
            assert_eq!(recorded, CompleteOutcome::Recorded, "{class:?}: {what}");
            for _ in 0..2 {
                let ClaimOutcome::Completed(told) = trial.retry(id, *class).await else {
                    panic!("{class:?}: {what}: the answer is recorded and not given");
                };
                assert!(told.as_bytes() == response.as_bytes(), "{class:?}: {what}");
                assert!(told.headers().eq(response.headers()), "{class:?}: {what}: headers");
                assert!(told.trailers().eq(response.trailers()), "{class:?}: {what}: trailers");
                assert_eq!(told.status(), response.status(), "{class:?}: {what}");
                assert_eq!(told.body(), response.body(), "{class:?}: {what}");
                assert_eq!(told.body_kept(), response.body_kept(), "{class:?}: {what}");
            }
        }
    }
}

/// When the acknowledgement of a completion was lost, completing again is safe.
pub async fn the_same_answer_twice_is_recorded_once<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        for _ in 0..3 {
            let recorded = trial.complete(id, token, &answer("once")).await;
            assert_eq!(recorded, CompleteOutcome::Recorded, "{class:?}");
        }
        trial.assert_replayed(id, *class, &answer("once")).await;
    }
}

/// Not even its own owner changes it; it is told what stands.
pub async fn an_answer_that_stands_never_changes<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        trial.complete(id, token, &answer("first")).await;
        let told = trial.complete(id, token, &answer("second")).await;
        assert_eq!(told, CompleteOutcome::Stale(Some(answer("first"))), "{class:?}");
        for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
            let told = trial.release(id, token, ended).await;
            assert_eq!(told, ReleaseOutcome::Stale, "{class:?}: {ended:?}");
        }
        trial.assert_replayed(id, *class, &answer("first")).await;
    }
}

/// No clock decides whether an answer counts: the lease ended, and nobody took over.
pub async fn a_late_owner_completes_while_nobody_took_over<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        let token = trial.owner(id, *class).await;
        trial.leases_end().await;
        let recorded = trial.complete(id, token, &answer("late")).await;
        match (class, &recorded) {
            (_, CompleteOutcome::Recorded) => {
                trial.assert_replayed(id, *class, &answer("late")).await;
            }
            // The store may have removed it before: nothing of it had happened.
            (EffectClass::Transactional, CompleteOutcome::Stale(None)) => {}
            other => panic!("a late owner is still the owner: {other:?}"),
        }
    }
}

/// The owner was only late, or found out after all: its answer resolves what was not known.
pub async fn a_late_owner_settles_an_indeterminate_key<H: Harness>(harness: &H) {
    if !harness.classes().contains(&EffectClass::Opaque) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let [vanished, cannot_say] = [trial.key(), trial.key()];
    let owner = trial.owner(vanished, EffectClass::Opaque).await;
    trial.leases_end().await;
    assert_eq!(trial.retry(vanished, EffectClass::Opaque).await, ClaimOutcome::Indeterminate);
    let owners = [(vanished, owner), (cannot_say, trial.indeterminate(cannot_say).await)];
    for (id, token) in owners {
        let recorded = trial.complete(id, token, &answer("after all")).await;
        assert_eq!(recorded, CompleteOutcome::Recorded);
        trial.assert_replayed(id, EffectClass::Opaque, &answer("after all")).await;
    }
}

/// The first owner was paused, its successor runs, or has an answer: whatever the first one does
/// when it wakes changes nothing, and it is told what stands.
pub async fn an_owner_that_was_overtaken_changes_nothing<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes().iter().filter(|class| class.may_run_again()) {
        let id = trial.key();
        let first = trial.owner(id, *class).await;
        trial.leases_end().await;
        let second = trial.granted(id, trial.ask(*class)).await.token;

        let told = trial.complete(id, first, &answer("first")).await;
        assert_eq!(told, CompleteOutcome::Stale(None), "{class:?}: nothing stands yet");
        let lost = trial.renew(id, first, trial.time.lease()).await;
        assert_eq!(lost, RenewOutcome::Lost, "{class:?}");
        for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
            let told = trial.release(id, first, ended).await;
            assert_eq!(told, ReleaseOutcome::Stale, "{class:?}: {ended:?}");
        }
        let told = trial.retry(id, *class).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");

        let recorded = trial.complete(id, second, &answer("second")).await;
        assert_eq!(recorded, CompleteOutcome::Recorded, "{class:?}: the successor is the owner");
        let told = trial.complete(id, first, &answer("first")).await;
        assert_eq!(told, CompleteOutcome::Stale(Some(answer("second"))), "{class:?}");
        trial.assert_replayed(id, *class, &answer("second")).await;
    }
}

/// A completion needs a claim.
pub async fn nothing_is_recorded_for_an_unknown_execution<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let [unclaimed, running, freed] = [trial.key(), trial.key(), trial.key()];
        let running_token = trial.owner(running, *class).await;
        let freed_token = trial.owner(freed, *class).await;
        trial.release(freed, freed_token, Ended::WithoutEffect).await;
        for (id, token) in
            [(unclaimed, running_token), (running, freed_token), (freed, freed_token)]
        {
            let told = trial.complete(id, token, &answer("from nowhere")).await;
            assert_eq!(told, CompleteOutcome::Stale(None), "{class:?}");
        }
        let told = trial.retry(running, *class).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");
        trial.owner(unclaimed, *class).await;
        trial.owner(freed, *class).await;
    }
}

fn answers() -> Vec<(&'static str, RecordedResponse)> {
    let headers: &[(&[u8], &[u8])] = &[
        (b"content-type", b"application/octet-stream"),
        (b"link", b"</1>; rel=next"),
        (b"x-empty", b""),
        (b"link", b"</2>; rel=last"),
        (b"x-latin-1", b"caf\xe9"),
    ];
    let trailers: &[(&[u8], &[u8])] = &[(b"digest", b"1"), (b"digest", b"2")];
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let megabyte: Vec<u8> = every_byte.iter().copied().cycle().take(1024 * 1024).collect();
    let new = |status, headers, trailers, body: &[u8]| {
        RecordedResponse::new(status, headers, trailers, body).expect("within the layout")
    };
    vec![
        ("repeated fields, in order, not UTF-8", new(201, headers, &[], b"{}")),
        ("trailers", new(200, headers, trailers, b"chunked")),
        ("trailers without headers or body", new(200, &[], trailers, b"")),
        ("every byte", new(200, headers, &[], &every_byte)),
        ("an empty body", new(204, headers, &[], b"")),
        ("an error is an answer too", new(402, &[], &[], b"no funds")),
        ("a megabyte", new(200, headers, trailers, &megabyte)),
        (
            "a body that was not kept",
            RecordedResponse::without_body(200, headers).expect("within the layout"),
        ),
    ]
}
