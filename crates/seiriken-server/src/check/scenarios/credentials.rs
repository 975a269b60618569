//! Another caller that presents somebody's key.

use axum::http::{HeaderValue, StatusCode, header};

use crate::check::effect::Again;
use crate::check::endpoint::new_key;
use crate::check::exchange::{Answer, Asked, NoAnswer};
use crate::check::options::{Callers, Field};
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// Whoever learns a key must not learn the answer of the one who made it.
pub(super) async fn credential_leak(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let (one, other, invented) = match &scenario.endpoint.plan.callers {
        Callers::Given(one, other) => (one.clone(), other.clone(), false),
        Callers::Invented => (invented(), invented(), true),
        Callers::One => {
            return Ok(Finding::skip(
                "the requests carry a credential, and there is no second one: give --credential A B",
            ));
        }
    };
    let key = new_key();
    let asked = by(&one, &one, scenario.endpoint.with_key(&key));
    let first = scenario.send(&asked).await?;
    // The other caller has to be let in, or its refusal would say nothing about keys.
    let own = by(&one, &other, scenario.endpoint.with_key(&new_key()));
    let own = scenario.send(&own).await?;
    for answer in [&first, &own] {
        if let Some(why) = not_let_in(answer, invented) {
            return Ok(Finding::skip(why));
        }
    }
    let before = scenario.endpoint.count().await?;
    let taken = by(&one, &other, scenario.endpoint.with_key(&key));
    let taken = scenario.send(&taken).await?;
    let told = if invented { " (two invented callers, both of whom are taken)" } else { "" };
    let found = match scenario.judge(&first, &taken, before).await? {
        Again::Replayed => {
            Finding::fail(format!("another caller gets the first one's answer{told}"))
        }
        Again::Failed => {
            Finding::fail(format!("another caller is answered {}{told}", taken.status))
        }
        Again::Ran => Finding::pass("another caller's request is an operation of its own"),
        Again::CannotTell => return Ok(Finding::skip("all answers look alike: give --count")),
        Again::Refused => match scenario.endpoint.varying.revealed_in(&first, &taken.body) {
            Some(member) => Finding::fail(format!("the refusal gives away {member}{told}")),
            None => Finding::pass(format!("another caller is refused with {}", taken.status)),
        },
    };
    let before = scenario.endpoint.count().await?;
    let again = scenario.send(&asked).await?;
    Ok(match scenario.judge(&first, &again, before).await? {
        Again::Replayed | Again::CannotTell => found,
        _ => Finding::worst_of(vec![
            found,
            Finding::fail("after that the first caller's answer is no longer there"),
        ]),
    })
}

fn not_let_in(answer: &Answer, invented: bool) -> Option<String> {
    let status = answer.status;
    if answer.accepted() {
        return None;
    }
    let refused = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    Some(if refused && invented {
        format!("invented credentials are refused ({status}): give --credential A B")
    } else if refused {
        format!("a credential is refused ({status})")
    } else {
        format!("a first request was answered {status}")
    })
}

/// The request as this caller makes it.
fn by(one: &Field, caller: &Field, mut asked: Asked) -> Asked {
    asked.headers_mut().remove(&one.0);
    asked.headers_mut().insert(caller.0.clone(), caller.1.clone());
    asked
}

fn invented() -> Field {
    let token = format!("Bearer invented-{}", new_key());
    // A UUID has nothing that a header field could not hold.
    let value = HeaderValue::try_from(token).unwrap_or(HeaderValue::from_static("Bearer invented"));
    (header::AUTHORIZATION, value)
}
