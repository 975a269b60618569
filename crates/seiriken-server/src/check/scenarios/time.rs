//! What time and a restart do to an answer. Both take long, so both are asked for.

use std::process::Stdio;
use std::time::Duration;

use crate::check::effect::Again;
use crate::check::endpoint::new_key;
use crate::check::exchange::NoAnswer;
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// Between two looks whether the service is back.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// An answer is kept for as long as is said, and may be forgotten after that.
pub(super) async fn expiry(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let Some(retention) = scenario.endpoint.plan.retention else {
        return Ok(Finding::skip("it takes as long as answers are kept: give --retention"));
    };
    let asked = scenario.endpoint.with_key(&new_key());
    let first = scenario.send(&asked).await?;
    if !first.accepted() {
        return Ok(Finding::skip(format!("the first request was answered {}", first.status)));
    }
    let answered = tokio::time::Instant::now();
    tokio::time::sleep_until(answered + retention * 3 / 4).await;
    let before = scenario.endpoint.count().await?;
    let again = scenario.send(&asked).await?;
    match scenario.judge(&first, &again, before).await? {
        Again::Replayed => {}
        Again::Ran => {
            return Ok(Finding::fail(format!(
                "after three quarters of {retention:?} it was forgotten: a retry ran again"
            )));
        }
        _ => {
            return Ok(Finding::fail(format!(
                "after three quarters of {retention:?} a retry is answered {}",
                again.status
            )));
        }
    }
    // A second, since many stores count in seconds.
    tokio::time::sleep_until(answered + retention * 5 / 4 + Duration::from_secs(1)).await;
    let before = scenario.endpoint.count().await?;
    let late = scenario.send(&asked).await?;
    Ok(match scenario.judge(&first, &late, before).await? {
        Again::Ran => Finding::pass("kept until then; afterwards the key is new"),
        Again::Refused => {
            Finding::pass(format!("kept until then; afterwards refused with {}", late.status))
        }
        Again::Failed => Finding::fail(format!("afterwards a retry is answered {}", late.status)),
        // What is said is the least.
        Again::Replayed | Again::CannotTell => {
            Finding::pass("kept until then, and for longer, which is safe")
        }
    })
}

/// An answer survives a restart of the service.
pub(super) async fn restart(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let Some(command) = scenario.endpoint.plan.restart_command.clone() else {
        return Ok(Finding::skip("nobody says how to restart it: give --restart-command"));
    };
    let asked = scenario.endpoint.with_key(&new_key());
    let first = scenario.send(&asked).await?;
    if !first.accepted() {
        return Ok(Finding::skip(format!("the first request was answered {}", first.status)));
    }
    let patience = scenario.endpoint.plan.patience;
    let restarted = tokio::time::timeout(patience, run(&command)).await;
    match restarted {
        Ok(Ok(())) => {}
        Ok(Err(why)) => return Ok(Finding::skip(format!("--restart-command {why}"))),
        Err(_) => {
            return Ok(Finding::skip(format!("--restart-command takes longer than {patience:?}")));
        }
    }
    back(scenario).await?;
    let before = scenario.endpoint.count().await?;
    let again = scenario.send(&asked).await?;
    Ok(match scenario.judge(&first, &again, before).await? {
        Again::Replayed => Finding::pass("after a restart a retry got the first answer"),
        Again::Ran => Finding::fail("after a restart a retry ran again: keys were forgotten"),
        Again::CannotTell => Finding::skip("all answers look alike: give --count"),
        Again::Refused | Again::Failed => {
            Finding::fail(format!("after a restart a retry is answered {}", again.status))
        }
    })
}

async fn run(command: &str) -> Result<(), String> {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    // Standard output is for the report.
    let status = tokio::process::Command::new(shell)
        .args([option, command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| format!("cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("ended with {status}")) }
}

/// Waits until the port is open again.
async fn back(scenario: &Scenario<'_>) -> Result<(), NoAnswer> {
    let endpoint = scenario.endpoint;
    let started = tokio::time::Instant::now();
    loop {
        match endpoint.wire.open(endpoint.plan.asked.uri()).await {
            Ok(_) => return Ok(()),
            Err(why) if started.elapsed() >= endpoint.plan.patience => {
                return Err(NoAnswer(format!("after the restart: {why}")));
            }
            Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
