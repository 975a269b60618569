//! Values with a unit: a bare number is refused, since `30` may mean seconds or milliseconds.

use std::time::Duration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `500ms`, `30s`, `5m`, `24h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (number, unit) = (digits, &text[digits.len()..]);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("'{text}' is not a duration such as 500ms, 30s, 5m, 24h or 7d"))?;
    let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("'{text}' needs a unit: ms, s, m, h or d, as in 30s"));
    };
    number
        .checked_mul(*millis)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("'{text}' is longer than this program can count"))
}

const SIZES: [(&str, usize); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads `512B`, `64KiB`, `1MiB`, `1GiB`.
pub(crate) fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (number, unit) = (digits, &text[digits.len()..]);
    let number: usize = number
        .parse()
        .map_err(|_| format!("'{text}' is not a size such as 512B, 64KiB, 1MiB or 1GiB"))?;
    let Some((_, bytes)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("'{text}' needs a unit: B, KiB, MiB or GiB, as in 1MiB"));
    };
    number
        .checked_mul(*bytes)
        .ok_or_else(|| format!("'{text}' is larger than this program can count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "30", "0", "s", "-1s", "1.5h", "1 s", "30S", "1w", "99999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        for (text, bytes) in [("0B", 0), ("512B", 512), ("64KiB", 65_536), ("1MiB", 1_048_576)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "1", "MiB", "1MB", "1mib", "1.5MiB", "-1B", "99999999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
