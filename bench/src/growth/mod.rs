//! `cargo xtask bench growth`: what a request costs with few live keys and with many, and what a key
//! costs that many wait for. Goal 11.

mod hot_key;

use std::fs;
use std::time::Duration;

use self::hot_key::{Owner, waited_for};
use crate::failure::{Failure, While};
use crate::goal::{Bound, Goal, Unit};
use crate::options::{Options, Size};
use crate::picture::{Panel, Whose};
use crate::process::Server;
use crate::results::{CPU, Case, Kind, Results};
use crate::rounds::{self, Visit};
use crate::side::{Place, Side, remove};
use crate::table::grouped;
use crate::{draw, orders};

pub(crate) const CONNECTIONS: usize = 64;

const SQLITE: &str = "order service, SQLite";
const MEMORY: &str = "library, memory";

const KINDS: [Kind; 2] = [Kind::Replays, Kind::New];

/// Fewer keys than these are what everything is held to.
const FEWEST: u64 = 10_000;

/// From so many on, what a round adds makes no difference, and making it anew would take long.
const KEPT_FROM: u64 = 1_000_000;

/// So many fit into the memory of a small machine.
const MOST_IN_MEMORY: u64 = 2_000_000;

const WAITERS: usize = 1000;
const CLAIMS: &str = "claims until 1000 wait for a key of this process";
const POLLS_HERE: &str = "polls a second while they wait, owner in this process";
const POLLS_AWAY: &str = "polls a second while they wait, owner elsewhere";

/// A number of live keys on a store.
struct Step {
    side: Side,
    keys: u64,
    at: At,
}

enum At {
    /// In memory; this server where it is kept from round to round.
    Memory(Option<Box<Server>>),
    /// A file with just so many.
    Sqlite { filled: std::path::PathBuf, used: std::path::PathBuf },
}

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let (waiters, watched) = match options.size {
        Size::Smoke => (10, Duration::from_millis(100)),
        Size::Quick | Size::Full => (WAITERS, Duration::from_secs(4)),
    };
    let here = waited_for(waiters, Owner::SameNode, watched).await?;
    let away = waited_for(waiters, Owner::OtherNode, watched).await?;
    results.measured(CLAIMS, "claims", here.claims);
    results.measured(POLLS_HERE, "1/s", here.polls_per_s);
    results.measured(POLLS_AWAY, "1/s", away.polls_per_s);

    let mut steps = Vec::new();
    for keys in sizes(options.keys) {
        steps.push(on_sqlite(place, keys).await?);
        if keys <= MOST_IN_MEMORY {
            steps.push(in_memory(place, keys));
        }
    }
    let order: Vec<usize> = (0..steps.len()).collect();
    for round in 0..options.rounds {
        for &number in rounds::rotated(&order, round) {
            steps[number].measure(options, place, round + 1, results).await?;
        }
    }
    Ok(())
}

/// Up to so many, each ten times the last; two at least.
fn sizes(most: u64) -> Vec<u64> {
    let mut sizes = vec![most];
    while let Some(&last) = sizes.last()
        && (last / 10 >= FEWEST || sizes.len() < 2)
    {
        sizes.push(last / 10);
    }
    sizes.reverse();
    sizes
}

fn name(store: &str, keys: u64) -> String {
    format!("{store}, {} live keys", grouped(keys))
}

async fn on_sqlite(place: &Place, keys: u64) -> Result<Step, Failure> {
    let filled = place.file(&format!("filled-{keys}.db"));
    let used =
        if keys >= KEPT_FROM { filled.clone() } else { place.file(&format!("used-{keys}.db")) };
    let name = name(SQLITE, keys);
    orders::prepare(place, &place.service(&name, Some(&filled)), &filled, keys).await?;
    let side = place.service(&name, Some(&used));
    Ok(Step { side, keys, at: At::Sqlite { filled, used } })
}

fn in_memory(place: &Place, keys: u64) -> Step {
    Step { side: place.in_memory(&name(MEMORY, keys)), keys, at: At::Memory(None) }
}

impl Step {
    async fn measure(
        &mut self,
        options: &Options,
        place: &Place,
        round: usize,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let server = self.opened(options, place).await?;
        let mut visit = Visit::new(&self.side, &server, options, round);
        for kind in KINDS {
            results.samples.push(visit.measure(kind, options.connections).await?);
        }
        match &mut self.at {
            At::Memory(kept) if self.keys >= KEPT_FROM => *kept = Some(Box::new(server)),
            _ => server.stop().await?,
        }
        Ok(())
    }

    /// A server with as many live keys as this step is about.
    async fn opened(&mut self, options: &Options, place: &Place) -> Result<Server, Failure> {
        match &mut self.at {
            At::Memory(kept) => {
                if let Some(server) = kept.take() {
                    return Ok(*server);
                }
                let server = self.side.start(&place.log()).await?;
                rounds::fill(&self.side, &server, options.connections, self.keys).await?;
                Ok(server)
            }
            At::Sqlite { filled, used } => {
                if filled != used {
                    remove(used)?;
                    fs::copy(filled, &used).while_doing("copying a file")?;
                    // Else the first commits would wait for the copy to reach the disk.
                    let synced = fs::File::open(used).and_then(|file| file.sync_all());
                    synced.while_doing("syncing a file")?;
                }
                self.side.start(&place.log()).await
            }
        }
    }
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let sizes = sizes(results.keys);
    let fewest = sizes.first().copied().unwrap_or_default();
    let mut goals = Vec::new();
    for (store, most) in [(SQLITE, u64::MAX), (MEMORY, MOST_IN_MEMORY)] {
        let many = sizes.iter().copied().filter(|keys| *keys <= most).max().unwrap_or_default();
        let [few_name, many_name] = [fewest, many].map(|keys| name(store, keys));
        for kind in [Kind::New, Kind::Replays] {
            let [few, many_keys] =
                [&few_name, &many_name].map(|side| Case::new(side, kind, results.connections()));
            let what = format!(
                "{store}, {}: CPU with {} live keys beside {}",
                kind.words(),
                grouped(many),
                grouped(fewest)
            );
            let ratio = results.ratio(CPU, many_keys, few);
            goals.push(Goal::times(11, what, ratio).landing(Bound::AtMost(1.1)));
        }
    }
    let count = |what: &str, most| {
        let goal = Goal::times(11, what, results.quantity(what)).in_unit(Unit::Count);
        goal.landing(Bound::AtMost(most))
    };
    goals.extend([count(CLAIMS, 1.0), count(POLLS_HERE, 2.0), count(POLLS_AWAY, 2.0)]);
    goals
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    // Requests per second say the same, less exactly.
    draw::loads(results, |_| Whose::Ours).into_iter().take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_tenfold_from_ten_thousand() {
        assert_eq!(sizes(1_000_000), [10_000, 100_000, 1_000_000]);
        assert_eq!(sizes(100_000), [10_000, 100_000]);
        assert_eq!(sizes(1000), [100, 1000]);
    }
}
