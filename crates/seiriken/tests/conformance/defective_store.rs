//! A map, the transition function, and something wrong in between.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Surroundings, Transition, Usage,
};
use seiriken::record::{
    AttemptId, EffectClass, Record, RecordedResponse, Retention, State, Token, codec,
};
use seiriken::store::{Store, StoreError};
use seiriken::{FingerprintKind, IssuingSecrets, Quota, RecordId, ScopeDigest, StoreSecret};

use super::defective::Defect;

/// A store that is right but for one thing.
pub(super) struct Defective {
    defect: Defect,
    secret: StoreSecret,
    issuing: IssuingSecrets,
    clock: Arc<ManualClock>,
    last_token: AtomicU64,
    records: Mutex<HashMap<RecordId, Record>>,
}

impl Defective {
    pub(super) fn new(defect: Defect, clock: Arc<ManualClock>) -> Self {
        let secret = StoreSecret::random().expect("the system has randomness");
        Self {
            defect,
            issuing: IssuingSecrets::derived_from(&secret),
            secret,
            clock,
            last_token: AtomicU64::new(0),
            records: Mutex::default(),
        }
    }

    /// As a new process that finds what an old one left.
    pub(super) fn opened_again(mut self) -> Self {
        match self.defect {
            Defect::ForgetsWhatARestartKeeps => Self::new(self.defect, self.clock),
            Defect::CountsTokensPerProcess => {
                self.last_token = AtomicU64::new(0);
                self
            }
            _ => self,
        }
    }

    fn apply<O>(
        &self,
        id: RecordId,
        verb: impl FnOnce(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> O {
        let mut records = self.records.lock().expect("no defect panics");
        let Transition { change, outcome } = verb(records.get(&id), self.clock.now());
        match change {
            Change::Keep => {}
            Change::Put(record) => drop(records.insert(id, record)),
            Change::Remove => drop(records.remove(&id)),
        }
        outcome
    }

    /// Looks, lets others come in between, and then writes what follows from what it saw.
    async fn look_then_apply<O>(
        &self,
        id: RecordId,
        verb: impl FnOnce(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> O {
        let seen = self.record(id);
        tokio::task::yield_now().await;
        self.apply(id, |_, now| verb(seen.as_ref(), now))
    }

    /// What is kept for the scope, by looking at all of it.
    fn used(&self, scope: ScopeDigest) -> Usage {
        let records = self.records.lock().expect("no defect panics");
        let kept = records.iter().filter(|(_, record)| record.scope == scope);
        let bytes = |(id, record)| codec::encode(id, record).len() as u64;
        match self.defect {
            Defect::CountsNoBytes => Usage { keys: kept.count() as u64, bytes: 0 },
            Defect::CountsForAllScopes => Usage { keys: records.len() as u64, bytes: 0 },
            _ => Usage { keys: kept.clone().count() as u64, bytes: kept.map(bytes).sum() },
        }
    }

    fn record(&self, id: RecordId) -> Option<Record> {
        self.records.lock().expect("no defect panics").get(&id).cloned()
    }

    fn fresh_token(&self, record: Option<&Record>) -> Token {
        let last = match self.defect {
            Defect::CountsTokensPerRecord => record.map_or(0, |record| record.token.as_u128()),
            _ => u128::from(self.last_token.fetch_add(1, Ordering::SeqCst)),
        };
        Token::from_u128(last + 1)
    }

    /// What a claim is told too early, or does not check at all.
    fn claim_wrongly(
        &self,
        record: &Record,
        claim: &mut Claim,
        now: Timestamp,
    ) -> Option<ClaimOutcome> {
        let lease_ended =
            matches!(record.state, State::InProgress { lease_until, .. } if now >= lease_until);
        let ours = record.identity == claim.identity;
        match (self.defect, &record.state) {
            (Defect::IgnoresTheIdentity, _) => claim.identity = record.identity,
            (Defect::ComparesTheRequestBeforeTheIdentity, _)
                if record.fingerprint != claim.fingerprint && !record.expired(now) =>
            {
                return Some(ClaimOutcome::Mismatch { recorded: record.fingerprint.kind() });
            }
            (Defect::ReplaysBeforeTheFingerprintCheck, State::Completed { .. }) if ours => {
                claim.fingerprint = record.fingerprint;
            }
            (Defect::SaysRunningBeforeTheFingerprintCheck, State::InProgress { .. })
                if ours && !lease_ended =>
            {
                return Some(ClaimOutcome::InProgress { retry_after: Duration::from_secs(1) });
            }
            (Defect::TakesOverForAnyRequest, State::InProgress { .. }) if lease_ended => {
                claim.fingerprint = record.fingerprint;
                claim.identity = record.identity;
            }
            (Defect::NeverTakesOver, State::InProgress { .. }) if lease_ended && ours => {
                return Some(ClaimOutcome::InProgress { retry_after: Duration::from_secs(1) });
            }
            (Defect::ForgetsTheAttempt, _) => claim.attempt = AttemptId::from_random(0),
            _ => {}
        }
        None
    }

    fn claim_step(
        &self,
        used: Usage,
        record: Option<&Record>,
        mut claim: Claim,
        now: Timestamp,
    ) -> Transition<ClaimOutcome> {
        match (self.defect, &mut claim.date) {
            (Defect::IgnoresTheDate, date) => *date = None,
            (Defect::IgnoresTheEndOfAKey, Some(date)) => date.expires_at = None,
            (Defect::ForgetsThatItForgot, Some(_)) if record.is_some_and(|it| it.expired(now)) => {
                return self.claim_step(used, None, claim, now);
            }
            (Defect::TakesAnyFuture, Some(date)) => date.minted = date.minted.min(now),
            (Defect::HasNoQuota, _) => claim.quota = Quota::default(),
            _ => {}
        }
        if self.defect == Defect::ForgetsTheSkew {
            claim.retention.skew = Duration::ZERO;
        }
        if self.defect == Defect::KeepsAMillisecondTooLong {
            claim.retention.skew += Duration::from_millis(1);
        }
        let fresh = self.fresh_token(record);
        let wrongly = record.and_then(|record| self.claim_wrongly(record, &mut claim, now));
        if let Some(outcome) = wrongly {
            return Transition { change: Change::Keep, outcome };
        }
        let mut seen = record.cloned();
        if let Some(seen) = &mut seen
            && self.defect == Defect::TakesOverAnOpaqueEffect
        {
            seen.class = EffectClass::Keyed;
        }
        let around = Surroundings { used, ..Surroundings::new(fresh, now) };
        let mut step = transition::claim(seen.as_ref(), &claim, &around);
        match (&mut step.change, &mut step.outcome) {
            (_, ClaimOutcome::Mismatch { recorded })
                if self.defect == Defect::NamesTheWrongKind =>
            {
                *recorded = match *recorded {
                    FingerprintKind::Bytes => FingerprintKind::CanonicalJson,
                    FingerprintKind::CanonicalJson | FingerprintKind::PartialJson => {
                        FingerprintKind::Bytes
                    }
                };
            }
            (Change::Put(put), _) => self.forget_soon(put, now),
            _ => {}
        }
        step
    }

    fn forget_soon(&self, record: &mut Record, now: Timestamp) {
        let minted = record.minted;
        if let State::Indeterminate { retention, forget_at, .. } = &mut record.state
            && self.defect == Defect::ForgetsIndeterminateWithTheAnswers
        {
            *forget_at = retention.expiry(minted, now);
        }
    }
}

impl Store for Defective {
    fn secret(&self) -> &StoreSecret {
        &self.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.issuing
    }

    fn carries(&self, _: EffectClass) -> bool {
        true
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        let used = self.used(claim.scope);
        Ok(match self.defect {
            Defect::ReadsThenWritesTheClaim => {
                self.look_then_apply(id, |record, now| self.claim_step(used, record, claim, now))
                    .await
            }
            Defect::WritesAClaimInTwoHalves => {
                let nobody = Claim { attempt: AttemptId::from_random(0), ..claim };
                let told = self.apply(id, |record, now| self.claim_step(used, record, claim, now));
                if matches!(told, ClaimOutcome::Granted(_)) {
                    let mut half = self.record(id).expect("it was just written");
                    let whole = half.clone();
                    if let State::InProgress { attempt, .. } = &mut half.state {
                        *attempt = nobody.attempt;
                    }
                    self.records.lock().expect("no defect panics").insert(id, half);
                    tokio::task::yield_now().await;
                    self.records.lock().expect("no defect panics").insert(id, whole);
                }
                told
            }
            _ => self.apply(id, |record, now| self.claim_step(used, record, claim, now)),
        })
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        Ok(self.apply(id, |record, now| {
            let token = match (self.defect, record) {
                (Defect::RenewsForAnybody, Some(record)) => record.token,
                _ => token,
            };
            let mut step = transition::renew(record, token, lease, now);
            if self.defect == Defect::RenewsNothing {
                step.change = Change::Keep;
            }
            if let Change::Put(Record { state: State::InProgress { lease_until, .. }, .. }) =
                &mut step.change
                && self.defect == Defect::ShortensALease
            {
                *lease_until = now.after(lease);
            }
            step
        }))
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        let response = self.keep(response);
        if self.defect == Defect::ReadsThenWritesTheAnswer {
            let step =
                |record: Option<&Record>, now| transition::complete(record, token, &response, now);
            return Ok(self.look_then_apply(id, step).await);
        }
        Ok(self.apply(id, |record, now| {
            let mut record = record.cloned();
            let token = match (self.defect, &mut record) {
                (Defect::CompletesWithoutTheToken, Some(record)) => record.token,
                (Defect::ReplacesAnAnswer, Some(record)) if record.token == token => {
                    reopen(record, now);
                    token
                }
                (Defect::RefusesALateOwner, Some(record)) if lease_ended(record, now) => {
                    Token::from_u128(u128::MAX)
                }
                (
                    Defect::LeavesIndeterminateAsItIs,
                    Some(Record { state: State::Indeterminate { .. }, .. }),
                ) => Token::from_u128(u128::MAX),
                _ => token,
            };
            transition::complete(record.as_ref(), token, &response, now)
        }))
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        Ok(self.apply(id, |record, now| {
            let mut seen = record.cloned();
            let (token, ended) = match (self.defect, &mut seen) {
                (Defect::ReleasesWithoutTheToken, Some(record)) => (record.token, ended),
                (Defect::FreesAKeyedKeyAfterATakeover, Some(record)) => {
                    record.executions = 1;
                    (token, ended)
                }
                (Defect::FreesWhatIsNotKnown, _) => (token, Ended::WithoutEffect),
                _ => (token, ended),
            };
            let mut step = transition::release(seen.as_ref(), token, ended, now);
            if let Change::Put(put) = &mut step.change {
                self.forget_soon(put, now);
            }
            step
        }))
    }
}

impl Defective {
    /// What it keeps of an answer.
    fn keep(&self, response: RecordedResponse) -> RecordedResponse {
        let headers: Vec<_> = response.headers().collect();
        let trailers: Vec<_> = match self.defect {
            Defect::ForgetsTrailers => Vec::new(),
            _ => response.trailers().collect(),
        };
        if !response.body_kept() && self.defect != Defect::ForgetsThatTheBodyWasNotKept {
            return response;
        }
        RecordedResponse::new(response.status(), &headers, &trailers, &response.body())
            .expect("it had room before")
    }
}

fn lease_ended(record: &Record, now: Timestamp) -> bool {
    matches!(record.state, State::InProgress { lease_until, .. } if now >= lease_until)
}

/// Makes a completed record look as if it were still running.
fn reopen(record: &mut Record, now: Timestamp) {
    if let State::Completed { expires_at, .. } = record.state {
        record.state = State::InProgress {
            attempt: AttemptId::from_random(0),
            claimed_at: now,
            lease_until: now,
            retention: Retention { answers: expires_at.since(now), skew: Duration::ZERO },
        };
    }
}
