//! What the client reads of an answer: how long to wait, and what the answer says.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use seiriken_client::retry_after;

use super::date;
use super::reader::Reader;
use super::replies;

/// By the first byte: the field, or a course of replies.
pub fn check(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    match reader.byte() % 2 {
        0 => field(&mut reader),
        _ => replies::check(&mut reader),
    }
}

/// The year 9999 ends here, and with it the dates that HTTP can write.
const END_OF_DATES: u64 = 253_402_300_800;

fn field(reader: &mut Reader<'_>) -> bool {
    let now = UNIX_EPOCH + Duration::from_secs(reader.number() % END_OF_DATES);
    let Ok(value) = HeaderValue::from_bytes(reader.rest()) else { return false };
    let headers = HeaderMap::from_iter([(RETRY_AFTER, value.clone())]);
    let asked = retry_after(&headers, now);
    let text = value.to_str().ok().map(str::trim);
    let expected = text.and_then(|text| date::retry_after(text, now));
    if expected.is_some() {
        assert_eq!(asked, expected, "{text:?}");
    } else if let Some(asked) = asked {
        // One of the two obsolete dates; they name the day, and lie within what dates can say.
        let text = text.expect("what is read is text");
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        assert!(days.iter().any(|day| text.starts_with(day)), "{text:?} asks for {asked:?}");
        assert!(asked <= Duration::from_secs(END_OF_DATES), "{text:?} asks for {asked:?}");
    }
    asked.is_some()
}
