//! The answer that a person gives in the place of one that was lost.

use axum::http::{HeaderName, HeaderValue};
use seiriken::http::is_recorded;
use seiriken::record::RecordedResponse;
use serde::{Deserialize, Serialize};

use super::Ended;
use super::options::ResolveOptions;

/// An answer, on its way to whoever has the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GivenAnswer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl GivenAnswer {
    pub(super) fn read(options: &ResolveOptions) -> Result<Option<Self>, Ended> {
        let Some(status) = options.status.filter(|_| options.done) else { return Ok(None) };
        let body = match (&options.body, &options.body_file) {
            (Some(body), _) => body.clone().into_bytes(),
            (None, Some(file)) => std::fs::read(file).map_err(|error| {
                Ended::BadUse(format!("{} cannot be read: {error}", file.display()))
            })?,
            (None, None) => Vec::new(),
        };
        if matches!(status, 204 | 205 | 304) && !body.is_empty() {
            return Err(Ended::BadUse(format!("an answer with status {status} has no body")));
        }
        Ok(Some(Self { status, headers: options.headers.clone(), body }))
    }

    pub(super) fn recorded(&self) -> Result<RecordedResponse, String> {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        RecordedResponse::new(self.status, &headers, &[], &self.body)
            .map_err(|error| error.to_string())
    }
}

/// Informational answers end nothing (RFC 9110 section 15.2).
pub(super) fn status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(status @ 200..=599) => Ok(status),
        _ => Err(format!("'{text}' is not the status of an answer: 200 to 599")),
    }
}

/// `Name: value`, as it stands in an answer.
pub(super) fn field(text: &str) -> Result<(String, String), String> {
    let wrong = || format!("'{text}' is not a field such as 'Content-Type: application/json'");
    let (name, value) = text.split_once(':').ok_or_else(wrong)?;
    let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
    let value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
    let value = value.to_str().map_err(|_| wrong())?;
    if !is_recorded(&name) {
        return Err(format!("{name} is never part of an answer that is kept"));
    }
    Ok((name.as_str().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_statuses_are_read_or_refused() {
        let json = ("content-type".to_owned(), "application/json".to_owned());
        assert_eq!(field("Content-Type: application/json"), Ok(json));
        assert_eq!(field("location:/orders/1:2"), Ok(("location".into(), "/orders/1:2".into())));
        for text in
            ["", "a", "a b: c", ": c", "a: b\r\nc: d", "Set-Cookie: a=b", "content-length: 1"]
        {
            assert!(field(text).is_err(), "{text:?}");
        }
        assert_eq!(status("201"), Ok(201));
        for text in ["", "100", "199", "600", "-1", "ok"] {
            assert!(status(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_recorded_is_what_was_given() {
        let given = GivenAnswer {
            status: 201,
            headers: vec![("location".into(), "/orders/1".into())],
            body: b"{}".to_vec(),
        };
        let recorded = given.recorded().expect("it is short");
        assert_eq!((recorded.status(), recorded.body_kept()), (201, true));
        assert_eq!(recorded.body(), "{}");
        let headers: Vec<_> = recorded.headers().collect();
        assert_eq!(headers, [(b"location".as_slice(), b"/orders/1".as_slice())]);
    }
}
