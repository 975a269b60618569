//! The options of `seiriken send`, and the request that they describe.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use seiriken_client::{Key, Request};

use crate::{body_text, units};

/// The options of `seiriken send`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Exit status: 0 done (2xx); 1 a definite refusal, or nothing was sent; 64 bad use; \
75 whether it was done is not known: standard error has the command that asks again.")]
pub(crate) struct SendOptions {
    /// POST, PATCH, PUT or DELETE.
    pub(super) method: Option<String>,

    /// Where to send it. Without METHOD and URL, only what the journal holds is sent.
    pub(super) url: Option<String>,

    /// The body: the text itself, @FILE, or - for standard input. JSON is sent as such unless a
    /// Content-Type is given.
    #[arg(long, value_name = "TEXT|@FILE|-", allow_hyphen_values = true)]
    pub(super) body: Option<String>,

    /// A header field; may be repeated.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    pub(super) headers: Vec<String>,

    /// The key of an operation that may have been sent before. Without it a new key is made.
    #[arg(long, value_name = "KEY", conflicts_with = "prepare")]
    pub(super) key: Option<String>,

    /// Lets the server make the key: asks for it with a POST to this address.
    #[arg(long, value_name = "URL")]
    pub(super) prepare: Option<String>,

    /// How long it may take with all its attempts; cut to half of what the server keeps answers for.
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = units::duration)]
    pub(super) deadline: Duration,

    /// Keeps what is under way in this file, so that the same command, run again after a crash,
    /// goes on with the same key. The file holds credentials.
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
}

impl SendOptions {
    /// The request, if one is asked for; `Err` is what is wrong with the command line.
    pub(super) fn request(&self) -> Result<Option<Request>, String> {
        let (method, url) = match (&self.method, &self.url) {
            (Some(method), Some(url)) => (method, url),
            (None, _) if self.journal.is_some() && !self.describes_a_request() => return Ok(None),
            _ => {
                return Err(
                    "send needs METHOD and URL, as in POST http://localhost:3000/orders".into()
                );
            }
        };
        let known = |text: &str| text.parse().map_err(|_| format!("'{text}' is not a method"));
        let method = known(&method.to_ascii_uppercase())?;
        let mut request = Request::new(method, url).map_err(|wrong| wrong.to_string())?;
        for header in &self.headers {
            let (name, value) =
                header.split_once(':').ok_or("a header is written 'NAME: VALUE'")?;
            request =
                request.header(name.trim(), value.trim()).map_err(|wrong| wrong.to_string())?;
        }
        let body = self.body.as_deref().map_or_else(|| Ok(Vec::new()), body_text::read)?;
        if !request.headers().contains_key("content-type") && body_text::is_json(&body) {
            let typed = request.header("content-type", "application/json");
            request = typed.map_err(|wrong| wrong.to_string())?;
        }
        Ok(Some(request.body(body)))
    }

    /// The key, if one is given.
    pub(super) fn known_key(&self) -> Result<Option<Key>, String> {
        let key = self.key.as_deref().map(Key::new).transpose();
        key.map_err(|wrong| format!("--key: {wrong}"))
    }

    fn describes_a_request(&self) -> bool {
        let some = [&self.url, &self.body, &self.key, &self.prepare];
        !self.headers.is_empty() || some.iter().any(|option| option.is_some())
    }
}
