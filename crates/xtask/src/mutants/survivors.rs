//! The list of survivors: a table, whose first column names a mutant as cargo-mutants does.

use std::collections::BTreeSet;

/// A mutant as the list names it: without its line and column, which change with what is above.
/// Some are then two of one name; their reason is the same as well.
pub(super) fn name(mutant: &str) -> String {
    match mutant.split_once(".rs:") {
        Some((path, rest)) => {
            let what = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
            format!("{path}.rs: {}", what.trim_start())
        }
        None => mutant.to_owned(),
    }
}

/// The mutants that are explained: the code in the first column of each row that has a reason.
pub(super) fn read(list: &str) -> BTreeSet<String> {
    let explained = |line: &str| {
        let row = line.strip_prefix("| `")?;
        let (mutant, reason) = row.split_once("` |")?;
        // A bar inside a row is written with a backslash.
        let given = reason.trim_end_matches(['|', ' ']).trim().len() > 1;
        given.then(|| mutant.replace("\\|", "|"))
    };
    list.lines().filter_map(explained).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_keeps_its_name_when_lines_are_added_above_it() {
        let mutant = "crates/seiriken/src/key.rs:104:9: replace || with && in run_end";
        let named = "crates/seiriken/src/key.rs: replace || with && in run_end";
        assert_eq!(name(mutant), named);
        assert_eq!(name(&mutant.replace(":104:", ":7:")), named);
    }

    #[test]
    fn a_row_without_a_reason_explains_nothing() {
        let list = "\
| mutant | why no test can notice |
| --- | --- |
| `src/key.rs: replace \\|\\| with && in a` | both are the same there |
| `src/key.rs: replace + with - in b` |  |
";
        let expected = BTreeSet::from(["src/key.rs: replace || with && in a".to_owned()]);
        assert_eq!(read(list), expected);
    }
}
