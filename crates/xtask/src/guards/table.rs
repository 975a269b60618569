//! The rows of the list of bugs, the guards, and what one says of the other. A guard against what
//! nobody was seen to do wrong names its tests itself.

use serde::Deserialize;

/// Every guard, with the tests that have to fail without it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) guards: Vec<Guard>,
}

/// Code that keeps a bug away.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) name: String,
    bugs: Vec<String>,
    pub(super) tests: Vec<Test>,
    pub(super) edits: Vec<Edit>,
}

/// What a file looks like without the guard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    pub(super) file: String,
    /// Stands in the file once.
    pub(super) text: String,
    pub(super) without: String,
}

/// A test as the list of bugs names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Test {
    /// Below `crates/`.
    pub(super) path: String,
    pub(super) name: String,
}

/// A bug, and the tests that show that it cannot happen.
#[derive(Debug)]
struct Row {
    bug: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    guard: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    bugs: Vec<String>,
    #[serde(default)]
    tests: Vec<String>,
    edit: Vec<Edit>,
}

// === impl Table ===

impl Table {
    /// Reads both, and finds what one of them does not know of the other.
    pub(super) fn read(field_bugs: &str, guards: &str) -> Result<Self, String> {
        let rows = rows(field_bugs);
        let file: File = toml::from_str(guards).map_err(|error| error.to_string())?;
        let guards: Result<Vec<Guard>, String> =
            file.guard.into_iter().map(|entry| Guard::read(entry, &rows)).collect();
        let guards = guards?;
        for row in &rows {
            let of_row: Vec<&Guard> = guards.iter().filter(|g| g.bugs.contains(&row.bug)).collect();
            let seen = |test: &Test| of_row.iter().any(|guard| guard.tests.contains(test));
            if let Some(test) = row.tests.iter().find(|test| !seen(test)) {
                return Err(format!("no guard for `{}` of the bug: {}", test.name, row.bug));
            }
        }
        Ok(Self { guards })
    }
}

// === impl Guard ===

impl Guard {
    fn read(entry: Entry, rows: &[Row]) -> Result<Self, String> {
        if entry.bugs.is_empty() {
            return Self::of_its_own(entry);
        }
        let mut of_bugs: Vec<&Row> = Vec::new();
        for beginning in &entry.bugs {
            let mut found = rows.iter().filter(|row| row.bug.starts_with(beginning));
            match (found.next(), found.next()) {
                (Some(row), None) => of_bugs.push(row),
                (None, _) => return Err(format!("{}: no bug begins: {beginning}", entry.name)),
                (Some(_), Some(_)) => return Err(format!("more than one begins: {beginning}")),
            }
        }
        let named = |test: &&Test| entry.tests.is_empty() || entry.tests.contains(&test.name);
        let all = of_bugs.iter().flat_map(|row| &row.tests);
        let tests: Vec<Test> = all.filter(named).cloned().collect();
        let unknown = entry.tests.iter().find(|name| tests.iter().all(|test| test.name != **name));
        if let Some(unknown) = unknown {
            return Err(format!("{}: its bugs do not name {unknown}", entry.name));
        }
        let bugs = of_bugs.iter().map(|row| row.bug.clone()).collect();
        Ok(Self { name: entry.name, bugs, tests, edits: entry.edit })
    }

    fn of_its_own(entry: Entry) -> Result<Self, String> {
        let tests: Vec<Test> = entry.tests.iter().flat_map(|tests| tests_of(tests)).collect();
        if tests.is_empty() {
            return Err(format!("{}: no bug and no test", entry.name));
        }
        Ok(Self { name: entry.name, bugs: Vec::new(), tests, edits: entry.edit })
    }

    #[cfg(test)]
    pub(super) fn with_edits(edits: Vec<Edit>) -> Self {
        Self { name: "a guard".into(), bugs: Vec::new(), tests: Vec::new(), edits }
    }

    pub(super) fn is_meant(&self, only: Option<&str>) -> bool {
        let names = self.bugs.iter().chain([&self.name]);
        only.is_none_or(|text| names.into_iter().any(|name| name.contains(text)))
    }
}

/// The rows of the tables that have a column of tests.
fn rows(field_bugs: &str) -> Vec<Row> {
    let lines = field_bugs.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = lines.filter_map(|line| {
        let columns: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        let [bug, _, _, tests] = columns[..] else { return None };
        Some(Row { bug: bug.to_owned(), tests: tests_of(tests) })
    });
    rows.filter(|row| !row.tests.is_empty()).collect()
}

/// ``` `path`: `name`, `name`<br>`path`: `name` ```
fn tests_of(column: &str) -> Vec<Test> {
    let mut tests = Vec::new();
    for of_file in column.split("<br>") {
        let mut quoted = of_file.split('`').skip(1).step_by(2);
        let Some(path) = quoted.next() else { continue };
        tests.extend(quoted.map(|name| Test { path: path.to_owned(), name: name.to_owned() }));
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD_BUGS: &str = "
| bug | seen in | right here | tests |
| --- | --- | --- | --- |
| It runs twice. | a | It does not. | `a/tests/b.rs`: `one`, `two`<br>`a/src/c.rs`: `three` |
| It never runs. | a | It does. | `a/src/c.rs`: `four` |

| bug | seen in | how it stands |
| --- | --- | --- |
| It explodes. | a | Nobody has tried. |
";

    fn guard(bug: &str, tests: &str) -> String {
        let edit = "edit = [{ file = 'f', text = 't', without = 'w' }]";
        format!("[[guard]]\nname = 'g'\nbugs = ['{bug}']\ntests = [{tests}]\n{edit}\n")
    }

    fn read(guards: &[String]) -> Result<Vec<Vec<String>>, String> {
        let table = Table::read(FIELD_BUGS, &guards.concat())?;
        let names = |guard: Guard| guard.tests.into_iter().map(|test| test.name).collect();
        Ok(table.guards.into_iter().map(names).collect())
    }

    /// Of no bug.
    fn own(tests: &str) -> String {
        guard("", tests).replace("bugs = ['']", "bugs = []")
    }

    #[test]
    fn a_guard_of_no_bug_names_its_tests_itself() {
        let all = [guard("It runs", ""), guard("It never", ""), own("'`a/b.rs`: `five`, `six`'")];
        assert_eq!(read(&all).unwrap()[2], ["five", "six"]);
    }

    #[test]
    fn a_guard_has_all_tests_of_its_bug_or_those_it_names() {
        let tests = read(&[guard("It runs", ""), guard("It never", "'four'")]);
        assert_eq!(tests.unwrap(), [vec!["one", "two", "three"], vec!["four"]]);
    }

    #[test]
    fn what_one_says_and_the_other_does_not_know_is_an_error() {
        for (guards, error) in [
            (vec![guard("It runs", "")], "no guard for `four`"),
            (vec![guard("It runs", "'one'"), guard("It never", "")], "no guard for `two`"),
            (vec![guard("It flies", "")], "no bug begins: It flies"),
            (vec![guard("It", "")], "more than one begins: It"),
            (vec![guard("It runs", "'four'")], "do not name four"),
            (vec![own("")], "no bug and no test"),
        ] {
            assert!(read(&guards).unwrap_err().contains(error), "{error}");
        }
    }

    #[test]
    fn the_guards_of_this_tree_are_those_of_its_list_of_bugs() {
        let guards = include_str!("../../guards.toml");
        let field_bugs = include_str!("../../../../docs/field-bugs.md");
        assert!(Table::read(field_bugs, guards).is_ok_and(|table| table.guards.len() > 60));
    }

    /// Code that has moved takes its guard out of this list, and nobody would see its tests fail.
    #[test]
    fn each_guard_stands_in_its_file_once() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let guards = include_str!("../../guards.toml");
        let field_bugs = include_str!("../../../../docs/field-bugs.md");
        let table = Table::read(field_bugs, guards).unwrap();
        for guard in &table.guards {
            for test in &guard.tests {
                let text = std::fs::read_to_string(root.join("crates").join(&test.path)).unwrap();
                let name = format!("fn {}", test.name);
                assert!(text.contains(&name), "{}: {} in {}", guard.name, test.name, test.path);
            }
            for edit in &guard.edits {
                let text = std::fs::read_to_string(root.join(&edit.file)).unwrap();
                let times = text.matches(edit.text.as_str()).count();
                assert_eq!(times, 1, "{}: {} in {}", guard.name, edit.text, edit.file);
            }
        }
    }
}
