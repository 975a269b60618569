//! What is done under every fault: orders and retries on a service, its end, and the start after
//! it without the fault.

use std::io;
use std::path::Path;

use super::book::{Book, Told};
use super::limit;
use super::service::{Service, Under, ending};

/// The program says by it that a COMMIT failed and nobody knows what is on the disk.
const IN_DOUBT: i32 = 74;

/// How a process ended that was to take orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It did not come so far as to serve.
    AtStart,
    /// It did what was asked, until it was asked to stop.
    WhenAsked,
    /// By itself, with status 74.
    InDoubt,
    /// By a signal.
    Killed,
}

/// The keys of these scenes. The file that they begin with has an order for each of the first.
pub(super) const EARLIER: [&str; 2] = ["earlier-1", "earlier-2"];
const KEYS: usize = 4;

/// Enough to fill one.
const KEYS_ON_A_SMALL_DISK: usize = 40;

/// How often a client tries that is told nothing definite.
const TRIES: usize = 3;

/// Orders under the fault, and looks at the file without it.
pub(super) async fn play(folder: &Path, under: &Under, book: &mut Book) -> io::Result<Ended> {
    let mut service = Service::start(folder, under).await?;
    let ended = if service.serves() {
        if service.takes_connections().await {
            order(&service, under, book).await;
        }
        end(&mut service, book).await?
    } else {
        let status = service.ended().await?;
        if status.code().is_some_and(|code| code != 1) {
            book.find(format!("it ended at its start with {}", ending(status)));
        }
        Ended::AtStart
    };
    if let Some(disk) = &under.small {
        limit::enlarge(disk).await?;
    }
    let mut again = Service::start(folder, &Under::default()).await?;
    book.audit(&again).await?;
    let status = again.stop().await?;
    if !status.success() {
        book.find(format!("without a fault it ended with {}", ending(status)));
    }
    Ok(ended)
}

/// Two clients of three try again, the third believes what it is told first.
async fn order(service: &Service, under: &Under, book: &mut Book) {
    let keys = if under.small.is_some() { KEYS_ON_A_SMALL_DISK } else { KEYS };
    let earlier = EARLIER.map(str::to_owned).into_iter();
    let keys = earlier.chain((1..=keys).map(|number| format!("later-{number}")));
    for (place, key) in keys.enumerate() {
        let tries = if place % 3 == 2 { 1 } else { TRIES };
        for _ in 0..tries {
            if let Told::Ordered(_) = book.note(&key, service.order(&key).await) {
                break;
            }
        }
    }
}

/// It ends by itself where an outcome is pending, and else when it is asked to.
async fn end(service: &mut Service, book: &mut Book) -> io::Result<Ended> {
    // Either alone says that it is ending: what is asked of it after that is not answered.
    let by_itself = book.pending > 0 || service.has_ended()?;
    let status = if by_itself { service.ended().await } else { service.stop().await };
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            book.find(format!("it does not end: {error}"));
            return Ok(Ended::WhenAsked);
        }
    };
    Ok(match (status.code(), by_itself) {
        (Some(IN_DOUBT), _) => Ended::InDoubt,
        (Some(0), false) => Ended::WhenAsked,
        (None, _) => Ended::Killed,
        _ => {
            book.find(format!("it ended with {}", ending(status)));
            Ended::WhenAsked
        }
    })
}
