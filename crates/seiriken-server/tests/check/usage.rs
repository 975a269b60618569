//! How it ends when nothing can be told, and when it is asked for what does not exist.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

use crate::faults::Fault;
use crate::program::{CAKE, check};
use crate::server::Server;

#[tokio::test]
async fn bad_use_is_64_and_one_line() {
    let url = "http://127.0.0.1:1/orders";
    for options in [
        &[][..],
        &["nowhere"],
        &["ftp://127.0.0.1/"],
        &["http://user:secret@127.0.0.1:1/"],
        &["user:secret@127.0.0.1:1"],
        &["user:secret@127.0.0.1:1/orders"],
        &[url, "--method", "GET"],
        &[url, "--method", "P T"],
        &[url, "--body", "@no/such/file"],
        &[url, "--body", CAKE, "--vary", CAKE],
        &[url, "--header", "no-colon-secret"],
        &[url, "--header", "Idempotency-Key: secret"],
        &[url, "--credential", "Authorization: secret"],
        &[url, "--credential", "Authorization: secret", "Authorization: secret"],
        &[url, "--count", url],
        &[url, "--count", url, "total"],
        &[url, "--retention", "60"],
        &[url, "--colour"],
    ] {
        let said = check(options).await;
        assert_eq!((said.status, said.out.as_str()), (64, ""), "{options:?}: {}", said.err);
        assert_eq!(said.err.lines().count(), 1, "{options:?}: {}", said.err);
        assert!(!said.err.contains("secret"), "{options:?}: {}", said.err);
    }
}

#[tokio::test]
async fn bad_use_says_what_is_missing_and_what_an_address_is() {
    let said = check(&[]).await;
    assert!(said.err.contains("were not provided: <URL> (see"), "{}", said.err);
    let said = check(&["localhost:3000/orders"]).await;
    let wrong = "'localhost:3000/orders' is not an address such as http://localhost:3000/orders";
    assert!(said.err.contains(wrong), "{}", said.err);
}

#[tokio::test]
async fn nobody_there_is_2() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/orders", free.local_addr().expect("an address"));
    drop(free);
    let said = check(&[&url, "--body", CAKE]).await;
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains(" port ") && said.err.contains("refused"), "{}", said.err);
}

#[tokio::test]
async fn https_where_none_is_spoken_is_2() {
    let url = serving(Router::new().route("/orders", post(|| async { StatusCode::CREATED }))).await;
    let said = check(&[&url.replace("http:", "https:"), "--body", CAKE]).await;
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("no TLS with 127.0.0.1"), "{}", said.err);
}

#[tokio::test]
async fn a_request_that_is_not_taken_is_2_and_is_shown() {
    let server = Server::start(Fault::None).await;
    let url = format!("{}/orders/1", server.url);
    let said = check(&[&url, "--body", "no JSON"]).await;
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("give a body that it takes"), "{}", said.err);
    assert!(said.err.contains("--data-raw 'no JSON'"), "{}", said.err);
    assert!(said.err.contains("HTTP 400 Bad Request"), "{}", said.err);
    let url =
        serving(Router::new().route("/orders", post(|| async { StatusCode::UNAUTHORIZED }))).await;
    let said = check(&[&url, "--body", CAKE]).await;
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("say who calls"), "{}", said.err);
    let said = check(&[&format!("{url}/elsewhere"), "--body", CAKE]).await;
    assert!(said.err.contains("look at the address"), "{}", said.err);
}

#[tokio::test]
async fn a_count_that_does_not_count_is_2() {
    let server = Server::start(Fault::None).await;
    let (url, count) = (format!("{}/orders/1", server.url), format!("{}/count", server.url));
    let said = check(&[&url, "--body", CAKE, "--count", &count, "/nothing"]).await;
    assert_eq!((said.status, said.out.as_str()), (2, ""), "{}", said.err);
    assert!(said.err.contains("no whole number at '/nothing'"), "{}", said.err);
    let router = Router::new()
        .route("/orders", post(|| async { (StatusCode::CREATED, "{}") }).get(|| async { "7" }));
    let url = serving(router).await;
    let said = check(&[&url, "--body", CAKE, "--count", &url, ""]).await;
    assert_eq!(said.status, 2, "{}", said.out);
    assert!(said.err.contains("went from 7 to 7"), "{}", said.err);
}

/// Each answer is 204: without a count nobody can tell whether anything ran again.
#[tokio::test]
async fn answers_that_look_alike_are_2() {
    let url =
        serving(Router::new().route("/orders", post(|| async { StatusCode::NO_CONTENT }))).await;
    let said = check(&[&url, "--json"]).await;
    assert_eq!(said.status, 2, "{}{}", said.out, said.err);
    assert_eq!(said.verdicts()["replay"].0, "skip");
    assert!(said.verdicts()["replay"].1.contains("--count"), "{}", said.out);
}

async fn serving(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
