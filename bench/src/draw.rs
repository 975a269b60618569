//! The panels that pictures of several benchmarks share.

use crate::picture::{Bar, Panel, Whose};
use crate::results::{CPU, Case, Figure, PER_S, Results, TOGETHER};
use crate::spread::Spread;

/// Every load of every side: CPU time, which is the figure to trust, and requests per second.
pub(crate) fn loads(results: &Results, whose: impl Fn(&str) -> Whose) -> Vec<Panel> {
    let connections = results.connections();
    let cases = results.cases().into_iter().filter(|case| case.connections == connections);
    let cases: Vec<Case<'_>> = cases.collect();
    let bars = |figure: Figure| {
        let bar = |case: &Case<'_>| Bar {
            label: format!("{}: {}", case.side, case.kind.words()),
            value: results.spread(figure, *case),
            whose: whose(case.side),
        };
        cases.iter().map(bar).collect()
    };
    let (cpu, whose_cpu) = if results.has_databases() {
        (TOGETHER, " of server and database server")
    } else {
        (CPU, "")
    };
    vec![
        Panel {
            title: format!("CPU time{whose_cpu} per request, µs (less is better)"),
            bars: bars(cpu),
        },
        Panel {
            title: format!("Requests per second, {connections} connections (more is better)"),
            bars: bars(PER_S),
        },
    ]
}

/// Quantities, each by its label; those that were not measured are left out.
pub(crate) fn quantities(
    results: &Results,
    title: &str,
    bars: impl IntoIterator<Item = (String, String, Whose)>,
) -> Panel {
    let bars = bars.into_iter().filter_map(|(label, what, whose)| {
        let values = results.values(&what);
        let value = Spread::of(values.iter().copied());
        (!values.is_empty()).then_some(Bar { label, value, whose })
    });
    Panel { title: title.to_owned(), bars: bars.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn loads_on_few_connections_are_not_drawn() {
        let mut alone = sample(1, "bare", 50.0, 9.0);
        alone.connections = 1;
        let samples = vec![sample(1, "bare", 100.0, 10.0), alone];
        let panels = loads(&Results { samples, ..Results::default() }, |_| Whose::Bare);
        let values: Vec<f64> =
            panels.iter().flat_map(|panel| panel.bars.iter().map(|bar| bar.value.median)).collect();
        assert_eq!(values, [10.0, 100.0]);
    }

    #[test]
    fn what_was_not_measured_is_no_bar() {
        let mut results = Results::default();
        results.measured("open", "ms", 2.0);
        let bars = ["open", "close"].map(|what| (what.to_owned(), what.to_owned(), Whose::Ours));
        let panel = quantities(&results, "times", bars);
        assert_eq!(panel.bars.len(), 1);
        assert_eq!(panel.bars[0].label, "open");
    }
}
