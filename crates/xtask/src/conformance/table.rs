//! The tables of docs/conformance.md: written, and read again.

/// The verdict about one requirement, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) id: String,
    pub(super) word: String,
    pub(super) detail: String,
}

/// One server: its name in the table, and what was found out about it.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) label: String,
    pub(super) verdicts: Vec<Verdict>,
}

/// A row for each requirement, a column for each server, and below why something fails.
pub(super) fn written(columns: &[Column]) -> String {
    let labels: Vec<&str> = columns.iter().map(|column| column.label.as_str()).collect();
    let mut text =
        format!("| | {} |\n|{}\n", labels.join(" | "), " --- |".repeat(labels.len() + 1));
    let rows = columns.first().map_or(0, |column| column.verdicts.len());
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for row in 0..rows {
        let cells: Vec<&Verdict> = columns.iter().map(|column| &column.verdicts[row]).collect();
        // What is asked for by an option that nobody was given says nothing here.
        if cells.iter().all(|cell| cell.word == "skip") {
            continue;
        }
        let words: Vec<String> = cells.iter().map(|cell| shown(&cell.word)).collect();
        text.extend(["| `", &cells[0].id, "` | ", &words.join(" | "), " |\n"]);
        for (cell, label) in cells.iter().zip(&labels).filter(|(cell, _)| cell.word == "fail") {
            let reason = format!("`{}`: {}", cell.id, cell.detail);
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, whose)) => whose.push(label),
                None => reasons.push((reason, vec![label])),
            }
        }
    }
    text.push('\n');
    for (reason, whose) in reasons {
        text.extend(["- ", &reason, " (", &whose.join("; "), ")\n"]);
    }
    text
}

/// The verdict that stands on the page for a requirement of the server with this label.
pub(super) fn read<'a>(page: &'a str, label: &str, id: &str) -> Option<&'a str> {
    let mut lines = page.lines().skip_while(|line| !cells(line).any(|cell| cell == label));
    let column = cells(lines.next()?).position(|cell| cell == label)?;
    let id = format!("`{id}`");
    let row = lines.take_while(|line| line.starts_with('|')).find(|line| {
        let mut cells = cells(line);
        cells.next() == Some(&id)
    })?;
    Some(cells(row).nth(column)?.trim_matches('*'))
}

/// The page with something else between these marks.
pub(super) fn replaced(page: &str, [start, end]: [&str; 2], by: &str) -> Option<String> {
    let (before, rest) = page.split_once(start)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{start}\n\n{by}\n\n{end}{after}"))
}

fn shown(word: &str) -> String {
    if word == "fail" { format!("**{word}**") } else { word.to_owned() }
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.trim_matches('|').split('|').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(label: &str, verdicts: &[(&str, &str)]) -> Column {
        let verdict = |&(id, word): &(&str, &str)| Verdict {
            id: id.to_owned(),
            word: word.to_owned(),
            detail: format!("why {word}"),
        };
        Column { label: label.to_owned(), verdicts: verdicts.iter().map(verdict).collect() }
    }

    fn two() -> String {
        written(&[
            column("a 1.0", &[("replay", "pass"), ("reuse", "fail"), ("expiry", "skip")]),
            column("b 2.0", &[("replay", "fail"), ("reuse", "fail"), ("expiry", "skip")]),
        ])
    }

    #[test]
    fn a_table_has_a_row_for_what_was_judged_and_says_why_it_fails() {
        assert_eq!(
            two(),
            "| | a 1.0 | b 2.0 |\n| --- | --- | --- |\n| `replay` | pass | **fail** |\n\
             | `reuse` | **fail** | **fail** |\n\n\
             - `replay`: why fail (b 2.0)\n- `reuse`: why fail (a 1.0; b 2.0)\n"
        );
    }

    #[test]
    fn what_was_written_is_read() {
        let page = format!("| `replay` | other |\n\n{}\n| `replay` | later |\n", two());
        assert_eq!(read(&page, "b 2.0", "replay"), Some("fail"));
        assert_eq!(read(&page, "a 1.0", "replay"), Some("pass"));
        assert_eq!(read(&page, "a 1.0", "expiry"), None);
        assert_eq!(read(&page, "c", "replay"), None);
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let marks = ["<start>", "<end>"];
        let new = "before\n<start>\n\nnew\n\n<end>\nafter\n".to_owned();
        assert_eq!(replaced("before\n<start>\nold\n<end>\nafter\n", marks, "new"), Some(new));
        assert_eq!(replaced("no marks", marks, "new"), None);
    }
}
