//! What a person does with records: looks, settles what nobody knows, forgets one early.

use std::collections::HashSet;

use super::harness::{Harness, Restarts, Stop};
use super::trial::{Trial, answer};
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Granted, RenewOutcome, Resolution,
    ResolveOutcome,
};
use crate::record::{EffectClass, Record, State, Token};
use crate::scope::{RecordId, Scope, ScopeDigest};
use crate::store::{Filter, IdPrefix, Listed, Operate, Standing, Store};

impl<S: Operate> Trial<S> {
    /// A key of an outcome that nobody knows.
    async fn unknown(&self) -> (RecordId, Token) {
        let id = self.key();
        (id, self.indeterminate(id).await)
    }

    async fn show(&self, id: RecordId) -> Option<Record> {
        self.store.show(id).await.expect("a look is answered")
    }

    async fn standing(&self, id: RecordId) -> Option<Standing> {
        self.show(id).await.map(|record| Standing::of(&record.state))
    }

    async fn resolve(&self, id: RecordId, token: Token, as_said: &Resolution) -> ResolveOutcome {
        self.store.resolve(id, token, as_said.clone()).await.expect("a resolution is answered")
    }

    async fn delete(&self, id: RecordId, token: Token) -> DeleteOutcome {
        self.store.delete(id, token).await.expect("a deletion is answered")
    }

    /// All pages, of at most so many.
    async fn listed(&self, filter: &Filter, at_most: usize) -> Vec<Listed> {
        let mut all = Vec::new();
        let mut from = None;
        loop {
            let page = self.store.list(filter, from, at_most).await.expect("a page is answered");
            all.extend(page.records);
            match page.next {
                Some(next) => from = Some(next),
                None => return all,
            }
        }
    }

    async fn ids(&self, filter: &Filter, at_most: usize) -> HashSet<RecordId> {
        self.listed(filter, at_most).await.into_iter().map(|listed| listed.id).collect()
    }
}

fn done(body: &str) -> Resolution {
    Resolution::Done(answer(body))
}

fn carries_opaque<H: Harness>(harness: &H) -> bool {
    harness.classes().contains(&EffectClass::Opaque)
}

/// A class whose executions every store writes.
fn written<H: Harness>(harness: &H) -> Option<EffectClass> {
    let classes = harness.classes().iter();
    classes.copied().find(|class| *class != EffectClass::Transactional)
}

/// Whose it is, how far it is, the answer; nothing of a key that is not there or has expired.
pub async fn what_stands_is_shown_as_a_claim_finds_it<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let id = trial.key();
    assert_eq!(trial.show(id).await, None, "nobody has used it");
    let Some(class) = written(harness) else { return };
    let claim = trial.ask(class);
    let token = trial.granted(id, claim).await.token;
    let record = trial.show(id).await.expect("it runs");
    assert_eq!((record.token, record.class, record.executions), (token, class, 1));
    assert_eq!((record.identity, record.fingerprint), (claim.identity, claim.fingerprint));
    assert_eq!(record.scope, claim.scope);
    assert_eq!(Standing::of(&record.state), Standing::InProgress);
    trial.complete(id, token, &answer("shown")).await;
    match trial.show(id).await.map(|record| record.state) {
        Some(State::Completed { response, .. }) => assert_eq!(response, answer("shown")),
        other => panic!("the answer stands, and {other:?} is shown"),
    }
    trial.assert_replayed(id, class, &answer("shown")).await;
    let kept = trial.time.retention();
    let pauses = trial.time.around(kept.answers + kept.skew);
    trial.time.pass(pauses[pauses.len() - 1].0).await;
    assert_eq!(trial.show(id).await, None, "it has expired");
    assert!(trial.ids(&Filter::default(), 10).await.is_empty(), "it has expired");
}

/// Whatever the size of the pages.
pub async fn a_list_comes_past_every_record<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    assert!(trial.ids(&Filter::default(), 10).await.is_empty(), "it is empty");
    let Some(class) = written(harness) else { return };
    let mut made = HashSet::new();
    for number in 0..40 {
        let id = trial.key();
        made.insert(id);
        // Everything is to be done before a lease or an answer ends.
        let token = trial.owner(id, class).await;
        if number % 2 == 0 {
            trial.complete(id, token, &answer("listed")).await;
        }
    }
    for at_most in [1, 7, 40, 1_000] {
        assert_eq!(trial.ids(&Filter::default(), at_most).await, made, "{at_most} to a page");
    }
}

/// By state, by scope, by the beginning of the id, and by all of them.
pub async fn a_list_has_what_its_filter_takes<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let Some(class) = written(harness) else { return };
    let scope = ScopeDigest::new(trial.store.secret(), &Scope::new("another"));
    let [running, completed, elsewhere] = [trial.key(), trial.key(), trial.key()];
    trial.owner(running, class).await;
    let token = trial.owner(completed, class).await;
    trial.complete(completed, token, &answer("listed")).await;
    trial.granted(elsewhere, Claim { scope, ..trial.ask(class) }).await;
    let mut unknown = HashSet::new();
    if carries_opaque(harness) {
        let id = trial.key();
        trial.indeterminate(id).await;
        unknown.insert(id);
    }
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let prefix = |id: RecordId, digits: usize| {
        IdPrefix::parse(&id.hex()[..digits]).expect("it is the beginning of an id")
    };
    for (filter, expected) in [
        (state(Standing::InProgress), HashSet::from([running, elsewhere])),
        (state(Standing::Completed), HashSet::from([completed])),
        (state(Standing::Indeterminate), unknown),
        (Filter { scope: Some(scope), ..Filter::default() }, HashSet::from([elsewhere])),
        (Filter { scope: Some(scope), ..state(Standing::Completed) }, HashSet::new()),
        // Eight digits of few keys are those of one.
        (Filter { prefix: prefix(completed, 8), ..Filter::default() }, HashSet::from([completed])),
        (Filter { prefix: prefix(running, 32), ..Filter::default() }, HashSet::from([running])),
        (Filter { prefix: prefix(running, 8), ..state(Standing::Completed) }, HashSet::new()),
    ] {
        for at_most in [1, 10] {
            assert_eq!(trial.ids(&filter, at_most).await, expected, "{filter:?}");
        }
    }
}

/// As many as were made, or more: what has expired may still be there.
pub async fn how_many_there_are_is_told_about<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let Some(class) = written(harness) else { return };
    for made in 1..=5 {
        let id = trial.key();
        let token = trial.owner(id, class).await;
        if made % 2 == 0 {
            trial.complete(id, token, &answer("counted")).await;
        }
        let told = trial.store.about_how_many().await.expect("a count is answered");
        assert!(told >= made, "{made} were made, and {told} are there");
    }
}

/// The answer that the person gave is every retry's, and is kept as long as any.
pub async fn an_unknown_outcome_resolved_as_done_is_replayed<H: Harness<Store: Operate>>(
    harness: &H,
) {
    if !carries_opaque(harness) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let retention = trial.time.retention();
    for (pause, ended) in trial.time.around(retention.answers + retention.skew) {
        let (id, token) = trial.unknown().await;
        let told = trial.resolve(id, token, &done("by a person")).await;
        assert_eq!(told, ResolveOutcome::Resolved);
        let told = trial.resolve(id, token, &done("by a person")).await;
        assert_eq!(told, ResolveOutcome::Resolved, "to say it twice is to say it once");
        let late = trial.complete(id, token, &answer("late")).await;
        assert_eq!(late, CompleteOutcome::Stale(Some(answer("by a person"))));
        trial.time.pass(pause).await;
        if ended {
            assert_eq!(trial.show(id).await, None, "after {pause:?}");
        } else {
            trial.assert_replayed(id, EffectClass::Opaque, &answer("by a person")).await;
            let mallory = trial.identity(b"mallory");
            let claim = Claim { identity: mallory, ..trial.ask(EffectClass::Opaque) };
            assert_eq!(trial.claim(id, claim).await, ClaimOutcome::CredentialChanged);
        }
    }
}

/// The next request is the first one, and whoever comes late finds nothing to settle.
pub async fn an_unknown_outcome_resolved_as_not_done_frees_its_key<H: Harness<Store: Operate>>(
    harness: &H,
) {
    if !carries_opaque(harness) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let (id, before) = trial.unknown().await;
    let told = trial.resolve(id, before, &Resolution::NotDone).await;
    assert_eq!(told, ResolveOutcome::Resolved);
    assert_eq!(trial.show(id).await, None);
    let late = trial.complete(id, before, &answer("late")).await;
    assert_eq!(late, CompleteOutcome::Stale(None));
    let grant = trial.granted(id, trial.ask(EffectClass::Opaque)).await;
    assert_eq!((grant.how, grant.executions), (Granted::First, 1));
    assert_ne!(grant.token, before, "a token never repeats");
    let late = trial.complete(id, before, &answer("late")).await;
    assert_eq!(late, CompleteOutcome::Stale(None), "nor does it settle its successor's");
    let again = trial.resolve(id, before, &Resolution::NotDone).await;
    assert!(matches!(again, ResolveOutcome::Stands(Some(_))), "nor does the person: {again:?}");
    trial.complete(id, grant.token, &answer("second")).await;
    trial.assert_replayed(id, EffectClass::Opaque, &answer("second")).await;
}

/// Neither what runs, nor an answer, nor another execution; and nothing where nothing is.
pub async fn only_an_unknown_outcome_is_resolved<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let [running, completed, absent] = [trial.key(), trial.key(), trial.key()];
        let owner = trial.owner(running, *class).await;
        let token = trial.owner(completed, *class).await;
        trial.complete(completed, token, &answer("first")).await;
        for said in [done("by a person"), Resolution::NotDone] {
            let told = trial.resolve(completed, token, &said).await;
            assert!(matches!(told, ResolveOutcome::Stands(Some(_))), "{class:?}: {told:?}");
            let told = trial.resolve(absent, token, &said).await;
            assert_eq!(told, ResolveOutcome::Stands(None), "{class:?}");
            let told = trial.resolve(running, owner, &said).await;
            assert!(matches!(told, ResolveOutcome::Stands(_)), "{class:?}: {told:?}");
            if *class == EffectClass::Opaque {
                let unknown = trial.key();
                trial.indeterminate(unknown).await;
                let told = trial.resolve(unknown, token, &said).await;
                assert!(matches!(told, ResolveOutcome::Stands(Some(_))), "{told:?}");
                assert_eq!(trial.standing(unknown).await, Some(Standing::Indeterminate));
            }
        }
        let renewed = trial.renew(running, owner, trial.time.lease()).await;
        assert_eq!(renewed, RenewOutcome::Renewed, "{class:?}: the owner is the owner");
        trial.assert_replayed(completed, *class, &answer("first")).await;
    }
}

/// Nobody retries, and no sweeper was there: its owner's lease has passed all the same.
pub async fn an_abandoned_effect_is_resolved_though_nobody_came_upon_it<
    H: Harness<Store: Operate>,
>(
    harness: &H,
) {
    if !carries_opaque(harness) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let [first, second] = [trial.key(), trial.key()];
    let tokens = [
        trial.owner(first, EffectClass::Opaque).await,
        trial.owner(second, EffectClass::Opaque).await,
    ];
    trial.leases_end().await;
    let unknown = Filter { state: Some(Standing::Indeterminate), ..Filter::default() };
    assert_eq!(trial.ids(&unknown, 10).await, HashSet::from([first, second]));
    assert_eq!(trial.standing(first).await, Some(Standing::Indeterminate));
    let told = trial.resolve(first, tokens[0], &done("by a person")).await;
    assert_eq!(told, ResolveOutcome::Resolved);
    trial.assert_replayed(first, EffectClass::Opaque, &answer("by a person")).await;
    let told = trial.resolve(second, tokens[1], &Resolution::NotDone).await;
    assert_eq!(told, ResolveOutcome::Resolved);
    let grant = trial.granted(second, trial.ask(EffectClass::Opaque)).await;
    assert_eq!((grant.how, grant.executions), (Granted::First, 1));
}

/// At the same moment: whoever is second is told what stands, and every retry is given that.
pub async fn of_a_late_owner_and_a_person_one_settles_it<H: Harness<Store: Operate>>(harness: &H) {
    if !carries_opaque(harness) {
        return;
    }
    let trial = Trial::begin(harness).await;
    for _ in 0..20 {
        let (id, token) = trial.unknown().await;
        let owners = answer("the owner's");
        let said = done("the person's");
        let (completed, resolved) =
            tokio::join!(trial.complete(id, token, &owners), trial.resolve(id, token, &said));
        let stands = match (&completed, &resolved) {
            (CompleteOutcome::Recorded, ResolveOutcome::Stands(Some(_))) => owners,
            (CompleteOutcome::Stale(Some(stands)), ResolveOutcome::Resolved) => {
                assert_eq!(*stands, answer("the person's"));
                stands.clone()
            }
            told => panic!("one of them settles it, and they were told {told:?}"),
        };
        trial.assert_replayed(id, EffectClass::Opaque, &stands).await;
    }
}

/// Two at once, whatever they say: one of them does it, and the other one is told what stands.
pub async fn of_two_persons_one_settles_it<H: Harness<Store: Operate>>(harness: &H) {
    if !carries_opaque(harness) {
        return;
    }
    let trial = Trial::begin(harness).await;
    for round in 0..20 {
        let (id, token) = trial.unknown().await;
        let (first, second) = (done("the first one's"), done("the second one's"));
        let told =
            tokio::join!(trial.resolve(id, token, &first), trial.resolve(id, token, &second));
        let stands = match told {
            (ResolveOutcome::Resolved, ResolveOutcome::Stands(Some(_))) => "the first one's",
            (ResolveOutcome::Stands(Some(_)), ResolveOutcome::Resolved) => "the second one's",
            told => panic!("round {round}: one of them settles it, and they were told {told:?}"),
        };
        trial.assert_replayed(id, EffectClass::Opaque, &answer(stands)).await;

        let (id, token) = trial.unknown().await;
        let told = tokio::join!(trial.resolve(id, token, &first), trial.delete(id, token));
        match told {
            // An answer that stands may be deleted as well.
            (ResolveOutcome::Resolved | ResolveOutcome::Stands(None), DeleteOutcome::Deleted) => {}
            told => panic!("round {round}: it is forgotten, and they were told {told:?}"),
        }
        assert_eq!(trial.show(id).await, None, "round {round}");

        let (id, token) = trial.unknown().await;
        let not_done = Resolution::NotDone;
        match tokio::join!(trial.resolve(id, token, &not_done), trial.delete(id, token)) {
            (ResolveOutcome::Resolved, DeleteOutcome::Stands(None))
            | (ResolveOutcome::Stands(None), DeleteOutcome::Deleted) => {}
            told => panic!("round {round}: one of them frees it, and they were told {told:?}"),
        }

        let (id, token) = trial.unknown().await;
        match tokio::join!(trial.delete(id, token), trial.delete(id, token)) {
            (DeleteOutcome::Deleted, DeleteOutcome::Stands(None))
            | (DeleteOutcome::Stands(None), DeleteOutcome::Deleted) => {}
            told => panic!("round {round}: one of them deletes it, and they were told {told:?}"),
        }
    }
}

/// An answer, an unknown outcome; not what somebody runs, nor what came after it.
pub async fn a_key_is_deleted_unless_it_runs<H: Harness<Store: Operate>>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let Some(class) = written(harness) else { return };
    let [running, completed, absent] = [trial.key(), trial.key(), trial.key()];
    let owner = trial.owner(running, class).await;
    let told = trial.delete(running, owner).await;
    assert!(matches!(told, DeleteOutcome::Stands(Some(_))), "it runs: {told:?}");
    let renewed = trial.renew(running, owner, trial.time.lease()).await;
    assert_eq!(renewed, RenewOutcome::Renewed, "the owner is the owner");

    let token = trial.owner(completed, class).await;
    trial.complete(completed, token, &answer("first")).await;
    let told = trial.delete(completed, owner).await;
    assert!(matches!(told, DeleteOutcome::Stands(Some(_))), "another execution: {told:?}");
    trial.assert_replayed(completed, class, &answer("first")).await;
    assert_eq!(trial.delete(completed, token).await, DeleteOutcome::Deleted);
    assert_eq!(trial.show(completed).await, None);
    let late = trial.complete(completed, token, &answer("first")).await;
    assert_eq!(late, CompleteOutcome::Stale(None), "its record is gone");
    let grant = trial.granted(completed, trial.ask(class)).await;
    assert_eq!((grant.how, grant.executions), (Granted::First, 1));
    assert_ne!(grant.token, token, "a token never repeats");

    assert_eq!(trial.delete(absent, owner).await, DeleteOutcome::Stands(None));
    if carries_opaque(harness) {
        let (unknown, token) = trial.unknown().await;
        assert_eq!(trial.delete(unknown, token).await, DeleteOutcome::Deleted);
        trial.owner(unknown, EffectClass::Opaque).await;
    }
}

/// As durable as every other answer.
pub async fn what_a_person_settled_survives_a_restart<H: Harness<Store: Operate>>(harness: &H) {
    if !carries_opaque(harness) || harness.restarts() == Restarts::Forgets {
        return;
    }
    let mut trial = Trial::begin(harness).await;
    for stop in [Stop::Clean, Stop::Killed] {
        let [settled, freed, left] = [trial.key(), trial.key(), trial.key()];
        let token = trial.indeterminate(settled).await;
        trial.resolve(settled, token, &done("by a person")).await;
        let token = trial.indeterminate(freed).await;
        trial.resolve(freed, token, &Resolution::NotDone).await;
        trial.indeterminate(left).await;
        trial = trial.restarted(harness, stop).await;
        trial.assert_replayed(settled, EffectClass::Opaque, &answer("by a person")).await;
        assert_eq!(trial.show(freed).await, None, "after {stop:?}");
        assert_eq!(trial.standing(left).await, Some(Standing::Indeterminate), "after {stop:?}");
        let filter = Filter { state: Some(Standing::Completed), ..Filter::default() };
        assert!(trial.ids(&filter, 10).await.contains(&settled), "after {stop:?}");
    }
}
