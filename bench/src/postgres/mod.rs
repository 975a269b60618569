//! `cargo xtask bench postgres`: one PostgreSQL server, and beside each other in every round the order
//! service, whose effect and record are one transaction, the library before an effect that it knows
//! nothing of, pgbench with the statements that somebody would write by hand, and a service that has those. Goals
//! 7 and 8.

pub mod by_hand;
mod pgbench;
mod price;
mod server;

use self::by_hand::Effect;
use self::pgbench::Script;
pub(crate) use self::server::PostgresServer;
use crate::draw;
use crate::failure::Failure;
use crate::goal::{Bound, Goal};
use crate::options::Options;
use crate::picture::{Panel, Whose};
use crate::results::{Case, Kind, PER_S, Results};
use crate::rounds::{self, Plan};
use crate::side::Place;
use crate::summary::BARE;

pub(crate) const TRANSACTIONAL: &str = "order service, PostgreSQL";
pub(crate) const OPAQUE: &str = "library, PostgreSQL, opaque effect";

const BY_HAND: &str = "axum and sqlx, key and order in one transaction";
const PENDING_BY_HAND: &str = "axum and sqlx, pending key, then its answer";

pub(crate) const CONNECTIONS: usize = 32;

/// As somebody would make them: the key's row has its state, its times and its answer.
const TABLES: [&str; 2] = [
    "CREATE TABLE idempotency_keys (
        key         uuid PRIMARY KEY,
        state       smallint NOT NULL,
        fingerprint bytea NOT NULL,
        claimed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at  timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 day',
        status      integer,
        answer      text
    )",
    // That of the order service.
    "CREATE TABLE orders (
        number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id uuid NOT NULL UNIQUE,
        content  text NOT NULL
    )",
];

/// What is measured in a round.
enum Contender {
    /// A server of requests, and its database where it has one.
    Served(Plan, Option<&'static str>),
    Pgbench(Script),
}

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let server = PostgresServer::start(&options.dir, &mut results.left_out)?;
    let transactional = |url: &str| place.service_on(TRANSACTIONAL, url);
    let opaque = |url: &str| place.on_database(OPAQUE, "postgres", url);
    price::ask(TRANSACTIONAL, transactional, &server, options, place, results).await?;
    price::ask(OPAQUE, opaque, &server, options, place, results).await?;

    let many = options.connections;
    let both = [Kind::Replays, Kind::New];
    let mut contenders = vec![
        Contender::Served(Plan::new(place.bare(), &[Kind::New], many), None),
        Contender::Served(
            Plan::new(transactional(&server.url("transactional")), &both, many),
            Some("transactional"),
        ),
        Contender::Served(Plan::new(opaque(&server.url("opaque")), &both, many), Some("opaque")),
    ];
    let by_hand = [
        (BY_HAND, Effect::InOneTransaction, "by_hand"),
        (PENDING_BY_HAND, Effect::Elsewhere, "pending_by_hand"),
    ];
    for (name, effect, database) in by_hand {
        let side = place.by_hand(name, effect, &server.url(database));
        contenders.push(Contender::Served(Plan::new(side, &[Kind::New], many), Some(database)));
    }
    contenders.extend(Script::ALL.map(Contender::Pgbench));
    for round in 0..options.rounds {
        for contender in rounds::rotated(&contenders, round) {
            contender.measure(&server, options, place, round + 1, results).await?;
        }
    }
    Ok(())
}

impl Contender {
    async fn measure(
        &self,
        server: &PostgresServer,
        options: &Options,
        place: &Place,
        round: usize,
        results: &mut Results,
    ) -> Result<(), Failure> {
        match self {
            Self::Served(plan, database) => {
                database.map_or(Ok(()), |database| server.anew(database))?;
                let process = database.map(|_| server.pid());
                rounds::one(plan, options, &place.log(), round, process, results).await
            }
            Self::Pgbench(script) => {
                let sample = script.measure(server, place.folder(), options, round).await?;
                rounds::tell(&sample);
                results.samples.push(sample);
                Ok(())
            }
        }
    }
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let new = |side| Case::new(side, Kind::New, results.connections());
    let beside = |side, script: Script| results.ratio(PER_S, new(side), new(script.name()));
    vec![
        Goal::times(
            7,
            "PostgreSQL, effect and record in one transaction: orders/s beside pgbench's two inserts \
             in one",
            beside(TRANSACTIONAL, Script::OneTransaction),
        )
        .at_least(0.8, 1.0),
        Goal::times(
            8,
            "PostgreSQL, opaque effect: requests/s beside pgbench's pending key and its answer",
            beside(OPAQUE, Script::PendingAndUpdate),
        )
        .at_least(1.3, 2.0),
        Goal::times(8, "the same beside its single insert", beside(OPAQUE, Script::SingleInsert))
            .aiming(Bound::AtLeast(1.0)),
    ]
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, |side| match side {
        BARE => Whose::Bare,
        TRANSACTIONAL | OPAQUE => Whose::Ours,
        _ => Whose::Peer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn each_goal_is_held_to_the_script_that_does_the_same() {
        let per_s = [
            (TRANSACTIONAL, 900.0),
            (OPAQUE, 3000.0),
            (Script::OneTransaction.name(), 1000.0),
            (Script::PendingAndUpdate.name(), 2000.0),
            (Script::SingleInsert.name(), 6000.0),
        ];
        let samples = per_s.map(|(side, per_s)| sample(1, side, per_s, 1.0)).to_vec();
        let goals = goals(&Results { samples, ..Results::default() });
        let reached: Vec<_> = goals.iter().map(|goal| (goal.measured, goal.verdict())).collect();
        assert_eq!(reached, [(0.9, "land"), (1.5, "land"), (0.5, "short of the goal")]);
    }
}
