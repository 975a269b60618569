//! Several processes on one database behave as one service: while the database, the processes and the
//! connections between them fail, no order is made twice, and every answer stays the first one.
//!
//! Two processes of `seiriken` take orders on one private PostgreSQL, and then on one private Redis
//! that syncs before it answers. Clients send every order to both, several times and often at once.
//! Meanwhile the database is killed, processes are killed and stopped past their lease, connections
//! are cut after a COMMIT went to the database and before its answer, and one process is kept from the
//! database for a while. In the end all is asked for once more, and the same checker looks at it that
//! looks at the kill campaign. Last, a Redis forgets everything: of no dated key may that be hidden.
//!
//! ```text
//! database   what is shared    relay   between a process and it    wire   what goes through
//! node       a process         clients those who ask               trouble  what befalls them
//! round      a whole course    loss    a database that forgets     tally  how much there was
//! ```

mod clients;
mod database;
mod loss;
mod node;
mod relay;
mod round;
mod tally;
mod trouble;
mod wire;

use std::io;
use std::path::PathBuf;

use self::database::Kind;
use self::tally::Tally;
use crate::effort::Effort;
use crate::random::Random;
use crate::report::Report;

/// Orders on each database, in the set for every change.
const ORDERS: usize = 10_000;

/// Runs a round on each database, again and again where there is time.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("fleet").seeded(effort.seed);
    let mut tally = Tally::default();
    let mut random = Random::from_seed(effort.seed);
    let mut rounds = 0;
    while effort.goes_on(rounds, 1) && tally.findings.is_empty() {
        match all(&mut random) {
            Ok(round) => tally.add(round),
            Err(error) => tally.find(error.to_string()),
        }
        rounds += 1;
    }
    for (what, count, minimum) in tally.counts() {
        report.count(what, count, minimum);
    }
    tally.worst().into_iter().for_each(|finding| report.find(finding));
    report
}

fn all(random: &mut Random) -> io::Result<Tally> {
    let built = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tally = Tally::default();
        for kind in [Kind::Postgres, Kind::Redis] {
            let random = Random::from_seed(random.bits());
            tally.add(round::run(kind, &built, random).await?);
        }
        tally.add(loss::run(&built).await?);
        Ok(tally)
    })
}
