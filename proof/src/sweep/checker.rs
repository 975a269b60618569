//! What must hold of a history, whatever was at fault: the promises, and nothing else.

use seiriken::record::EffectClass;

use super::ledger::{History, Outcome, Request, Told, Who};

/// Each promise that the history breaks, in words.
pub(super) fn breaches(history: &History, class: EffectClass) -> Vec<String> {
    let mut breaches = history.breaches.clone();
    let effects = history.effects.len();
    if effects.saturating_sub(history.forgettable) > 1 || history.forgettable > 1 {
        let forgettable = history.forgettable;
        breaches.push(format!("{effects} effects under one key, of which {forgettable} forgotten"));
    }
    for (number, request) in history.requests.iter().enumerate() {
        let Some(outcome) = &request.told else { continue };
        if let Some(breach) = breach(history, class, number, request, outcome) {
            let told = &outcome.told;
            breaches.push(format!(
                "request {} of {:?} {told:?}: {breach}",
                number + 1,
                request.who
            ));
        }
    }
    breaches
}

fn breach(
    history: &History,
    class: EffectClass,
    number: usize,
    request: &Request,
    outcome: &Outcome,
) -> Option<&'static str> {
    let own_effect = history.effects.iter().any(|effect| effect.request == number);
    let answerable = |told: &Told| {
        matches!(told, Told::Answer { replayed: true, .. } | Told::Unavailable | Told::GaveUp)
            || (history.expired && *told == Told::KeyExpired)
    };
    match &outcome.told {
        Told::Answer { .. } if history.effects.is_empty() => Some("a success without an effect"),
        Told::Answer { body, .. } => match history.effect_of(body) {
            None => Some("not the answer of any effect"),
            Some(effect) if history.effects[effect].who != request.who => {
                Some("somebody else's answer")
            }
            Some(effect) if effect < request.first_effect && class == EffectClass::Opaque => {
                Some("an answer that was forgotten")
            }
            Some(_) if request.after_answer && !answerable(&outcome.told) => {
                Some("the work is said to have run after it was answered")
            }
            Some(_) => None,
        },
        Told::Else(_) => Some("nothing that may be said here"),
        // They go before everything else that could be said to them.
        told if request.who != Who::Client => {
            let refusal = match request.who {
                Who::OtherCaller => Told::CredentialChanged,
                Who::Client | Who::OtherRequest => Told::KeyReused,
            };
            let found_it_free = history.effects.is_empty() || answered(history) == request.who;
            let as_it_should = *told == refusal || matches!(told, Told::Unavailable | Told::GaveUp);
            (!as_it_should && !found_it_free).then_some("it should have been refused by what it is")
        }
        told if request.after_answer && request.who == answered(history) && !answerable(told) => {
            Some("an acknowledged answer is lost")
        }
        Told::KeyReused | Told::CredentialChanged
            if history.effects.iter().any(|effect| effect.who == Who::Client) =>
        {
            Some("refused its own operation")
        }
        Told::NothingDone if outcome.effects > 0 => Some("said to be free, after an effect"),
        Told::Unknown if class != EffectClass::Opaque => Some("unknown, where it can be run again"),
        told if is_refusal(told) && own_effect => Some("a refusal of what was done"),
        _ => None,
    }
}

/// Whose operation it became.
fn answered(history: &History) -> Who {
    history.effects.first().map_or(Who::Client, |effect| effect.who)
}

fn is_refusal(told: &Told) -> bool {
    matches!(
        told,
        Told::NothingDone
            | Told::InProgress
            | Told::KeyReused
            | Told::CredentialChanged
            | Told::KeyExpired
            | Told::Unavailable
    )
}

/// Whether the key has come to an end that stays.
pub(super) fn settled(history: &History, told: &Told) -> bool {
    match told {
        Told::Answer { .. } | Told::Unknown => true,
        Told::KeyExpired => history.expired,
        // Another one has found it free, and has used it.
        Told::KeyReused | Told::CredentialChanged => {
            history.requests.iter().any(|request| request.who != Who::Client)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Ledger;
    use super::*;

    fn answer(body: &str, replayed: bool) -> Told {
        Told::Answer { body: body.to_owned(), replayed }
    }

    /// One effect, of the first of the client's requests, each of which is told this.
    fn told(class: EffectClass, all: &[Told]) -> Vec<String> {
        let ledger = Ledger::default();
        for (number, told) in all.iter().enumerate() {
            let request = ledger.asks(Who::Client);
            if number == 0 {
                ledger.effect(Who::Client, request);
            }
            ledger.tell(request, told);
        }
        breaches(&ledger.history(), class)
    }

    #[test]
    fn a_history_that_keeps_the_promises_passes() {
        let (now, again) = (answer("effect 1", false), answer("effect 1", true));
        for rest in [Told::Unavailable, Told::GaveUp, again.clone()] {
            let all = [now.clone(), again.clone(), rest];
            assert_eq!(told(EffectClass::Keyed, &all), [] as [String; 0]);
        }
        let all = [Told::Pending, Told::InProgress, Told::Unknown, again];
        assert_eq!(told(EffectClass::Opaque, &all), [] as [String; 0]);
    }

    #[test]
    fn each_breach_is_found() {
        let now = || answer("effect 1", false);
        for (class, all) in [
            (EffectClass::Opaque, vec![answer("effect 2", false)]),
            (EffectClass::Opaque, vec![now(), now()]),
            (EffectClass::Opaque, vec![now(), Told::InProgress]),
            (EffectClass::Opaque, vec![now(), Told::Unknown]),
            (EffectClass::Opaque, vec![now(), Told::Pending]),
            (EffectClass::Opaque, vec![now(), Told::KeyExpired]),
            (EffectClass::Opaque, vec![Told::NothingDone]),
            (EffectClass::Opaque, vec![Told::Unavailable]),
            (EffectClass::Keyed, vec![Told::Unknown]),
            (EffectClass::Keyed, vec![Told::Else("x".to_owned())]),
        ] {
            assert_eq!(told(class, &all).len(), 1, "{class:?} {all:?}");
        }
        let ledger = Ledger::default();
        for _ in 0..2 {
            let request = ledger.asks(Who::Client);
            ledger.effect(Who::Client, request);
        }
        assert_eq!(breaches(&ledger.history(), EffectClass::Keyed).len(), 1, "two effects");
        let stranger = Ledger::default();
        let request = stranger.asks(Who::Client);
        stranger.effect(Who::Client, request);
        for leaks in [answer("effect 1", true), Told::InProgress, Told::KeyReused] {
            let request = stranger.asks(Who::OtherCaller);
            stranger.tell(request, &leaks);
        }
        assert_eq!(breaches(&stranger.history(), EffectClass::Opaque).len(), 3, "a stranger");
    }

    #[test]
    fn what_is_in_progress_or_free_is_not_settled() {
        let history = History::default();
        for told in [Told::InProgress, Told::Pending, Told::Unavailable, Told::NothingDone] {
            assert!(!settled(&history, &told), "{told:?}");
        }
        assert!(settled(&history, &Told::Unknown) && !settled(&history, &Told::KeyExpired));
    }
}
