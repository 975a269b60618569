//! The key as a JSON Schema: the same spellings that the library reads.

use serde_json::{Value, json};

/// Inside quotes: printable ASCII, with `"` and `\` behind a backslash (RFC 9651 section 3.3.3).
const QUOTED_CHARACTER: &str = r#"(?:[ !#-\[\]-~]|\\["\\])"#;

/// Without quotes: visible ASCII but `"` `,` `;` `\`.
const BARE_CHARACTER: &str = r"[!#-+\--:<-\[\]-~]";

/// In the value of a parameter: visible ASCII but `"` `,` `;`.
const PARAMETER_CHARACTER: &str = r"[!#-+\--:<-~]";

/// In a parameter's Display String, which escapes no quote (RFC 9651 section 4.2.10).
const DISPLAY_CHARACTER: &str = "[ !#-~]";

/// The schema of the field's value; `key` is what the policy page says of it.
pub(super) fn schema(key: &Value) -> Value {
    let length = format!("{{1,{}}}", key["charactersMax"]);
    let value =
        format!("(?:\"{QUOTED_CHARACTER}*\"|%\"{DISPLAY_CHARACTER}*\"|{PARAMETER_CHARACTER}+)");
    let parameters = format!("(?:; *[a-z*][a-z0-9_.*-]*(?:={value})?)*");
    let quoted = format!("\"{QUOTED_CHARACTER}{length}\"{parameters}");
    let pattern = match key["quotesRequired"].as_bool() {
        Some(true) => format!("^{quoted}$"),
        _ => format!("^(?:{BARE_CHARACTER}{length}|{quoted})$"),
    };
    json!({ "type": "string", "pattern": pattern })
}

/// Keys that could be sent. One that the service has to issue cannot stand here.
pub(super) fn examples(key: &Value) -> Value {
    let made_by_the_client = match key["accepted"].as_str() {
        Some("issued") => return json!({}),
        Some("dated") => "01890a5d-ac96-774b-bcce-b302099a8057",
        _ => "8e03978e-40d5-43e8-bc93-6894a57f9324",
    };
    json!({
        "bare": { "value": made_by_the_client },
        "quoted": { "value": format!("\"{made_by_the_client}\"") },
    })
}

/// Whose key it is.
pub(super) fn made_by(key: &Value) -> &'static str {
    match key["accepted"].as_str() {
        Some("issued") => "Made by `POST /orders/prepare`",
        Some("dated") => {
            "A UUID of version 7, made by the client, or one of `POST /orders/prepare`"
        }
        _ => "Made by the client",
    }
}
