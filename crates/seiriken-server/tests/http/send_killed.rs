//! A client that is killed between sending and the answer, and started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::relay::Relay;
use crate::service::{PATIENCE, Service, program};

const KILLS: usize = 200;
const AT_A_TIME: usize = 4;

/// The same command every time: what differs is when it dies.
fn sending(url: &str, journal: &Path, intent: &str) -> Command {
    let body = format!(r#"{{"userId":"{intent}","items":[{{"sku":"cake-001","qty":1}}]}}"#);
    let mut program = program();
    program
        .args(["send", "POST", &format!("{url}/orders"), "--body", &body, "--journal"])
        .arg(journal)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

/// When the first run of an intent was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    BeforeItsIntentWasWritten,
    UnderWay,
    AfterItsAnswer,
}

/// Kills a run, starts it again as its user would, and answers when the kill came.
async fn killed_once(url: String, folder: PathBuf, number: usize) -> Killed {
    let intent = intent(number);
    let journal = folder.join(&intent);
    let mut first = sending(&url, &journal, &intent).spawn().expect("the program starts");
    // Spread over the time that a run takes, without a pattern that matters.
    let after = Duration::from_micros((number as u64 * 7_919) % 90_000);
    // This is not waiting for something to happen: the moment of the kill is the input.
    tokio::time::sleep(after).await;
    first.kill().await.expect("a process of ours");
    let left = std::fs::read_to_string(&journal).unwrap_or_default();
    let killed = match (left.contains("{\"intent\""), left.contains("{\"settled\"")) {
        (false, _) => Killed::BeforeItsIntentWasWritten,
        (true, false) => Killed::UnderWay,
        (true, true) => Killed::AfterItsAnswer,
    };
    // What is left is resumed by itself, or by the same command.
    let resuming = match killed {
        Killed::BeforeItsIntentWasWritten => sending(&url, &journal, &intent),
        Killed::UnderWay if number.is_multiple_of(2) => sending(&url, &journal, &intent),
        Killed::UnderWay | Killed::AfterItsAnswer => {
            let mut program = program();
            program.args(["send", "--journal"]).arg(&journal);
            program
        }
    }
    .output();
    let second = tokio::time::timeout(PATIENCE, resuming).await.expect("it ends");
    let second = second.expect("the program starts");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(0), "{intent}: {said}");
    assert_eq!(said.contains("resuming"), killed == Killed::UnderWay, "{intent}: {left} {said}");
    killed
}

fn intent(number: usize) -> String {
    format!("intent-{number:03}")
}

#[tokio::test]
async fn a_client_that_is_killed_at_any_moment_orders_once() {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let service = Service::start(&[]).await;
    let relay = Relay::to(service.shop().address()).await;
    let (mut running, mut killed) = (JoinSet::new(), Vec::new());
    for number in 0..KILLS {
        if running.len() == AT_A_TIME {
            killed.push(running.join_next().await.expect("some run").expect("no panic"));
        }
        running.spawn(killed_once(relay.url.clone(), folder.path().to_path_buf(), number));
    }
    killed.extend(running.join_all().await);

    let orders = service.shop().all_orders().await;
    let mut made: Vec<&str> = orders.iter().filter_map(|order| order["userId"].as_str()).collect();
    made.sort_unstable();
    let intents: Vec<String> = (0..KILLS).map(intent).collect();
    assert_eq!(made, intents, "one order for each intent");
    let under_way = killed.iter().filter(|killed| **killed == Killed::UnderWay).count();
    assert!(under_way >= KILLS / 5, "only {under_way} of {KILLS} were killed under way");
}
