//! What a benchmark came to: all of its rounds, and what is asked of them. This is what is written
//! to `docs/performance/NAME.json`, and what tables, goals and pictures are made from.

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::spread::{Spread, median};

/// A whole run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) benchmark: String,
    /// What measures it again.
    pub(crate) command: String,
    /// The day, in UTC.
    pub(crate) measured: String,
    /// What was checked out, and whether it was changed.
    pub(crate) commit: String,
    pub(crate) machine: Machine,
    /// How many live keys there were, where there were to be many.
    pub(crate) keys: u64,
    /// How it was measured, in words.
    pub(crate) method: String,
    /// Peers and stores that could not be measured here, and why; what else a reader has to know.
    pub(crate) left_out: Vec<String>,
    /// What is not a load: times to open, memory.
    pub(crate) quantities: Vec<Quantity>,
    pub(crate) samples: Vec<Sample>,
}

/// One round of one side under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) round: usize,
    pub(crate) side: String,
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
    pub(crate) requests: u64,
    pub(crate) requests_per_s: f64,
    /// CPU time of the server per request, in microseconds.
    pub(crate) cpu_us: f64,
    /// CPU time per request of the database server that it stands on, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database_us: Option<f64>,
    /// CPU time of the generator per request, in microseconds.
    pub(crate) generator_us: f64,
    /// How much of the one core that it can use the generator used.
    pub(crate) generator_share: f64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}

/// What every request of a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A new order under a new key.
    New,
    /// One of 1000 finished orders once more.
    Replays,
    /// New orders, and one replay after nine of them.
    Mixed,
}

/// Something measured again and again that is not a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantity {
    pub(crate) what: String,
    pub(crate) unit: String,
    pub(crate) values: Vec<f64>,
}

/// Which samples are rounds of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case<'r> {
    pub(crate) side: &'r str,
    pub(crate) kind: Kind,
    pub(crate) connections: usize,
}

/// What of a sample is looked at.
pub(crate) type Figure = fn(&Sample) -> f64;

pub(crate) const PER_S: Figure = |sample| sample.requests_per_s;
pub(crate) const CPU: Figure = |sample| sample.cpu_us;
/// Not a number where there is no database server.
pub(crate) const DATABASE: Figure = |sample| sample.database_us.unwrap_or(f64::NAN);
/// The server and the database server that it stands on.
pub(crate) const TOGETHER: Figure = |sample| sample.cpu_us + sample.database_us.unwrap_or(0.0);
pub(crate) const P50: Figure = |sample| crate::spread::number(sample.p50_us);
pub(crate) const P99: Figure = |sample| crate::spread::number(sample.p99_us);

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::New => "new orders",
            Self::Replays => "replays",
            Self::Mixed => "90 % new, 10 % replays",
        }
    }
}

impl<'r> Case<'r> {
    pub(crate) fn new(side: &'r str, kind: Kind, connections: usize) -> Self {
        Self { side, kind, connections }
    }

    pub(crate) fn has(&self, sample: &Sample) -> bool {
        *self == Case::new(&sample.side, sample.kind, sample.connections)
    }
}

impl Results {
    /// In the order in which they were first measured.
    pub(crate) fn cases(&self) -> Vec<Case<'_>> {
        let mut cases = Vec::new();
        for sample in &self.samples {
            let case = Case::new(&sample.side, sample.kind, sample.connections);
            if !cases.contains(&case) {
                cases.push(case);
            }
        }
        // Within a side they stay in their order; sides do, too, in the first round.
        cases
    }

    /// The rounds of a case, in their order.
    pub(crate) fn of(&self, case: Case<'_>) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| case.has(sample))
    }

    pub(crate) fn spread(&self, figure: Figure, case: Case<'_>) -> Spread {
        Spread::of(self.of(case).map(figure))
    }

    /// By which factor a case is more than another: each round beside that of the same round, when
    /// the machine was about the same, and then the middle one of the rounds. Not a number when one
    /// of them was not measured.
    pub(crate) fn ratio(&self, figure: Figure, case: Case<'_>, beside: Case<'_>) -> f64 {
        median(self.of(case).filter_map(|sample| {
            let other = self.of(beside).find(|other| other.round == sample.round)?;
            Some(figure(sample) / figure(other))
        }))
    }

    /// How many connections the generator had for most of it.
    pub(crate) fn connections(&self) -> usize {
        self.samples.iter().map(|sample| sample.connections).max().unwrap_or_default()
    }

    /// Whether anything stood on a database server.
    pub(crate) fn has_databases(&self) -> bool {
        self.samples.iter().any(|sample| sample.database_us.is_some())
    }

    /// All values of a quantity; none when it was not measured.
    pub(crate) fn values(&self, what: &str) -> &[f64] {
        let found = self.quantities.iter().find(|quantity| quantity.what == what);
        found.map_or(&[], |quantity| &quantity.values)
    }

    /// The middle of them; not a number when there are none.
    pub(crate) fn quantity(&self, what: &str) -> f64 {
        median(self.values(what).iter().copied())
    }

    /// Adds a value to a quantity.
    pub(crate) fn measured(&mut self, what: impl Into<String>, unit: &str, value: f64) {
        let (what, value) = (what.into(), rounded(value));
        if let Some(known) = self.quantities.iter_mut().find(|quantity| quantity.what == what) {
            known.values.push(value);
        } else {
            let unit = unit.to_owned();
            self.quantities.push(Quantity { what, unit, values: vec![value] });
        }
    }
}

/// As exact as anybody can make use of, so that the file is read by people, too.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A round of a side that was asked for new orders on 64 connections.
    pub(crate) fn sample(round: usize, side: &str, requests_per_s: f64, cpu_us: f64) -> Sample {
        Sample {
            round,
            side: side.to_owned(),
            kind: Kind::New,
            connections: 64,
            requests: 1000,
            requests_per_s,
            cpu_us,
            database_us: None,
            generator_us: 5.0,
            generator_share: 0.5,
            p50_us: 900,
            p99_us: 1500,
            max_us: 20_000,
        }
    }

    pub(crate) fn case(side: &str) -> Case<'_> {
        Case::new(side, Kind::New, 64)
    }

    #[test]
    fn each_round_is_compared_with_the_one_beside_it() {
        let mut results = Results::default();
        for (round, bare, memory) in [(1, 1000.0, 500.0), (2, 10.0, 6.0), (3, 100.0, 90.0)] {
            results.samples.push(sample(round, "memory", memory, 2.0));
            results.samples.push(sample(round, "bare", bare, 1.0));
        }
        assert!((results.ratio(PER_S, case("memory"), case("bare")) - 0.6).abs() < 1e-9);
        assert!((results.ratio(CPU, case("memory"), case("bare")) - 2.0).abs() < 1e-9);
        assert!(results.ratio(CPU, case("memory"), case("nobody")).is_nan());
        assert_eq!(results.cases(), [case("memory"), case("bare")]);
    }

    #[test]
    fn a_database_counts_where_there_is_one() {
        let bare = sample(1, "bare", 1000.0, 10.0);
        let mut stored = sample(1, "stored", 1000.0, 30.0);
        stored.database_us = Some(20.0);
        assert!(DATABASE(&bare).is_nan());
        assert!((TOGETHER(&stored) - 50.0).abs() < 1e-9);
        let mut results = Results { samples: vec![bare], ..Results::default() };
        assert!(!results.has_databases());
        results.samples.push(stored);
        assert!(results.has_databases());
        assert!((results.ratio(TOGETHER, case("stored"), case("bare")) - 5.0).abs() < 1e-9);
        let json = serde_json::to_string(&results.samples).unwrap();
        assert_eq!(json.matches("database_us").count(), 1, "{json}");
    }

    #[test]
    fn values_of_one_quantity_stay_together() {
        let mut results = Results::default();
        for (what, value) in [("open", 3.0), ("memory", 7.0), ("open", 1.0), ("open", 2.0)] {
            results.measured(what, "ms", value);
        }
        assert_eq!(results.values("open"), [3.0, 1.0, 2.0]);
        assert!((results.quantity("open") - 2.0).abs() < 1e-9);
        assert!(results.quantity("close").is_nan());
    }

    #[test]
    fn results_are_read_as_they_were_written() {
        let mut results =
            Results { samples: vec![sample(1, "bare", 9.5, 1.25)], ..Results::default() };
        results.measured("open", "ms", 2.5);
        let json = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&json).unwrap(), results);
    }
}
