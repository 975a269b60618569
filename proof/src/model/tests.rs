use seiriken::record::EffectClass::{Keyed, Opaque};

use super::checker::{Checked, Explored};
use super::record::Request;
use super::setup::Effect::{DeduplicatedByKey, Elsewhere};
use super::setup::{Budget, Part, Person, Setup};
use super::{Invariant, second_opinion};
use crate::effort::Effort;

const FEW: Budget = Budget { crashes: 1, ends: 1, losses: 1, failures: 1, ..Budget::NONE };

fn explored(setup: Setup) -> Explored {
    Checked::new(setup, None, Effort { until: None, seed: 0 }).explore(1, None)
}

fn three(part: Part, budget: Budget) -> Setup {
    let parts = vec![part, part, part.asking(Request::AliceMore)];
    Setup::new("three", parts, budget)
}

#[test]
fn a_safe_pair_holds_in_every_state() {
    let explored = explored(three(Part::new(DeduplicatedByKey, Keyed), FEW));
    assert!(explored.found.is_none(), "{:?}", explored.found);
    assert!(explored.all && explored.states > 1_000, "only {} states", explored.states);
}

#[test]
fn what_breaks_is_found_by_the_shortest_way() {
    let budget = Budget { failures: 0, ..FEW };
    let found = explored(three(Part::new(Elsewhere, Keyed), budget)).found;
    let found = found.expect("a token does not stop the successor from doing it again");
    assert_eq!(found.invariant, Invariant::I1);
    let claims_and_acts = |who| [format!("{who} claims"), format!("{who} makes its effect")];
    let ends = ["the lease of key 0 ends".to_owned()];
    let mut path = found.path.clone();
    path.sort();
    let mut expected = [&claims_and_acts(0)[..], &ends, &claims_and_acts(1)].concat();
    expected.sort();
    assert_eq!(path, expected, "{found}");
}

#[test]
fn whoever_says_never_too_early_has_the_effect_twice() {
    let budget = Budget { people: 1, failures: 0, losses: 0, ..FEW };
    let setup = |person| three(Part::new(Elsewhere, Opaque), budget).settled_by(person);
    let truthful = explored(setup(Person::Truthful));
    assert!(truthful.found.is_none() && truthful.all, "{:?}", truthful.found);
    let found = explored(setup(Person::Hasty)).found.expect("its owner is only late");
    assert_eq!(found.invariant, Invariant::I1, "{found}");
    let said = ["a person finds that key 0 is not done", "the person says so"];
    assert!(said.iter().all(|step| found.path.iter().any(|taken| taken == step)), "{found}");
    assert_eq!(found.path.len(), 7, "{found}");
}

#[test]
fn a_fault_that_cannot_happen_leaves_fewer_states() {
    let part = Part::new(Elsewhere, Opaque);
    let states = |budget| explored(three(part, budget)).states;
    let all = states(FEW);
    for less in [
        Budget { crashes: 0, ..FEW },
        Budget { ends: 0, ..FEW },
        Budget { losses: 0, ..FEW },
        Budget { failures: 0, ..FEW },
    ] {
        assert!(states(less) < all, "{less:?}");
    }
    assert!(states(Budget { ticks: 1, ..FEW }) > all);
    assert!(states(Budget { people: 1, ..FEW }) > all);
}

#[test]
fn the_second_opinion_is_the_same_on_three_attempts() {
    for opinion in second_opinion::of_three_attempts() {
        assert_eq!(opinion.count(), opinion.states, "{opinion:?}");
    }
}
