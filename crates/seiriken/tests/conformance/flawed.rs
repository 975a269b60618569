//! Stores that do one thing wrong when a person asks, and the clause that has to say so.

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::ManualClock;
use seiriken::conformance::{self, Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Resolution, ResolveOutcome,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, Token};
use seiriken::store::{Cursor, Filter, MemoryStore, Operate, Page, Standing, Store, StoreError};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};

use super::manual_clock;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    ShowsNothing,
    LosesTheEndOfAPage,
    IgnoresTheFilter,
    CountsNothing,
    FreesWhatWasDone,
    AnswersWhatWasNotDone,
    ResolvesAnotherExecution,
    SaysThatItIsResolved,
    MissesWhomNobodyCameUpon,
    DeletesAnotherExecution,
    SaysThatItIsDeleted,
    ForgetsAtARestart,
}

/// Every flaw, and the clause that finds it (others may as well).
const FOUND_BY: &[(Flaw, &str)] = &[
    (Flaw::ShowsNothing, "operate::what_stands_is_shown_as_a_claim_finds_it"),
    (Flaw::LosesTheEndOfAPage, "operate::a_list_comes_past_every_record"),
    (Flaw::IgnoresTheFilter, "operate::a_list_has_what_its_filter_takes"),
    (Flaw::CountsNothing, "operate::how_many_there_are_is_told_about"),
    (Flaw::FreesWhatWasDone, "operate::an_unknown_outcome_resolved_as_done_is_replayed"),
    (Flaw::AnswersWhatWasNotDone, "operate::an_unknown_outcome_resolved_as_not_done_frees_its_key"),
    (Flaw::ResolvesAnotherExecution, "operate::only_an_unknown_outcome_is_resolved"),
    (Flaw::SaysThatItIsResolved, "operate::only_an_unknown_outcome_is_resolved"),
    (Flaw::SaysThatItIsResolved, "operate::of_a_late_owner_and_a_person_one_settles_it"),
    (Flaw::SaysThatItIsResolved, "operate::of_two_persons_one_settles_it"),
    (
        Flaw::MissesWhomNobodyCameUpon,
        "operate::an_abandoned_effect_is_resolved_though_nobody_came_upon_it",
    ),
    (Flaw::DeletesAnotherExecution, "operate::a_key_is_deleted_unless_it_runs"),
    (Flaw::SaysThatItIsDeleted, "operate::a_key_is_deleted_unless_it_runs"),
    (Flaw::ForgetsAtARestart, "operate::what_a_person_settled_survives_a_restart"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_its_flaw_the_store_of_these_tests_passes() {
    conformance::run_operate(&Bench::new(Flaw::None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_flaw_is_found_by_the_clause_that_is_about_it_and_every_clause_finds_one() {
    for (flaw, clause) in FOUND_BY {
        let broken = conformance::broken_by_operating(&Bench::new(*flaw)).await;
        let clauses: Vec<_> = broken.into_iter().map(|broken| broken.clause).collect();
        assert!(clauses.contains(clause), "{flaw:?} is not found by {clause}, but {clauses:?}");
    }
    for clause in conformance::OPERATE_CLAUSES {
        assert!(FOUND_BY.iter().any(|(_, finds)| finds == clause), "{clause} finds nothing");
    }
}

/// The harness of a store with this flaw.
struct Bench {
    flaw: Flaw,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new(flaw: Flaw) -> Self {
        Self { flaw, clock: manual_clock() }
    }
}

impl Harness for Bench {
    type Store = Flawed;

    async fn fresh(&self) -> Flawed {
        let inner = MemoryStore::with_clock(Arc::clone(&self.clock));
        Flawed { inner: inner.expect("the system has randomness"), flaw: self.flaw }
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.clock))
    }

    fn restarts(&self) -> Restarts {
        match self.flaw {
            Flaw::ForgetsAtARestart => Restarts::Keeps { owners: OwnersAfterRestart::MayLive },
            _ => Restarts::Forgets,
        }
    }

    async fn restart(&self, _: Flawed, _: Stop) -> Flawed {
        self.fresh().await
    }
}

struct Flawed {
    inner: MemoryStore,
    flaw: Flaw,
}

impl Flawed {
    /// The token of whatever stands, where the flaw is to take that for the one that is meant.
    async fn token(&self, id: RecordId, token: Token, flaw: Flaw) -> Result<Token, StoreError> {
        let standing = if self.flaw == flaw { self.inner.show(id).await? } else { None };
        Ok(standing.map_or(token, |record| record.token))
    }
}

impl Operate for Flawed {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        match self.flaw {
            Flaw::ShowsNothing => Ok(None),
            _ => self.inner.show(id).await,
        }
    }

    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        if self.flaw == Flaw::IgnoresTheFilter {
            return self.inner.list(&Filter::default(), from, at_most).await;
        }
        let mut page = self.inner.list(filter, from, at_most).await?;
        if self.flaw == Flaw::LosesTheEndOfAPage && page.next.is_some() {
            page.records.pop();
        }
        if self.flaw == Flaw::MissesWhomNobodyCameUpon
            && filter.state == Some(Standing::Indeterminate)
        {
            page.records.clear();
        }
        Ok(page)
    }

    async fn about_how_many(&self) -> Result<u64, StoreError> {
        match self.flaw {
            Flaw::CountsNothing => Ok(0),
            _ => self.inner.about_how_many().await,
        }
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        let token = self.token(id, token, Flaw::ResolvesAnotherExecution).await?;
        let resolution = match (self.flaw, resolution) {
            (Flaw::FreesWhatWasDone, _) => Resolution::NotDone,
            (Flaw::AnswersWhatWasNotDone, Resolution::NotDone) => {
                Resolution::Done(RecordedResponse::of_work(b""))
            }
            (_, resolution) => resolution,
        };
        let told = self.inner.resolve(id, token, resolution).await?;
        Ok(if self.flaw == Flaw::SaysThatItIsResolved { ResolveOutcome::Resolved } else { told })
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        let token = self.token(id, token, Flaw::DeletesAnotherExecution).await?;
        let told = self.inner.delete(id, token).await?;
        Ok(if self.flaw == Flaw::SaysThatItIsDeleted { DeleteOutcome::Deleted } else { told })
    }
}

impl Store for Flawed {
    fn secret(&self) -> &StoreSecret {
        self.inner.secret()
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        self.inner.issuing_secrets()
    }

    fn carries(&self, class: EffectClass) -> bool {
        self.inner.carries(class)
    }

    fn keeps_quotas(&self) -> bool {
        self.inner.keeps_quotas()
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.inner.claim(id, claim).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.inner.renew(id, token, lease).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.inner.complete(id, token, response).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.inner.release(id, token, ended).await
    }
}
