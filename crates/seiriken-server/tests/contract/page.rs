//! docs/http.md as data: its table of situations, and its examples.

use crate::request::{Request, request};

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Situation {
    pub(crate) name: String,
    /// Where the table says one.
    pub(crate) status: Option<u16>,
    /// What the problem's type ends in, where the table says it.
    pub(crate) problem: Option<String>,
}

/// A request and the answer to it, under the name of a situation.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) situation: String,
    pub(crate) request: Request,
    pub(crate) answer: Documented,
}

/// An answer as the page shows it.
#[derive(Debug)]
pub(crate) struct Documented {
    pub(crate) status_line: String,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The lines of a section, without its heading.
fn section<'p>(page: &'p str, heading: &str) -> Vec<&'p str> {
    let lines = page.lines().skip_while(|line| *line != heading).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    assert!(!lines.is_empty(), "the page has a section {heading}");
    lines
}

/// The table of the section `Answers`.
pub(crate) fn situations(page: &str) -> Vec<Situation> {
    let rows = section(page, "## Answers").into_iter().filter(|line| line.starts_with('|'));
    let situation = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, status, problem, _] = cells[..] else { panic!("four cells: {row}") };
        let problem = Some(problem.trim_matches('`').to_owned()).filter(|text| !text.is_empty());
        Situation { name: name.to_owned(), status: status.parse().ok(), problem }
    };
    // After the row of titles and the line below it.
    rows.skip(2).map(situation).collect()
}

/// The section `Examples`: under each heading a block with a request and one with its answer.
pub(crate) fn examples(page: &str) -> Vec<Example> {
    let lines = section(page, "## Examples");
    let parts = lines.split(|line| line.starts_with("### ")).skip(1);
    let headings = lines.iter().filter_map(|line| line.strip_prefix("### "));
    let example = |(heading, part): (&str, &[&str])| {
        let blocks = http_blocks(part);
        let [request, answer] = &blocks[..] else {
            panic!("{heading}: one request and one answer, not {} blocks", blocks.len())
        };
        let situation = heading[..1].to_lowercase() + &heading[1..];
        Example { situation, request: read_request(request), answer: read_answer(answer) }
    };
    headings.zip(parts).map(example).collect()
}

fn http_blocks<'p>(lines: &[&'p str]) -> Vec<Vec<&'p str>> {
    let mut lines = lines.iter().copied();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if line == "```http" {
            blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
        }
    }
    blocks
}

/// First line, field lines, and what follows the empty one.
fn message<'p>(block: &[&'p str]) -> (&'p str, Vec<(&'p str, &'p str)>, String) {
    let (start, rest) = block.split_first().expect("a first line");
    let mut parts = rest.splitn(2, |line| line.is_empty());
    let field = |line: &&'p str| line.split_once(": ").expect("name: value");
    let fields = parts.next().unwrap_or_default().iter().map(field).collect();
    (start, fields, parts.next().unwrap_or_default().join("\n"))
}

fn read_request(block: &[&str]) -> Request {
    let (start, fields, body) = message(block);
    let words: Vec<&str> = start.split(' ').collect();
    let [method, target, "HTTP/1.1"] = words[..] else { panic!("a request line: {start}") };
    let mut request = request(method, target).body(&body);
    for (name, value) in fields {
        request = match name {
            // It says more than is shown.
            "Content-Length" => request.cut_off(value.parse().expect("a length"), &body),
            name => request.field(name, value),
        };
    }
    request
}

fn read_answer(block: &[&str]) -> Documented {
    let (start, fields, body) = message(block);
    let status_line = start.strip_prefix("HTTP/1.1 ").expect("a status line").to_owned();
    let fields = fields.iter().map(|(name, value)| (name.to_lowercase(), (*value).to_owned()));
    Documented { status_line, fields: fields.collect(), body }
}
