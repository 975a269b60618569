//! The key as a JSON Schema: the same spellings that the library reads.

use serde_json::{Value, json};

/// Inside quotes: printable ASCII, with `"` and `\` behind a backslash (RFC 9651 section 3.3.3).
const QUOTED_CHARACTER: &str = r#"(?:[ !#-\[\]-~]|\\["\\])"#;

/// Without quotes: visible ASCII but `"` `,` `;` `\`.
const BARE_CHARACTER: &str = r"[!#-+\--:<-\[\]-~]";

/// In the value of a parameter: visible ASCII but `"` `,` `;`.
const PARAMETER_CHARACTER: &str = r"[!#-+\--:<-~]";

/// The schema of the field's value; `key` is what the policy page says of it.
pub(super) fn schema(key: &Value) -> Value {
    let length = format!("{{1,{}}}", key["charactersMax"]);
    let value = format!("(?:\"{QUOTED_CHARACTER}*\"|{PARAMETER_CHARACTER}+)");
    let parameters = format!("(?:; *[a-z*][a-z0-9_.*-]*(?:={value})?)*");
    let quoted = format!("\"{QUOTED_CHARACTER}{length}\"{parameters}");
    let pattern = match key["quotesRequired"].as_bool() {
        Some(true) => format!("^{quoted}$"),
        _ => format!("^(?:{BARE_CHARACTER}{length}|{quoted})$"),
    };
    json!({ "type": "string", "pattern": pattern })
}
