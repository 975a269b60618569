//! The command that asks again for an operation whose outcome is not known.

use seiriken_client::{Key, is_credential};

use super::options::SendOptions;

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
    let field = name.parse().ok()?;
    is_credential(&field).then(|| (name, name.to_ascii_uppercase().replace('-', "_")))
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reaches_the_program_as_it_was() {
        for word in ["", "a b", "it's", "$HOME", "{\"a\":1}", "a*", "整理券", "a\\b", "plain-1.0"]
        {
            let code = format!("printf %s {}", quoted(word));
            let printed = std::process::Command::new("sh").args(["-c", &code]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), word, "{code}");
        }
    }

    #[test]
    fn a_credential_is_a_variable() {
        let shown = credential("X-Api-Key: secret").unwrap();
        assert_eq!(shown, ("X-Api-Key", "X_API_KEY".to_owned()));
        assert_eq!(credential("Content-Type: a"), None);
    }
}
