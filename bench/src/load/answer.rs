//! One answer as it came over the wire, and whether it is the one that must come.

use super::Finished;
use crate::failure::{Failure, While};

/// Far more than the order service sends.
const FIELDS_MAX: usize = 32;

/// So much of a wrong answer is shown.
const SHOWN_MAX: usize = 300;

/// A whole answer. It lies at the start of the buffer that it was read from.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    mark: Option<Mark>,
    head_bytes: usize,
    body_bytes: usize,
}

/// What the field `Idempotent-Replayed` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    False,
    True,
    Other,
}

/// The only answer that is right.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected<'f> {
    /// 201 from a server that knows no keys.
    Unmarked,
    /// 201 for the first time.
    FirstTime,
    /// The first answer once more, byte for byte.
    Replay(&'f Finished),
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
        let body_bytes = value_of("content-length")
            .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok())
            .ok_or_else(|| Failure::new(wrong("its length is not said", received)))?;
        let mark = value_of("idempotent-replayed").map(|value| match value {
            b"false" => Mark::False,
            b"true" => Mark::True,
            _ => Mark::Other,
        });
        let whole = received.len() >= head_bytes + body_bytes;
        Ok(whole.then_some(Self { status, mark, head_bytes, body_bytes }))
    }

    /// How much of the buffer is this answer.
    pub(super) fn bytes(&self) -> usize {
        self.head_bytes + self.body_bytes
    }

    pub(super) fn body<'r>(&self, received: &'r [u8]) -> &'r [u8] {
        &received[self.head_bytes..self.bytes()]
    }

    /// Whether it is the answer that must come.
    pub(super) fn check(&self, received: &[u8], expected: Expected<'_>) -> Result<(), Failure> {
        let (status, mark) = match expected {
            Expected::Unmarked => (201, None),
            Expected::FirstTime => (201, Some(Mark::False)),
            Expected::Replay(_) => (201, Some(Mark::True)),
            Expected::Read => (200, None),
        };
        let what = if self.status != status {
            format!("its status is not {status}")
        } else if self.mark != mark {
            format!("Idempotent-Replayed is {:?} and must be {mark:?}", self.mark)
        } else if received.len() > self.bytes() {
            "more than one answer to one request".to_owned()
        } else if let Expected::Replay(first) = expected
            && *first.body != *self.body(received)
        {
            "not the first answer, byte for byte".to_owned()
        } else {
            return Ok(());
        };
        Err(Failure::new(wrong(&what, received)))
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
    fn the_right_answer_is_right() {
        let first = Finished { key: [b'k'; 36], body: Box::from(&b"{}"[..]) };
        check(&format!("{CREATED}\r\n{{}}"), Expected::Unmarked).unwrap();
        let marked = |mark| format!("{CREATED}idempotent-replayed: {mark}\r\n\r\n{{}}");
        check(&marked("false"), Expected::FirstTime).unwrap();
        check(&marked("true"), Expected::Replay(&first)).unwrap();
    }

    #[test]
    fn every_other_answer_is_wrong() {
        let first = Finished { key: [b'k'; 36], body: Box::from(&b"[]"[..]) };
        let marked = |mark| format!("{CREATED}idempotent-replayed: {mark}\r\n\r\n{{}}");
        let unmarked = format!("{CREATED}\r\n{{}}");
        for (answer, expected) in [
            (unmarked.replace("201", "200"), Expected::Unmarked),
            (unmarked.replace("201", "503"), Expected::FirstTime),
            (marked("false"), Expected::Unmarked),
            (unmarked.clone(), Expected::FirstTime),
            (marked("true"), Expected::FirstTime),
            (marked("maybe"), Expected::FirstTime),
            (marked("false"), Expected::Replay(&first)),
            (marked("true"), Expected::Replay(&first)), // another body
            (format!("{unmarked}{unmarked}"), Expected::Unmarked),
            (unmarked.replace("content-length: 2", "connection: close"), Expected::Unmarked),
            ("SPDY".to_owned(), Expected::Unmarked),
        ] {
            assert!(check(&answer, expected).is_err(), "{answer} as {expected:?}");
        }
    }
}
