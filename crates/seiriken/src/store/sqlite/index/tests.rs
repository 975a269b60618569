use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::super::compact::Entry;
use super::super::tokens::row_of;
use super::*;
use crate::clock::ManualClock;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::policy::Quota;
use crate::record::{AttemptId, Minted, Retention, State};
use crate::scope::ScopeDigest;
use crate::store::Store;
use crate::store::sqlite::{SqliteStore, SqliteTx};

const LEASE: Duration = Duration::from_secs(30);

fn id(number: u32) -> RecordId {
    RecordId::from_bytes((u128::from(number) * 0x9e37_79b9_7f4a_7c15).to_be_bytes())
}

fn claim(number: u32) -> Claim {
    Claim {
        attempt: AttemptId::from_random(u128::from(number)),
        identity: IdentityDigest::from_bytes([1; 16]),
        fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
        scope: ScopeDigest::from_bytes([1; 8]),
        date: None,
        class: EffectClass::Transactional,
        lease: LEASE,
        retention: Retention { answers: Duration::from_hours(1), skew: Duration::ZERO },
        quota: Quota::default(),
    }
}

async fn store(folder: &tempfile::TempDir) -> (SqliteStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let path = folder.path().join("test.db");
    let store = SqliteStore::open_with_clock(path, Arc::clone(&clock)).await;
    (store.expect("a new file"), clock)
}

fn granted(told: ClaimOutcome) -> Token {
    match told {
        ClaimOutcome::Granted(grant) => grant.token,
        other => panic!("it is free: {other:?}"),
    }
}

/// Nothing of a transactional execution is in the file before its commit: whoever claims, renews or
/// releases one does not wait for those who write.
#[tokio::test]
async fn what_needs_no_row_does_not_wait_for_the_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, clock) = store(&folder).await;
    let (let_go, may_go) = std::sync::mpsc::channel::<()>();
    let (enter, entered) = oneshot::channel();
    let first = store.clone();
    let holding_on = tokio::spawn(async move {
        let hold = move |_: &SqliteTx<'_>| {
            enter.send(()).expect("the test waits");
            may_go.recv()
        };
        first.write(hold).await
    });
    entered.await.expect("the writer stands still from now on");
    let at_once = |number| {
        let told = store.claim(id(1), claim(number)).now_or_never().expect("it does not wait");
        told.expect("it is answered")
    };
    let token = granted(at_once(1));
    assert!(matches!(at_once(2), ClaimOutcome::InProgress { .. }));
    let renewed = store.renew(id(1), token, LEASE).now_or_never().expect("nor does this");
    assert_eq!(renewed.expect("it is answered"), RenewOutcome::Renewed);
    // Whoever takes over counts in place of whom they follow.
    clock.advance(LEASE);
    let token = granted(at_once(3));
    let used = store.shared.index.usage.all();
    assert_eq!(used.iter().map(|(_, usage)| usage.keys).sum::<u64>(), 1, "{used:?}");
    let ended = store.release(id(1), token, Ended::WithoutEffect).now_or_never();
    assert_eq!(ended.expect("nor this").expect("it is answered"), ReleaseOutcome::Freed);
    drop(let_go);
    assert!(holding_on.await.is_ok());
}

#[tokio::test]
async fn a_sweeper_is_told_as_many_as_it_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, clock) = store(&folder).await;
    for number in 0..600 {
        granted(store.claim(id(number), claim(number)).await.expect("it is answered"));
    }
    let due = |at_most| store.shared.index.unsettled_due(at_most, store.shared.clock.now()).len();
    assert_eq!(due(1000), 0, "they all run");
    clock.advance(LEASE);
    assert_eq!([due(1), due(10), due(599), due(600), due(1000)], [1, 10, 599, 600, 600]);
}

#[test]
fn keys_are_in_all_shards() {
    let shards: std::collections::HashSet<_> =
        (0..=u8::MAX).map(|last| Index::shard_of(&RecordId::from_bytes([last; 16]))).collect();
    assert_eq!(shards.len(), Index::SHARDS);
}

#[test]
fn room_is_made_for_what_is_expected_and_given_back_where_nothing_came() {
    let index = Index::new(Timestamp::ZERO);
    let room = || {
        let rooms = index.shards.iter().map(|shard| locked(shard).stored.room());
        rooms.collect::<std::collections::HashSet<_>>()
    };
    index.expect(256 * 160);
    assert_eq!(room(), [170].into(), "a sixteenth more: ids do not fill the shards alike");
    index.fit();
    assert_eq!(room(), [4].into());
}

/// An execution whose owner is gone, as a start finds it.
fn left_behind(token: i64) -> Record {
    let claim = claim(1);
    let state = State::InProgress {
        attempt: claim.attempt,
        claimed_at: Timestamp::ZERO,
        lease_until: Timestamp::MAX,
        retention: claim.retention,
    };
    Record {
        token: Token::from_u128(u128::try_from(token).expect("it is positive")),
        identity: claim.identity,
        fingerprint: claim.fingerprint,
        scope: claim.scope,
        minted: Minted::By(Timestamp::ZERO),
        class: EffectClass::Opaque,
        executions: 1,
        state,
    }
}

#[test]
fn of_several_unsettled_rows_of_a_key_the_latest_counts() {
    for rows in [[5, 3], [3, 5]] {
        let index = Index::new(Timestamp::ZERO);
        let void = rows.map(|row| index.load_unsettled(id(1), left_behind(row)));
        assert_eq!(void, [None, None], "none of them was counted as stored");
        let found = index.unsettled();
        let found: Vec<_> = found.iter().map(|(_, record)| row_of(record.token)).collect();
        assert_eq!(found, [5], "{rows:?}");
    }
}

#[test]
fn an_unsettled_row_goes_before_earlier_answers_and_after_later_ones() {
    let stored = |token| Entry { id: id(1), token };
    for (answer, void, left) in [(3, Some(3), 1), (7, None, 0)] {
        let index = Index::new(Timestamp::ZERO);
        index.load_stored(&[stored(answer)]);
        assert_eq!(index.load_unsettled(id(1), left_behind(5)), void);
        assert_eq!(index.unsettled().len(), left);
    }
}
