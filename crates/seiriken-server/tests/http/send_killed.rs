//! A client that is killed between sending and the answer, and started again.

use std::collections::BTreeMap;
use std::path::Path;
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

/// How one intent went: whether its first run was killed with the intent in its journal, and the
/// order that the second one was told.
struct Told {
    intent: String,
    killed_under_way: bool,
    order: String,
}

async fn killed_once(url: String, folder: std::path::PathBuf, number: usize) -> Told {
    let intent = format!("intent-{number:03}");
    let journal = folder.join(&intent);
    let mut first = sending(&url, &journal, &intent).spawn().expect("the program starts");
    // Spread evenly over the time that a run takes: a number with no pattern that matters.
    let after = Duration::from_micros((number as u64 * 7_919) % 120_000);
    // This is not waiting for something to happen: the moment of the kill is the input.
    tokio::time::sleep(after).await;
    first.kill().await.expect("a process of ours");
    let left = std::fs::read_to_string(&journal).unwrap_or_default();
    let killed_under_way = left.contains("intent") && !left.contains("settled");
    let second = sending(&url, &journal, &intent).output();
    let second = tokio::time::timeout(PATIENCE, second).await.expect("it ends").expect("it starts");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(0), "{intent}: {said}");
    assert_eq!(said.contains("resuming it"), killed_under_way, "{intent}: {left} {said}");
    let order: serde_json::Value = serde_json::from_slice(&second.stdout).expect("an order");
    Told { intent, killed_under_way, order: order["orderId"].as_str().expect("an id").to_owned() }
}

#[tokio::test]
async fn a_client_that_is_killed_at_any_moment_orders_once() {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let service = Service::start(&[]).await;
    let relay = Relay::to(service.shop().address()).await;
    let (mut running, mut told) = (JoinSet::new(), Vec::new());
    for number in 0..KILLS {
        if running.len() == AT_A_TIME {
            told.push(running.join_next().await.expect("some run").expect("no panic"));
        }
        running.spawn(killed_once(relay.url.clone(), folder.path().to_path_buf(), number));
    }
    told.extend(running.join_all().await);

    let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for order in service.shop().all_orders().await {
        let text = |name: &str| order[name].as_str().unwrap().to_owned();
        made.entry(text("userId")).or_default().push(text("orderId"));
    }
    assert_eq!(made.len(), KILLS);
    let mut settled_before = 0;
    for Told { intent, killed_under_way, order } in &told {
        // A run that had its answer before the kill has settled its intent: the second run is
        // another intent, and so another order, which its user sees on the first run's output.
        let orders = &made[intent];
        let finished = !killed_under_way && orders.len() == 2;
        settled_before += usize::from(finished);
        assert!(orders.len() == 1 || finished, "{intent}: {orders:?}");
        assert!(orders.contains(order), "{intent}: {orders:?} {order}");
    }
    let under_way = told.iter().filter(|told| told.killed_under_way).count();
    eprintln!("{under_way} of {KILLS} were killed under way, {settled_before} after their answer");
    assert!(under_way >= KILLS / 5, "only {under_way} of {KILLS} were killed under way");
}
