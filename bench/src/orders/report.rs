//! What the rounds come to.

use std::time::Duration;

use super::Options;
use super::system::{Kind, Sample, System};
use crate::table::{Table, grouped, median, millis, number};

/// The samples of all rounds.
#[derive(Debug, Default)]
pub(super) struct Results {
    samples: Vec<(System, Kind, Sample)>,
}

/// How a file was opened, again and again.
#[derive(Debug, Default)]
pub(super) struct Opened {
    times: Vec<Duration>,
    resident_kib: Vec<u64>,
}

const HEAD: [&str; 9] = [
    "system, load",
    "requests/s",
    "× bare",
    "CPU µs/request",
    "× bare",
    "p50 ms",
    "p99 ms",
    "max ms",
    "generator µs",
];

impl Results {
    pub(super) fn add(&mut self, system: System, kind: Kind, sample: Sample) {
        self.samples.push((system, kind, sample));
    }

    pub(super) fn table(&self, keys: u64) -> Table {
        let mut table = Table::new(&HEAD);
        for system in System::ALL {
            for &kind in system.kinds().iter().rev() {
                table.row(self.row(system, kind, keys));
            }
        }
        table
    }

    fn row(&self, system: System, kind: Kind, keys: u64) -> [String; HEAD.len()] {
        let samples = || self.of(system, kind);
        let of = |figure: fn(&Sample) -> f64| median(samples().map(figure));
        // Each round beside the bare one of the same round: the machine was about the same then.
        let bare = |figure: fn(&Sample) -> f64| {
            let pairs = samples().zip(self.of(System::Bare, Kind::New));
            median(pairs.map(|(sample, bare)| figure(sample) / figure(bare)))
        };
        let quantile = |quantile| {
            let of_rounds = samples().map(|sample| sample.latencies.value_at_quantile(quantile));
            millis(median(of_rounds.map(number)))
        };
        let longest = samples().map(|sample| sample.latencies.max()).max().unwrap_or_default();
        let load = match kind {
            Kind::New => "new orders",
            Kind::Replay => "replays",
        };
        [
            format!("{}: {load}", system.name(keys)),
            format!("{:.0}", of(|sample| sample.requests_per_s)),
            format!("{:.2}", bare(|sample| sample.requests_per_s)),
            format!("{:.1}", of(|sample| sample.server_cpu_us)),
            format!("{:.2}", bare(|sample| sample.server_cpu_us)),
            quantile(0.5),
            quantile(0.99),
            millis(number(longest)),
            format!("{:.1}", of(|sample| sample.generator_cpu_us)),
        ]
    }

    fn of(&self, system: System, kind: Kind) -> impl Iterator<Item = &Sample> {
        let same = move |(of, under, _): &&(System, Kind, Sample)| (*of, *under) == (system, kind);
        self.samples.iter().filter(same).map(|(_, _, sample)| sample)
    }
}

impl Opened {
    pub(super) fn add(&mut self, listened_after: Duration, resident_kib: u64) {
        self.times.push(listened_after);
        self.resident_kib.push(resident_kib);
    }

    fn millis(&self) -> f64 {
        median(self.times.iter().map(|time| time.as_secs_f64() * 1e3))
    }

    fn resident_bytes(&self) -> f64 {
        median(self.resident_kib.iter().map(|kib| number(kib * 1024)))
    }
}

/// How it was measured, in one line.
pub(super) fn method(options: &Options) -> String {
    format!(
        "- {} rounds of {} s, {} connections; medians of the rounds, max of all\n",
        options.rounds,
        options.length.as_secs(),
        options.connections
    )
}

/// How long a start takes, and what a key takes of memory.
pub(super) fn openings(empty: &Opened, filled: &Opened, keys: u64) -> String {
    let mut table = Table::new(&["file", "start to listening, ms", "resident MiB"]);
    for (opened, keys) in [(empty, 0), (filled, keys)] {
        table.row([
            format!("{} live keys", grouped(keys)),
            format!("{:.1}", opened.millis()),
            format!("{:.1}", opened.resident_bytes() / 1024.0 / 1024.0),
        ]);
    }
    let per_key = (filled.resident_bytes() - empty.resident_bytes()) / number(keys);
    format!("{table}\nmemory per live key: {per_key:.0} B\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    fn sample(requests_per_s: f64, server_cpu_us: f64) -> Sample {
        let mut latencies = load::histogram().unwrap();
        latencies.record(1500).unwrap();
        Sample { requests_per_s, server_cpu_us, generator_cpu_us: 5.0, latencies }
    }

    #[test]
    fn each_round_is_compared_with_the_bare_one_beside_it() {
        let mut results = Results::default();
        for (bare, memory) in [(1000.0, 500.0), (10.0, 6.0), (100.0, 90.0)] {
            results.add(System::Memory, Kind::New, sample(memory, 2.0));
            results.add(System::Bare, Kind::New, sample(bare, 1.0));
        }
        let row = results.row(System::Memory, Kind::New, 0);
        let expected = ["90", "0.60", "2.0", "2.00", "1.50", "1.50", "1.50", "5.0"];
        assert_eq!(row[0], "order service, memory: new orders");
        assert_eq!(row[1..], expected);
    }

    #[test]
    fn memory_is_shared_among_the_keys() {
        let (mut empty, mut filled) = (Opened::default(), Opened::default());
        empty.add(Duration::from_millis(10), 1000);
        filled.add(Duration::from_millis(20), 1100);
        let shown = openings(&empty, &filled, 1024);
        assert!(shown.ends_with("memory per live key: 100 B\n"), "{shown}");
    }
}
