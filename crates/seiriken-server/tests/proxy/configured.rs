//! The configuration file.

use std::path::PathBuf;

use reqwest::Method;
use tempfile::TempDir;

use crate::client::Answer;
use crate::process::{Proxy, program};
use crate::upstream::Upstream;

struct File {
    path: PathBuf,
    _folder: TempDir,
}

fn file(text: &str) -> File {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("proxy.toml");
    std::fs::write(&path, text).expect("a file");
    File { path, _folder: folder }
}

impl File {
    fn name(&self) -> &str {
        self.path.to_str().expect("text")
    }
}

const ROUTES: &str = r#"
max-body = "1KiB"
identity = "anonymous"

[[route]]
paths = ["/payments", "/payments/{id}/capture"]
methods = ["POST"]
required = true
preset = "stripe"
identity = "header=X-User"

[[route]]
paths = ["/carts/**"]
methods = ["POST", "PUT", "DELETE"]
canonical-json = true
ignore = ["/sentAt"]
preset = "acp"
required = true

[[route]]
paths = ["/status/*"]
record = "definite"
"#;

#[tokio::test]
async fn each_route_has_its_rules_and_all_else_the_usual_ones() {
    let upstream = Upstream::node().await;
    let file = file(ROUTES);
    let proxy = Proxy::before(&upstream.url, &["--config", file.name()]).await;
    let client = proxy.client();
    let json = |method: &Method, target: &str, body: &'static str| {
        let request = client.request(method.clone(), target).header("Idempotency-Key", "k");
        request.header("Content-Type", "application/json").body(body)
    };

    let paid = |body| json(&Method::POST, "/payments", body).header("X-User", "a");
    Answer::to(paid("1")).await.assert_executed(201);
    let reused = Answer::to(paid("2")).await;
    assert_eq!(reused.status.as_u16(), 400);
    assert_eq!(reused.json()["error"]["type"], "idempotency_error");
    let keyless = Answer::to(client.request(Method::POST, "/payments/7/capture")).await;
    assert_eq!(keyless.json()["error"]["type"], "invalid_request_error");

    let put = Method::PUT;
    let first = Answer::to(json(&put, "/carts/1", r#"{"a":1,"sentAt":1}"#)).await;
    assert_eq!(first.status.as_u16(), 422, "the key is another request's: {first:?}");
    assert_eq!(first.json()["code"], "idempotency_conflict");
    let cart = |body: &'static str| {
        let request = client.request(Method::PUT, "/carts/1").header("Idempotency-Key", "cart");
        request.header("Content-Type", "application/json").body(body)
    };
    let first = Answer::to(cart(r#"{"a":1,"sentAt":1}"#)).await;
    first.assert_executed(201);
    Answer::to(cart(r#"{"sentAt":2, "a":1.0}"#)).await.assert_replays(&first);
    let keyless = Answer::to(client.request(Method::DELETE, "/carts/1")).await;
    assert_eq!(keyless.json()["code"], "idempotency_key_required");

    let failed = client.post("/status/503", "s", "").await;
    assert_eq!((failed.status.as_u16(), failed.marker()), (503, None));
    client.post("/status/503", "s", "").await.assert_problem(500, "outcome-unknown");

    client.post("/orders", "long", &"x".repeat(1025)).await.assert_problem(413, "body-too-large");
    client.post("/orders", "o", "").await.assert_executed(201);
    let page = client.get("/.well-known/idempotency/2").await;
    assert!(page.text().contains("DELETE"), "{page:?}");
}

#[tokio::test]
async fn two_at_once_are_refused_in_the_words_of_the_preset() {
    let upstream = Upstream::node().await;
    let file = file("[[route]]\npaths = [\"/held\"]\npreset = \"stripe\"\n");
    let mut proxy = Proxy::before(&upstream.url, &["--config", file.name()]).await;
    let client = proxy.client();
    let first = tokio::spawn(async move { client.post("/held", "k", "").await });
    proxy.executions_begun(1).await;
    let second = proxy.client().post("/held", "k", "").await;
    assert_eq!(second.status.as_u16(), 409);
    assert_eq!(second.json()["error"]["code"], "idempotency_key_in_use");
    assert_eq!(second.field("retry-after").len(), 1);
    while upstream.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    upstream.release().await;
    first.await.unwrap().assert_executed(201);
}

/// What the program says, and how it ends.
async fn checked(text: &str, options: &[&str]) -> (Option<i32>, String) {
    let file = file(text);
    let mut program = program();
    program.args(["proxy", "--check-config", "--config", file.name()]).args(options);
    let output = program.output().await.expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

#[tokio::test]
async fn a_file_is_checked_without_being_followed() {
    let fine = format!("upstream = \"http://localhost:1\"\n{ROUTES}");
    let (status, said) = checked(&fine, &[]).await;
    assert_eq!((status, said.as_str()), (Some(0), "the configuration can be followed; 4 routes\n"));
    // The command line goes before the file.
    let (status, said) = checked(&fine, &["--upstream", "ftp://a"]).await;
    assert!(status == Some(64) && said.contains("ftp://a"), "{said}");
    for (text, why) in [
        ("", "the upstream is missing"),
        ("upstream = \"http://a\"\nlisten = \"nowhere\"", "nowhere"),
        ("upstream = \"http://a\"\nspeed = 1", "--speed"),
        ("upstream = \"http://a\"\nretention = \"0s\"", "no time at all"),
        ("upstream = \"http://a\"\ntls-cert = \"/none\"\ntls-key = \"/none\"", "/none"),
        ("upstream = \"http://a\"\n[[route]]\npaths = [\"a\"]", "route 1"),
        ("upstream = \"http://a\"\n[[route]]\npaths = [\"/a\"]\nignore = [\"a\"]", "JSON Pointer"),
        ("upstream = \"http://a\"\n[[route]]\npaths = [\"/a\"]\nmethods = [\"GET\"]", "'GET'"),
        ("upstream = \"http://a\"\n[[route]]\npaths = [\"/a\"]\nrecord = \"some\"", "'some'"),
        ("upstream = \"http://a\"\n[[route]]\npaths = [\"/a\"]\npreset = \"x\"", "'x'"),
        ("upstream = \"http://a\"\nreconcile = \"http://a/outcomes\"", "{key}"),
        (
            "upstream = \"http://a\"\n[[route]]\npaths = [\"/a\"]\nreconcile = \"a/{key}\"",
            "route 1: 'a/{key}' cannot be asked",
        ),
        (
            "upstream = \"http://a\"\nupstream-ca = \"/none\"\n\
             reconcile = \"https://a/{key}\"",
            "/none",
        ),
    ] {
        let (status, said) = checked(text, &[]).await;
        assert_eq!(status, Some(64), "{text}: {said}");
        assert!(said.contains(why) && said.lines().count() == 1, "{text}: {said}");
    }
}
