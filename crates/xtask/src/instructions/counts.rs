//! What was counted, written down and compared.

use serde::{Deserialize, Serialize};

use super::callgrind::Count;

/// A growth of more than this many percent is told.
const GROWTH_TOLD: u64 = 5;

/// What the operations of the hot path cost, and what compiled them.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) compiler: String,
    pub(super) target: String,
    pub(super) operations: Vec<Counted>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) count: Count,
}

impl Counts {
    pub(super) fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// A line for each operation, below a line of heads.
    pub(super) fn table(&self, committed: Option<&Self>) -> String {
        let heads = ["instructions", "of it SHA-256", "committed", "change"].map(str::to_owned);
        let mut table = row("operation", heads);
        for Counted { name, count } in &self.operations {
            let before = committed.and_then(|committed| committed.of(name));
            let shown = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
            table += &row(
                name,
                [
                    count.instructions.to_string(),
                    count.sha256.to_string(),
                    shown(before.map(|before| before.instructions.to_string())),
                    shown(before.map(|before| format!("{:+.1} %", growth(before, count)))),
                ],
            );
        }
        table
    }

    /// What is to be said beside the table: each operation that has grown, or why that cannot be
    /// known.
    pub(super) fn told(&self, committed: Option<&Self>) -> Vec<String> {
        let Some(committed) = committed else {
            return vec!["no counts are committed to compare with".to_owned()];
        };
        if (&self.compiler, &self.target) != (&committed.compiler, &committed.target) {
            return vec![format!(
                "not compared: these counts are of rustc {} for {}, the committed ones of rustc {} \
                 for {}",
                self.compiler, self.target, committed.compiler, committed.target
            )];
        }
        let grown = self.operations.iter().filter_map(|Counted { name, count }| {
            let before = committed.of(name)?;
            let allowed = before.instructions * (100 + GROWTH_TOLD);
            (count.instructions * 100 > allowed).then(|| {
                let growth = growth(before, count);
                format!("warning: {name} costs {growth:.1} % more instructions than committed")
            })
        });
        grown.collect()
    }

    fn of(&self, name: &str) -> Option<&Count> {
        self.operations.iter().find(|counted| counted.name == name).map(|counted| &counted.count)
    }
}

fn row(name: &str, [now, hashing, before, change]: [String; 4]) -> String {
    format!("{name:<26} {now:>12} {hashing:>13} {before:>10} {change:>9}\n")
}

/// In percent of what it was.
#[expect(clippy::cast_precision_loss, reason = "no operation takes 2⁵³ instructions")]
fn growth(before: &Count, now: &Count) -> f64 {
    // No operation costs nothing; should one, any cost is beyond measure.
    (now.instructions as f64 / before.instructions as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(operations: &[(&str, u64)]) -> Counts {
        let counted = |&(name, instructions): &(&str, u64)| Counted {
            name: name.to_owned(),
            count: Count { instructions, sha256: 1 },
        };
        Counts {
            compiler: "1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            operations: operations.iter().map(counted).collect(),
        }
    }

    #[test]
    fn a_growth_of_more_than_five_percent_is_told() {
        let before = counts(&[("key", 1000), ("layer", 1000), ("gone", 1000), ("less", 1000)]);
        let now = counts(&[("key", 1050), ("layer", 1051), ("new", 1), ("less", 10)]);
        let told = now.told(Some(&before));
        assert_eq!(told, ["warning: layer costs 5.1 % more instructions than committed"]);
    }

    #[test]
    fn counts_of_another_compiler_or_machine_are_not_compared() {
        let before = counts(&[("key", 1000)]);
        for change in [
            |counts: &mut Counts| counts.compiler = "1.96.0".to_owned(),
            |counts: &mut Counts| counts.target = "aarch64-unknown-linux-gnu".to_owned(),
        ] {
            let mut now = counts(&[("key", 2000)]);
            change(&mut now);
            let told = now.told(Some(&before)).join("\n");
            assert!(told.starts_with("not compared: "), "{told}");
            assert!(told.contains(&now.compiler) && told.contains(&now.target), "{told}");
        }
        let told = before.told(None);
        assert_eq!(told, ["no counts are committed to compare with"]);
    }

    #[test]
    fn the_table_shows_what_it_was_and_by_how_much_it_changed() {
        let before = counts(&[("less", 1000), ("more", 1000)]);
        let now = counts(&[("less", 900), ("more", 1001), ("new", 12_345)]);
        let table = now.table(Some(&before));
        let rows: Vec<Vec<&str>> =
            table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            rows,
            [
                ["less", "900", "1", "1000", "-10.0", "%"].to_vec(),
                ["more", "1001", "1", "1000", "+0.1", "%"].to_vec(),
                ["new", "12345", "1", "-", "-"].to_vec(),
            ]
        );
    }

    #[test]
    fn what_is_written_down_is_read_back() {
        let counts = counts(&[("key", 900), ("layer", 12_345)]);
        assert_eq!(Counts::from_json(&counts.to_json().unwrap()).unwrap(), counts);
    }
}
