//! A line for `cmd`, as the program it starts sees it.

/// `cmd` joins lines that end in `^`; the program's own start-up code splits at blanks, with `"`
/// around what has blanks and `\"` for a quote inside.
pub(crate) fn arguments(code: &str) -> Vec<String> {
    let line = code.replace("^\n", "");
    let mut arguments = Vec::new();
    let mut argument = None::<String>;
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&'"') => {
                characters.next();
                argument.get_or_insert_default().push('"');
            }
            '"' => {
                quoted = !quoted;
                argument.get_or_insert_default();
            }
            ' ' if !quoted => arguments.extend(argument.take()),
            other => argument.get_or_insert_default().push(other),
        }
    }
    assert!(!quoted, "a quote is left open: {code}");
    arguments.extend(argument);
    arguments
}

#[test]
fn lines_are_joined_and_quotes_taken_off() {
    let code = "curl.exe -d \"{\\\"qty\\\":1}\" ^\n  -H \"A: b c\" \"\"";
    assert_eq!(arguments(code), ["curl.exe", "-d", r#"{"qty":1}"#, "-H", "A: b c", ""]);
}
