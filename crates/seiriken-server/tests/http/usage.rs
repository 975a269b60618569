//! The command line: what it says, where it says it, and the exit status.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::service::{PATIENCE, Service, program, terminate};

async fn run(options: &[&str], environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut program = program();
    program.current_dir(folder.path()).args(options).envs(environment.iter().copied());
    let output = tokio::time::timeout(PATIENCE, program.output()).await;
    let output = output.expect("it ends by itself").expect("the program starts");
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 0, "{options:?} {environment:?} left a file behind");
    output
}

/// That it ended with this status, one line on standard error and nothing else; answers the line.
fn one_line(output: &Output, status: i32) -> String {
    let line = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert!(output.stdout.is_empty(), "on standard output: {output:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.starts_with("seiriken: ") && line.ends_with('\n'), "{line}");
    line
}

#[tokio::test]
async fn a_bad_option_is_named_in_one_line() {
    for (options, named) in [
        (vec!["--lease", "30"], "--lease"),
        (vec!["--lease", "30", "--listen", "127.0.0.1:0"], "--lease"),
        (vec!["--lease", "99ms"], "--lease"),
        (vec!["--lease"], "--lease"),
        (vec!["--retention", "0s"], "--retention"),
        (vec!["--retention=-1s"], "-1s"),
        (vec!["--processing-time", "soon"], "--processing-time"),
        (vec!["--colour", "red"], "--colour"),
        (vec!["colours"], "colours"),
        (vec!["orders", "--colour"], "--colour"),
        (vec!["--store", "mysql:x"], "'mysql:…'"),
        (vec!["--store", "sqlite:"], "sqlite:"),
        (vec!["--store", ""], "--store"),
        (vec!["--on-concurrent", "queue"], "queue"),
        (vec!["--on-concurrent", "wait=5"], "wait=5"),
        (vec!["--listen", "nowhere"], "--listen"),
        (vec!["--listen", "127.0.0.1:65536"], "--listen"),
        (vec!["--listen", ":0"], "--listen"),
        (vec!["--lease", "1s", "--lease", "2s"], "--lease"),
    ] {
        let line = one_line(&run(&options, &[]).await, 64);
        assert!(line.contains(named), "{options:?}: {line}");
    }
}

#[tokio::test]
async fn a_bad_value_in_the_environment_is_a_bad_option() {
    for (name, value) in [
        ("SEIRIKEN_LEASE", "30"),
        ("SEIRIKEN_RETENTION", "1 day"),
        ("SEIRIKEN_PROCESSING_TIME", "x"),
        ("SEIRIKEN_STORE", "mysql"),
        ("SEIRIKEN_ON_CONCURRENT", "wait"),
        ("SEIRIKEN_LISTEN", "nowhere"),
    ] {
        let line = one_line(&run(&[], &[(name, value)]).await, 64);
        assert!(line.contains(value), "{name}: {line}");
    }
}

#[tokio::test]
async fn a_password_in_an_address_that_is_refused_is_not_repeated() {
    let address = "postgress://u:secret@db/shop";
    for (options, environment) in
        [(vec!["--store", address], vec![]), (vec![], vec![("SEIRIKEN_STORE", address)])]
    {
        let line = one_line(&run(&options, &environment).await, 64);
        assert!(line.contains("'postgress:…'") && !line.contains("secret"), "{line}");
    }
}

#[tokio::test]
async fn help_and_version_go_to_standard_output() {
    for options in [&["--help"][..], &["-h"], &["--version"], &["orders", "--help"], &["help"]] {
        let output = run(options, &[]).await;
        assert_eq!(output.status.code(), Some(0), "{options:?}: {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{options:?}: {output:?}");
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_file_is_told_so() {
    let service = Service::start(&[]).await;
    let store = service.store();
    let second = run(&["--listen", "127.0.0.1:0", "--store", &store], &[]).await;
    let line = one_line(&second, 1);
    assert!(line.contains("orders.db"), "{line}");
    // The first one is none the worse for it.
    service.shop().order("k", crate::shop::CAKE).await.assert_ordered();
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told_in_one_line() {
    let store = "sqlite:no/such/folder/orders.db";
    let line = one_line(&run(&["--listen", "127.0.0.1:0", "--store", store], &[]).await, 1);
    assert!(line.contains("no/such/folder/orders.db"), "{line}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_in_one_line() {
    let service = Service::in_memory(&[]).await;
    let address = service.shop().address().to_string();
    let line = one_line(&run(&["--listen", &address, "--store", "memory:"], &[]).await, 1);
    assert!(line.contains(&address), "{line}");
}

/// Starts it, stops it, and answers the line it said.
async fn said(options: &[&str], environment: &[(&str, &str)]) -> String {
    let mut program = program();
    program.args(options).envs(environment.iter().copied()).env("RUST_LOG", "warn");
    program.stdout(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    out.read_line(&mut line).await.expect("text");

    // And that is all that it ever says on standard output.
    terminate(&child).await;
    let mut rest = String::new();
    out.read_to_string(&mut rest).await.expect("text");
    assert_eq!(rest, "");
    assert!(child.wait().await.expect("a status").success());
    line
}

#[tokio::test]
async fn the_environment_says_what_the_command_line_does_not() {
    let environment =
        [("SEIRIKEN_LISTEN", "127.0.0.1:0"), ("SEIRIKEN_STORE", "sqlite:no/such/folder/orders.db")];
    for options in [&["--store", "memory:"][..], &["orders", "--store", "memory:"]] {
        let line = said(options, &environment).await;
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    }
    let environment = [("SEIRIKEN_LISTEN", "127.0.0.1:0"), ("SEIRIKEN_STORE", "memory:")];
    for options in [&[][..], &["orders"]] {
        let line = said(options, &environment).await;
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    }
}
