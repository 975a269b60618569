//! `cargo xtask bench proxy`: the baseline behind `seiriken proxy`, in memory and on SQLite, beside
//! the same baseline behind nginx, which passes everything through and knows no keys. Goal 10.
//!
//! And behind the least that a proxy on hyper can be, for whoever asks where the floor is.
//!
//! What is told of CPU is that of the process in front alone, with its children: the service behind is
//! the same for all.

pub mod nginx;
pub mod plain;

use crate::draw;
use crate::failure::Failure;
use crate::goal::{Bound, Goal};
use crate::options::Options;
use crate::picture::{Panel, Whose};
use crate::process::Server;
use crate::results::{CPU, Case, Kind, PER_S, Results};
use crate::rounds::{self, Plan};
use crate::side::{Place, Side};
use crate::summary::BARE;

pub(crate) const CONNECTIONS: usize = 32;

const NGINX: &str = "nginx, passing through";
const PLAIN: &str = "hyper, passing through";
const MEMORY: &str = "proxy, memory";
const SQLITE: &str = "proxy, SQLite";

/// What stands between the load and the service.
#[derive(Debug, Clone, Copy)]
enum Front {
    Nothing,
    Nginx,
    Plain,
    Memory,
    Sqlite,
}

impl Front {
    const ALL: [Self; 5] = [Self::Nothing, Self::Nginx, Self::Plain, Self::Memory, Self::Sqlite];

    fn side(self, place: &Place, service: &Server) -> Side {
        let url = format!("http://{}", service.address);
        match self {
            Self::Nothing => place.bare(),
            Self::Nginx => place.behind_nginx(NGINX, &url),
            Self::Plain => place.behind_plain(PLAIN, &url),
            Self::Memory => place.behind_proxy(MEMORY, &url, "memory:"),
            Self::Sqlite => {
                let file = place.file("proxy.db");
                let store = format!("sqlite:{}", file.display());
                Side { anew: Some(file), ..place.behind_proxy(SQLITE, &url, &store) }
            }
        }
    }

    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Nothing | Self::Nginx | Self::Plain => &[Kind::New],
            Self::Memory | Self::Sqlite => &[Kind::Replays, Kind::New],
        }
    }
}

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    for round in 0..options.rounds {
        for front in rounds::rotated(&Front::ALL, round) {
            let service = place.bare().start(&place.file("service.log")).await?;
            let side = front.side(place, &service);
            let plan = Plan::new(side, front.kinds(), options.connections);
            rounds::one(&plan, options, &place.log(), round + 1, None, results).await?;
            service.stop().await?;
        }
    }
    Ok(())
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let case = |side, kind| Case::new(side, kind, results.connections());
    let beside = |figure, case, other| results.ratio(figure, case, other);
    let nginx = case(NGINX, Kind::New);
    let (new, replays) = (case(MEMORY, Kind::New), case(MEMORY, Kind::Replays));
    vec![
        Goal::times(
            10,
            "proxy in memory, new keys: requests/s beside nginx passing through",
            beside(PER_S, new, nginx),
        )
        .at_least(0.8, 1.0),
        Goal::times(10, "the same, CPU", beside(CPU, new, nginx)).landing(Bound::AtMost(1.2)),
        Goal::times(10, "the same, replays: requests/s", beside(PER_S, replays, nginx))
            .aiming(Bound::AtLeast(2.2)),
        Goal::times(
            10,
            "proxy on SQLite, new keys: requests/s beside nginx passing through",
            beside(PER_S, case(SQLITE, Kind::New), nginx),
        )
        .aiming(Bound::AtLeast(0.7)),
    ]
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, |side| match side {
        BARE => Whose::Bare,
        NGINX | PLAIN => Whose::Peer,
        _ => Whose::Ours,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn the_proxy_is_held_to_nginx_and_not_to_the_service() {
        let mut replays = sample(1, MEMORY, 120_000.0, 8.0);
        replays.kind = Kind::Replays;
        let samples = vec![
            sample(1, BARE, 100_000.0, 10.0),
            sample(1, NGINX, 50_000.0, 20.0),
            sample(1, MEMORY, 45_000.0, 25.0),
            sample(1, SQLITE, 30_000.0, 40.0),
            replays,
        ];
        let goals = goals(&Results { samples, ..Results::default() });
        let reached: Vec<_> = goals.iter().map(|goal| (goal.measured, goal.verdict())).collect();
        assert_eq!(
            reached,
            [(0.9, "land"), (1.25, "missed"), (2.4, "goal"), (0.6, "short of the goal")]
        );
    }
}
