//! The parts of `docs/performance.md` and `docs/stores.md` that are made from results. Each stands
//! between two comments: `<!-- figures: NAME -->` and `<!-- end of figures -->`.

use std::fmt::Write as _;

use crate::benchmark::Benchmark;
use crate::failure::Failure;
use crate::results::{Case, Kind, P50, Results, TOGETHER};
use crate::table::{Table, millis};
use crate::{goal, memory, opaque, orders, peers, postgres, redis, summary};

const BEGIN: &str = "<!-- figures: ";
const BEGIN_ENDS: &str = " -->\n";
const END: &str = "<!-- end of figures -->";

type Kept = [(Benchmark, Results)];

/// The page with every part as the results have it.
pub(crate) fn filled(page: &str, kept: &Kept) -> Result<String, Failure> {
    let (mut filled, mut rest) = (String::new(), page);
    while let Some((before, part)) = rest.split_once(BEGIN) {
        let (name, after) = part
            .split_once(BEGIN_ENDS)
            .ok_or_else(|| Failure::new("a comment of figures has no end"))?;
        let (_, behind) = after
            .split_once(END)
            .ok_or_else(|| Failure::new(format!("the figures of {name} have no end")))?;
        let text = part_of(name, kept)?;
        let _ = write!(filled, "{before}{BEGIN}{name}{BEGIN_ENDS}\n{}\n\n{END}", text.trim());
        rest = behind;
    }
    Ok(filled + rest)
}

fn part_of(name: &str, kept: &Kept) -> Result<String, Failure> {
    let found = |benchmark: Benchmark| {
        let found = kept.iter().find(|(kept, _)| *kept == benchmark);
        found.map(|(_, results)| results)
    };
    let of = |benchmark: Benchmark| {
        found(benchmark).ok_or_else(|| {
            let name = benchmark.name();
            Failure::new(format!("no results: cargo xtask bench {name} --write"))
        })
    };
    match name {
        "headline" => of(Benchmark::Orders).map(orders::headline),
        "pictures" => Ok(pictures(kept)),
        "goals" => Ok(goals(kept)),
        "per core" => {
            let [memory, opaque, orders] =
                [of(Benchmark::Memory)?, of(Benchmark::Opaque)?, of(Benchmark::Orders)?];
            let databases = [found(Benchmark::Postgres), found(Benchmark::Redis)];
            Ok(per_core(memory, opaque, orders, databases))
        }
        "price on postgres" => of(Benchmark::Postgres).map(price),
        "price on redis" => of(Benchmark::Redis).map(price),
        name => {
            let benchmark = Benchmark::all().iter().find(|benchmark| benchmark.name() == name);
            let benchmark = benchmark.ok_or_else(|| Failure::new(format!("no figures: {name}")))?;
            of(*benchmark).map(|results| benchmark.tables(results))
        }
    }
}

fn pictures(kept: &Kept) -> String {
    kept.iter().fold(String::new(), |mut text, (benchmark, results)| {
        let (title, name) = (benchmark.picture(results).title, benchmark.name());
        // Writing to a String cannot fail.
        let _ = write!(text, "![{title}](performance/{name}.svg)\n\n");
        text
    })
}

/// Of all benchmarks, in the order of their numbers.
fn goals(kept: &Kept) -> String {
    let mut goals: Vec<_> =
        kept.iter().flat_map(|(benchmark, results)| benchmark.goals(results)).collect();
    goals.sort_by_key(|goal| goal.number);
    goal::table(&goals).to_string()
}

/// What a new order asks of a database, counted.
fn price(results: &Results) -> String {
    let (measured, commit) = (&results.measured, &results.commit);
    let command = &results.command;
    format!(
        "Counted on {measured} at `{commit}` by `{command}`:\n\n{}",
        summary::quantities(results)
    )
}

/// What one core gives, and what a disk adds. On a database server, where that was measured, both
/// processes count.
fn per_core(
    memory: &Results,
    opaque: &Results,
    orders: &Results,
    [postgres, redis]: [Option<&Results>; 2],
) -> String {
    let mut table =
        Table::new(&["what a core is spent on", "CPU µs/request", "requests/s per core"]);
    for (results, side, kind) in [
        (Some(memory), memory::OURS, Kind::New),
        (Some(memory), memory::OURS, Kind::Replays),
        (Some(opaque), opaque::OURS, Kind::New),
        (Some(opaque), opaque::OURS, Kind::Replays),
        (Some(orders), orders::SQLITE, Kind::New),
        (Some(orders), orders::SQLITE, Kind::Replays),
        (postgres, postgres::TRANSACTIONAL, Kind::New),
        (postgres, postgres::TRANSACTIONAL, Kind::Replays),
        (postgres, postgres::OPAQUE, Kind::New),
        (redis, redis::EVERYSEC, Kind::New),
        (redis, redis::EVERYSEC, Kind::Replays),
        (Some(orders), peers::TEXTBOOK, Kind::New),
    ] {
        let Some(results) = results else { continue };
        let cpu = results.spread(TOGETHER, Case::new(side, kind, results.connections())).median;
        if !cpu.is_nan() {
            let row = [format!("{cpu:.1}"), format!("{:.0}", 1e6 / cpu)];
            table.row([[format!("{side}: {}", kind.words())].as_slice(), &row].concat());
        }
    }
    let sync = orders.quantity(orders::SYNC);
    let alone = orders.spread(P50, Case::new(orders::SQLITE, Kind::New, orders::ALONE)).median;
    format!(
        "{table}\nAn `fdatasync` took {sync:.0} µs here, so this disk commits up to {:.0} times a \
         second, and one commit carries all orders that wait for it. An order that waits for \
         nobody took {} ms.",
        1e6 / sync,
        millis(alone)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn parts_are_filled_and_everything_else_is_left() {
        let results =
            Results { samples: vec![sample(1, "bare axum", 100.0, 10.0)], ..Results::default() };
        let kept = [(Benchmark::Opaque, results)];
        let page = "# One\n<!-- figures: opaque -->\nold\n<!-- end of figures -->\n## Two\n\
                    <!-- figures: goals --><!-- end of figures -->";
        assert!(filled(page, &kept).is_err(), "the second comment has no line of its own");
        let page = page.replace("--><", "-->\n<");
        let page = filled(&page, &kept).unwrap();
        assert!(page.starts_with("# One\n<!-- figures: opaque -->\n\nMeasured on"), "{page}");
        assert!(!page.contains("old") && page.contains("| bare axum: new orders |"), "{page}");
        assert!(page.contains("\n## Two\n") && page.contains("| 5. opaque effect"), "{page}");
        assert_eq!(filled(&page, &kept).unwrap(), page, "filled again, it stays");
    }

    #[test]
    fn what_an_order_asks_of_a_database_is_shown_without_its_loads() {
        let samples = vec![sample(1, "bare axum", 100.0, 10.0)];
        let mut results = Results { samples, ..Results::default() };
        results.measured("round trips", "trips", 2.0);
        let kept = [(Benchmark::Postgres, results)];
        let page = format!("{BEGIN}price on postgres{BEGIN_ENDS}{END}");
        let page = filled(&page, &kept).unwrap();
        assert!(page.contains("| round trips, trips |") && !page.contains("bare axum"), "{page}");
    }

    #[test]
    fn what_was_never_measured_cannot_be_shown() {
        let page = |name: &str| format!("{BEGIN}{name}{BEGIN_ENDS}{END}");
        for name in ["orders", "speed", "headline", "price on redis"] {
            assert!(filled(&page(name), &[]).is_err(), "{name}");
        }
        assert_eq!(filled("no parts", &[]).unwrap(), "no parts");
    }
}
