//! The kill campaign: real processes are killed (SIGKILL) and stopped past their lease (SIGSTOP),
//! at every point with a name and at random, while clients ask; and what was done is counted
//! outside of them.
//!
//! Two services run, each on a SQLite file of its own: `seiriken` with its orders, which commit
//! with their keys; and `ledgered`, whose effects are lines of a file that no transaction covers.
//! Each lives some hundred short lives. Raw clients ask for few things often, also for what an
//! earlier process left; two that are `seiriken-client` ask all along, across the kills. In the
//! end every operation is asked for once more, and the checker (`check`) looks at all that was
//! asked, told and done.
//!
//! ```text
//! plan       which lives: at which point, and what happens there
//! chain      one service through its lives, and the end
//! server     a process: start, stop, go on, kill; the thread that is held at a point
//! load       raw clients         careful  the client of this project
//! lines      what was done besides orders: lines in the ledger
//! tally      how much there was of everything
//! ```
//!
//! The choices come from the seed; what meets when is the machine's doing. So a run that finds
//! something may have to be made again a few times to find it again.

mod careful;
mod chain;
mod dice;
mod ledger;
mod lines;
mod load;
mod plan;
mod server;
mod tally;

use std::io;
use std::path::PathBuf;

pub use ledger::{Ledger, Line};

use self::chain::Chain;
use self::dice::Dice;
use self::plan::TIMES;
use self::server::Service;
use self::tally::Tally;
use crate::effort::Effort;
use crate::report::Report;

/// Runs both services through their lives, again and again where there is time.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("kills").seeded(effort.seed);
    let mut tally = Tally::default();
    let mut dice = Dice::new(effort.seed);
    let mut rounds = 0;
    while effort.goes_on(rounds, 1) && tally.findings.is_empty() {
        match round(&mut dice) {
            Ok(round) => tally.add(round),
            Err(error) => tally.find(error.to_string()),
        }
        rounds += 1;
    }
    let points = plan::points().len() as u64;
    for (what, count, minimum) in tally.counts(points, TIMES) {
        report.count(what, count, minimum);
    }
    tally.worst().into_iter().for_each(|finding| report.find(finding));
    report
}

/// Both services, each through all its lives once.
fn round(dice: &mut Dice) -> io::Result<Tally> {
    let built = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
    let mut chains = Vec::new();
    // Others may do this on the same machine.
    let mut from = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    for service in [Service::Orders, Service::Ledgered] {
        let address = server::free_address(from)?;
        from = address.port() + 1;
        let lives = plan::lives(service, dice);
        let chain = Chain::new(service, built.clone(), address, dice.split())?;
        chains.push((chain, lives));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tally = Tally::default();
        let running: Vec<_> =
            chains.into_iter().map(|(chain, lives)| tokio::spawn(chain.run(lives))).collect();
        for chain in running {
            tally.add(chain.await.map_err(io::Error::other)?);
        }
        Ok(tally)
    })
}
