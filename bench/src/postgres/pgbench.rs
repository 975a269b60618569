//! What stands beside us on PostgreSQL: `pgbench`, the program that comes with the server, with
//! statements that somebody would write by hand. It serves no HTTP and makes its own load, so it is
//! the least that a client can cost.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::TABLES;
use super::server::PostgresServer;
use crate::failure::{Failure, While};
use crate::load;
use crate::options::Options;
use crate::process_tree;
use crate::results::{Kind, Sample, rounded};
use crate::spread::number;

/// What is sent again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// Key and order, two inserts in one transaction.
    OneTransaction,
    /// The key as pending, committed; then its answer, committed.
    PendingAndUpdate,
    /// The key with its answer, one statement.
    SingleInsert,
}

/// A key that nobody had before. (pgbench has numbers alone; the server makes them a key.)
const NEW_KEY: &str = "\\set key random(1, 9000000000000000000)\n";

const KEY: &str = "md5(:key::text)::uuid";
const ORDER_ID: &str = "gen_random_uuid()";
const FINGERPRINT: &str = r"'\x00112233445566778899aabbccddeeff'";

/// As long as an answer of the order service. (A colon would begin a variable of pgbench.)
const ANSWER: &str = r#"'{"orderId"="019cdb0e-2f4a-7d31-8c35-0a6b7ce2f10d","itemId"="cake-001","qty"=1,"createdAt"="2026-11-22T18-00-00.000Z"}'"#;

/// So many transactions of each client are not counted: connections, plans and pages warm up.
const WARM_UP: &str = "100";

/// One transaction of ten is timed by itself, so that writing the times down costs next to nothing.
const TIMED: &str = "0.1";

impl Script {
    pub(super) const ALL: [Self; 3] =
        [Self::OneTransaction, Self::PendingAndUpdate, Self::SingleInsert];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OneTransaction => "pgbench, key and order in one transaction",
            Self::PendingAndUpdate => "pgbench, pending key, then its answer",
            Self::SingleInsert => "pgbench, one insert",
        }
    }

    fn text(self) -> String {
        let key_and_answer = format!(
            "INSERT INTO idempotency_keys (key, state, fingerprint, status, answer) \
             VALUES ({KEY}, 2, {FINGERPRINT}, 201, {ANSWER});\n"
        );
        let statements = match self {
            Self::OneTransaction => format!(
                "BEGIN;\n{key_and_answer}INSERT INTO orders (order_id, content) \
                 VALUES ({ORDER_ID}, {ANSWER});\nCOMMIT;\n"
            ),
            Self::PendingAndUpdate => format!(
                "INSERT INTO idempotency_keys (key, state, fingerprint) \
                 VALUES ({KEY}, 1, {FINGERPRINT});\n\
                 UPDATE idempotency_keys SET state = 2, status = 201, answer = {ANSWER} \
                 WHERE key = {KEY};\n"
            ),
            Self::SingleInsert => key_and_answer,
        };
        format!("{NEW_KEY}{statements}")
    }

    /// Makes its database anew, and measures it.
    pub(super) async fn measure(
        self,
        server: &PostgresServer,
        folder: &Path,
        options: &Options,
        round: usize,
    ) -> Result<Sample, Failure> {
        const DATABASE: &str = "pgbench";
        server.anew(DATABASE)?;
        server.asked(DATABASE, &TABLES)?;
        let script = folder.join("pgbench.sql");
        fs::write(&script, self.text()).while_doing("writing a script for pgbench")?;
        let times = folder.join("pgbench-times");
        let run = Run { server, script: &script, clients: options.connections };
        let warm_up = run.to_its_end(&["-t", WARM_UP, DATABASE]).await?;
        server.quiet()?;
        let (before, own_before) = (server.cpu_time()?, process_tree::ended_children_cpu_time()?);
        // It counts in whole seconds.
        let seconds = options.length.as_secs().max(1).to_string();
        let prefix = times.display().to_string();
        let sampled = ["-l", "--sampling-rate", TIMED, "--log-prefix", &prefix];
        let ran = run.to_its_end(&[&sampled[..], &["-T", &seconds, DATABASE]].concat()).await?;
        let own = process_tree::ended_children_cpu_time()?.saturating_sub(own_before);
        server.quiet()?;
        let database = server.cpu_time()?.saturating_sub(before);
        let rows = server.asked(DATABASE, &["SELECT count(*) FROM idempotency_keys"])?;
        let due = warm_up.transactions + ran.transactions;
        if rows != due.to_string() {
            return Err(Failure::new(format!("{rows} keys were written where {due} were due")));
        }
        let latencies = latencies(folder, "pgbench-times")?;
        let per_request =
            |time: Duration| rounded(time.as_secs_f64() * 1e6 / number(ran.transactions));
        Ok(Sample {
            round,
            side: self.name().to_owned(),
            kind: Kind::New,
            connections: options.connections,
            requests: ran.transactions,
            requests_per_s: rounded(ran.per_s),
            cpu_us: per_request(own),
            database_us: Some(per_request(database)),
            generator_us: 0.0,
            generator_share: 0.0,
            p50_us: latencies.value_at_quantile(0.5),
            p99_us: latencies.value_at_quantile(0.99),
            max_us: latencies.max(),
        })
    }
}

struct Run<'r> {
    server: &'r PostgresServer,
    script: &'r Path,
    clients: usize,
}

/// What pgbench says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ran {
    transactions: u64,
    per_s: f64,
}

impl Run<'_> {
    async fn to_its_end(&self, words: &[&str]) -> Result<Ran, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut pgbench = Command::from(self.server.client("pgbench")?);
        // Prepared, as ours are: then the server reads and plans each statement once.
        pgbench.args(["-n", "-M", "prepared", "-f"]).arg(self.script);
        pgbench.args(["-c", &self.clients.to_string()]);
        pgbench.args(["-j", &cores.min(self.clients).to_string()]);
        pgbench.args(words).kill_on_drop(true);
        let ended = pgbench.output().await.while_doing("starting pgbench")?;
        let said = String::from_utf8_lossy(&ended.stdout);
        match Ran::read(&said) {
            Some(ran) if ended.status.success() => Ok(ran),
            _ => {
                let errors = String::from_utf8_lossy(&ended.stderr);
                Err(Failure::new(format!("pgbench failed: {errors}{said}")))
            }
        }
    }
}

impl Ran {
    fn read(said: &str) -> Option<Self> {
        let after =
            |words: &str| said.lines().filter_map(|line| line.strip_prefix(words)).next_back();
        let transactions = after("number of transactions actually processed: ")?;
        // Of a number that was asked for it says both.
        let transactions = transactions.split('/').next()?.trim().parse().ok()?;
        let failed = after("number of failed transactions: ").unwrap_or("0");
        if failed.split(' ').next() != Some("0") {
            return None;
        }
        let per_s = after("tps = ")?.split(' ').next()?.parse().ok()?;
        Some(Self { transactions, per_s })
    }
}

/// The times that it has written down, a file for each of its threads. They are removed.
fn latencies(folder: &Path, prefix: &str) -> Result<hdrhistogram::Histogram<u64>, Failure> {
    let mut latencies = load::histogram()?;
    for file in times(folder, prefix)? {
        let text = fs::read_to_string(&file).while_doing("reading the times of pgbench")?;
        for line in text.lines() {
            let micros = line.split(' ').nth(2).and_then(|micros| micros.parse().ok());
            let micros: u64 = micros.ok_or_else(|| Failure::new(format!("no time: {line}")))?;
            latencies.record(micros).while_doing("recording a latency")?;
        }
        fs::remove_file(file).while_doing("removing the times of pgbench")?;
    }
    Ok(latencies)
}

fn times(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).while_doing("looking for the times of pgbench")?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let named = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix))
    };
    Ok(paths.filter(named).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pgbench_says_is_read() {
        let said = "transaction type: x.sql\nnumber of transactions actually processed: 3200/3200\n\
                    number of failed transactions: 0 (0.000%)\nlatency average = 3.1 ms\n\
                    tps = 10231.5 (without initial connection time)\n";
        assert_eq!(Ran::read(said), Some(Ran { transactions: 3200, per_s: 10231.5 }));
        let by_time = said.replace("3200/3200", "3200");
        assert_eq!(Ran::read(&by_time), Ran::read(said));
        assert_eq!(Ran::read(&said.replace("transactions: 0", "transactions: 7")), None);
        assert_eq!(Ran::read("pgbench: error: connection failed\n"), None);
    }

    #[test]
    fn times_of_all_threads_are_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("t.1"), "0 0 300 0 1 2\n1 0 100 0 1 2\n").unwrap();
        fs::write(folder.path().join("t.1.1"), "9 4 200 0 1 2\n").unwrap();
        fs::write(folder.path().join("other"), "").unwrap();
        let latencies = latencies(folder.path(), "t.").unwrap();
        assert_eq!((latencies.len(), latencies.max()), (3, 300));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn each_script_is_one_key_and_the_answer_once() {
        for script in Script::ALL {
            let text = script.text();
            assert_eq!(text.matches("INSERT INTO idempotency_keys").count(), 1, "{text}");
            assert_eq!(text.matches("\\set key").count(), 1, "{text}");
        }
        assert!(!ANSWER.contains(':'));
        assert!(Script::OneTransaction.text().contains("BEGIN;"));
        assert!(!Script::PendingAndUpdate.text().contains("BEGIN;"), "two commits, not one");
    }
}
