//! A request as a command line that sends it again, byte for byte, in any shell.

use std::time::Duration;

use axum::http::HeaderValue;

use super::exchange::{Answer, Asked};
use crate::shell::quoted;

/// So much of a body is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// One letter so many times is counted in a command, not written out.
const RUN_MIN: usize = 100;

/// Writes commands. What a caller keeps to itself is a variable of the shell.
#[derive(Debug, Clone, Default)]
pub(super) struct Curl {
    secrets: Vec<(HeaderValue, String)>,
}

impl Curl {
    /// These values are not shown, but the variables that hold them.
    pub(super) fn new(secrets: Vec<(HeaderValue, String)>) -> Self {
        Self { secrets }
    }

    /// Sends it and shows the answer with its head.
    pub(super) fn command(&self, asked: &Asked) -> String {
        self.with(asked, "")
    }

    /// Sends it and leaves before the answer is there.
    pub(super) fn leaving(&self, asked: &Asked, after: Duration) -> String {
        // 0 would be no limit at all, and less than this not even a connection.
        let seconds = after.as_secs_f64().max(0.01);
        self.with(asked, &format!(" --max-time {seconds:.3}"))
    }

    /// Sends it several times at the same moment.
    pub(super) fn at_once(&self, asked: &Asked, times: usize) -> String {
        let one = self.command(asked);
        format!("for i in $(seq {times}); do {one} & done; wait")
    }

    /// An answer in a few words. One that repeats a secret does not give it away here.
    pub(super) fn in_short(&self, answer: &Answer) -> String {
        let mut short = in_short(answer);
        for (secret, variable) in &self.secrets {
            if let Ok(secret) = secret.to_str()
                && !secret.is_empty()
            {
                short = short.replace(secret, &format!("${variable}"));
            }
        }
        short
    }

    fn with(&self, asked: &Asked, more: &str) -> String {
        let mut command = format!("curl -sS -i{more} -X {}", asked.method());
        for (name, value) in asked.headers() {
            command.extend([" -H ", &self.field(name.as_str(), value)]);
        }
        if !asked.headers().contains_key("content-type") {
            // curl would send the type of a form.
            command += " -H 'Content-Type:'";
        }
        command
            + &format!(" --data-raw {} {}", word(asked.body()), quoted(&asked.uri().to_string()))
    }

    fn field(&self, name: &str, value: &HeaderValue) -> String {
        if let Some((_, variable)) = self.secrets.iter().find(|(secret, _)| secret == value) {
            return format!("\"{name}: ${variable}\"");
        }
        if value.is_empty() {
            // With a colon curl would leave the field out.
            return quoted(&format!("{name};"));
        }
        word(&[name.as_bytes(), b": ", value.as_bytes()].concat())
    }
}

/// Bytes as one word of any shell.
fn word(bytes: &[u8]) -> String {
    let shown = |byte: &u8| (b' '..=b'~').contains(byte) || *byte == b'\n';
    if let Some((before, letter, times, after)) = long_run(bytes) {
        let run = format!("\"$(printf '{letter}%.0s' $(seq {times}))\"");
        return word(before) + &run + &word(after);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(shown) => quoted(text),
        _ => {
            let escaped = bytes.iter().map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() || b" -_./:@=,+{}\"".contains(byte) => {
                    char::from(*byte).to_string()
                }
                byte => format!("\\{byte:03o}"),
            });
            format!("\"$(printf '{}')\"", escaped.collect::<String>())
        }
    }
}

/// The first letter that stands so often in a row, with what is before and after it.
fn long_run(bytes: &[u8]) -> Option<(&[u8], char, usize, &[u8])> {
    let mut start = 0;
    for run in bytes.chunk_by(|one, other| one == other) {
        let end = start + run.len();
        if run.len() >= RUN_MIN && run[0].is_ascii_alphanumeric() {
            return Some((&bytes[..start], char::from(run[0]), run.len(), &bytes[end..]));
        }
        start = end;
    }
    None
}

/// An answer in a few words: status, what says most of its fields, and the start of its body.
fn in_short(answer: &Answer) -> String {
    let mut short = format!("HTTP {}", answer.status);
    for name in ["content-type", "location", "retry-after"] {
        if let Some(value) = answer.field(name) {
            short.extend([", ", name, ": ", value]);
        }
    }
    if let Some((name, value)) = answer.marker_field() {
        short.extend([", ", name, ": ", &String::from_utf8_lossy(value.as_bytes())]);
    }
    if answer.body.is_empty() {
        return short;
    }
    let body = String::from_utf8_lossy(&answer.body);
    let mut shown: String = body.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < body.len() {
        shown.push('…');
    }
    // One line, whatever the body holds: control characters could rewrite the terminal.
    let shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{short}: {shown}")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Request, StatusCode};
    use bytes::Bytes;

    use super::*;

    fn asked(value: &[u8]) -> Asked {
        Request::post("http://127.0.0.1:1/orders?a=1&b=2")
            .header("content-type", "application/json")
            .header("idempotency-key", HeaderValue::from_bytes(value).unwrap())
            .body(Bytes::from_static(b"{\"name\":\"it's\"}"))
            .unwrap()
    }

    #[test]
    fn a_command_has_all_of_the_request() {
        assert_eq!(
            Curl::default().command(&asked(b"\"k\"")),
            r#"curl -sS -i -X POST -H 'content-type: application/json' -H 'idempotency-key: "k"' "#
                .to_owned()
                + r#"--data-raw '{"name":"it'\''s"}' 'http://127.0.0.1:1/orders?a=1&b=2'"#
        );
        assert!(Curl::default().command(&asked(b"")).contains(" -H 'idempotency-key;' "));
    }

    #[test]
    fn bytes_reach_the_program_as_they_were() {
        let long = [&b"\"a b"[..], &[b'k'; 1000], b"'\xff"].concat();
        assert!(word(&long).len() < 100, "{}", word(&long));
        for bytes in [&b"k\xc3\xa9"[..], b"k\xff'\\%$`!\"", b"a b\tc", &long, &[b'0'; 100]] {
            let code = format!("printf %s {}", word(bytes));
            let printed = std::process::Command::new("sh").args(["-c", &code]).output().unwrap();
            assert_eq!(printed.stdout, bytes, "{code}");
        }
    }

    #[test]
    fn a_secret_is_a_variable() {
        let secret = HeaderValue::from_static("top secret");
        let curl = Curl::new(vec![(secret, "CREDENTIAL_A".to_owned())]);
        let answer = Answer {
            status: StatusCode::FORBIDDEN,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"who is top secret?\x07"),
        };
        assert_eq!(curl.in_short(&answer), "HTTP 403 Forbidden: who is $CREDENTIAL_A? ");
        let command = curl.command(&asked(b"top secret"));
        assert!(command.contains(r#" -H "idempotency-key: $CREDENTIAL_A" "#), "{command}");
        assert!(!command.contains("top secret"), "{command}");
    }
}
