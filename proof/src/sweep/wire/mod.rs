//! Every byte and every frame of an order cut, on its way to the real program and on the way back.
//!
//! After each cut the client sends its order again, whole and under the same key. There is then
//! exactly one order, and every answer is the same one. What the service has not got whole has not
//! used the key.
//!
//! ```text
//! message   an order as bytes    exchange  over TCP, cut or whole    program  the service
//! ```

mod exchange;
mod message;
mod program;

use std::net::SocketAddr;

use futures_util::{StreamExt, stream};
use tempfile::TempDir;

use self::exchange::{Answer, Ending};
use self::message::{FORMS, Form};
use self::program::Program;
use super::servers::Servers;
use super::tally::{On, Tally};
use crate::effort::Effort;

/// Where an order, or its answer, is cut, and how.
#[derive(Debug, Clone, Copy)]
struct Point {
    form: Form,
    side: Side,
    bytes: usize,
    ending: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Request,
    Answer,
}

/// So many clients at a time: their commits share the disk.
const CLIENTS: usize = 16;

/// Each of them may have had to wait.
const FINDINGS_ENOUGH: usize = CLIENTS;

/// Every point, on the program with each of its stores: where that is a server, its share of them.
pub(super) fn every_point(servers: &Servers, effort: &Effort, tally: &mut Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let folder = TempDir::new().expect("a folder for the file");
    for (on, url) in [
        (On::Memory, "memory:".to_owned()),
        (On::Sqlite, format!("sqlite:{}", folder.path().join("orders.db").display())),
        (On::Postgres, servers.postgres.url()),
        (On::Redis, servers.redis.url()),
    ] {
        if let Err(error) = runtime.block_on(on_a_store(on, &url, effort, tally)) {
            tally.find(format!("the program on {}: {error}", on.name()));
        }
    }
}

async fn on_a_store(on: On, url: &str, effort: &Effort, tally: &mut Tally) -> Result<(), String> {
    let store = on.name();
    let program = Program::start(url).await?;
    let address = program.address;
    let mut points = points(address).await?;
    let mut share = super::share(on, effort);
    points.retain(|_| share.takes_the_next());
    let mut outcomes = stream::iter(points.iter().enumerate())
        .map(|(number, point)| async move {
            let key = key(number);
            let told = point.play(address, &key).await;
            (key, point, told)
        })
        .buffer_unordered(CLIENTS);
    let mut answers = Vec::new();
    let before = tally.found();
    while let Some((key, point, told)) = outcomes.next().await {
        tally.on(on).cuts += 1;
        match told {
            Ok((answer, replays)) => {
                tally.replayed(replays);
                answers.push((key, answer.body));
            }
            Err(breach) => tally.find(format!("the program on {store}, {point:?}: {breach}")),
        }
        if tally.found() > before + FINDINGS_ENOUGH {
            return Err("so much was found that the rest was left".to_owned());
        }
    }
    let orders = exchange::orders(address).await?;
    for (key, body) in answers {
        if orders.get(&message::item(&key)) != Some(&body) {
            tally.find(format!("the program on {store}: {key} was answered {body}, not ordered"));
        }
    }
    // One order beside those of the points: the one that was looked at for each form.
    let expected = points.len() + FORMS.len();
    if orders.len() != expected {
        tally.find(format!("the program on {store}: {} orders of {expected}", orders.len()));
    }
    Ok(())
}

/// As long as all others: every request is as long as the one that was counted.
fn key(number: usize) -> String {
    format!("key-{number:06}")
}

/// Counts the bytes and frames of each form's request and answer, by a run without a cut.
async fn points(address: SocketAddr) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    for (number, form) in FORMS.into_iter().enumerate() {
        let message = message::order(form, &key(900_000 + number));
        let uncut = usize::MAX >> 1;
        let seen = exchange::read_cut(address, &message, form, uncut, Ending::Closed).await?;
        if !seen.whole {
            return Err(format!("{form:?}: without a cut there is no whole answer"));
        }
        let ways = [Ending::Closed, Ending::Reset, Ending::HalfClosed];
        for (bytes, ending) in (0..=message.bytes.len()).flat_map(|at| ways.map(|way| (at, way))) {
            points.push(Point { form, side: Side::Request, bytes, ending });
        }
        let end = seen.frame_ends.last().copied().unwrap_or_default();
        for (bytes, ending) in (1..=end).flat_map(|at| ways.map(|way| (at, way))) {
            points.push(Point { form, side: Side::Answer, bytes, ending });
        }
        if form == Form::Http2 {
            let ending = Ending::StreamReset;
            // A stream that is not open yet cannot be reset.
            for bytes in message.frame_ends.into_iter().skip(2) {
                points.push(Point { form, side: Side::Request, bytes, ending });
            }
            for bytes in seen.frame_ends {
                points.push(Point { form, side: Side::Answer, bytes, ending });
            }
        }
    }
    Ok(points)
}

impl Point {
    /// Cuts an order under this key, and sends it again, twice. The answer, and how many replays
    /// there were.
    async fn play(self, address: SocketAddr, key: &str) -> Result<(Answer, u64), String> {
        let message = message::order(self.form, key);
        let (had_it_whole, seen) = match self.side {
            Side::Request => {
                exchange::send_cut(address, &message, self.bytes, self.ending).await?;
                (None, Vec::new())
            }
            Side::Answer => {
                let Self { form, bytes, ending, .. } = self;
                let seen = exchange::read_cut(address, &message, form, bytes, ending).await?;
                // What is said first over HTTP/2 says nothing of the order.
                let answered = form != Form::Http2 || !seen.body.is_empty();
                (answered.then_some("true"), seen.body)
            }
        };
        let cut_off = self.side == Side::Request && self.bytes < message.bytes.len();
        let expected = if cut_off { Some("false") } else { had_it_whole };
        let first = exchange::order(address, key).await?;
        let again = exchange::order(address, key).await?;
        let marker = first.marker.as_deref();
        if first.status != 201 || expected.is_some_and(|expected| marker != Some(expected)) {
            return Err(format!("the retry is told {first:?} (expected marker: {expected:?})"));
        }
        if again != (Answer { marker: Some("true".to_owned()), ..first.clone() }) {
            return Err(format!("told {first:?}, and then {again:?}"));
        }
        if !first.body.as_bytes().starts_with(&seen) {
            let seen = String::from_utf8_lossy(&seen).into_owned();
            return Err(format!("{seen:?} was read first, and then {first:?}"));
        }
        Ok((first.clone(), 1 + u64::from(marker == Some("true"))))
    }
}
