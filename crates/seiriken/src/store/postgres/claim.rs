//! Claims: joined into one statement, which writes what is absent and tells what is there.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::Row;
use tokio::sync::oneshot;

use super::Shared;
use super::argument::Argument;
use super::columns::claim_columns;
use super::error::{again, in_doubt, not_applied};
use super::lane::{Job, Lane, submit};
use super::row::{Seen, Standing};
use super::running::Look;
use super::session::Kept;
use super::statements::Statements;
use crate::policy::Quota;
use crate::record::transition::{self, Change, Claim, ClaimOutcome, Transition, Usage};
use crate::record::{EffectClass, Record};
use crate::scope::RecordId;
use crate::store::StoreError;

/// A claim that waits for its statement.
pub(super) struct ClaimJob {
    id: RecordId,
    claim: Claim,
    /// Whether an absent key is to be written. Held until it is: whoever asks may go before.
    look: Arc<Look>,
    reply: oneshot::Sender<Result<Seen, StoreError>>,
}

/// What a claim does about what it has seen.
enum Decided {
    Told(ClaimOutcome),
    /// It is so once this is written.
    Write {
        standing: Option<Box<Standing>>,
        change: Box<Change>,
        outcome: ClaimOutcome,
    },
    LookAgain,
}

/// How often a claim looks again at a key that changes under its eyes, before it gives up.
pub(super) const LOOKS_MAX: usize = 16;

/// Claims; every answer is that of the transition function.
pub(super) async fn claim(
    shared: &Arc<Shared>,
    id: RecordId,
    claim: Claim,
) -> Result<ClaimOutcome, StoreError> {
    let used = usage(shared, &claim).await?;
    let write = claim.class != EffectClass::Transactional && !claim.quota.reached(&used);
    for _ in 0..LOOKS_MAX {
        let look = Arc::new(shared.running.look(id, write));
        let seen = ask(shared, id, claim, Arc::clone(&look)).await?;
        match decide(&look, &claim, &seen, used)? {
            Decided::Told(outcome) => return Ok(outcome),
            Decided::LookAgain => shared.running.finished(id).await,
            Decided::Write { standing, change, outcome } => {
                if shared.write(id, standing.as_deref(), *change).await? {
                    return Ok(outcome);
                }
            }
        }
    }
    Err(not_applied("the record kept changing while it was looked at"))
}

fn decide(look: &Look, claim: &Claim, seen: &Seen, used: Usage) -> Result<Decided, StoreError> {
    let around = seen.around(used);
    if seen.made.is_some() {
        let step = transition::claim(None, claim, &around);
        let granted = matches!(step.outcome, ClaimOutcome::Granted(_));
        assert!(granted, "what the statement writes, the transition function grants");
        return Ok(Decided::Told(step.outcome));
    }
    let standing = seen.standing()?;
    let decided = look.decide(|running, coming| {
        let valid = standing.filter(|standing| !standing.record.expired(seen.now));
        let of_here = valid.is_none() && running.is_some();
        if !of_here {
            // Somebody else's record stands: whoever runs here will not commit.
            *running = None;
        }
        let current = running.as_ref().or(standing.map(|standing| &standing.record));
        let Transition { change, outcome } = transition::claim(current, claim, &around);
        match change {
            Change::Keep => Decided::Told(outcome),
            Change::Put(_) if of_here && coming.an_answer => Decided::LookAgain,
            Change::Put(record) if stays_here(&record, valid) && coming.a_row => Decided::LookAgain,
            Change::Put(record) if stays_here(&record, valid) => {
                *running = Some(record);
                Decided::Told(outcome)
            }
            // It was absent, was to be written and was not: somebody was quicker, and is not to be
            // seen in the statement's snapshot.
            Change::Put(_) if standing.is_none() && !of_here => Decided::LookAgain,
            change => {
                // Overtaken from now on: the row is to be its successor's.
                *running = None;
                let standing = standing.cloned().map(Box::new);
                Decided::Write { standing, change: Box::new(change), outcome }
            }
        }
    });
    Ok(decided.unwrap_or(Decided::LookAgain))
}

/// Only what is transactional from its first execution on, and has no row.
fn stays_here(record: &Record, valid: Option<&Standing>) -> bool {
    record.class == EffectClass::Transactional && valid.is_none()
}

/// Counted exactly, where a claim has a quota: a statement of its own, on an index.
async fn usage(shared: &Shared, claim: &Claim) -> Result<Usage, StoreError> {
    if claim.quota == Quota::default() {
        return Ok(Usage::default());
    }
    let Statements { usage, .. } = &shared.statements;
    let scope = vec![Argument::bytes(claim.scope.as_bytes())];
    let rows = shared.sessions.run(usage, scope).await?;
    let counted = |name| {
        let count = rows.first().map(|row| row.try_get::<i64, _>(name));
        let count = count.transpose().map_err(not_applied)?.unwrap_or_default();
        Ok::<_, StoreError>(u64::try_from(count).unwrap_or_default())
    };
    let here = shared.running.count(claim.scope);
    Ok(Usage { keys: counted("keys")? + here, bytes: counted("bytes")? + here * 150 })
}

async fn ask(
    shared: &Arc<Shared>,
    id: RecordId,
    claim: Claim,
    look: Arc<Look>,
) -> Result<Seen, StoreError> {
    let (reply, seen) = oneshot::channel();
    submit(shared, ClaimJob { id, claim, look, reply });
    seen.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
}

impl Job for ClaimJob {
    type Shared = Shared;
    type Kept = Kept;

    fn id(&self) -> RecordId {
        self.id
    }

    fn lane(shared: &Shared) -> &Lane<Self> {
        &shared.claims
    }

    async fn run(shared: &Shared, kept: &mut Kept, jobs: Vec<Self>) {
        let mut arguments = vec![shared.now_argument()];
        let rows: Vec<_> =
            jobs.iter().map(|job| claim_columns(&job.id, &job.claim, job.look.writes())).collect();
        arguments.extend(Argument::transposed(rows));
        match shared.sessions.run_here(kept, &shared.statements.claim, &arguments).await {
            Err(error) => {
                for job in jobs {
                    // Whoever asked may have gone.
                    let _ = job.reply.send(Err(again(&error)));
                }
            }
            Ok(rows) => {
                let seen = rows.iter().filter_map(|row| Seen::read(row).ok());
                let mut seen: HashMap<_, _> = seen.map(|seen| (seen.id, seen)).collect();
                for job in jobs {
                    let told = seen.remove(&job.id);
                    let told = told.ok_or_else(|| in_doubt("the answer cannot be read"));
                    let _ = job.reply.send(told);
                }
            }
        }
    }
}
