//! Everything after the claim. An answer of an owner in its lease is recorded in one call; all
//! else is decided by the transition function on what stands, and put in its place if that still
//! stands.

use std::time::Duration;

use super::error::{Unexpected, corrupt, in_doubt, not_applied};
use super::layout::{self, capped, millis};
use super::script::{COMPLETE, PUT, READ};
use super::state::Answer;
use super::{LONGEST, Put, Shared, TRIES};
use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome, Transition,
};
use crate::record::{EffectClass, Record, RecordedResponse, State, Token};
use crate::scope::RecordId;
use crate::store::StoreError;

const RECORDED: i64 = 1;

impl Shared {
    pub(super) async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.look_and_step(id, |record, now| transition::renew(record, token, lease, now)).await
    }

    pub(super) async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.check_own()?;
        let key = self.key(id);
        let answer: &[u8] = response.as_bytes();
        let mut command = COMPLETE.on(&[&key]);
        command
            .arg(self.time())
            .arg(token.as_u128().to_le_bytes().as_slice())
            .arg(layout::checksum(answer).as_slice())
            .arg(answer)
            .arg(capped(millis(self.options.grace)))
            .arg(self.usage_prefix())
            .arg(LONGEST);
        let told = Answer::read(self.servers.run(&key, &COMPLETE, &command).await?)?;
        if told.code == RECORDED {
            return Ok(CompleteOutcome::Recorded);
        }
        self.step(&key, told, |record, now| transition::complete(record, token, &response, now))
            .await
    }

    pub(super) async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.look_and_step(id, |record, now| transition::release(record, token, ended, now)).await
    }

    pub(super) async fn look_and_step<O>(
        &self,
        id: RecordId,
        decide: impl Fn(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> Result<O, StoreError> {
        let key = self.key(id);
        let first = self.read(&key).await?;
        self.step(&key, first, decide).await
    }

    /// Decides by what stands; when that was changed in between, once more by what stands then.
    async fn step<O>(
        &self,
        key: &str,
        first: Answer,
        decide: impl Fn(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> Result<O, StoreError> {
        let mut looked = first;
        for _ in 0..TRIES {
            let stored = looked.stored.map(|stored| layout::decode(key, stored)).transpose();
            let stored = stored.map_err(corrupt)?;
            let now = looked.now;
            let Transition { change, outcome } =
                decide(stored.as_ref().map(|stored| &stored.record), now);
            let put = match change {
                Change::Keep => return Ok(outcome),
                Change::Put(record) => Put::Record(record),
                Change::Remove => Put::Nothing,
            };
            // Nothing is ever put or removed where there was nothing.
            let Some(stored) = stored else { return Err(not_applied(Unexpected)) };
            if self.put(key, &stored.head, &put, stored.counted, now).await? {
                return Ok(outcome);
            }
            looked = self.read(key).await?;
        }
        Err(not_applied("the record was changed by others again and again"))
    }

    pub(super) async fn read(&self, key: &str) -> Result<Answer, StoreError> {
        self.check_own()?;
        let mut command = READ.on(&[key]);
        command.arg(self.time());
        Answer::read(self.servers.run(key, &READ, &command).await?)
    }

    /// Whether it was put: not where something else stands than what was looked at.
    pub(super) async fn put(
        &self,
        key: &str,
        head: &[u8],
        put: &Put,
        counted: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut command = PUT.on(&[key]);
        command.arg(self.time()).arg(head);
        match put {
            Put::Nothing => command.arg("").arg("").arg(""),
            Put::Record(record) => {
                let until = kept_until(record);
                command
                    .arg(layout::encode(key, record, counted))
                    .arg(self.time_to_live(until.since(now)))
                    .arg(capped(until.as_millis()))
            }
        };
        command.arg(self.usage_prefix()).arg(capped(millis(self.options.grace)));
        match self.servers.run(key, &PUT, &command).await? {
            redis::Value::Int(done) => Ok(done == 1),
            _ => Err(in_doubt(Unexpected)),
        }
    }
}

/// Until when a record stands, if nobody touches it. Nothing settles on a Redis what its owner left
/// behind: an abandoned opaque claim stays as long as if it were indeterminate.
fn kept_until(record: &Record) -> Timestamp {
    match &record.state {
        State::Completed { expires_at, .. } => *expires_at,
        State::Indeterminate { forget_at, .. } => *forget_at,
        State::InProgress { claimed_at, lease_until, retention, .. } => match record.class {
            EffectClass::Opaque => retention.indeterminate_expiry(record.minted, *lease_until),
            EffectClass::Keyed | EffectClass::Transactional => {
                retention.expiry(record.minted, *claimed_at).max(*lease_until)
            }
        },
    }
}
