//! The options of `seiriken check`, and what they ask for.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use bytes::Bytes;
use clap::Args;
use seiriken_client::is_credential;

use super::bodies;
use super::effect::Count;
use super::exchange::Asked;
use crate::{body_text, units};

/// The options of `seiriken check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
It makes real operations, some twenty-five where keys are honoured and up to a hundred where they \
are not: never point it at a service that charges real people.

Exit status: 0 nothing fails; 1 a requirement fails; 2 it could not be told; 64 bad use.")]
pub(crate) struct CheckOptions {
    /// The operation to check, as in `http://localhost:3000/orders`.
    url: String,

    /// POST or PATCH, or what else is to honour keys.
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    method: String,

    /// A body that the endpoint takes: the text itself, @FILE, or - for standard input. JSON is
    /// sent as such unless a Content-Type is given.
    #[arg(long, value_name = "TEXT|@FILE|-", default_value = "{}", allow_hyphen_values = true)]
    body: String,

    /// Another body that it takes. Without it one number or text of the body is changed.
    #[arg(long, value_name = "TEXT|@FILE|-", allow_hyphen_values = true)]
    vary: Option<String>,

    /// A body that it refuses with 4xx. Without it the body is cut short.
    #[arg(long, value_name = "TEXT|@FILE|-", allow_hyphen_values = true)]
    invalid: Option<String>,

    /// Another operation that takes the same body, as in …/orders/2/cancel beside …/orders/1/cancel.
    #[arg(long, value_name = "URL")]
    other: Option<String>,

    /// A header field of every request; may be repeated.
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The field that carries the key, where it is not the draft's.
    #[arg(long, value_name = "NAME", default_value = "Idempotency-Key")]
    field: HeaderName,

    /// Two callers that the endpoint takes, each a header field; the first one makes all requests
    /// but those of the second. Without it two are invented.
    #[arg(long, num_args = 2, value_names = ["NAME: VALUE", "NAME: VALUE"])]
    credential: Vec<String>,

    /// Where the number of effects stands: an address to GET, and a JSON Pointer to a number or a
    /// list in what it answers.
    #[arg(long, num_args = 2, value_names = ["GET-URL", "JSON-POINTER"])]
    count: Vec<String>,

    /// How long the endpoint keeps answers; the check of that takes a little longer.
    #[arg(long, value_name = "DUR", value_parser = units::duration)]
    retention: Option<Duration>,

    /// Restarts the service, and ends when it has.
    #[arg(long, value_name = "COMMAND")]
    restart_command: Option<String>,

    /// How long one answer may take.
    #[arg(long, value_name = "DUR", default_value = "10s", value_parser = units::duration)]
    timeout: Duration,

    /// How long a request may count as running after its client has left, and how long a restart
    /// may take.
    #[arg(long, value_name = "DUR", default_value = "60s", value_parser = units::duration)]
    patience: Duration,

    /// Reports as JSON on standard output.
    #[arg(long)]
    pub(super) json: bool,

    /// Reports as JUnit XML into this file as well.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
}

/// Who asks beside the first caller.
#[derive(Debug, Clone)]
pub(super) enum Callers {
    /// Two that the endpoint knows.
    Given(Field, Field),
    /// None was given; the requests carry no credential at all.
    Invented,
    /// The requests carry a credential, and no second one was given.
    One,
}

/// A header field.
pub(super) type Field = (HeaderName, HeaderValue);

/// What is to be done, read and checked before anything is sent.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The operation, without a key.
    pub(super) asked: Asked,
    /// The field that carries the key.
    pub(super) field: HeaderName,
    pub(super) vary: Option<Bytes>,
    pub(super) invalid: Option<Bytes>,
    pub(super) other: Option<Uri>,
    pub(super) callers: Callers,
    pub(super) count: Option<Count>,
    pub(super) retention: Option<Duration>,
    pub(super) restart_command: Option<String>,
    pub(super) timeout: Duration,
    pub(super) patience: Duration,
}

impl CheckOptions {
    /// `Err` is what is wrong with the command line.
    pub(super) fn plan(&self) -> Result<Plan, String> {
        let asked = self.asked()?;
        let vary = match &self.vary {
            Some(text) => Some(body_text::read(text)?.into()),
            None => bodies::varied(asked.body()),
        };
        let invalid = match &self.invalid {
            Some(text) => Some(body_text::read(text)?.into()),
            None => bodies::cut_short(asked.body()),
        };
        if vary.as_ref() == Some(asked.body()) || invalid.as_ref() == Some(asked.body()) {
            return Err("--vary and --invalid must be other bodies than --body".into());
        }
        let count = match self.count.as_slice() {
            [at, pointer] if pointer.is_empty() || pointer.starts_with('/') => {
                Some(Count { address: address(at)?, pointer: pointer.clone() })
            }
            [_, pointer] => {
                return Err(format!("'{pointer}' is not a JSON Pointer such as /total"));
            }
            _ => None,
        };
        Ok(Plan {
            callers: self.callers(&asked)?,
            asked,
            field: self.field.clone(),
            vary,
            invalid,
            other: self.other.as_deref().map(address).transpose()?,
            count,
            retention: self.retention,
            restart_command: self.restart_command.clone(),
            timeout: self.timeout,
            patience: self.patience,
        })
    }

    fn asked(&self) -> Result<Asked, String> {
        let method = self.method.to_ascii_uppercase();
        let method: Method = method.parse().map_err(|_| format!("'{method}' is not a method"))?;
        if method.is_safe() {
            return Err(format!("{method} changes nothing, so there is nothing to check"));
        }
        let mut asked = Request::new(Bytes::from(body_text::read(&self.body)?));
        *asked.method_mut() = method;
        *asked.uri_mut() = address(&self.url)?;
        for text in &self.headers {
            let (name, value) = self.given(text, "--header")?;
            asked.headers_mut().append(name, value);
        }
        if let Some(first) = self.credential.first() {
            let (name, value) = self.given(first, "--credential")?;
            asked.headers_mut().insert(name, value);
        }
        if !asked.headers().contains_key(header::CONTENT_TYPE) && body_text::is_json(asked.body()) {
            let json = HeaderValue::from_static("application/json");
            asked.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        Ok(asked)
    }

    fn callers(&self, asked: &Asked) -> Result<Callers, String> {
        match self.credential.as_slice() {
            [one, other] if one == other => {
                Err("--credential needs two callers, and these are the same".into())
            }
            [one, other] => {
                let given = |text| self.given(text, "--credential");
                Ok(Callers::Given(given(one)?, given(other)?))
            }
            _ if asked.headers().keys().any(is_secret) => Ok(Callers::One),
            _ => Ok(Callers::Invented),
        }
    }

    fn given(&self, text: &str, option: &str) -> Result<Field, String> {
        // The value is not repeated: it may be a secret.
        let wrong = || format!("{option} is written 'NAME: VALUE'");
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
        let own = ["content-length", "host", "transfer-encoding"].contains(&name.as_str());
        if own || name == self.field {
            return Err(format!("{option}: the field {name} is made by the check itself"));
        }
        value.set_sensitive(is_secret(&name));
        Ok((name, value))
    }
}

impl Plan {
    /// What must not be shown, and the variable that stands for it.
    pub(super) fn secrets(&self) -> Vec<(HeaderValue, String)> {
        let mut secrets = Vec::new();
        if let Callers::Given((_, one), (_, other)) = &self.callers {
            secrets.push((one.clone(), "CREDENTIAL_A".to_owned()));
            secrets.push((other.clone(), "CREDENTIAL_B".to_owned()));
        }
        for (name, value) in self.asked.headers() {
            if is_secret(name) && secrets.iter().all(|(secret, _)| secret != value) {
                secrets.push((value.clone(), name.as_str().to_uppercase().replace('-', "_")));
            }
        }
        secrets
    }
}

/// An address that can be asked. What stands before an `@` would be a password in a log.
fn address(text: &str) -> Result<Uri, String> {
    let shown = if text.contains('@') { "what is given".to_owned() } else { format!("'{text}'") };
    let wrong = || format!("{shown} is not an address such as http://localhost:3000/orders");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().filter(|_| known).ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err("an address has no user and password in it: use --header".into());
    }
    Ok(uri)
}

/// Names of fields that say who calls, also those that services make up. Rather one too many: what
/// is shown in a report is read by others.
fn is_secret(name: &HeaderName) -> bool {
    const WORDS: [&str; 5] = ["auth", "token", "secret", "api-key", "session"];
    is_credential(name) || WORDS.iter().any(|word| name.as_str().contains(word))
}
