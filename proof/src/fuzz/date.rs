//! `Retry-After` by RFC 9110, read apart from the client: seconds, or a date in the one form that
//! is still made (section 5.6.7).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the text is from `now`, when it is whole seconds or an IMF-fixdate.
pub(super) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    seconds(text).or_else(|| {
        let at = UNIX_EPOCH + Duration::from_secs(imf_fixdate(text)?);
        Some(at.duration_since(now).unwrap_or(Duration::ZERO))
    })
}

fn seconds(text: &str) -> Option<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let sum = |sum: u64, byte: u8| sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    is_number.then(|| Duration::from_secs(text.bytes().fold(0, sum)))
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];

/// `Thu, 01 Jan 1970 00:00:00 GMT`, as seconds since then. The name of the day must fit.
fn imf_fixdate(text: &str) -> Option<u64> {
    let (name, rest) = text.split_once(", ")?;
    let rest = rest.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let day = number(parts.next()?, 2)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|(name, _)| *name == month)?;
    let year = number(parts.next()?, 4)?;
    let mut clock = parts.next()?.split(':').map(|part| number(part, 2));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let over = parts.next().is_some() || clock.next().is_some();
    let leap = |year: u64| year.is_multiple_of(if year.is_multiple_of(100) { 400 } else { 4 });
    let length = MONTHS[month].1 + u64::from(month == 1 && leap(year));
    if over
        || year < 1970
        || !(1..=length).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
    let months: u64 = MONTHS[..month].iter().map(|(_, days)| days).sum();
    let days = years + months + u64::from(month > 1 && leap(year)) + day - 1;
    (DAYS[usize::try_from(days % 7).ok()?] == name)
        .then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
