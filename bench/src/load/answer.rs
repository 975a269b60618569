//! One answer as it came over the wire, and whether it is the one that must come.

use super::{Finished, Marks};
use crate::failure::{Failure, While};

/// Far more than the order service sends.
const FIELDS_MAX: usize = 32;

const LINE_END: &[u8] = b"\r\n";

/// So much of a wrong answer is shown.
const SHOWN_MAX: usize = 300;

/// A whole answer. It lies at the start of the buffer that it was read from.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    mark: Option<Mark>,
    head_bytes: usize,
    body: Body,
}

/// How far the body goes (RFC 9112 section 6).
#[derive(Debug)]
enum Body {
    /// So many bytes.
    Length(usize),
    /// Chunks of so many bytes in all, put together here.
    Chunks(usize, Vec<u8>),
}

/// What the field `Idempotent-Replayed` says; `Idempotency-Replayed` where somebody calls it so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    False,
    True,
    Other,
}

/// The only answer that is right.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected<'f> {
    /// 201 for the first time.
    FirstTime(Marks),
    /// The first answer once more, byte for byte.
    Replay(Marks, &'f Finished),
    /// 200 to a question about the orders.
    Read,
}

impl Answer {
    /// Reads an answer from what has come so far; `None` when more has to come.
    pub(super) fn read(received: &[u8]) -> Result<Option<Self>, Failure> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(received).while_doing("reading an answer")?;
        let (httparse::Status::Complete(head_bytes), Some(status)) = (parsed, head.code) else {
            return Ok(None);
        };
        let value_of = |name: &str| {
            let mut found =
                head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            found.next().map(|field| field.value)
        };
        let body = match value_of("transfer-encoding") {
            Some(b"chunked") => chunks(&received[head_bytes..])?,
            Some(_) => None,
            None => {
                let length = value_of("content-length")
                    .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
                    .ok_or_else(|| Failure::new(wrong("its length is not said", received)))?;
                (received.len() >= head_bytes + length).then_some(Body::Length(length))
            }
        };
        let mark = value_of("idempotent-replayed").or_else(|| value_of("idempotency-replayed"));
        let mark = mark.map(|value| match value {
            b"false" => Mark::False,
            b"true" => Mark::True,
            _ => Mark::Other,
        });
        Ok(body.map(|body| Self { status, mark, head_bytes, body }))
    }

    /// How much of the buffer is this answer.
    pub(super) fn bytes(&self) -> usize {
        let (Body::Length(body) | Body::Chunks(body, _)) = self.body;
        self.head_bytes + body
    }

    pub(super) fn body<'a>(&'a self, received: &'a [u8]) -> &'a [u8] {
        match &self.body {
            Body::Length(_) => &received[self.head_bytes..self.bytes()],
            Body::Chunks(_, whole) => whole,
        }
    }

    /// Whether it is the answer that must come.
    pub(super) fn check(&self, received: &[u8], expected: Expected<'_>) -> Result<(), Failure> {
        let (status, mark) = match expected {
            Expected::FirstTime(Marks::Everywhere) => (201, Some(Mark::False)),
            Expected::FirstTime(_) | Expected::Replay(Marks::Nowhere, _) => (201, None),
            Expected::Replay(_, _) => (201, Some(Mark::True)),
            Expected::Read => (200, None),
        };
        let what = if self.status != status {
            format!("its status is not {status}")
        } else if self.mark != mark {
            format!("Idempotent-Replayed is {:?} and must be {mark:?}", self.mark)
        } else if received.len() > self.bytes() {
            "more than one answer to one request".to_owned()
        } else if let Expected::Replay(_, first) = expected
            && *first.body != *self.body(received)
        {
            "not the first answer, byte for byte".to_owned()
        } else {
            return Ok(());
        };
        Err(Failure::new(wrong(&what, received)))
    }
}

/// Reads a body in chunks, without trailers; `None` when more has to come.
fn chunks(received: &[u8]) -> Result<Option<Body>, Failure> {
    let (mut whole, mut at) = (Vec::new(), 0);
    loop {
        let size = httparse::parse_chunk_size(&received[at..]);
        let size = size.map_err(|_| Failure::new(wrong("a chunk has no size", received)))?;
        let httparse::Status::Complete((line, size)) = size else { return Ok(None) };
        let start = at + line;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        let end = end.ok_or_else(|| Failure::new(wrong("a chunk is too long", received)))?;
        if received.len() < end + LINE_END.len() {
            return Ok(None);
        }
        whole.extend_from_slice(&received[start..end]);
        at = end + LINE_END.len();
        if size == 0 {
            return Ok(Some(Body::Chunks(at, whole)));
        }
    }
}

fn wrong(what: &str, received: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&received[..received.len().min(SHOWN_MAX)]);
    format!("a wrong answer, {what}: {shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n";

    fn check(answer: &str, expected: Expected<'_>) -> Result<(), Failure> {
        let whole = Answer::read(answer.as_bytes())?.expect("a whole answer");
        whole.check(answer.as_bytes(), expected)
    }

    #[test]
    fn an_answer_is_read_once_all_of_it_is_there() {
        let answer = format!("{CREATED}\r\n{{}}");
        for there in 0..answer.len() {
            assert!(Answer::read(&answer.as_bytes()[..there]).unwrap().is_none(), "{there}");
        }
        assert!(Answer::read(answer.as_bytes()).unwrap().is_some());
    }

    #[test]
    fn a_body_in_chunks_is_put_together() {
        let answer = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n\
                      1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        for there in 0..answer.len() {
            assert!(Answer::read(&answer.as_bytes()[..there]).unwrap().is_none(), "{there}");
        }
        let read = Answer::read(answer.as_bytes()).unwrap().expect("a whole answer");
        assert_eq!((read.body(answer.as_bytes()), read.bytes()), (&b"{}"[..], answer.len()));
        let first = Finished { key: [b'k'; 36], body: Box::from(&b"{}"[..]) };
        check(answer, Expected::Replay(Marks::Nowhere, &first)).unwrap();
    }

    #[test]
    fn the_right_answer_is_right() {
        let first = Finished { key: [b'k'; 36], body: Box::from(&b"{}"[..]) };
        let unmarked = format!("{CREATED}\r\n{{}}");
        let marked = |mark| format!("{CREATED}idempotent-replayed: {mark}\r\n\r\n{{}}");
        check(&unmarked, Expected::FirstTime(Marks::Nowhere)).unwrap();
        check(&unmarked, Expected::Replay(Marks::Nowhere, &first)).unwrap();
        check(&unmarked, Expected::FirstTime(Marks::Replays)).unwrap();
        check(&marked("true"), Expected::Replay(Marks::Replays, &first)).unwrap();
        check(&marked("false"), Expected::FirstTime(Marks::Everywhere)).unwrap();
        check(&marked("true"), Expected::Replay(Marks::Everywhere, &first)).unwrap();
        let other_name = marked("true").replace("idempotent-", "idempotency-");
        check(&other_name, Expected::Replay(Marks::Replays, &first)).unwrap();
    }

    #[test]
    fn every_other_answer_is_wrong() {
        use Marks::{Everywhere, Nowhere, Replays};

        let first = Finished { key: [b'k'; 36], body: Box::from(&b"[]"[..]) };
        let marked = |mark| format!("{CREATED}idempotent-replayed: {mark}\r\n\r\n{{}}");
        let unmarked = format!("{CREATED}\r\n{{}}");
        for (answer, expected) in [
            (unmarked.replace("201", "200"), Expected::FirstTime(Nowhere)),
            (unmarked.replace("201", "503"), Expected::FirstTime(Everywhere)),
            (marked("false"), Expected::FirstTime(Nowhere)),
            (marked("true"), Expected::FirstTime(Replays)),
            (unmarked.clone(), Expected::FirstTime(Everywhere)),
            (marked("true"), Expected::FirstTime(Everywhere)),
            (marked("maybe"), Expected::FirstTime(Everywhere)),
            (unmarked.clone(), Expected::Replay(Replays, &first)),
            (marked("false"), Expected::Replay(Everywhere, &first)),
            (marked("true"), Expected::Replay(Everywhere, &first)), // another body
            (format!("{unmarked}{unmarked}"), Expected::FirstTime(Nowhere)),
            (
                unmarked.replace("content-length: 2", "connection: close"),
                Expected::FirstTime(Nowhere),
            ),
            ("SPDY".to_owned(), Expected::FirstTime(Nowhere)),
        ] {
            assert!(check(&answer, expected).is_err(), "{answer} as {expected:?}");
        }
    }
}
