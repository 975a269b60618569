//! Whether a claim was told what it must be told, and granted only what may be granted.

use std::time::Duration;

use seiriken::record::transition::{self, ClaimOutcome, Grant, Granted, Surroundings, Usage};

use super::attempts::attempt;
use super::checker::Checked;
use super::invariant::Invariant;
use super::judge::changed_wrongly;
use super::record::{LEASE, RETENTION, Small, Stage, number, short};
use super::shipped;
use super::world::World;

const MS: Duration = Duration::from_millis(1);

impl Checked {
    pub(super) fn breach_of_claim(
        &self,
        before: &World,
        worker: usize,
        around: &Surroundings,
        told: &ClaimOutcome,
        after: &World,
    ) -> Option<Invariant> {
        let key = self.setup.parts[worker].key;
        let wrongly = changed_wrongly(before, key, after);
        if self.setup.slip.is_some() {
            // What it leads to is looked for, not the slip itself.
            return wrongly;
        }
        wrongly.or_else(|| match before.keys[key].stands(before.now) {
            Some(standing) => self.breach_where_it_stands(before, worker, standing, told, after),
            None => self
                .breach_of_a_new_key(before, worker, around, told, after)
                .or_else(|| self.breach_of_the_sweeper(before, worker, around, told)),
        })
    }

    fn breach_where_it_stands(
        &self,
        before: &World,
        worker: usize,
        standing: Small,
        told: &ClaimOutcome,
        after: &World,
    ) -> Option<Invariant> {
        let part = &self.setup.parts[worker];
        let changed = after.keys[part.key].record != Some(standing);
        if part.request != standing.request {
            let same_caller = part.request.identity() == standing.request.identity();
            let refused = match told {
                ClaimOutcome::CredentialChanged => !same_caller,
                ClaimOutcome::Mismatch { .. } => same_caller,
                _ => false,
            };
            return (changed || !refused).then_some(Invariant::I11);
        }
        let over = standing.lease_until().is_some_and(|until| until <= before.now);
        match (told, standing.stage) {
            (ClaimOutcome::Completed(response), Stage::Completed { answer, .. }) => {
                (changed || number(response) != answer).then_some(Invariant::I10)
            }
            (ClaimOutcome::Indeterminate, Stage::Indeterminate { .. }) => {
                changed.then_some(Invariant::I7)
            }
            (ClaimOutcome::Indeterminate, Stage::InProgress { .. }) => {
                let found = after.keys[part.key].record.is_some_and(|record| record.unresolved());
                (!over || !found).then_some(Invariant::L2)
            }
            (ClaimOutcome::InProgress { retry_after }, Stage::InProgress { lease_until, .. }) => {
                let longest = lease_until.since(before.now).max(Duration::from_secs(1));
                (over || changed || *retry_after > longest).then_some(Invariant::L1)
            }
            (ClaimOutcome::Granted(grant), Stage::InProgress { attempt: whose, .. }) => {
                let mine = whose == attempt(worker);
                self.breach_of_grant(before, worker, grant, Some(standing), after)
                    .or_else(|| (mine != (grant.how == Granted::Yours)).then_some(Invariant::I9))
                    .or_else(|| (grant.how == Granted::TakenOver && !over).then_some(Invariant::L2))
            }
            // An answer that stands is given, and an unresolved outcome is told.
            (_, Stage::Completed { .. }) => Some(Invariant::I10),
            (_, Stage::Indeterminate { .. } | Stage::InProgress { .. }) => Some(Invariant::I11),
        }
    }

    fn breach_of_a_new_key(
        &self,
        before: &World,
        worker: usize,
        around: &Surroundings,
        told: &ClaimOutcome,
        after: &World,
    ) -> Option<Invariant> {
        let part = &self.setup.parts[worker];
        let record = before.keys[part.key].record;
        let date = self.setup.date.filter(|_| part.dated);
        let forgotten =
            date.is_some_and(|date| record.is_some() || date.minted < before.swept_through);
        let expired = date.is_some() && (forgotten || self.too_old(before, part));
        let ahead = date.is_some_and(|date| date.minted > before.now.after(RETENTION.skew));
        let full =
            record.is_none() && self.setup.quota.is_some_and(|keys| around.used.keys >= keys);
        match told {
            ClaimOutcome::KeyExpired => (!expired).then_some(Invariant::Dates),
            ClaimOutcome::KeyFromFuture => (expired || !ahead).then_some(Invariant::Dates),
            ClaimOutcome::QuotaExceeded => (expired || ahead || !full).then_some(Invariant::Quota),
            ClaimOutcome::Granted(_) if expired || ahead => Some(Invariant::Dates),
            ClaimOutcome::Granted(_) if full => Some(Invariant::Quota),
            ClaimOutcome::Granted(grant) => {
                self.breach_of_grant(before, worker, grant, None, after)
            }
            ClaimOutcome::Completed(_)
            | ClaimOutcome::InProgress { .. }
            | ClaimOutcome::Mismatch { .. }
            | ClaimOutcome::CredentialChanged
            | ClaimOutcome::Indeterminate => Some(Invariant::Swept),
        }
    }

    /// A grant is of this very attempt, with a token that was never there and a whole lease.
    fn breach_of_grant(
        &self,
        before: &World,
        worker: usize,
        grant: &Grant,
        earlier: Option<Small>,
        after: &World,
    ) -> Option<Invariant> {
        let part = &self.setup.parts[worker];
        let Some(record) = after.keys[part.key].record else { return Some(Invariant::I9) };
        let Stage::InProgress { attempt: whose, lease_until, .. } = record.stage else {
            return Some(Invariant::I9);
        };
        let executions = earlier.map_or(0, |earlier| earlier.executions);
        let (expected, fresh) = match (grant.how, earlier) {
            (Granted::First, None) | (Granted::TakenOver, Some(_)) => (executions + 1, true),
            (Granted::Yours, Some(_)) => (executions, false),
            _ => return Some(Invariant::I9),
        };
        let numbered = short(grant.token) == record.token
            && fresh == (short(grant.token) > before.last_token)
            && (grant.executions, record.executions) == (expected, expected);
        if whose != attempt(worker) || !numbered {
            return Some(Invariant::I9);
        }
        if fresh && lease_until < before.now.after(LEASE) {
            return Some(Invariant::L2);
        }
        let date = self.setup.date.filter(|_| part.dated).map(|date| date.minted);
        let by = earlier.map_or(before.now.after(RETENTION.skew), |earlier| earlier.minted);
        let minted = record.minted == date.unwrap_or(by);
        (fresh && !minted).then_some(Invariant::Dates)
    }

    /// The same claim after the sweeper: only where the scope is full is there a difference, for in
    /// the place of its own record there is room.
    fn breach_of_the_sweeper(
        &self,
        before: &World,
        worker: usize,
        around: &Surroundings,
        told: &ClaimOutcome,
    ) -> Option<Invariant> {
        let record = before.keys[self.setup.parts[worker].key].record?;
        let keys = around.used.keys - 1;
        if self.setup.quota.is_some_and(|quota| keys >= quota) {
            return None;
        }
        let swept = Surroundings {
            swept_through: around.swept_through.max(record.minted.after(MS)),
            used: Usage { keys, ..around.used },
            ..*around
        };
        let claim = self.claim_of(worker);
        let same = shipped::call(self.planted, || transition::claim(None, &claim, &swept).outcome);
        (same.as_ref() != Some(told)).then_some(Invariant::Swept)
    }
}
