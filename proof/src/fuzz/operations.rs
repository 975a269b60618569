//! Sequences of verbs, also of those that a person has, with time passing, sweeps and restarts between
//! them, on both stores.
//!
//! Every answer must be the one of the reference: to the token, to the second of a
//! `retry_after`, and after a restart. The SQLite file lies in memory where the system has a folder
//! for that, so that its syncs cost nothing; what is on a disk after a crash is for other gates.

use std::time::Duration;

use seiriken::clock::{Clock, Timestamp};
use seiriken::record::transition::{Claim, Ended, Resolution};
use seiriken::record::{
    AttemptId, EffectClass, INDETERMINATE_KEPT_MIN, RecordedResponse, Retention, Token,
};
use seiriken::store::{Operate, Sweep};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, ScopeDigest};
use tokio::runtime::{Builder, Runtime};

use super::reader::Reader;
use super::reference::{Reference, Told, Verb};
use super::tried::{Memory, Sqlite, Tried};

const STEPS_MAX: usize = 64;

/// Steps from here on are a person's.
const PERSONS: u8 = 240;

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().expect("a runtime is built");
}

/// Runs the sequence on both stores.
pub fn check(data: &[u8]) -> bool {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let memory = Trial::new(Memory::new()).run(Reader::new(data)).await;
            let sqlite = Trial::new(Sqlite::new().await).run(Reader::new(data)).await;
            memory && sqlite
        })
    })
}

struct Trial<T> {
    tried: T,
    reference: Reference,
    claims: Vec<(RecordId, Claim)>,
    tokens: Vec<(RecordId, Token)>,
    history: Vec<String>,
    answered: bool,
}

impl<T: Tried> Trial<T> {
    fn new(tried: T) -> Self {
        let reference = Reference::new(tried.swept_through());
        let (claims, tokens, history) = (Vec::new(), Vec::new(), Vec::new());
        Self { tried, reference, claims, tokens, history, answered: false }
    }

    /// Whether some execution was answered.
    async fn run(mut self, mut reader: Reader<'_>) -> bool {
        for _ in 0..STEPS_MAX {
            if reader.is_empty() {
                break;
            }
            let step = reader.byte();
            if step >= PERSONS {
                self.person(&mut reader).await;
                continue;
            }
            match step % 16 {
                0..=5 => self.claim(&mut reader).await,
                6 => self.ask_again(&mut reader).await,
                7..=8 => {
                    let body = reader.pick(&[&b"a"[..], b"a", b"b"]);
                    let answer = RecordedResponse::of_work(body);
                    self.answered = true;
                    self.own(&mut reader, |token, _| Verb::Complete(token, answer)).await;
                }
                9..=10 => {
                    let ended = reader.pick(&[Ended::WithoutEffect, Ended::EffectUnknown]);
                    self.own(&mut reader, |token, _| Verb::Release(token, ended)).await;
                }
                11 => self.own(&mut reader, Verb::Renew).await,
                12..=13 => self.time_passes(&mut reader),
                14 => self.sweep().await,
                _ => self.restart(&mut reader).await,
            }
        }
        self.answered
    }

    async fn claim(&mut self, reader: &mut Reader<'_>) {
        let id = RecordId::from_bytes([reader.pick(&[1, 1, 2, 3]); 16]);
        let claim = claim(reader, self.tried.clock().now());
        self.claims.push((id, claim));
        self.ask(id, Verb::Claim(claim)).await;
    }

    /// The acknowledgement was lost.
    async fn ask_again(&mut self, reader: &mut Reader<'_>) {
        if let Some(place) = reader.place(self.claims.len()) {
            let (id, claim) = self.claims[place];
            self.ask(id, Verb::Claim(claim)).await;
        }
    }

    /// An owner, present or past, says something.
    async fn own(&mut self, reader: &mut Reader<'_>, verb: impl FnOnce(Token, Duration) -> Verb) {
        if let Some(back) = reader.place(self.tokens.len()) {
            let (id, token) = self.tokens[self.tokens.len() - 1 - back];
            let verb = verb(token, lease(reader));
            self.ask(id, verb).await;
        }
    }

    /// A person looks, settles or has forgotten an execution, present or past.
    async fn person(&mut self, reader: &mut Reader<'_>) {
        let does = reader.byte() % 8;
        let Some(back) = reader.place(self.tokens.len()) else { return };
        let (id, token) = self.tokens[self.tokens.len() - 1 - back];
        let done = |body: &[u8]| Resolution::Done(RecordedResponse::of_work(body));
        let verb = match does {
            0 => Verb::Show,
            1..=2 => Verb::Resolve(token, done(b"a")),
            3 => Verb::Resolve(token, done(b"b")),
            4..=5 => Verb::Resolve(token, Resolution::NotDone),
            _ => Verb::Delete(token),
        };
        self.answered |= matches!(does, 1..=3);
        self.ask(id, verb).await;
    }

    async fn ask(&mut self, id: RecordId, verb: Verb) {
        let now = self.tried.clock().now();
        let told = ask(self.tried.store(), id, verb.clone()).await;
        self.history.push(format!("{now:?} {id:?} {verb:?}\n    told {told:?}"));
        let expected = self.reference.ask(id, &verb, &told, now);
        assert_eq!(told, expected, "the last answer is wrong in {}", self.history.join("\n"));
        if let Told::Claim(seiriken::record::transition::ClaimOutcome::Granted(grant)) = told {
            self.tokens.push((id, grant.token));
        }
    }

    fn time_passes(&mut self, reader: &mut Reader<'_>) {
        let second = Duration::from_secs(1);
        let by = reader.pick(&[
            Duration::from_millis(1),
            LEASE.saturating_sub(Duration::from_millis(1)),
            LEASE,
            KEPT.answers,
            KEPT.answers + KEPT.skew,
            INDETERMINATE_KEPT_MIN,
            second * 2,
        ]);
        self.history.push(format!("{by:?} pass"));
        self.tried.clock().advance(by);
    }

    async fn sweep(&mut self) {
        self.history.push("swept".into());
        while self.tried.store().sweep().await.expect("a sweep is answered").more {}
        self.reference.sweep(self.tried.clock().now());
    }

    async fn restart(&mut self, reader: &mut Reader<'_>) {
        let clean = reader.once_in(2);
        if self.tried.restarts(clean).await {
            self.history.push(format!("restarted, clean: {clean}"));
            self.reference.restart();
        }
    }
}

async fn ask<S: Operate>(store: &S, id: RecordId, verb: Verb) -> Told {
    let told = match verb {
        Verb::Claim(claim) => store.claim(id, claim).await.map(Told::Claim),
        Verb::Renew(token, lease) => store.renew(id, token, lease).await.map(Told::Renew),
        Verb::Complete(token, answer) => {
            store.complete(id, token, answer).await.map(Told::Complete)
        }
        Verb::Release(token, ended) => store.release(id, token, ended).await.map(Told::Release),
        Verb::Show => store.show(id).await.map(Told::Show),
        Verb::Resolve(token, resolution) => {
            store.resolve(id, token, resolution).await.map(Told::Resolve)
        }
        Verb::Delete(token) => store.delete(id, token).await.map(Told::Delete),
    };
    told.expect("a verb is answered")
}

// === what is asked with ===

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const LEASE: Duration = Duration::from_secs(30);
const KEPT: Retention =
    Retention { answers: Duration::from_millis(DAY_MS), skew: Duration::from_mins(5) };

/// A claim that may well be made: mostly the same request of the same caller.
fn claim(reader: &mut Reader<'_>, now: Timestamp) -> Claim {
    let classes = [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
    let digest = |same: u8| [u8::from(same == 0); 16];
    let day_ago = Timestamp::from_millis(now.as_millis() - DAY_MS);
    let dates = [
        None,
        None,
        Some(now),
        Some(day_ago),
        Some(day_ago.after(Duration::from_millis(1))),
        Some(now.after(KEPT.skew)),
        Some(now.after(KEPT.skew + Duration::from_millis(1))),
    ];
    Claim {
        attempt: AttemptId::from_random(u128::from(reader.byte() % 4)),
        identity: IdentityDigest::from_bytes(digest(reader.byte() % 8)),
        fingerprint: Fingerprint::from_stored(1, digest(reader.byte() % 8)).expect("a kind"),
        scope: ScopeDigest::from_bytes([reader.byte() % 2; 8]),
        date: reader.pick(&dates).map(|minted| KeyDate {
            minted,
            expires_at: reader.pick(&[None, Some(now), Some(minted.after(LEASE))]),
        }),
        class: reader.pick(&classes),
        lease: lease(reader),
        retention: KEPT,
        quota: Quota {
            keys: reader.pick(&[None, None, None, Some(0), Some(1), Some(2)]),
            bytes: None,
        },
    }
}

fn lease(reader: &mut Reader<'_>) -> Duration {
    reader.pick(&[LEASE, LEASE, Duration::ZERO, Duration::from_millis(1)])
}
