//! Command lines for whoever reads the output: for a Unix shell, and without credentials.

use seiriken_client::is_credential;

/// As one word of a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@=,+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The variable that stands for the value of a header field that says who calls.
pub(crate) fn credential_variable(name: &str) -> Option<String> {
    let field = name.trim().parse().ok()?;
    is_credential(&field).then(|| name.trim().to_ascii_uppercase().replace('-', "_"))
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
        assert_eq!(credential_variable("X-Api-Key"), Some("X_API_KEY".to_owned()));
        assert_eq!(credential_variable("Content-Type"), None);
    }
}
