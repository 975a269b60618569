//! `GET /`: the plain page for who opens the address in a browser.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};

use super::book::Book;
use super::refusal::Refusal;
use super::routes::Shop;

const PAGE: &str = include_str!("page.html");

/// So many of the newest orders are shown.
const SHOWN: usize = 20;

/// Nothing but the page itself and its own style: no script, no outside resource.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) async fn page<B: Book>(State(shop): State<Shop<B>>) -> Result<Response, Refusal> {
    let orders = shop.newest(SHOWN).await?;
    let mut list = String::new();
    for order in &orders {
        list.push_str("<li><code>");
        list.push_str(&escaped(order));
        list.push_str("</code></li>");
    }
    if orders.is_empty() {
        list.push_str("<li>No order yet.</li>");
    }
    let page = PAGE.replace("{{orders}}", &list);
    Ok((StatusCode::OK, [(CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response())
}

/// An order holds what its client sent.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sent_is_shown_as_text() {
        assert_eq!(escaped(r#"<script>"&'"#), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
