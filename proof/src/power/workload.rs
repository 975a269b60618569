//! The process whose writes are recorded: the real store, asked for everything that it promises to
//! make durable, several at a time so that requests share commits.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use seiriken::Policy;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::engine::{Decision, Ending, Engine, Execution, Operation};
use seiriken::record::transition::{ClaimOutcome, CompleteOutcome, Ended, Grant, ReleaseOutcome};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::sqlite::rusqlite;
use seiriken::store::sqlite::{CommitError, SqliteStore};
use seiriken::store::{Store, Sweep};
use seiriken::{Fingerprint, FingerprintKind};

use super::deed::{Deed, End, JUMP, Kind, ORDERS, PAGES, START};
use super::dice::Dice;
use super::mark::{Mark, hex};
use super::{DATABASE, MARKS};

type Failure = Box<dyn Error + Send + Sync>;

/// What one process does: these deeds, after it has asked again for the latest earlier ones.
#[derive(Debug, Clone, Copy)]
struct Generation {
    number: u64,
    /// The first of its deeds.
    from: u64,
    /// The first that is not its own.
    to: u64,
}

/// How many deeds the processes have that follow each other.
pub(super) const DEEDS: [u64; 4] = [300, 80, 60, 30];

struct Workload {
    seed: u64,
    generation: u64,
    store: SqliteStore,
    long: Engine<SqliteStore>,
    short: Engine<SqliteStore>,
    clock: Arc<ManualClock>,
    marks: File,
}

/// So many deeds at most wait for one commit.
const TOGETHER: usize = 6;

/// So many of the latest deeds are asked for again by the next process.
const AGAIN: usize = 80;

/// After so many rounds the log is filled.
const FILLED_AFTER: u32 = 12;

/// So often, and with so many pages each time.
const FILLS: u32 = 24;
const PAGES_FILLED: u32 = 40;

/// Between two sweeps there are about so many rounds.
const ROUNDS_TO_A_SWEEP: u64 = 12;

/// Runs the process of this number (the first is 1) in this folder, to its end.
pub(super) async fn run(folder: &Path, seed: u64, number: u64) -> Result<(), Failure> {
    let before = usize::try_from(number)?.checked_sub(1).ok_or("the first is number 1")?;
    let from = DEEDS.iter().take(before).sum();
    let own = DEEDS.get(before).ok_or("there is no such process")?;
    let generation = Generation { number, from, to: from + own };
    let earlier = earlier(folder)?;
    let workload = Workload::open(folder, seed, generation.number, earlier.now).await?;
    let again =
        earlier.deeds.into_iter().rev().take(AGAIN).map(|(number, made)| (number, Some(made)));
    let deeds = again.chain((generation.from..generation.to).map(|number| (number, None)));
    let deeds: Vec<_> = deeds.map(|(number, made)| (Deed::of(seed, number), made)).collect();
    let mut dice = Dice::of(&[seed, generation.number, 3]);
    let mut left = &deeds[..];
    let mut rounds = 0;
    while !left.is_empty() {
        let together = left.len().min(1 + dice.place(TOGETHER));
        let (round, rest) = left.split_at(together);
        for done in join_all(round.iter().map(|(deed, made)| workload.perform(*deed, *made))).await
        {
            done?;
        }
        left = rest;
        rounds += 1;
        if rounds == FILLED_AFTER && number % 2 == 1 {
            workload.fill().await?;
        }
        match dice.below(ROUNDS_TO_A_SWEEP * 2) {
            0 => workload.sweep(true).await?,
            1 => workload.sweep(false).await?,
            2 => workload.rotate().await?,
            _ => {}
        }
    }
    workload.close().await
}

/// What earlier generations have left in the marks.
struct Earlier {
    /// With the date of their keys.
    deeds: Vec<(u64, Timestamp)>,
    now: Timestamp,
}

fn earlier(folder: &Path) -> Result<Earlier, Failure> {
    let marks = fs::read_to_string(folder.join(MARKS)).unwrap_or_default();
    let mut earlier = Earlier { deeds: Vec::new(), now: START };
    for line in marks.lines() {
        match line.parse()? {
            Mark::Ask(deed, made) if earlier.deeds.iter().all(|(known, _)| *known != deed) => {
                earlier.deeds.push((deed, made));
            }
            Mark::Clock(now) => earlier.now = now,
            _ => {}
        }
    }
    Ok(earlier)
}

impl Workload {
    async fn open(
        folder: &Path,
        seed: u64,
        generation: u64,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let marks = File::options().create(true).append(true).open(folder.join(MARKS))?;
        mark(&marks, &Mark::Opening(generation))?;
        let clock = Arc::new(ManualClock::new(now));
        let path = folder.join(DATABASE);
        let store = SqliteStore::open_with_clock(path, Arc::clone(&clock)).await?;
        mark(&marks, &Mark::Opened(hex(store.secret().as_bytes())))?;
        store.write(|tx| tx.execute_batch(ORDERS)).await??;
        store.write(|tx| tx.execute_batch(PAGES)).await??;
        let engine = |kind: Kind| {
            let mut policy = Policy::default();
            policy.class = EffectClass::Transactional;
            policy.retention = kind.retention();
            Engine::new(store.clone(), policy)
        };
        let (long, short) = (engine(Kind::Order)?, engine(Kind::ShortOrder)?);
        Ok(Self { seed, generation, store, long, short, clock, marks })
    }

    fn mark(&self, said: &Mark) -> Result<(), Failure> {
        Ok(mark(&self.marks, said)?)
    }

    /// Asks for it. Its key was made then, or is made now.
    async fn perform(&self, deed: Deed, made: Option<Timestamp>) -> Result<(), Failure> {
        let made = made.unwrap_or_else(|| self.clock.now());
        self.mark(&Mark::Ask(deed.number, made))?;
        match deed.kind {
            Kind::Order | Kind::ShortOrder | Kind::Refused => self.order(deed, made).await,
            Kind::Bare => {
                self.claim(deed).await?;
                Ok(())
            }
            Kind::Separate(_, end) => match self.claim(deed).await? {
                Some(grant) => self.end(deed, grant, end).await,
                None => Ok(()),
            },
        }
    }

    /// Effect, key and answer in one commit, by the engine.
    async fn order(&self, deed: Deed, made: Timestamp) -> Result<(), Failure> {
        let engine = if deed.kind == Kind::ShortOrder { &self.short } else { &self.long };
        let claim = deed.claim(&self.store, 0, made);
        let operation = Operation {
            id: deed.id(&self.store),
            scope: claim.scope,
            date: claim.date,
            identity: claim.identity,
            kind: claim.fingerprint.kind(),
            fingerprint: move |_: FingerprintKind| -> Fingerprint { claim.fingerprint },
        };
        let generation = self.generation;
        let decision = engine.run(operation, move |execution| commit(execution, deed, generation));
        match decision.await {
            Decision::Executed { response, .. } | Decision::Replayed(response) => {
                self.told(deed, &response)
            }
            Decision::NotRecorded { freed: true, .. } => self.mark(&Mark::Refused(deed.number)),
            // Its answer has been kept long enough.
            Decision::KeyExpired => Ok(()),
            other => Err(format!("deed {} was told {}", deed.number, other.name()).into()),
        }
    }

    fn told(&self, deed: Deed, response: &RecordedResponse) -> Result<(), Failure> {
        let answer = String::from_utf8(response.body().to_vec())?;
        let generation = Deed::generation(&answer).ok_or("an answer without a generation")?;
        self.mark(&Mark::Answered(deed.number, generation))
    }

    async fn claim(&self, deed: Deed) -> Result<Option<Grant>, Failure> {
        let attempt = u128::from(self.generation);
        let claim = deed.claim(&self.store, attempt, START);
        match self.store.claim(deed.id(&self.store), claim).await? {
            ClaimOutcome::Granted(grant) => {
                self.mark(&Mark::Granted(deed.number, grant.token.as_u128()))?;
                return Ok(Some(grant));
            }
            ClaimOutcome::Completed(response) => self.told(deed, &response)?,
            ClaimOutcome::Indeterminate => self.mark(&Mark::Unsaid(deed.number))?,
            other => return Err(format!("deed {} was told {other:?}", deed.number).into()),
        }
        Ok(None)
    }

    async fn end(&self, deed: Deed, grant: Grant, end: End) -> Result<(), Failure> {
        let (id, number) = (deed.id(&self.store), deed.number);
        if end != End::Left {
            self.mark(&Mark::Ending(number))?;
        }
        match end {
            End::Left => Ok(()),
            End::Answered => {
                let answer = RecordedResponse::of_work(deed.answer(self.generation).as_bytes());
                match self.store.complete(id, grant.token, answer.clone()).await? {
                    CompleteOutcome::Recorded => self.told(deed, &answer),
                    stale @ CompleteOutcome::Stale(_) => {
                        Err(format!("deed {number} was told {stale:?}").into())
                    }
                }
            }
            End::Freed | End::Unsaid => {
                let ended =
                    if end == End::Freed { Ended::WithoutEffect } else { Ended::EffectUnknown };
                match self.store.release(id, grant.token, ended).await? {
                    ReleaseOutcome::Freed => self.mark(&Mark::Freed(number)),
                    ReleaseOutcome::Indeterminate => self.mark(&Mark::Unsaid(number)),
                    ReleaseOutcome::LeaseEnded => Ok(()),
                    stale @ ReleaseOutcome::Stale => {
                        Err(format!("deed {number} was told {stale:?}").into())
                    }
                }
            }
        }
    }

    async fn sweep(&self, jump: bool) -> Result<(), Failure> {
        if jump {
            self.clock.advance(JUMP);
            self.mark(&Mark::Clock(self.clock.now()))?;
        }
        self.mark(&Mark::Sweeping)?;
        let swept = self.store.sweep().await?;
        self.mark(&Mark::Swept(swept.removed))
    }

    /// Writes the same pages until the log has grown so long that a commit checkpoints it and the
    /// next one begins it anew (at 1000 pages; SQLite's own measure).
    async fn fill(&self) -> Result<(), Failure> {
        for round in 1..=FILLS {
            let version = u32::try_from(self.generation)? * 1000 + round;
            let mut dice = Dice::of(&[self.seed, version.into(), 7]);
            let content: Vec<u8> = (0..488).flat_map(|_| dice.bytes()).collect();
            self.mark(&Mark::Filling)?;
            let filled = self.store.write(move |tx| {
                let sql =
                    "INSERT OR REPLACE INTO pages (number, version, content) VALUES (?1, ?2, ?3)";
                let mut put = tx.prepare_cached(sql)?;
                (0..PAGES_FILLED).try_for_each(|page| {
                    put.execute(rusqlite::params![page, version, content]).map(drop)
                })
            });
            filled.await??;
            self.mark(&Mark::Filled(version))?;
        }
        Ok(())
    }

    async fn rotate(&self) -> Result<(), Failure> {
        self.mark(&Mark::Rotating)?;
        self.store.rotate_issuing_secret().await?;
        let current = self.store.issuing_secrets().current();
        self.mark(&Mark::Rotated(current.number, hex(current.secret.as_bytes())))
    }

    async fn close(self) -> Result<(), Failure> {
        self.store.close().await;
        Ok(mark(&self.marks, &Mark::Closed)?)
    }
}

async fn commit(execution: Execution<SqliteStore>, deed: Deed, generation: u64) -> Ending<()> {
    let committed = execution.commit(move |tx| {
        deed.order(tx, generation)?;
        if deed.kind == Kind::Refused {
            return Err(rusqlite::Error::QueryReturnedNoRows);
        }
        Ok((RecordedResponse::of_work(deed.answer(generation).as_bytes()), ()))
    });
    match committed.await {
        Ok(Ok(committed)) => Ending::Answered(committed.response, ()),
        Ok(Err(CommitError::RolledBack(_))) => Ending::NotProcessed(()),
        Ok(Err(_)) | Err(_) => Ending::Unknown(()),
    }
}

/// One line in one write: the trace shows it whole, and where it stands.
fn mark(mut marks: &File, mark: &Mark) -> std::io::Result<()> {
    marks.write_all(format!("{mark}\n").as_bytes())
}
