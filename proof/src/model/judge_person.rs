//! Whether what a person said was taken where it must be, and nowhere else. What stands under the key
//! is known from the promise, not from what the store shows.

use super::checker::Checked;
use super::invariant::Invariant;
use super::person::{BY_A_PERSON, Told};
use super::record::Stage;
use super::world::{Said, Saying, World};

impl Checked {
    pub(super) fn breach_of_a_person(
        before: &World,
        said: Said,
        told: &Told,
        after: &World,
    ) -> Option<Invariant> {
        let (key, left) = (said.key, after.keys[said.key].record);
        let changed = left != before.keys[key].record;
        let shown = before.keys[key].shown(before.now);
        let Some(standing) = shown else {
            // It has expired or has gone: there is nothing to settle.
            let nothing = !changed && matches!(told, Told::Stands(None));
            return (!nothing).then_some(Invariant::Swept);
        };
        if standing.token != said.token {
            let told_so = matches!(told, Told::Stands(Some(other)) if *other == standing);
            return (changed || !told_so).then_some(Invariant::I7);
        }
        let runs = matches!(standing.stage, Stage::InProgress { lease_until, .. }
            if before.now < lease_until);
        let again = standing.answer() == Some(BY_A_PERSON);
        let (takes, breach) = match said.what {
            Saying::Done => (standing.unresolved() || again, Invariant::I6),
            Saying::NotDone => (standing.unresolved(), Invariant::I6),
            Saying::Forget => (!runs, Invariant::L2),
        };
        let as_told = match (told, said.what) {
            (Told::Stands(other), _) => !takes && !changed && *other == shown,
            (Told::Done, Saying::Done) => {
                takes
                    && left.is_some_and(|left| {
                        left.token == said.token && left.answer() == Some(BY_A_PERSON)
                    })
            }
            (Told::Done, Saying::NotDone | Saying::Forget) => takes && left.is_none(),
        };
        (!as_told).then_some(breach)
    }
}
