//! The scenarios: what is sent to find out about each requirement.

mod credentials;
mod gate;
mod leaving;
mod published;
mod refused;
mod repeat;
mod reuse;
mod same_moment;
mod time;

use super::exchange::NoAnswer;
use super::requirement::Requirement;
use super::scenario::Scenario;
use super::verdict::Finding;

/// Plays the scenario of a requirement. `Err`: the endpoint stopped answering in the middle.
pub(super) async fn play(
    requirement: Requirement,
    scenario: &mut Scenario<'_>,
) -> Result<Finding, NoAnswer> {
    match requirement {
        Requirement::KeyMissing => gate::key_missing(scenario).await,
        Requirement::KeyInvalid => gate::key_invalid(scenario).await,
        Requirement::KeySpelling => gate::key_spelling(scenario).await,
        Requirement::Replay => repeat::replay(scenario).await,
        Requirement::Fidelity => Ok(repeat::fidelity(scenario)),
        Requirement::ReplayMarker => Ok(repeat::replay_marker(scenario)),
        Requirement::Reuse => reuse::reuse(scenario).await,
        Requirement::Concurrent => same_moment::concurrent(scenario).await,
        Requirement::Storm => same_moment::storm(scenario).await,
        Requirement::CredentialLeak => credentials::credential_leak(scenario).await,
        Requirement::Disconnect => leaving::disconnect(scenario).await,
        Requirement::ValidationFree => refused::validation_free(scenario).await,
        Requirement::ProblemDetails => Ok(refused::problem_details(scenario)),
        Requirement::PolicyPublished => published::policy_published(scenario).await,
        Requirement::Expiry => time::expiry(scenario).await,
        Requirement::Restart => time::restart(scenario).await,
    }
}
