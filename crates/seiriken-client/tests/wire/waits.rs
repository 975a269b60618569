//! Waits, the deadline and the budget. The randomness handed in makes every wait known beforehand.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use seiriken_client::{Backoff, Budget, Client, ClientBuilder, Outcome, Outside, Progress};

use crate::script::{Act, Server, answer};
use crate::{builder, created, definite, order};

/// The shortest waits, or the longest.
#[derive(Debug)]
struct Always(u8);

impl Outside for Always {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        bytes.fill(self.0);
        true
    }
}

type Waits = Arc<Mutex<Vec<Duration>>>;

fn noting(builder: ClientBuilder) -> (Client, Waits) {
    let waits = Waits::default();
    let noted = Arc::clone(&waits);
    let client = builder.on_progress(move |progress| {
        if let Progress::Waiting { wait, .. } = progress {
            noted.lock().expect("no panic").push(*wait);
        }
    });
    (client.build().expect("as the test sets it up"), waits)
}

fn refused(retry_after: &str) -> Act {
    Act::Say(answer(429, &[("retry-after", retry_after)], ""))
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_server_says_how_long_to_wait() {
    let date = "Thu, 01 Jan 1970 00:00:01 GMT";
    let server = Server::start([refused("1"), refused(date), refused("0"), created("")]).await;
    let (client, waits) = noting(builder().outside(Always(0)));
    let mut intent = client.intent(order(&server)).unwrap();
    definite(client.send(&mut intent).await);
    assert_eq!(*waits.lock().unwrap(), [SECOND, SECOND, Duration::ZERO]);
}

/// The server's wish belongs to its answer: the next attempt had none.
#[tokio::test]
async fn an_earlier_wish_does_not_hold_for_a_lost_answer() {
    let server = Server::start([refused("1"), Act::Lose, created("")]).await;
    let (client, waits) = noting(builder().outside(Always(0)));
    let mut intent = client.intent(order(&server)).unwrap();
    definite(client.send(&mut intent).await);
    assert_eq!(*waits.lock().unwrap(), [SECOND, Duration::ZERO]);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let server = Server::start([refused("3600")]).await;
    let (client, waits) = noting(builder());
    let mut intent = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut intent).await).status, 429);
    assert!(waits.lock().unwrap().is_empty());
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn waits_double_up_to_the_longest() {
    let server = Server::start([Act::Lose, Act::Lose, Act::Lose, Act::Lose, created("")]).await;
    let ms = Duration::from_millis;
    let backoff = Backoff { first: ms(2), longest: ms(9) };
    let (client, waits) = noting(builder().backoff(backoff).outside(Always(0xff)));
    let mut intent = client.intent(order(&server)).unwrap();
    definite(client.send(&mut intent).await);
    assert_eq!(*waits.lock().unwrap(), [ms(2), ms(4), ms(8), ms(9)]);
}

/// With nothing in the budget an operation waits on; it is not called a failure.
#[tokio::test]
async fn without_budget_nothing_is_sent_again() {
    let server = Server::start([Act::Lose, created("not asked for")]).await;
    let deadline = Duration::from_millis(50);
    let (client, waits) = noting(builder().deadline(deadline).budget(Budget::new(0, 0.0)));
    let mut intent = client.intent(order(&server)).unwrap();
    let result = client.send(&mut intent).await;
    assert!(matches!(result, Ok(Outcome::Unknown(_))), "{result:?}");
    assert_eq!(server.received().len(), 1);
    assert!(waits.lock().unwrap().len() > 1, "it asked more than once");
}
