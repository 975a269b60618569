//! `seiriken send`: what it prints, where, and the exit status.

use std::path::Path;
use std::process::{Output, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::relay::Relay;
use crate::service::{PATIENCE, Service, program, terminate};
use crate::shop::CAKE;

struct Said {
    status: i32,
    out: String,
    err: String,
}

async fn ended(command: &mut Command) -> Said {
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let Output { status, stdout, stderr } = output.expect("it ends").expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Said { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

async fn send(options: &[&str]) -> Said {
    ended(program().arg("send").args(options)).await
}

/// A server that answers each connection with the next of these, and then takes no more.
async fn scripted(answers: &[&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    let answers = answers.to_vec();
    tokio::spawn(async move {
        // The policy page is asked for first, and is not there.
        for answer in
            [&["HTTP/1.1 404 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"], &answers[..]]
                .concat()
        {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = vec![0; 64 * 1024];
            let read = stream.read(&mut request).await.expect("a request");
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).await.expect("it listens");
        }
    });
    url
}

#[tokio::test]
async fn done_is_0_and_the_body_is_all_of_standard_output() {
    let service = Service::in_memory(&[]).await;
    let relay = Relay::to(service.shop().address()).await;
    let said = send(&["POST", &format!("{}/orders", relay.url), "--body", CAKE]).await;
    assert_eq!(said.status, 0, "{}", said.err);
    let order = service.shop().all_orders().await.remove(0);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&said.out).expect("JSON"), order);
    let lines: Vec<&str> = said.err.lines().collect();
    assert_eq!(lines.len(), 4, "{}", said.err);
    assert_eq!(lines[0], "seiriken: attempt 1: sending");
    assert!(lines[1].starts_with("seiriken: attempt 1: the answer was lost ("), "{}", lines[1]);
    assert!(lines[1].contains("cannot do it twice; next attempt in "), "{}", lines[1]);
    assert_eq!(lines[3], "seiriken: done: 201 Created");
}

#[tokio::test]
async fn a_definite_refusal_is_1() {
    let service = Service::in_memory(&[]).await;
    let url = format!("{}/orders", service.shop().url());
    let said = send(&["post", &url, "--body", r#"{"itemId":"cake-001","qty":0}"#]).await;
    assert_eq!(said.status, 1);
    assert!(said.out.contains("#order-invalid"), "{}", said.out);
    assert!(said.err.ends_with("refused: 400 Bad Request; this answer stands\n"), "{}", said.err);
    let moved = scripted(&["HTTP/1.1 303 See\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n"]).await;
    let said = send(&["POST", &moved]).await;
    assert_eq!(said.status, 1);
    assert!(said.err.contains("a redirection to /x that is not followed"), "{}", said.err);
}

#[tokio::test]
async fn nothing_sent_is_1_and_says_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/orders", free.local_addr().expect("an address"));
    drop(free);
    let said = send(&["POST", &url, "--body", CAKE, "--deadline", "50ms"]).await;
    assert_eq!((said.status, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.contains("nothing was sent, so nothing was done"), "{}", said.err);
    // The same, of an operation that may have been sent before, proves nothing.
    let said = send(&["POST", &url, "--body", CAKE, "--deadline", "50ms", "--key", "k"]).await;
    assert_eq!(said.status, 75, "{}", said.err);
}

/// Refused after a lost answer: the line that resumes is one that works.
#[tokio::test]
async fn unknown_is_75_and_the_command_that_it_prints_resumes() {
    let service = Service::in_memory(&[]).await;
    let refused = "HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno";
    let url = scripted(&["", refused]).await;
    let body = r#"{"itemId":"it's","qty":1}"#;
    let credential = "Authorization: Bearer credential-of-the-caller";
    let said = send(&["POST", &url, "--body", body, "--header", credential]).await;
    assert_eq!((said.status, said.out.as_str()), (75, ""), "{}", said.err);
    assert!(said.err.contains("refused (401), but an earlier one may have been"), "{}", said.err);
    assert!(!said.err.contains("credential-of-the-caller"), "{}", said.err);
    assert!(said.err.contains("with AUTHORIZATION set"), "{}", said.err);
    let command = said.err.lines().last().expect("the command");
    let key = said.err.lines().find_map(|line| line.strip_prefix("seiriken: key ")).expect("it");
    assert_eq!(said.err.matches(key).count(), 2, "{}", said.err);
    assert!(command.contains(&format!("--key {key}")), "{command}");

    // It runs as it stands, with the address of a service that works.
    let command = command.replace(&url, &format!("{}/orders", service.shop().url()));
    let path = Path::new(env!("CARGO_BIN_EXE_seiriken")).parent().expect("a folder");
    let mut shell = Command::new("/bin/sh");
    let shell = shell.env_clear().args(["-c", &command]).stdin(Stdio::null());
    let shell = shell.env("PATH", path).env("AUTHORIZATION", "Bearer credential-of-the-caller");
    let said = ended(shell).await;
    assert_eq!(said.status, 0, "{command}: {}", said.err);
    let answer = service.shop().ordering(body).header("Idempotency-Key", key);
    let answer = answer.header("Authorization", "Bearer credential-of-the-caller");
    let replay = crate::shop::answer(answer).await;
    assert_eq!((replay.marker(), &*replay.body), (Some("true"), said.out.as_bytes()));
}

#[tokio::test]
async fn bad_use_is_64_and_one_line() {
    let url = "http://127.0.0.1:1/orders";
    for options in [
        &[][..],
        &["POST"],
        &["GET", url],
        &["P T", url],
        &["POST", "nowhere"],
        &["POST", "http://user:secret@127.0.0.1:1/"],
        &["POST", url, "--header", "no-colon"],
        &["POST", url, "--header", "a b: secret"],
        &["POST", url, "--header", "Idempotency-Key: secret"],
        &["POST", url, "--header", "Content-Length: 1"],
        &["POST", url, "--body", "@no/such/file"],
        &["POST", url, "--key", ""],
        &["POST", url, "--key", "a", "--prepare", url],
        &["POST", url, "--prepare", "nowhere"],
        &["POST", url, "--deadline", "60"],
        &["POST", url, "--colour"],
        &["--journal", "j", "--body", "x"],
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let said = ended(program().current_dir(folder.path()).arg("send").args(options)).await;
        assert_eq!((said.status, said.out.as_str()), (64, ""), "{options:?}: {}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{options:?}: {}", said.err);
        assert!(!said.err.contains("secret"), "{options:?}: {}", said.err);
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 0, "{options:?} left a file behind");
    }
}

#[tokio::test]
async fn a_body_comes_from_a_file_or_standard_input_and_a_key_from_the_server() {
    let service = Service::in_memory(&["--keys", "issued"]).await;
    let (url, prepare) = (service.shop().url().to_owned() + "/orders", "/orders/prepare");
    let prepare = service.shop().url().to_owned() + prepare;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cake.json");
    std::fs::write(&file, CAKE).expect("a file");
    let from_file = format!("@{}", file.display());
    let said = send(&["POST", &url, "--body", &from_file, "--prepare", &prepare]).await;
    assert_eq!(said.status, 0, "{}", said.err);
    let mut program = program();
    program.args(["send", "POST", &url, "--body", "-", "--prepare", &prepare]);
    program.stdin(std::fs::File::open(&file).expect("a file"));
    assert_eq!(ended(&mut program).await.status, 0);
    assert_eq!(service.shop().total().await, 2);
    // A key of one's own is one that this service has not issued.
    let said = send(&["POST", &url, "--body", &from_file]).await;
    assert_eq!(said.status, 1, "{}", said.err);
}

/// The first run is stopped half-way; the second one finds what it left.
#[tokio::test]
async fn with_a_journal_the_same_command_goes_on() {
    let mut service = Service::start(&["--processing-time", "1s"]).await;
    let url = format!("{}/orders", service.shop().url());
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("it's a journal");
    let sending = || {
        let mut program = program();
        program.args(["send", "POST", &url, "--body", CAKE, "--journal"]).arg(&journal);
        program
    };
    let first = sending().stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    service.executions_begun(1).await;
    let busy = ended(&mut sending()).await;
    assert_eq!(busy.status, 1, "{}", busy.err);
    assert!(busy.err.contains("in use by another process"), "{}", busy.err);
    terminate(&first).await;
    let output = tokio::time::timeout(PATIENCE, first.wait_with_output()).await;
    let output = output.expect("it ends").expect("its output");
    let err = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(75), "{err}");
    let command = err.lines().last().expect("the command");
    assert!(command.ends_with(r"it'\''s a journal'"), "{command}");

    let second = ended(&mut sending()).await;
    assert_eq!(second.status, 0, "{}", second.err);
    assert!(second.err.contains("this very request in the journal: resuming it"), "{}", second.err);
    assert!(second.out.contains("orderId"), "{}", second.out);
    assert_eq!(service.shop().total().await, 1);
    // Nothing is left, so the next one is another order.
    let nothing = ended(program().args(["send", "--journal"]).arg(&journal)).await;
    assert_eq!((nothing.status, nothing.out, nothing.err), (0, String::new(), String::new()));
}

#[tokio::test]
async fn what_other_requests_left_in_the_journal_goes_first() {
    let service = Service::in_memory(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("journal");
    let journal = journal.to_str().expect("text");
    let refused = "HTTP/1.1 403 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // Each run asks for the policy page first.
    let lost = scripted(&["", refused, refused, refused, refused, refused]).await;
    let said = send(&["POST", &lost, "--body", "left", "--journal", journal]).await;
    assert_eq!(said.status, 75, "{}", said.err);
    let url = format!("{}/orders", service.shop().url());
    let said = send(&["POST", &url, "--body", CAKE, "--journal", journal]).await;
    assert!(said.err.contains("resuming what an earlier run has left"), "{}", said.err);
    assert!(said.err.contains("whether it was done is not known"), "{}", said.err);
    assert_eq!(said.status, 0, "its own is done: {}", said.err);
    assert!(said.out.contains("orderId") && service.shop().total().await == 1);
    let said = send(&["--journal", journal]).await;
    assert_eq!(said.status, 75, "the other one is still there: {}", said.err);
}

/// No file may grow: every write to the journal fails.
#[tokio::test]
async fn what_the_journal_cannot_take_is_not_sent() {
    let service = Service::in_memory(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("{}/orders", service.shop().url());
    let mut shell = Command::new("/bin/sh");
    let limited = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    shell.env_clear().current_dir(folder.path()).stdin(Stdio::null());
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_seiriken")]);
    let said = ended(shell.args(["send", "POST", &url, "--body", CAKE, "--journal", "j"])).await;
    assert_eq!((said.status, said.out.as_str()), (1, ""), "{}", said.err);
    assert!(said.err.contains("nothing was sent") && said.err.contains("journal"), "{}", said.err);
    assert_eq!(service.shop().total().await, 0);
}

#[tokio::test]
async fn at_its_most_talkative_it_names_no_key_no_credential_and_no_body() {
    let service = Service::in_memory(&[]).await;
    let relay = Relay::to(service.shop().address()).await;
    let url = format!("{}/orders", relay.url);
    let cake = r#"{"itemId":"cake-of-the-caller","qty":1}"#;
    let mut program = program();
    program.env("RUST_LOG", "trace").args(["send", "POST", &url, "--body", cake]);
    program.args(["--key", "key-of-the-caller"]);
    program.args(["--header", "Authorization: Bearer bearer-of-the-caller"]);
    let said = ended(program.args(["-H", "X-Api-Key: api-key-of-the-caller"])).await;
    assert_eq!(said.status, 0, "{}", said.err);
    assert!(said.err.contains("TRACE") && said.err.contains("attempt ended"), "{}", said.err);
    let line = said.err.lines().find(|line| line.contains("of-the-caller"));
    assert!(line.is_none(), "{line:?}");
}
