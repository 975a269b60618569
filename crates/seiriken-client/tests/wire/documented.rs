//! The page for authors of clients shows the vectors, all of them and as they are.

use crate::vectors::{Attempt, Failure, Vector, vectors};

const PAGE: &str = include_str!("../../../../docs/clients.md");

fn seen(attempt: &Attempt) -> String {
    let told = match attempt {
        Attempt::Failure(Failure::NotSent) => return "no connection".to_owned(),
        Attempt::Failure(Failure::NoAnswer) => return "no answer".to_owned(),
        Attempt::Answer(told) => told,
    };
    let problem = told.problem.as_ref().map(|problem| format!(" `#{problem}`"));
    let recorded = told.recorded_status.map(|status| format!(" (`recordedStatus` {status})"));
    let marker = told.marker.as_ref().map(|marker| format!(", marked `{marker}`"));
    let parts = [problem, recorded, marker].map(Option::unwrap_or_default);
    format!("{}{}", told.status, parts.concat())
}

fn result(result: &str, status: Option<u16>) -> String {
    match (result, status) {
        ("definite", Some(status)) => format!("definite: {status}"),
        ("definite-nothing-sent", _) => "definite: nothing was sent".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn row(vector: &Vector) -> String {
    let attempts: Vec<String> = vector.attempts.iter().map(seen).collect();
    let resumed = if vector.resumed { "resumed; " } else { "" };
    let then = match &vector.at_deadline {
        Some(at_deadline) => format!("retry; in the end {}", result(at_deadline, vector.status)),
        None => result(&vector.then, vector.status),
    };
    format!("| {resumed}{} | {then} |\n", attempts.join(", then "))
}

#[test]
fn the_page_has_a_row_for_each_vector() {
    let rows: String = vectors().iter().map(row).collect();
    let table = format!("| seen | result |\n| --- | --- |\n{rows}");
    assert!(PAGE.contains(&table), "docs/clients.md should have this table:\n{table}");
}

/// What stands on the page is what is compiled as the example of the crate.
#[test]
fn the_page_shows_the_quick_start_of_the_crate() {
    let library = include_str!("../../src/lib.rs");
    let example = PAGE.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let example = example.expect("the page has a block of Rust");
    for line in example.lines().filter(|line| !line.is_empty()) {
        assert!(library.contains(&format!("//! {line}\n")), "not in the crate: {line}");
    }
    assert!(example.contains("client.send(&mut intent).await?"), "{example}");
}
