//! A client: the shipped client's judgement and waits, over a network that loses and repeats.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use seiriken::engine::Decision;
use seiriken::record::RecordedResponse;
use seiriken_client::verdict::{History, Reply, Seen};
use seiriken_client::{Backoff, Outside};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::cluster::Cluster;
use super::mark::Mark;
use super::plan::{Intent, RequestFate};
use super::rules::{end_at_deadline, end_of};
use super::service::{Own, Request, reply};
use crate::random::mixed;

/// So long a client waits for one answer.
const ATTEMPT: Duration = Duration::from_millis(1_200);

/// What comes back over the wire, and what only the judge sees.
#[derive(Debug)]
struct Answer {
    reply: Reply,
    retry_after: Option<Duration>,
    recorded: Option<RecordedResponse>,
    decided: u64,
}

/// Chance, as the plan's seed has it.
#[derive(Debug)]
struct Dice(u64);

impl Outside for Dice {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        for (byte, chance) in bytes.iter_mut().zip(self.0.to_le_bytes()) {
            *byte = chance;
        }
        true
    }
}

/// Wants one operation done, until its outcome is definite or its time is over.
pub(super) async fn pursue(cluster: Arc<Cluster>, which: usize) {
    let world = Arc::clone(&cluster.world);
    let intent = world.plan.intents[which];
    world.until(intent.at).await;
    let deadline = Instant::now() + Duration::from_millis(intent.deadline);
    let mut history = History::new(false);
    for attempt in 1.. {
        let answer = try_once(&cluster, which, intent, attempt, deadline).await;
        let (recorded, decided) = match &answer {
            Ok(answer) => (answer.recorded.is_some(), answer.decided),
            Err(_) => (false, 0),
        };
        if let Ok(Answer { recorded: Some(response), .. }) = &answer {
            world.judge().heard(intent, response);
        }
        let verdict = history.judge(match &answer {
            Ok(answer) => Seen::Answer(answer.reply),
            Err(seen) => *seen,
        });
        if let Some(end) = end_of(verdict, recorded) {
            return world.judge().concluded(which, end, decided);
        }
        let dice = Dice(mixed(&[world.plan.seed, which as u64, u64::from(attempt), 4]));
        let asked = answer.ok().and_then(|answer| answer.retry_after);
        let wait = Backoff::default().wait(attempt, asked, &dice);
        if Instant::now() + wait >= deadline {
            let end = end_at_deadline(history.at_deadline());
            return world.judge().concluded(which, end, decided);
        }
        sleep(wait).await;
    }
}

async fn try_once(
    cluster: &Arc<Cluster>,
    which: usize,
    intent: Intent,
    attempt: u32,
    deadline: Instant,
) -> Result<Answer, Seen> {
    let world = &cluster.world;
    let numbers = [which as u64, u64::from(attempt), 5];
    let fate = world.plan.request_fate(which, attempt);
    let mut limit = ATTEMPT.min(deadline.saturating_duration_since(Instant::now()));
    match fate {
        Some(RequestFate::Refused) => return Err(Seen::NotSent),
        Some(RequestFate::HangsUp(after)) => limit = limit.min(Duration::from_millis(after)),
        _ => {}
    }
    let number = mixed(&[&[world.plan.seed], &numbers[..]].concat());
    let to = usize::try_from(number % world.plan.nodes as u64).expect("few");
    if world.node(to).is_none() {
        world.way(&numbers).await;
        return Err(Seen::NotSent);
    }
    let request = Request { which, intent };
    let (tell, told) = oneshot::channel();
    let (here, connection) = oneshot::channel::<()>();
    if fate != Some(RequestFate::Lost) {
        let delay = if let Some(RequestFate::Delayed(by)) = fate { by } else { 0 };
        tokio::spawn(deliver(Arc::clone(cluster), request, to, delay, connection, Some(tell)));
    }
    if let Some(RequestFate::Twice(by)) = fate {
        let (kept, connection) = oneshot::channel::<()>();
        let again = deliver(Arc::clone(cluster), request, to, by, connection, None);
        tokio::spawn(async move {
            again.await;
            drop(kept);
        });
    }
    let answer = timeout(limit, told).await;
    // Whoever has given up hangs up.
    drop(here);
    match answer {
        Ok(Ok(answer)) if fate != Some(RequestFate::AnswerLost) => Ok(answer),
        Ok(Err(_)) if fate == Some(RequestFate::Lost) => {
            sleep(limit).await;
            Err(Seen::NoAnswer)
        }
        _ => Err(Seen::NoAnswer),
    }
}

/// One copy of a request travels to a process, is served, and its answer travels back.
async fn deliver(
    cluster: Arc<Cluster>,
    request: Request,
    to: usize,
    delay: u64,
    mut connection: oneshot::Receiver<()>,
    tell: Option<oneshot::Sender<Answer>>,
) {
    let world = &cluster.world;
    sleep(Duration::from_millis(delay)).await;
    world.way(&[request.which as u64, to as u64, 6]).await;
    let Some(service) = cluster.service(to) else { return };
    world.gate(service.node()).await;
    let arrival = world.judge().arrives(request.which, service.node(), world.now());
    let mut run = service.serve(request);
    let decision = tokio::select! {
        biased;
        decision = &mut run => decision,
        _ = &mut connection => {
            world.judge().mark(Mark::HungUp);
            return drop(run);
        }
    };
    // A process that has died in the meantime has told nobody anything.
    world.gate(service.node()).await;
    let decided = world.judge().told(request, arrival, world.now(), &decision);
    let answer = answer(&decision, &cluster, decided);
    world.way(&[request.which as u64, to as u64, 7]).await;
    if let Some(tell) = tell {
        // The client may have gone.
        let _ = tell.send(answer);
    }
}

fn answer(decision: &Decision<Own>, cluster: &Cluster, decided: u64) -> Answer {
    let recorded = match decision {
        Decision::Executed { response, .. } | Decision::Replayed(response) => {
            Some(response.clone())
        }
        _ => None,
    };
    let second = Duration::from_secs(1);
    let retry_after = match decision {
        Decision::InProgress { retry_after } => {
            // The field is in whole seconds.
            Some(Duration::from_secs(retry_after.as_secs() + 1))
        }
        Decision::Pending | Decision::StoreUnavailable => Some(second),
        _ => None,
    };
    let reply = reply(decision, cluster.world.plan.effect);
    Answer { reply, retry_after, recorded, decided }
}
