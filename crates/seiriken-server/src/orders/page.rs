//! `GET /`: the shop page, for who opens the address in a browser.
//!
//! It is built from `packages/shop` and committed, so that building the program needs no Node.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::response::{Html, IntoResponse};

const PAGE: &str = include_str!("page.html");

/// The page's own script and style, named by their hashes, and this service: nothing else.
const POLICY: &str = include_str!("page.policy");

pub(super) async fn page() -> impl IntoResponse {
    // Another version of this service may answer at this address tomorrow.
    let fields = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-cache")];
    (fields, Html(PAGE))
}
