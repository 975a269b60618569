//! The tables of a run.

use std::fmt::Write as _;

use crate::results::{CPU, Case, DATABASE, Figure, Kind, P50, P99, PER_S, Results, TOGETHER};
use crate::spread::{Spread, median};
use crate::table::{Table, millis};

/// What every side is compared with, where it is measured.
pub(crate) const BARE: &str = "bare axum";

/// From here on the generator may be what a figure is about, and not the server.
const GENERATOR_BUSY: f64 = 0.9;

const HEAD: [&str; 8] = [
    "side, load",
    "connections",
    "requests/s",
    "min to max",
    "× bare",
    "CPU µs/request",
    "min to max",
    "× bare",
];
const HEAD_DATABASES: [&str; 3] = ["database CPU", "min to max", "both"];
const HEAD_REST: [&str; 3] = ["p50 ms", "p99 ms", "generator"];

/// Everything that was measured, as documents show it.
pub(crate) fn summary(results: &Results) -> String {
    let mut text = format!(
        "Measured on {} at `{}` with `{}`: {}. The machine: {}.\n",
        results.measured, results.commit, results.command, results.method, results.machine
    );
    if !results.samples.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{}", loads(results));
    }
    if !results.quantities.is_empty() {
        let _ = write!(text, "\n{}", quantities(results));
    }
    for note in results.left_out.iter().cloned().chain(warnings(results)) {
        let _ = write!(text, "\n{note}\n");
    }
    text
}

fn loads(results: &Results) -> Table {
    // Only where there are database servers are there columns for them.
    let databases: &[&str] = if results.has_databases() { &HEAD_DATABASES } else { &[] };
    let mut table = Table::new(&[&HEAD[..], databases, &HEAD_REST].concat());
    for case in results.cases() {
        let of = |figure: Figure| results.spread(figure, case);
        let bare = Case::new(BARE, Kind::New, case.connections);
        let (per_s, cpu) = (of(PER_S), of(CPU));
        let mut row = vec![
            format!("{}: {}", case.side, case.kind.words()),
            case.connections.to_string(),
            format!("{:.0}", per_s.median),
            format!("{:.0} to {:.0}", per_s.min, per_s.max),
            times(results.ratio(PER_S, case, bare)),
            format!("{:.1}", cpu.median),
            format!("{:.1} to {:.1}", cpu.min, cpu.max),
            times(results.ratio(CPU, case, bare)),
        ];
        if !databases.is_empty() {
            let (database, both) = (of(DATABASE), of(TOGETHER));
            let range = format!("{:.1} to {:.1}", database.min, database.max);
            row.extend([
                shown(database.median),
                measured(database.median, range),
                shown(both.median),
            ]);
        }
        let share = generator_share(results, case);
        row.extend([millis(of(P50).median), millis(of(P99).median)]);
        // What makes its own load has none beside it.
        row.push(if share > 0.0 { format!("{:.0} %", share * 100.0) } else { "–".to_owned() });
        table.row(row);
    }
    table
}

fn shown(micros: f64) -> String {
    measured(micros, format!("{micros:.1}"))
}

fn measured(value: f64, words: String) -> String {
    if value.is_nan() { "–".to_owned() } else { words }
}

/// What is not a load.
pub(crate) fn quantities(results: &Results) -> Table {
    let mut table = Table::new(&["besides", "median", "min", "max"]);
    for quantity in &results.quantities {
        let Spread { min, median, max } = Spread::of(quantity.values.iter().copied());
        let digits = usize::from(max < 1000.0);
        let shown = |value| format!("{value:.digits$}");
        let what = format!("{}, {}", quantity.what, quantity.unit);
        table.row([what, shown(median), shown(min), shown(max)]);
    }
    table
}

/// Where the generator was busy: what is faster than this server would look the same.
fn warnings(results: &Results) -> impl Iterator<Item = String> {
    results.cases().into_iter().filter_map(|case| {
        let share = generator_share(results, case);
        (share > GENERATOR_BUSY).then(|| {
            format!(
                "The generator used {:.0} % of its core for {} ({}): requests per second may be \
                 the generator's; CPU time is not.",
                share * 100.0,
                case.side,
                case.kind.words()
            )
        })
    })
}

fn generator_share(results: &Results, case: Case<'_>) -> f64 {
    median(results.of(case).map(|sample| sample.generator_share))
}

fn times(ratio: f64) -> String {
    measured(ratio, format!("{ratio:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn a_side_is_shown_beside_the_bare_one() {
        let samples = vec![
            sample(1, BARE, 1000.0, 10.0),
            sample(1, "memory", 600.0, 15.0),
            sample(2, "memory", 400.0, 20.0),
            sample(2, BARE, 1000.0, 10.0),
        ];
        let table = loads(&Results { samples, ..Results::default() }).to_string();
        let row: Vec<_> = table.lines().nth(3).unwrap().split('|').map(str::trim).collect();
        let expected = [
            "memory: new orders",
            "64",
            "500",
            "400 to 600",
            "0.50",
            "17.5",
            "15.0 to 20.0",
            "1.75",
            "0.90",
            "1.50",
            "50 %",
        ];
        assert_eq!(row[1..12], expected);
    }

    #[test]
    fn a_database_server_has_columns_where_there_is_one() {
        let mut stored = sample(1, "stored", 600.0, 15.0);
        stored.database_us = Some(20.0);
        let samples = vec![sample(1, BARE, 1000.0, 10.0), stored];
        let table = loads(&Results { samples, ..Results::default() }).to_string();
        let cells = |line| {
            let row: &str = table.lines().nth(line).unwrap();
            row.split('|').map(str::trim).skip(9).take(3).collect::<Vec<_>>()
        };
        assert_eq!(cells(0), HEAD_DATABASES);
        assert_eq!(cells(2), ["–", "–", "10.0"]);
        assert_eq!(cells(3), ["20.0", "20.0 to 20.0", "35.0"]);
    }

    #[test]
    fn a_generator_that_has_no_time_left_is_told() {
        let mut busy = sample(1, BARE, 1000.0, 10.0);
        let quiet = Results { samples: vec![busy.clone()], ..Results::default() };
        assert_eq!(warnings(&quiet).count(), 0);
        busy.generator_share = 0.97;
        let results = Results { samples: vec![busy], ..Results::default() };
        assert!(summary(&results).contains("used 97 % of its core for bare axum (new orders)"));
    }

    #[test]
    fn what_was_left_out_is_said() {
        let left_out = vec!["npm is not there".to_owned()];
        let results = Results { left_out, ..Results::default() };
        assert!(summary(&results).ends_with("\nnpm is not there\n"));
    }
}
