//! Every kind of answer is run once and given again.

use reqwest::Method;
use reqwest::header::{HOST, HeaderMap, HeaderValue};

use crate::client::Answer;
use crate::nginx::Nginx;
use crate::process::Proxy;
use crate::upstream::{Language, Upstream};

const ORDER: &str = r#"{"itemId":"cake-001","qty":1}"#;

const KINDS: [(&str, u16); 13] = [
    ("/status/200", 200),
    ("/status/204", 204),
    ("/303", 303),
    ("/status/402", 402),
    ("/status/418", 418),
    ("/status/500", 500),
    ("/status/503", 503),
    ("/binary", 200),
    ("/chunked", 200),
    ("/cookies", 201),
    ("/trailers", 200),
    ("/long", 200),
    ("/orders", 201),
];

/// Sends a request of each kind twice, and asks for the head of an answer.
async fn assert_that_each_is_given_again(upstream: &str, kinds: &[(&str, u16)]) {
    let proxy = Proxy::before(upstream, &["--max-response", "9MiB"]).await;
    let client = proxy.client();
    for &(path, status) in kinds {
        let first = client.post(path, path, ORDER).await;
        first.assert_executed(status);
        match path {
            "/binary" => assert_eq!(first.body, (0..=255).collect::<Vec<u8>>()),
            "/long" => assert_eq!(first.body, vec![b'x'; 8 << 20]),
            "/303" => assert_eq!(first.field("location"), ["/orders/1"]),
            "/cookies" => {
                assert_eq!((first.field("set-cookie").len(), first.text()), (2, "made"));
                assert_eq!(first.field("link"), ["</a>", "</b>"]);
            }
            "/trailers" | "/chunked?again" => assert_eq!(first.field("trailer"), ["x-sum"]),
            _ => assert_eq!(first.body.is_empty(), status == 204, "{first:?}"),
        }
        client.post(path, path, ORDER).await.assert_replays(&first);
    }
    let head = Answer::to(client.request(Method::HEAD, "/long")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), ["8388608"]);
}

/// What of the paths that the service has seen came by POST.
fn targets(kinds: &[(&str, u16)]) -> Vec<String> {
    kinds.iter().map(|(path, _)| format!("POST {path}")).collect()
}

#[tokio::test]
async fn an_answer_is_given_again_and_nothing_runs_again() {
    for upstream in [
        Upstream::in_language(Language::Node).await,
        Upstream::in_language(Language::Python).await,
        Upstream::express().await,
    ] {
        assert_that_each_is_given_again(&upstream.url, &KINDS).await;
        let mut seen = upstream.seen().await;
        seen.retain(|seen| seen.method != "HEAD");
        let seen: Vec<_> =
            seen.iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect();
        assert_eq!(seen, targets(&KINDS));
    }
}

/// It has no orders, and trailers only for what it makes in chunks.
#[tokio::test]
async fn an_answer_of_nginx_is_given_again_and_nothing_runs_again() {
    let upstream = Nginx::start().await;
    let kinds = KINDS.map(|kind| match kind.0 {
        "/orders" => ("/status/418?again", 418),
        "/trailers" => ("/chunked?again", 200),
        _ => kind,
    });
    assert_that_each_is_given_again(&upstream.url, &kinds).await;
    let mut seen = upstream.seen();
    seen.retain(|line| !line.starts_with("HEAD "));
    assert_eq!(seen, targets(&kinds));
}

#[tokio::test]
async fn the_first_caller_gets_all_that_the_service_said_but_what_is_about_its_connection() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let answer = proxy.client().post("/cookies", "k", ORDER).await;
    assert_eq!(answer.field("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.field("link"), ["</a>", "</b>"]);
    assert!(answer.field("x-hop").is_empty() && answer.field("connection").is_empty());
    assert_eq!(answer.text(), "made");

    let unguarded = proxy.client().get("/cookies").await;
    assert_eq!((unguarded.field("set-cookie"), unguarded.text()), (vec!["a=1", "b=2"], "made"));
    assert!(unguarded.field("x-hop").is_empty() && unguarded.field("connection").is_empty());
}

#[tokio::test]
async fn an_answer_of_8_mib_is_kept_where_there_is_room_and_else_reaches_the_first_caller_alone() {
    let upstream = Upstream::node().await;
    let roomy = Proxy::before(&upstream.url, &["--max-response", "9MiB"]).await;
    let first = roomy.client().post("/long", "k", "").await;
    first.assert_executed(200);
    assert_eq!(first.body.len(), 8 << 20);
    roomy.client().post("/long", "k", "").await.assert_replays(&first);

    let usual = Proxy::before(&upstream.url, &[]).await;
    let first = usual.client().post("/long", "k", "").await;
    first.assert_executed(200);
    assert_eq!(first.body.len(), 8 << 20);
    let again = usual.client().post("/long", "k", "").await;
    again.assert_problem(500, "response-not-kept");
    assert_eq!(again.json()["recordedStatus"], 200);
    assert_eq!(upstream.seen().await.len(), 2);
}

#[tokio::test]
async fn another_path_query_host_or_body_is_another_request() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let client = proxy.client();
    client.post("/orders", "k", ORDER).await.assert_executed(201);
    for (target, body) in
        [("/orders/", ORDER), ("/orders?a", ORDER), ("/Orders", ORDER), ("/orders", "{}")]
    {
        client.post(target, "k", body).await.assert_problem(422, "key-reused");
    }
    let patched = client.request(Method::PATCH, "/orders").header("Idempotency-Key", "k");
    Answer::to(patched.body(ORDER)).await.assert_problem(422, "key-reused");
    let other: HeaderMap =
        [(HOST, HeaderValue::from_static("other.example"))].into_iter().collect();
    let elsewhere = client.keyed("/orders", "k", ORDER).headers(other);
    Answer::to(elsewhere).await.assert_problem(422, "key-reused");
    let somebody = client.keyed("/orders", "k", ORDER).bearer_auth("somebody else's");
    Answer::to(somebody).await.assert_problem(422, "credential-changed");
    let cookie = client.keyed("/orders", "k", ORDER).header("Cookie", "session=1");
    Answer::to(cookie).await.assert_problem(403, "identity-unknown");
    assert_eq!(upstream.seen().await.len(), 1);
}

#[tokio::test]
async fn statuses_that_say_that_nothing_was_done_free_the_key() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    for status in [401, 405, 413, 415, 425, 429] {
        let path = format!("/status/{status}");
        for _ in 0..2 {
            proxy.client().post(&path, &path, "").await.assert_executed(status);
        }
    }
    assert_eq!(upstream.seen().await.len(), 12);
}

#[tokio::test]
async fn what_is_not_guarded_passes_and_a_required_key_is_demanded_in_every_spelling() {
    let upstream = Upstream::node().await;
    let proxy =
        Proxy::before(&upstream.url, &["--require", "/orders/{id}/cancel", "/pay/**"]).await;
    let client = proxy.client();
    let unguarded = |method, target: &str| client.request(method, target).body(ORDER);
    for method in [Method::POST, Method::PUT, Method::GET, Method::DELETE] {
        for _ in 0..2 {
            let answer = Answer::to(unguarded(method.clone(), "/orders")).await;
            assert_eq!((answer.status.as_u16(), answer.marker()), (201, None));
            assert_eq!(answer.json()["body"], ORDER);
        }
    }
    let ran = upstream.seen().await.len();
    assert_eq!(ran, 8);
    for target in
        ["/orders/1/cancel", "/Orders/1//cancel/", "/%6frders/1/cancel", "/pay", "/pay/a/b"]
    {
        Answer::to(unguarded(Method::POST, target)).await.assert_problem(400, "key-missing");
    }
    assert_eq!(upstream.seen().await.len(), ran);
    for (page, required) in [("", false), ("/required", true)] {
        let policy = client.get(&format!("/.well-known/idempotency{page}")).await.json();
        assert_eq!(policy["retentionSeconds"], 86_400);
        assert_eq!(policy["key"]["required"], required);
        assert_eq!(
            (&policy["effectClass"], &policy["hostCompared"]),
            (&"opaque".into(), &true.into())
        );
    }
}
