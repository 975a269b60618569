//! The reports: for people, for programs and for a CI; and evidence that runs.

use std::process::Stdio;
use std::sync::atomic::Ordering;

use tokio::process::Command;

use crate::faults::Fault;
use crate::program::{CAKE, check};
use crate::server::Server;

#[tokio::test]
async fn people_read_a_line_for_each_requirement_and_the_evidence() {
    let server = Server::start(Fault::OkForCreated).await;
    let url = format!("{}/orders/1", server.url);
    let said = check(&[&url, "--body", CAKE]).await;
    assert_eq!((said.status, said.err.as_str()), (1, ""), "no progress where no terminal is");
    let mut lines = said.out.lines();
    let first = lines.next().expect("a line");
    let title = format!("POST {url}, against draft-ietf-httpapi-idempotency-key-header-07");
    assert_eq!(first, title);
    let line = said.out.lines().find(|line| line.starts_with("FAIL")).expect("it falls short");
    assert_eq!(line, "FAIL  fidelity          2.6   status 201 Created became 200 OK");
    assert!(said.out.contains("\n      $ curl -sS -i -X POST -H "), "{}", said.out);
    assert!(said.out.contains("\n        HTTP 200 OK, content-type: "), "{}", said.out);
    let last = said.out.lines().last().expect("a line");
    assert_eq!(last, "13 pass, 0 warn, 1 fail, 2 skip");
}

/// Whoever doubts a verdict sends the requests again, with nothing but curl.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_runs_as_it_stands() {
    let server = Server::start(Fault::IgnoresKeys).await;
    let url = format!("{}/orders/it's?a=1&b=2", server.url);
    let said = check(&[&url, "--body", r#"{"name":"it's $HOME"}"#, "--json"]).await;
    let report = said.report();
    let requirements = report["requirements"].as_array().expect("a list");
    let replay = requirements.iter().find(|found| found["id"] == "replay").expect("it");
    let evidence = replay["evidence"].as_array().expect("a list");
    assert_eq!(evidence.len(), 2, "the request and its retry");
    for step in evidence {
        let before = server.shop.effects.load(Ordering::SeqCst);
        let command = step["curl"].as_str().expect("a command");
        let ran = Command::new("sh").args(["-c", command]).output().await.expect("a shell");
        let answer = String::from_utf8(ran.stdout).expect("text");
        assert!(answer.starts_with("HTTP/1.1 201 Created"), "{command}: {answer}");
        assert_eq!(server.shop.effects.load(Ordering::SeqCst), before + 1, "{command}");
    }
    assert_eq!(evidence[0]["curl"], evidence[1]["curl"], "the same request twice");
}

/// `script` (of every Debian) makes a terminal for it.
#[tokio::test]
async fn a_terminal_shows_how_far_it_is() {
    let server = Server::start(Fault::None).await;
    let command = format!(
        "'{}' check {}/orders/1 --body '{CAKE}' --json",
        env!("CARGO_BIN_EXE_seiriken"),
        server.url
    );
    let mut script = Command::new("script");
    let script = script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null());
    let ran = script.output().await.expect("script");
    let shown = String::from_utf8(ran.stdout).expect("text");
    assert!(shown.contains("\r\u{1b}[K2/16 fidelity\r\u{1b}[K3/16 replay-marker"), "{shown}");
    assert!(shown.contains("\r\u{1b}[K{"), "it is gone before the report comes: {shown}");
}

#[tokio::test]
async fn a_ci_gets_a_file() {
    let server = Server::start(Fault::OkForCreated).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("check.xml");
    let path = file.to_str().expect("text");
    let url = format!("{}/orders/1", server.url);
    let said = check(&[&url, "--body", CAKE, "--junit", path, "--json"]).await;
    assert_eq!(said.report()["summary"]["fail"], 1);
    let xml = std::fs::read_to_string(&file).expect("a file");
    assert!(xml.contains(r#"tests="16" failures="1" errors="0" skipped="2""#), "{xml}");
    assert!(
        xml.contains(r#"name="fidelity"><failure message="status 201 Created became"#),
        "{xml}"
    );
}

#[tokio::test]
async fn no_report_shows_a_credential() {
    // Every requirement that can fails, so that every kind of evidence is written.
    for fault in
        [Fault::LeaksAcrossCredentials, Fault::ReadsThenWrites, Fault::WedgedAfterDisconnect]
    {
        let server = Server::start(fault).await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("check.xml");
        let path = file.to_str().expect("text");
        let (url, count) = (format!("{}/orders/1", server.url), format!("{}/count", server.url));
        let mut options =
            vec![&*url, "--body", CAKE, "--junit", path, "--json", "--patience", "1s"];
        options.extend(["--count", &count, "/effects", "-H", "X-Api-Key: hidden-one"]);
        options.extend([
            "--credential",
            "Authorization: hidden-two",
            "Authorization: hidden-three",
        ]);
        let said = check(&options).await;
        assert_eq!(said.status, 1, "{}{}", said.out, said.err);
        let xml = std::fs::read_to_string(&file).expect("a file");
        for text in [&said.out, &said.err, &xml] {
            assert!(!text.contains("hidden-"), "{text}");
        }
        assert!(said.out.contains("$CREDENTIAL_A") && said.out.contains("$X_API_KEY"), "{said:?}");
    }
}
