//! The little PowerShell that the page uses: variables, a table of headers, `Invoke-RestMethod`.
//! Anything else fails the test, so that the page cannot drift away from what is checked.

use std::collections::HashMap;

/// Runs the lines; `curl` does each request. Answers what the last one printed.
pub(crate) fn run(code: &str, curl: impl Fn(&[String]) -> String) -> String {
    let mut variables: HashMap<String, String> = HashMap::new();
    let mut printed = String::new();
    for line in code.lines() {
        let (variable, value) = match line.split_once(" = ") {
            Some((name, value)) if name.starts_with('$') => (Some(name), value),
            _ => (None, line),
        };
        let result = if let Some(table) = value.strip_prefix("@{ ") {
            header(table, &variables)
        } else if value.starts_with("Invoke-RestMethod ") {
            curl(&request(value, &variables))
        } else {
            literal(value)
        };
        match variable {
            Some(name) => drop(variables.insert(name.to_owned(), result)),
            None => printed = result,
        }
    }
    printed
}

/// `"Name" = value }` as `Name: value`.
fn header(table: &str, variables: &HashMap<String, String>) -> String {
    let table = table.strip_suffix(" }").expect("a table of one header on one line");
    let (name, value) = table.split_once(" = ").expect("name = value");
    let value = match value.split_once('.') {
        Some((variable, member)) if variable.starts_with('$') => {
            let answer = variables.get(variable).expect("set before");
            let body = answer.lines().last().expect("an answer has a body");
            let body: serde_json::Value = serde_json::from_str(body).expect("an object");
            body[member].as_str().expect("a string member").to_owned()
        }
        _ => literal(value),
    };
    format!("{}: {value}", literal(name))
}

/// The options of `Invoke-RestMethod` as those of `curl`.
fn request(line: &str, variables: &HashMap<String, String>) -> Vec<String> {
    let value = |text: &str| match variables.get(text) {
        Some(value) => value.clone(),
        None => literal(text),
    };
    let mut arguments = Vec::new();
    let mut words = line.split(' ').skip(1);
    while let Some(option) = words.next() {
        if option == "-SkipHttpErrorCheck" {
            continue;
        }
        let given = words.next().expect("every other option has a value");
        match option {
            "-Method" => arguments.extend(["-X".to_owned(), given.to_uppercase()]),
            "-Uri" => arguments.push(value(given)),
            "-Headers" => arguments.extend(["-H".to_owned(), value(given)]),
            "-ContentType" => {
                let content_type = format!("Content-Type: {}", value(given));
                arguments.extend(["-H".to_owned(), content_type]);
            }
            "-Body" => arguments.extend(["--data-binary".to_owned(), value(given)]),
            other => panic!("{other} is not an option that the page used when this was written"),
        }
    }
    arguments
}

/// `"text"` or `'text'`, without variables inside.
fn literal(text: &str) -> String {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    let text = inner('\'').or_else(|| inner('"').filter(|inner| !inner.contains(['$', '`'])));
    text.expect("a plain string").to_owned()
}
