//! The command that asks again for an operation whose outcome is not known.

use seiriken_client::Key;

use super::options::SendOptions;
use crate::shell::{credential_variable, quoted};

/// For a Unix shell. It names the key, and no credential: what stands for one is a variable.
pub(super) fn command(options: &SendOptions, key: &Key) -> String {
    let mut words = vec!["seiriken".to_owned(), "send".to_owned()];
    if let Some(journal) = &options.journal {
        // The journal has the request and its key, whatever the file of the body holds by now.
        words.extend(["--journal".to_owned(), quoted(&journal.to_string_lossy())]);
        return words.join(" ");
    }
    words.extend(options.method.iter().chain(&options.url).map(|word| quoted(word)));
    if let Some(body) = &options.body {
        words.extend(["--body".to_owned(), quoted(body)]);
    }
    for header in &options.headers {
        words.push("--header".to_owned());
        words.push(match credential(header) {
            Some((name, variable)) => format!("\"{name}: ${variable}\""),
            None => quoted(header),
        });
    }
    words.extend(["--key".to_owned(), quoted(key.as_str())]);
    words.join(" ")
}

/// The variables that the command takes its credentials from.
pub(super) fn variables(options: &SendOptions) -> Vec<String> {
    let headers = options.headers.iter().filter(|_| options.journal.is_none());
    headers.filter_map(|header| Some(credential(header)?.1)).collect()
}

/// Name and variable of a header field that says who calls.
fn credential(header: &str) -> Option<(&str, String)> {
    let name = header.split_once(':')?.0.trim();
    Some((name, credential_variable(name)?))
}
