//! What a process sends to its database, read along: where it asks for something to be made lasting.

use super::database::Kind;

/// Reads along on one connection.
#[derive(Debug)]
pub(super) struct Wire {
    kind: Kind,
    /// Of PostgreSQL: the part of a message that has come so far.
    part: Vec<u8>,
    /// Of PostgreSQL: the first messages have no type.
    started: bool,
}

/// The number in a start-up message that is one, and no question whether TLS is spoken.
const PROTOCOL_3: u32 = 3 << 16;

impl Wire {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, part: Vec::new(), started: false }
    }

    /// Whether these bytes end a request to commit.
    pub(super) fn commits(&mut self, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::Postgres => self.postgres(bytes),
            // One script is one lasting change.
            Kind::Redis => contains(bytes, b"EVALSHA"),
        }
    }

    fn postgres(&mut self, bytes: &[u8]) -> bool {
        self.part.extend_from_slice(bytes);
        let mut commits = false;
        while let Some(message) = self.message() {
            commits |= message.first() == Some(&b'Q') && contains(&message, b"COMMIT");
        }
        commits
    }

    /// Takes a whole message off. A typed one has its type first; all have their length, which counts
    /// itself and not the type.
    fn message(&mut self) -> Option<Vec<u8>> {
        let typed = usize::from(self.started);
        let length = self.part.get(typed..typed + 4)?.first_chunk().copied()?;
        let whole = typed + usize::try_from(u32::from_be_bytes(length)).ok()?;
        if self.part.len() < whole {
            return None;
        }
        let message: Vec<u8> = self.part.drain(..whole).collect();
        if !self.started {
            let number = message.get(4..8).and_then(|bytes| bytes.first_chunk().copied());
            self.started = number.map(u32::from_be_bytes) == Some(PROTOCOL_3);
        }
        Some(message)
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: u8, text: &[u8]) -> Vec<u8> {
        let length = u32::try_from(text.len() + 4).expect("a short message");
        [&[kind][..], &length.to_be_bytes(), text].concat()
    }

    fn start() -> Vec<u8> {
        let tls = [8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat();
        let start = [9_u32.to_be_bytes(), PROTOCOL_3.to_be_bytes()].concat();
        [tls, start, vec![0]].concat()
    }

    #[test]
    fn a_commit_is_seen_however_its_bytes_come() {
        let commit = typed(b'Q', b"INSERT 1; COMMIT\0");
        let all = [start(), typed(b'S', b""), commit].concat();
        for cut in 0..all.len() {
            let mut wire = Wire::new(Kind::Postgres);
            let (first, rest) = all.split_at(cut);
            assert!(!wire.commits(first), "{cut}: it is not whole yet");
            assert!(wire.commits(rest), "{cut}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        let mut wire = Wire::new(Kind::Postgres);
        assert!(!wire.commits(&start()));
        assert!(!wire.commits(&typed(b'Q', b"BEGIN\0")));
        // The text of a value, say.
        assert!(!wire.commits(&typed(b'B', b"COMMIT\0")));
        let mut wire = Wire::new(Kind::Redis);
        assert!(!wire.commits(b"*1\r\n$4\r\nPING\r\n"));
        assert!(wire.commits(b"*3\r\n$7\r\nEVALSHA\r\n"));
    }
}
