//! What is said of a request that the service did not answer.

use std::time::Duration;

use private_servers::redis::Tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::client::Answer;
use crate::process::{PATIENCE, Proxy};
use crate::upstream::{Language, Upstream};
use crate::wire::{Wire, statuses};

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_unknown_outcome_at_once_and_for_ever() {
    for language in Language::ALL {
        let upstream = Upstream::in_language(language).await;
        let proxy = Proxy::before(&upstream.url, &[]).await;
        let paths = ["/half", "/half-chunk", "/reset", "/close", "/nonsense"];
        for path in paths {
            for _ in 0..3 {
                let answer = proxy.client().post(path, path, "").await;
                answer.assert_problem(500, "outcome-unknown");
                assert_eq!(answer.marker(), None);
            }
        }
        let seen = upstream.seen().await;
        let targets: Vec<&str> = seen.iter().map(|seen| seen.target.as_str()).collect();
        assert_eq!(targets, paths, "{language:?}");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_an_unknown_outcome() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &["--total-timeout", "200ms"]).await;
    for _ in 0..2 {
        let answer = proxy.client().post("/held", "k", "").await;
        answer.assert_problem(500, "outcome-unknown");
    }
    let unguarded = proxy.client().request(reqwest::Method::POST, "/held");
    assert_eq!(Answer::to(unguarded).await.status.as_u16(), 504);
    assert_eq!(upstream.seen().await.len(), 2);
}

/// A service closes a connection that lies still for long, and a request that meets the close on its way
/// has an unknown outcome. So the proxy is the first to close it, and asks on another one.
#[tokio::test]
async fn a_connection_that_lay_still_is_not_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = Proxy::before(&format!("http://{address}"), &[]).await;
    for key in ["first", "second"] {
        let client = proxy.client();
        let asked = tokio::spawn(async move { client.post("/orders", key, "").await });
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade").await.unwrap();
        asked.await.unwrap().assert_executed(201);
        let closed = tokio::time::timeout(PATIENCE, stream.read(&mut [0])).await;
        assert_eq!(closed.expect("the proxy closes it").unwrap_or_default(), 0);
    }
}

#[tokio::test]
async fn statuses_of_a_gateway_further_on_are_passed_on_once() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    for status in [408, 502, 504] {
        let path = format!("/status/{status}");
        let first = proxy.client().post(&path, &path, "").await;
        assert_eq!((first.status.as_u16(), first.marker()), (status, None));
        proxy.client().post(&path, &path, "").await.assert_problem(500, "outcome-unknown");
    }
    assert_eq!(upstream.seen().await.len(), 3);
}

#[tokio::test]
async fn what_never_reached_the_service_frees_the_key() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let proxy = Proxy::before(&format!("http://{address}"), &[]).await;
    for _ in 0..2 {
        let answer = proxy.client().post("/orders", "k", "").await;
        answer.assert_executed(502);
    }
    // The service comes up: the same key runs.
    let listener = TcpListener::bind(address).await.unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade").await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let made = proxy.client().post("/orders", "k", "").await;
    made.assert_executed(201);
    // The tries that reached nothing are no executions.
    assert!(serving.await.unwrap().contains("idempotency-attempt: 1\r\n"));
    proxy.client().post("/orders", "k", "").await.assert_replays(&made);
}

#[tokio::test]
async fn names_that_do_not_exist_and_tls_that_is_none_free_the_key() {
    let plain = Upstream::node().await;
    let as_tls = plain.url.replace("http://127.0.0.1", "https://localhost");
    let tls = Tls::new().expect("a certificate");
    let trusted = tls.certificate();
    let options = ["--upstream-ca", trusted.to_str().expect("text")];
    for upstream in ["http://no-such-host.invalid:80", &as_tls] {
        let proxy = Proxy::before(upstream, &options).await;
        for _ in 0..2 {
            proxy.client().post("/orders", "k", "").await.assert_executed(502);
        }
    }
    // A greeting of TLS is no request.
    assert!(plain.seen().await.iter().all(|seen| seen.unreadable.is_some()));
}

/// A service that answers one request and closes the connection without a word as soon as the next
/// one comes on it: nobody can tell that it has not run it.
#[tokio::test]
async fn a_request_that_meets_a_closing_connection_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, mut requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                for answer in ["HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", ""] {
                    match stream.read(&mut request).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => tell.send(answer).unwrap(),
                    }
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let proxy = Proxy::before(&url, &[]).await;
    proxy.client().post("/orders", "first", "").await.assert_executed(201);
    let second = proxy.client().post("/orders", "second", "").await;
    requests.recv().await.expect("the first one");
    match requests.recv().await.expect("the second one") {
        // The usual case: the connection was used again.
        "" => second.assert_problem(500, "outcome-unknown"),
        // The connection was not back in time, so it got one of its own.
        _ => second.assert_executed(201),
    }
    assert!(requests.try_recv().is_err(), "it was sent again");
}

#[tokio::test]
async fn connections_to_the_service_are_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, connections) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tell.send_modify(|connections| *connections += 1);
            tokio::spawn(async move {
                let mut request = vec![0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let answer = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nmade";
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let proxy = Proxy::before(&url, &[]).await;
    for at in 0..50 {
        proxy.client().post("/orders", &format!("k{at}"), "").await.assert_executed(201);
    }
    assert!(*connections.borrow() < 25, "{connections:?}");
}

#[tokio::test]
async fn a_second_request_is_told_to_wait_or_waits_while_the_first_one_runs() {
    let upstream = Upstream::node().await;
    let mut proxy = Proxy::before(&upstream.url, &[]).await;
    let client = proxy.client();
    let first = tokio::spawn(async move { client.post("/held", "k", "").await });
    proxy.executions_begun(1).await;
    let second = proxy.client().post("/held", "k", "").await;
    second.assert_problem(409, "request-in-progress");
    held(&upstream, 1).await;
    upstream.release().await;
    let first = first.await.unwrap();
    first.assert_executed(201);
    proxy.client().post("/held", "k", "").await.assert_replays(&first);
}

/// Asks the service until so many requests have reached it.
async fn held(upstream: &Upstream, count: usize) {
    while upstream.seen().await.len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_finds_its_answer_later_and_the_end_waits_for_it() {
    let upstream = Upstream::node().await;
    let mut proxy = Proxy::before(&upstream.url, &[]).await;
    let mut wire = Wire::connect(proxy.authority()).await;
    let request = "POST /held HTTP/1.1\r\nHost: shop.example\r\nIdempotency-Key: k\r\n\
                   Content-Length: 0\r\n\r\n";
    wire.send(request).await;
    held(&upstream, 1).await;
    drop(wire);
    proxy.ask_to_stop().await;
    upstream.release().await;
    assert!(proxy.ended().await.success());

    let proxy = proxy.again(&upstream.url, &[]).await;
    let answer = proxy.client().post("/held", "k", "").await;
    assert_eq!((answer.text(), answer.marker()), ("run 1", Some("true")));
    assert_eq!(upstream.seen().await.len(), 1);
}

#[tokio::test]
async fn clients_that_are_too_slow_are_cut() {
    let upstream = Upstream::node().await;
    let options =
        ["--header-timeout", "200ms", "--body-timeout", "200ms", "--idle-timeout", "200ms"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    for (sent, status) in [
        ("", None),
        ("POST / HT", None),
        ("POST /orders HTTP/1.1\r\nHost: a\r\nX: ", None),
        (
            "POST /orders HTTP/1.1\r\nHost: a\r\nIdempotency-Key:k\r\nContent-Length:9\r\n\r\nhalf",
            Some(400),
        ),
        ("POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", Some(408)),
    ] {
        let mut wire = Wire::connect(proxy.authority()).await;
        wire.send(sent).await;
        let told = tokio::time::timeout(Duration::from_secs(20), wire.rest()).await;
        let told = told.unwrap_or_else(|_| panic!("{sent:?} is not cut"));
        let told = statuses(&told);
        assert!(
            told == status.into_iter().collect::<Vec<_>>() || told == [408],
            "{sent:?}: {told:?}"
        );
    }
    // What was cut short has claimed nothing, and ran nothing.
    assert!(upstream.seen().await.iter().all(|seen| seen.unreadable.is_some()));
}
