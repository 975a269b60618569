//! What is counted, and how Prometheus reads it: its text format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

/// Everything that is counted in this process. Cloning it gives another handle to the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    families: Arc<Mutex<BTreeMap<String, Family>>>,
}

#[derive(Debug, Default)]
struct Family {
    help: String,
    /// By their labels, as they are written.
    series: BTreeMap<String, Series>,
}

#[derive(Debug, Clone)]
enum Series {
    Counter(Arc<AtomicU64>),
    /// The bits of a double.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

/// Upper bounds in seconds: from what memory takes to what nobody waits for.
const BOUNDS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

#[derive(Debug, Default)]
struct Buckets {
    /// How many are at most this long and longer than the bound before; the last one has the rest.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl HistogramFn for Buckets {
    fn record(&self, seconds: f64) {
        let at = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let nanoseconds = u64::try_from(nanoseconds.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Numbers {
    /// All of it, as Prometheus reads it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in &*self.families() {
            let Some(first) = family.series.values().next() else { continue };
            if !family.help.is_empty() {
                let _ = writeln!(text, "# HELP {name} {}", family.help);
            }
            let _ = writeln!(text, "# TYPE {name} {}", first.kind());
            for (labels, series) in &family.series {
                series.write(&mut text, name, labels);
            }
        }
        text
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        self.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, name: &KeyName, help: &SharedString) {
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        self.families().entry(name.as_str().to_owned()).or_default().help = help;
    }

    /// The series of this name and these labels; `new` where it is the first time.
    fn series(&self, key: &Key, new: impl FnOnce() -> Series) -> Series {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}=\"{}\"", label.key(), escaped(label.value())))
            .collect();
        let mut families = self.families();
        let family = families.entry(key.name().to_owned()).or_default();
        family.series.entry(labels.join(",")).or_insert_with(new).clone()
    }
}

impl Series {
    fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    fn write(&self, text: &mut String, name: &str, labels: &str) {
        let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = match self {
            Self::Counter(count) => {
                writeln!(text, "{name}{braced} {}", count.load(Ordering::Relaxed))
            }
            Self::Gauge(bits) => {
                writeln!(text, "{name}{braced} {}", f64::from_bits(bits.load(Ordering::Relaxed)))
            }
            Self::Histogram(buckets) => {
                let before = if labels.is_empty() { "" } else { "," };
                let mut all = 0;
                let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
                for (bound, count) in bounds.zip(&buckets.counts) {
                    all += count.load(Ordering::Relaxed);
                    let _ = writeln!(text, "{name}_bucket{{{labels}{before}le=\"{bound}\"}} {all}");
                }
                let nanoseconds = buckets.nanoseconds.load(Ordering::Relaxed);
                let seconds = std::time::Duration::from_nanos(nanoseconds).as_secs_f64();
                let _ = writeln!(text, "{name}_sum{braced} {seconds}");
                writeln!(text, "{name}_count{braced} {all}")
            }
        };
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, help: SharedString) {
        self.describe(&name, &help);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.series(key, || Series::Counter(Arc::default())) {
            Series::Counter(count) => Counter::from_arc(count),
            // One name is of one kind: what comes second is not counted.
            Series::Gauge(_) | Series::Histogram(_) => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.series(key, || Series::Gauge(Arc::default())) {
            Series::Gauge(bits) => Gauge::from_arc(bits),
            Series::Counter(_) | Series::Histogram(_) => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.series(key, || Series::Histogram(Arc::default())) {
            Series::Histogram(buckets) => Histogram::from_arc(buckets),
            Series::Counter(_) | Series::Gauge(_) => Histogram::noop(),
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_as_prometheus_reads_it() {
        let numbers = Numbers::default();
        metrics::with_local_recorder(&numbers, || {
            metrics::describe_counter!("runs_total", "How often it ran.");
            metrics::counter!("runs_total", "how" => "a \"b\"\\\n").increment(2);
            metrics::counter!("runs_total", "how" => "c").increment(1);
            metrics::gauge!("keys").set(1.5);
            metrics::histogram!("seconds", "verb" => "claim").record(0.0003);
            metrics::histogram!("seconds", "verb" => "claim").record(7.0);
        });
        let text = numbers.text();
        for line in [
            "# HELP runs_total How often it ran.",
            "# TYPE runs_total counter",
            r#"runs_total{how="a \"b\"\\\n"} 2"#,
            r#"runs_total{how="c"} 1"#,
            "# TYPE keys gauge",
            "keys 1.5",
            "# TYPE seconds histogram",
            r#"seconds_bucket{verb="claim",le="0.00025"} 0"#,
            r#"seconds_bucket{verb="claim",le="0.0005"} 1"#,
            r#"seconds_bucket{verb="claim",le="5"} 1"#,
            r#"seconds_bucket{verb="claim",le="+Inf"} 2"#,
            r#"seconds_sum{verb="claim"} 7.0003"#,
            r#"seconds_count{verb="claim"} 2"#,
        ] {
            assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
        }
    }
}
