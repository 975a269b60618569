//! Whether the rules for keys are published where a client finds them.

use axum::http::Uri;

use crate::check::exchange::{Answer, NoAnswer};
use crate::check::scenario::Scenario;
use crate::check::verdict::Finding;

/// Where a policy is looked for when no refusal says where it is.
const USUAL_PLACE: &str = "/.well-known/idempotency";

/// "The resource MUST publish its specification": by a link on refusals, or at a known address.
pub(super) async fn policy_published(scenario: &mut Scenario<'_>) -> Result<Finding, NoAnswer> {
    let refusals = scenario.notes.refusals.iter();
    let linked = refusals.map(|(_, answer, _)| answer).find_map(described_by);
    let base = scenario.endpoint.plan.asked.uri().clone();
    let place = linked.as_deref().unwrap_or(USUAL_PLACE);
    let Some(address) = resolve(&base, place) else {
        return Ok(Finding::fail(format!("refusals link to '{place}', which is no address")));
    };
    if linked.is_some() && address.scheme_str() != base.scheme_str() {
        return Ok(Finding::pass(format!("refusals link to {address}, which was not asked")));
    }
    let asked = scenario.endpoint.get(&address);
    let answer = scenario.send(&asked).await;
    let found = answer.as_ref().is_ok_and(|answer| !answer.refused() && !answer.failed());
    let said = match &answer {
        Ok(answer) => answer.status.to_string(),
        Err(why) => why.to_string(),
    };
    Ok(match (found, linked.is_some()) {
        (true, _) => Finding::pass(format!("published at {address}")),
        (false, true) => Finding::fail(format!("refusals link to {address}, which answers {said}")),
        (false, false) => Finding::warn(format!(
            "no refusal links to a policy, and there is none at {address}: clients do not know \
             what keys are taken and how long answers are kept"
        )),
    })
}

/// The target of a `Link` with `rel="describedby"` (RFC 8288).
pub(super) fn described_by(answer: &Answer) -> Option<String> {
    let lines = answer.headers.get_all("link").into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(|line| line.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let mut parameters = parameters.split(';').filter_map(|one| one.trim().split_once('='));
        let rel = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("rel"))?.1;
        let mut relations = rel.trim().trim_matches('"').split_ascii_whitespace();
        relations.any(|one| one.eq_ignore_ascii_case("describedby")).then(|| target.to_owned())
    })
}

/// An address, or a path on the same host. Fragments are for readers.
fn resolve(base: &Uri, target: &str) -> Option<Uri> {
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') && !target.starts_with("//") {
        let origin = format!("{}://{}", base.scheme_str()?, base.authority()?);
        return format!("{origin}{target}").parse().ok();
    }
    let uri: Uri = target.parse().ok()?;
    uri.authority()?;
    matches!(uri.scheme_str(), Some("http" | "https")).then_some(uri)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
    use bytes::Bytes;

    use super::*;

    fn linking(value: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::LINK, HeaderValue::from_static(value));
        Answer { status: StatusCode::BAD_REQUEST, headers, body: Bytes::new() }
    }

    #[test]
    fn the_link_is_found_among_others() {
        for (value, target) in [
            (r#"</policy>; rel="describedby""#, Some("/policy")),
            (r#"<a>; rel=next, </policy#x>; type="text/html"; REL=describedby"#, Some("/policy#x")),
            (r#"</policy>; rel="help describedby""#, Some("/policy")),
            ("</policy>; rel=help", None),
            ("/policy; rel=describedby", None),
        ] {
            assert_eq!(described_by(&linking(value)).as_deref(), target, "{value}");
        }
    }

    #[test]
    fn a_link_is_an_address_or_a_path() {
        let base = Uri::from_static("http://shop:1/orders?a=1");
        for (target, address) in [
            ("/policy#key-missing", Some("http://shop:1/policy")),
            ("https://docs.example/keys", Some("https://docs.example/keys")),
            ("mailto:a@b", None),
            ("//elsewhere/x", None),
        ] {
            let resolved = resolve(&base, target).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), address, "{target}");
        }
    }
}
