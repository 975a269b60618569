//! Which collector is named, and how wrongly.

use crate::process::{ENDPOINT, ended};

#[tokio::test]
async fn what_is_wrong_is_one_line_and_the_end() {
    for (variable, value) in [
        (ENDPOINT, "collector:4318"),
        (ENDPOINT, "http://user:secret@collector"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://collector"),
    ] {
        let proxy = ["proxy", "--upstream", "http://127.0.0.1:9", "--store", "memory:"];
        for arguments in [&["orders", "--store", "memory:"][..], &proxy] {
            let output = ended(&[(variable, value)], arguments).await;
            let line = String::from_utf8(output.stderr).expect("text");
            assert_eq!((output.status.code(), line.lines().count()), (Some(64), 1), "{line}");
            assert!(line.starts_with(&format!("seiriken: {variable}: ")), "{line}");
            assert!(!line.contains("secret") && output.stdout.is_empty(), "{line}");
        }
    }
}

#[tokio::test]
async fn a_command_that_sends_no_traces_does_not_mind() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("none.db").display());
    let keys = ["keys", "list", "--store", &store];
    let wrong = ended(&[(ENDPOINT, "nonsense")], &keys).await;
    let right = ended(&[], &keys).await;
    assert_eq!((wrong.status, wrong.stderr), (right.status, right.stderr));
}
