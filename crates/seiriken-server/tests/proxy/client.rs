//! A client of the proxy.

use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder, Response, StatusCode};

/// Sends requests to one address.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn of(url: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build().expect("a client");
        Self { http, url: url.to_owned() }
    }

    /// A request to the shop, whichever proxy it goes through.
    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{target}", self.url));
        request.header("Host", "shop.example")
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        Answer::to(self.request(Method::GET, target)).await
    }

    /// `POST` with a key.
    pub(crate) async fn post(&self, target: &str, key: &str, body: &str) -> Answer {
        Answer::to(self.keyed(target, key, body)).await
    }

    pub(crate) fn keyed(&self, target: &str, key: &str, body: &str) -> RequestBuilder {
        self.request(Method::POST, target).header("Idempotency-Key", key).body(body.to_owned())
    }
}

impl Answer {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::read(request.send().await.expect("the proxy answers")).await
    }

    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.expect("the whole answer").to_vec();
        Self { status, headers, body }
    }

    pub(crate) fn field(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// What its problem's `type` ends in.
    pub(crate) fn problem(&self) -> String {
        let problem = self.json();
        let typed = problem["type"].as_str().expect("a type");
        typed.rsplit('#').next().expect("an end").to_owned()
    }

    pub(crate) fn marker(&self) -> Option<&str> {
        self.field("idempotent-replayed").first().copied()
    }

    #[track_caller]
    pub(crate) fn assert_executed(&self, status: u16) {
        assert_eq!((self.status.as_u16(), self.marker()), (status, Some("false")), "{self:?}");
    }

    /// Same status, same fields but for those that are about the moment, same bytes.
    #[track_caller]
    pub(crate) fn assert_replays(&self, first: &Self) {
        assert_eq!((self.status, self.marker()), (first.status, Some("true")), "{self:?}");
        assert_eq!(self.body, first.body);
        assert_eq!(lasting(&self.headers), lasting(&first.headers));
        assert!(self.field("set-cookie").is_empty());
    }

    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, problem: &str) {
        assert_eq!((self.status.as_u16(), self.problem().as_str()), (status, problem), "{self:?}");
    }
}

fn lasting(headers: &HeaderMap) -> Vec<(HeaderName, Vec<u8>)> {
    let passing =
        ["date", "set-cookie", "idempotent-replayed", "transfer-encoding", "content-length"];
    let lasting = headers.iter().filter(|(name, _)| !passing.contains(&name.as_str()));
    let mut lasting: Vec<_> =
        lasting.map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
    lasting.sort_by(|one, other| (one.0.as_str(), &one.1).cmp(&(other.0.as_str(), &other.1)));
    lasting
}
