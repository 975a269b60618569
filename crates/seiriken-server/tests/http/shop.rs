//! A client of the order service, and what it makes of an answer.

use std::fmt;
use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// One cake.
pub(crate) const CAKE: &str = r#"{"itemId":"cake-001","qty":1}"#;

/// Where a service is. Cloning it shares its connections.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    client: Client,
    url: String,
}

/// An answer that was read to its end.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Shop {
    pub(crate) fn new(url: &str) -> Self {
        // Reading the system's certificates takes a moment, and http:// needs none.
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        Self { client, url: url.to_owned() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn address(&self) -> SocketAddr {
        let address = self.url.strip_prefix("http://").expect("http alone");
        address.parse().expect("a number and a port")
    }

    /// A request, to be added to.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// `POST /orders` with this body and no key yet.
    pub(crate) fn ordering(&self, body: &str) -> RequestBuilder {
        self.request(Method::POST, "/orders")
            .header("Content-Type", "application/json")
            .body(body.to_owned())
    }

    /// Orders under a key.
    pub(crate) async fn order(&self, key: &str, body: &str) -> Answer {
        answer(self.ordering(body).header("Idempotency-Key", key)).await
    }

    /// Orders under a key from a service that may vanish meanwhile.
    pub(crate) async fn try_order(&self, key: &str, body: &str) -> reqwest::Result<Answer> {
        try_answer(self.ordering(body).header("Idempotency-Key", key)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// How many orders there are.
    pub(crate) async fn total(&self) -> u64 {
        let list = self.get("/orders?limit=1").await;
        list.json()["total"].as_u64().expect("a number")
    }

    /// Every order, newest first, over as many pages as it takes.
    pub(crate) async fn all_orders(&self) -> Vec<Value> {
        let mut orders = Vec::new();
        let mut path = "/orders?limit=1000".to_owned();
        loop {
            let mut list = self.get(&path).await.json();
            orders.append(list["orders"].as_array_mut().expect("a list"));
            match list["next"].as_str() {
                Some(next) => path = format!("/orders?limit=1000&after={next}"),
                None => return orders,
            }
        }
    }
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    try_answer(request).await.expect("an answer")
}

async fn try_answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.bytes().await?.to_vec() })
}

impl Answer {
    /// The value of a field that is there at most once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("text"));
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// `Idempotent-Replayed`.
    pub(crate) fn marker(&self) -> Option<&str> {
        self.field("idempotent-replayed")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What a retry is owed: status, fields and bytes. The marker tells the two apart, `Date` is
    /// about the moment and `Connection` about the connection; all else is the same.
    pub(crate) fn assert_replays(&self, first: &Self) {
        assert_eq!(self.marker(), Some("true"), "{self:?}");
        assert_eq!(self.stored(), first.stored(), "{self:?}");
    }

    fn stored(&self) -> (StatusCode, HeaderMap, &[u8]) {
        let mut headers = self.headers.clone();
        for about_this_message in ["idempotent-replayed", "date", "connection"] {
            headers.remove(about_this_message);
        }
        (self.status, headers, &self.body)
    }

    /// That it is an order that was made now.
    pub(crate) fn assert_ordered(&self) {
        assert_eq!(self.status, StatusCode::CREATED, "{self:?}");
        assert_eq!(self.marker(), Some("false"), "{self:?}");
    }

    /// That it is this problem, in full form; answers its detail.
    pub(crate) fn assert_problem(&self, status: u16, fragment: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        assert_eq!(self.field("link"), Some("</.well-known/idempotency>; rel=\"describedby\""));
        let problem = self.json();
        assert_eq!(problem["type"], format!("/.well-known/idempotency#{fragment}"));
        assert_eq!(problem["status"], status);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        let instance = problem["instance"].as_str().expect("an instance");
        let uuid = instance.strip_prefix("urn:uuid:").expect("a UUID");
        uuid::Uuid::try_parse(uuid).expect("a UUID");
        problem["detail"].as_str().expect("a detail").to_owned()
    }

    /// That it was refused before anything ran: this problem, and no marker.
    pub(crate) fn assert_refused(&self, status: u16, fragment: &str) -> String {
        assert_eq!(self.marker(), None, "{self:?}");
        self.assert_problem(status, fragment)
    }
}

/// With the body as text.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {:?} {body}", self.status, self.headers)
    }
}
