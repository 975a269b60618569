//! What the README shows is what happens, also when the whole queue is delivered again.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn consume(file: &Path, messages: &str) -> String {
    let mut consumer = Command::new(env!("CARGO_BIN_EXE_queue-consumer"))
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the consumer starts");
    let mut stdin = consumer.stdin.take().expect("it reads");
    stdin.write_all(messages.as_bytes()).expect("it takes them");
    drop(stdin);
    let output = consumer.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn each_message_is_booked_once() {
    let readme = include_str!("../README.md");
    let typed = readme.split("printf '").nth(1).and_then(|rest| rest.split('\'').next());
    let typed = typed.expect("the messages").replace("\\n", "\n");
    let shown = readme.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ledger.db");
    assert_eq!(consume(&file, &typed), shown.expect("what it prints"));
    let again = consume(&file, "m1 alice 500\nm2 bob 200\nm3 alice 1\n");
    let expected = "m1: seen before: booked, balance of alice is 500\n\
                    m2: seen before: booked, balance of bob is 200\n\
                    m3: booked, balance of alice is 501\n";
    assert_eq!(again, expected);
}
