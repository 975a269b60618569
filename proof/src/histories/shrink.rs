//! Makes a finding small: whatever can be left out of a plan without losing its breach is left out.

use super::plan::{Fault, Plan};
use super::run::play;

/// The smallest plan that still breaks the same promise.
pub fn shrink(plan: &Plan) -> Plan {
    let Some(breach) = breach(plan) else { return plan.clone() };
    let mut smallest = plan.clone();
    loop {
        let smaller = candidates(&smallest).into_iter().find(|candidate| {
            self::breach(candidate).is_some_and(|other| kind(&other) == kind(&breach))
        });
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

fn breach(plan: &Plan) -> Option<String> {
    play(plan, false).ok()?.breaches.into_iter().next()
}

/// What was broken, without the figures of a panic.
fn kind(breach: &str) -> &str {
    breach.split('(').next().unwrap_or(breach)
}

/// Every plan that is a little smaller: one fault, one intent or one process less.
fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut candidates = Vec::new();
    for fault in 0..plan.faults.len() {
        let mut without = plan.clone();
        without.faults.remove(fault);
        candidates.push(without);
    }
    if plan.intents.len() > 1 {
        candidates.extend((0..plan.intents.len()).map(|intent| without_intent(plan, intent)));
    }
    let touches_last = |fault: &Fault| matches!(fault, Fault::Crash { node, .. } | Fault::Pause { node, .. } if *node + 1 == plan.nodes);
    if plan.nodes > 1 && !plan.faults.iter().any(touches_last) {
        candidates.push(Plan { nodes: plan.nodes - 1, ..plan.clone() });
    }
    if plan.waits.is_some() {
        candidates.push(Plan { waits: None, ..plan.clone() });
    }
    candidates
}

fn without_intent(plan: &Plan, gone: usize) -> Plan {
    let mut without = plan.clone();
    without.intents.remove(gone);
    without
        .faults
        .retain(|fault| !matches!(fault, Fault::Request { intent, .. } if *intent == gone));
    for fault in &mut without.faults {
        if let Fault::Request { intent, .. } = fault
            && *intent > gone
        {
            *intent -= 1;
        }
    }
    without
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Intent, RequestFate};
    use super::*;

    #[test]
    fn without_an_intent_its_faults_go_and_the_others_keep_theirs() {
        let mut plan = super::super::draw(1);
        let intent = Intent { at: 1, key: 0, request: 0, caller: 0, deadline: 5_000 };
        let lost = |intent| Fault::Request { intent, attempt: 1, fate: RequestFate::Lost };
        plan.intents = vec![intent; 3];
        plan.faults = vec![lost(0), lost(1), lost(2), Fault::Sweep { at: 9 }];
        let without = without_intent(&plan, 1);
        assert_eq!(without.intents.len(), 2);
        assert_eq!(without.faults, [lost(0), lost(1), Fault::Sweep { at: 9 }]);
    }

    #[test]
    fn a_plan_that_breaks_nothing_stays_as_it_is() {
        let plan = super::super::draw(1);
        assert_eq!(shrink(&plan), plan);
    }
}
