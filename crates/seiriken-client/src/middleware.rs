//! The same rules as a middleware of `reqwest-middleware`.
//!
//! POST and PATCH get a key and are sent again as [`Client::send`] does it; everything else passes
//! through. What comes out is an ordinary response, or an error that says which of the two it is:
//!
//! - [`UnknownOutcome`]: nobody can say whether it was done. It holds the key to ask again with: put it
//!   into the key's field of the same request, which is then taken as resumed.
//! - [`NothingSent`]: certainly nothing was done.
//!
//! ```no_run
//! use seiriken_client::middleware::{UnknownOutcome, with_keys};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let http = with_keys(seiriken_client::Client::new()?).build();
//! match http.post("https://shop.example/orders").body("…").send().await {
//!     Ok(answer) => println!("{}", answer.status()),
//!     Err(reqwest_middleware::Error::Middleware(error)) if error.is::<UnknownOutcome>() => {
//!         println!("{error}");
//!     }
//!     Err(error) => return Err(error.into()), // nothing was done
//! }
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Method};
use reqwest::{Request as HttpRequest, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next};

use crate::answer::Answer;
use crate::attempt::{Attempted, Transport, reason, request, whole};
use crate::client::Client;
use crate::intent::{Intent, InvalidRequest, Request};
use crate::key::{InvalidKey, Key};
use crate::outcome::{NothingSent, Outcome, Unknown};
use crate::settings::Settings;

/// The outcome of a request is not known: neither a success nor a failure.
#[derive(Debug, thiserror::Error)]
#[error("whether it was done is not known; ask again with the same key")]
pub struct UnknownOutcome(pub Unknown);

/// A request whose bytes cannot be repeated.
#[derive(Debug, thiserror::Error)]
#[error("a body that is a stream can be sent only once; give it as bytes")]
pub struct StreamedBody;

/// The value of the key's field in a request is no key.
#[derive(Debug, thiserror::Error)]
#[error("the key of the request cannot be used: {0}")]
pub struct UnusableKey(#[from] InvalidKey);

/// A stack of middleware that begins with this one, on `client`'s own HTTP client: that one follows
/// no redirects, which a key must not go along with.
pub fn with_keys(client: Client) -> ClientBuilder {
    ClientBuilder::new(client.http().clone()).with(Keys(client))
}

struct Keys(Client);

#[async_trait::async_trait]
impl Middleware for Keys {
    async fn handle(
        &self,
        request: HttpRequest,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        if !matches!(*request.method(), Method::POST | Method::PATCH) {
            return next.run(request, extensions).await;
        }
        let mut intent = self.intent(&request)?;
        let onward = Onward { next, extensions };
        match self.0.run(&mut intent, onward).await.map_err(Error::middleware)? {
            Outcome::Definite(answer) => Ok(response(answer)),
            Outcome::Unknown(unknown) => Err(Error::middleware(UnknownOutcome(unknown))),
        }
    }
}

impl Keys {
    /// Freezes the request. A key that it carries already makes it a resumed one.
    fn intent(&self, request: &HttpRequest) -> Result<Intent, Error> {
        let body = match request.body() {
            None => Bytes::new(),
            Some(body) => match body.as_bytes() {
                Some(bytes) => Bytes::copy_from_slice(bytes),
                None => return Err(Error::middleware(StreamedBody)),
            },
        };
        let mut headers = request.headers().clone();
        let key = headers.remove(self.0.key_field());
        let (method, url) = (request.method().clone(), request.url().clone());
        let frozen = Request { method, url, headers, body };
        let intent = match key {
            None => self.0.intent(frozen),
            Some(value) => {
                let text =
                    value.to_str().map_err(|_| Error::middleware(UnusableKey(InvalidKey)))?;
                let key = Key::new(text).map_err(|wrong| Error::middleware(UnusableKey(wrong)))?;
                self.0.resume(key, frozen)
            }
        };
        intent.map_err(|wrong: InvalidRequest| Error::middleware(NothingSent::Invalid(wrong)))
    }
}

/// The rest of the stack.
struct Onward<'n, 'e> {
    next: Next<'n>,
    extensions: &'e mut Extensions,
}

impl Transport for Onward<'_, '_> {
    async fn attempt(
        &mut self,
        intent: &Intent,
        settings: &Settings,
        limit: Duration,
    ) -> Attempted {
        let request = request(intent, settings, intent.request.body.clone().into());
        let exchange = async {
            let response = self.next.clone().run(request, self.extensions).await?;
            Ok::<_, Error>(whole(response).await?)
        };
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok(answer)) => Attempted::Answered(answer),
            Ok(Err(Error::Reqwest(error))) if error.is_connect() => {
                Attempted::NotSent(reason(error))
            }
            Ok(Err(Error::Reqwest(error))) => Attempted::NoAnswer(reason(error)),
            Ok(Err(error)) => Attempted::NoAnswer(error.without_url().to_string()),
            Err(_) => Attempted::NoAnswer(format!("none within {limit:?}")),
        }
    }
}

fn response(answer: Answer) -> Response {
    let mut response = http::Response::new(answer.body);
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response.into()
}
