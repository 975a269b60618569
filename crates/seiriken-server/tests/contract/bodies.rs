//! Bodies of requests: how they are framed does not matter, that they are there in whole does, and
//! nothing is claimed before.

use crate::expected::{executed, refused, replay, unmarked};
use crate::host::Setting;
use crate::request::{Request, post};
use crate::row::{check, row};

const FRAMING: &str = "RFC 9112 section 6";
const CONTINUE: &str = "RFC 9110 section 10.1.1";
const INCOMPLETE: &str = "RFC 9112 section 8";
const TOO_LARGE: &str = "RFC 9110 section 15.5.14";

const MIB: usize = 1 << 20;

fn keyed() -> Request {
    post("/echo").key("k")
}

#[tokio::test]
async fn framing() {
    let chunks = |chunks: &[&'static [u8]]| keyed().chunked(chunks.iter().copied());
    check(vec![
        row("counted and chunked are one body", FRAMING)
            .ask(keyed().body("one two"), executed(201).body("one two"))
            .ask(chunks(&[b"one ", b"two"]), replay())
            .ask(chunks(&[b"o", b"n", b"e two"]), replay())
            .runs(1),
        row("chunked and counted are one body", FRAMING)
            .ask(chunks(&[b"one ", b"two"]), executed(201).body("one two"))
            .ask(keyed().body("one two"), replay())
            .runs(1),
        row("no body and an empty one are one body", FRAMING)
            .ask(keyed(), executed(201).body(""))
            .ask(keyed().body(""), replay())
            .ask(chunks(&[]), replay())
            .runs(1),
        row("another body in the same chunks is another request", FRAMING)
            .ask(chunks(&[b"one ", b"two"]), executed(201))
            .ask(chunks(&[b"one ", b"too"]), refused(422, "key-reused"))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn half_a_body_runs_nothing_and_leaves_the_key_free() {
    check(vec![
        row("a counted body that is cut off", INCOMPLETE)
            .leave(keyed().cut_off(7, "one"))
            .ask(keyed().body("one two"), executed(201))
            .runs(1),
        row("a counted body of which nothing comes", INCOMPLETE)
            .leave(keyed().cut_off(7, ""))
            .ask(keyed().body("one two"), executed(201))
            .runs(1),
        row("a chunk that is cut off", INCOMPLETE)
            .leave(keyed().cut_off_chunks("7\r\none"))
            .ask(keyed().body("one two"), executed(201))
            .runs(1),
        row("whole chunks without the last one", INCOMPLETE)
            .leave(keyed().cut_off_chunks("7\r\none two\r\n"))
            .ask(keyed().body("one two"), executed(201))
            .runs(1),
        row("a chunk whose size is no number", "RFC 9112 section 7.1")
            .ask(keyed().cut_off_chunks("seven\r\none two\r\n0\r\n\r\n"), unmarked(400))
            .ask(keyed().body("one two"), executed(201))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn a_body_that_is_announced() {
    check(vec![
        row("it is asked for", CONTINUE)
            .ask(keyed().body("x").announced(), executed(201).continued().body("x"))
            .ask(keyed().body("x").announced(), replay().continued())
            .ask(keyed().body("x"), replay())
            .runs(1),
        row("it is not asked for under a malformed key", CONTINUE)
            .ask(post("/echo").key("a, b").body("x").announced(), refused(400, "key-invalid")),
        row("it is not asked for where the key is missing", CONTINUE)
            .with(Setting::KeyRequired)
            .ask(post("/echo").body("x").announced(), refused(400, "key-missing")),
        row("it is not asked for of somebody unknown", CONTINUE).ask(
            keyed().field("Cookie", "a=1").body("x").announced(),
            refused(403, "identity-unknown"),
        ),
        row("it is not asked for where it is too long", CONTINUE)
            .ask(keyed().cut_off(MIB + 1, "").announced(), refused(413, "body-too-large")),
    ])
    .await;
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_before_anything_is_claimed() {
    let twelve = keyed().cut_off(12 * MIB, vec![b' '; MIB / 2]);
    let chunk = format!("{:x}\r\n{}\r\n", MIB, " ".repeat(MIB));
    let chunked = keyed().cut_off_chunks(chunk + "1\r\n \r\n");
    let small = |request| row(request, TOO_LARGE).with(Setting::RequestsUpTo(8));
    check(vec![
        row("12 MiB, counted", TOO_LARGE)
            .ask(twelve, refused(413, "body-too-large").saying("1048576 bytes"))
            .ask(keyed().body("x"), executed(201))
            .runs(1),
        row("in chunks, at the first byte past 1 MiB", TOO_LARGE)
            .ask(chunked, refused(413, "body-too-large"))
            .ask(keyed().body("x"), executed(201))
            .runs(1),
        row("12 MiB under a key that has its answer", TOO_LARGE)
            .ask(keyed().body("x"), executed(201))
            .ask(keyed().cut_off(12 * MIB, ""), refused(413, "body-too-large"))
            .ask(keyed().body("x"), replay())
            .runs(1),
        row("1 MiB is not past the limit", TOO_LARGE)
            .ask(keyed().body(vec![b' '; MIB]), executed(201))
            .runs(1),
        small("at a limit of one's own").ask(keyed().body("12345678"), executed(201)).runs(1),
        small("past a limit of one's own")
            .ask(keyed().body("123456789"), refused(413, "body-too-large").saying("8 bytes"))
            .ask(keyed().body("12345678"), executed(201))
            .runs(1),
        small("without a key there is no limit here")
            .ask(post("/echo").body("123456789"), unmarked(201))
            .runs(1),
    ])
    .await;
}
