//! What the workload says of itself while it runs: one line, one write, so that the trace shows
//! what had been acknowledged at each of its points.

use std::fmt;
use std::str::FromStr;

use seiriken::clock::Timestamp;

/// A line of the workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// The store is about to be opened by the process of this generation.
    Opening(u64),
    /// It is open, and has this secret.
    Opened(String),
    /// From now on it is so late.
    Clock(Timestamp),
    /// This deed is about to be asked for; its key is dated so, where it is dated.
    Ask(u64, Timestamp),
    /// It was granted under this token.
    Granted(u64, u128),
    /// Its end is about to be written (an answer, a release).
    Ending(u64),
    /// Its answer, as that generation gave it, was told to a caller.
    Answered(u64, u64),
    /// Its closure refused, and the caller was told so.
    Refused(u64),
    /// Its key was said to be free.
    Freed(u64),
    /// Its outcome was said to be unknown.
    Unsaid(u64),
    /// The sweeper is about to take a step.
    Sweeping,
    /// It removed so many.
    Swept(usize),
    /// The secret of issued keys is about to be changed.
    Rotating,
    /// It is this one.
    Rotated(u32, String),
    /// The service's own pages are about to be written over and over.
    Filling,
    /// All of them hold this version.
    Filled(u32),
    /// The store is closed.
    Closed,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(generation) => write!(f, "opening {generation}"),
            Self::Opened(secret) => write!(f, "opened {secret}"),
            Self::Clock(now) => write!(f, "clock {}", now.as_millis()),
            Self::Ask(deed, minted) => write!(f, "ask {deed} {}", minted.as_millis()),
            Self::Granted(deed, token) => write!(f, "granted {deed} {token}"),
            Self::Ending(deed) => write!(f, "ending {deed}"),
            Self::Answered(deed, generation) => write!(f, "answered {deed} {generation}"),
            Self::Refused(deed) => write!(f, "refused {deed}"),
            Self::Freed(deed) => write!(f, "freed {deed}"),
            Self::Unsaid(deed) => write!(f, "unsaid {deed}"),
            Self::Sweeping => f.write_str("sweeping"),
            Self::Swept(removed) => write!(f, "swept {removed}"),
            Self::Rotating => f.write_str("rotating"),
            Self::Rotated(number, secret) => write!(f, "rotated {number} {secret}"),
            Self::Filling => f.write_str("filling"),
            Self::Filled(version) => write!(f, "filled {version}"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

impl FromStr for Mark {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let mut word = || words.next().ok_or_else(|| format!("'{line}' is too short"));
        let number = |word: &str| {
            word.parse::<u128>().map_err(|error| format!("'{word}' is no number: {error}"))
        };
        let short = |word: &str| word.parse::<u64>().map_err(|error| format!("{word}: {error}"));
        Ok(match name {
            "opening" => Self::Opening(short(word()?)?),
            "opened" => Self::Opened(word()?.to_owned()),
            "clock" => Self::Clock(Timestamp::from_millis(short(word()?)?)),
            "ask" => Self::Ask(short(word()?)?, Timestamp::from_millis(short(word()?)?)),
            "granted" => Self::Granted(short(word()?)?, number(word()?)?),
            "ending" => Self::Ending(short(word()?)?),
            "answered" => Self::Answered(short(word()?)?, short(word()?)?),
            "refused" => Self::Refused(short(word()?)?),
            "freed" => Self::Freed(short(word()?)?),
            "unsaid" => Self::Unsaid(short(word()?)?),
            "sweeping" => Self::Sweeping,
            "swept" => Self::Swept(word()?.parse().map_err(|_| "swept how many?")?),
            "rotating" => Self::Rotating,
            "rotated" => Self::Rotated(
                word()?.parse().map_err(|_| "rotated to which number?")?,
                word()?.to_owned(),
            ),
            "filling" => Self::Filling,
            "filled" => Self::Filled(word()?.parse().map_err(|_| "filled with which version?")?),
            "closed" => Self::Closed,
            _ => return Err(format!("'{line}' is no mark")),
        })
    }
}

/// Bytes as hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let marks = [
            Mark::Opening(1),
            Mark::Opened(hex(&[0, 255])),
            Mark::Clock(Timestamp::from_millis(9)),
            Mark::Ask(2, Timestamp::from_millis(3)),
            Mark::Granted(2, 1 << 100),
            Mark::Ending(2),
            Mark::Answered(2, 1),
            Mark::Refused(3),
            Mark::Freed(4),
            Mark::Unsaid(5),
            Mark::Sweeping,
            Mark::Swept(6),
            Mark::Rotating,
            Mark::Rotated(2, hex(&[1])),
            Mark::Filling,
            Mark::Filled(7),
            Mark::Closed,
        ];
        for mark in marks {
            assert_eq!(mark.to_string().parse(), Ok(mark));
        }
        assert!("granted 2".parse::<Mark>().is_err());
        assert!("".parse::<Mark>().is_err());
    }
}
