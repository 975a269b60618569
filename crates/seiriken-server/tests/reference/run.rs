//! Does to a service what a schedule says, and shows the reference all that comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::reference::Reference;
use crate::schedule::{End, Event, KEYS, Key, Leaving, Request, Schedule, What, Who};
use crate::seen::Seen;
use crate::service::Service;
use crate::wire::{self, Answer, Told};

/// So long a schedule may take before it fails: somebody waits for an answer that never comes.
const PATIENCE: Duration = Duration::from_mins(1);

/// By then everything must have ended that takes some milliseconds: well before a lease does.
const SOON: Duration = Duration::from_secs(15);

/// Runs a schedule on a service of its own. `Err` is the story up to where they disagree.
pub(crate) async fn run(schedule: &Schedule, on_concurrent: &str) -> Result<Seen, String> {
    let processing = format!("{}ms", schedule.processing.as_millis());
    let options = ["--processing-time", &processing, "--on-concurrent", on_concurrent];
    let mut run = Run {
        service: Service::start(&options.map(str::to_owned)).await,
        processing: schedule.processing,
        retries_wait: on_concurrent != "reject",
        reference: Reference::default(),
        under_way: JoinSet::new(),
        left: BTreeSet::new(),
        cut_off: BTreeSet::new(),
        last_told: None,
        seen: Seen::default(),
        story: Vec::new(),
    };
    let ended = tokio::time::timeout(PATIENCE, run.whole(schedule)).await;
    let disagreement = match ended {
        Ok(Ok(())) => return Ok(run.seen),
        Ok(Err(disagreement)) => disagreement,
        Err(_) => "this takes too long".to_owned(),
    };
    Err(format!("{}\n{disagreement}", run.story.join("\n")))
}

struct Run {
    service: Service,
    processing: Duration,
    retries_wait: bool,
    reference: Reference,
    under_way: JoinSet<(Option<usize>, Came)>,
    /// The keys of requests whose clients have left, and of those that a killed process left.
    left: BTreeSet<Key>,
    cut_off: BTreeSet<Key>,
    last_told: Option<Told>,
    seen: Seen,
    story: Vec<String>,
}

/// What came of a request.
enum Came {
    Answered(Request, Answer),
    /// The connection ended without an answer.
    Nothing(Request),
    /// The client left.
    Left,
}

type Agreed = Result<(), String>;

impl Run {
    async fn whole(&mut self, schedule: &Schedule) -> Agreed {
        for event in &schedule.events {
            while let Some(came) = self.under_way.try_join_next() {
                self.came(came.expect("no panic"), None)?;
            }
            self.story.push(format!("{event:?}"));
            self.happens(*event).await?;
        }
        let settled = tokio::time::timeout(SOON, self.finish_what_was_left(schedule)).await;
        settled.map_err(|_| "work whose client has gone is not finished".to_owned())??;
        self.restart(schedule.end).await?;
        // Nothing runs any more: what is there now is all, and stays.
        self.list().await?;
        self.count_the_unheard();
        for (key, who, what) in every_operation() {
            self.ask(Request { key, who, what, members_swapped: false }, 1, true).await?;
        }
        self.list().await
    }

    /// A client that has gone is no reason to stop: its retry finds the work done, or does it.
    async fn finish_what_was_left(&mut self, schedule: &Schedule) -> Agreed {
        while let Some(came) = self.under_way.join_next().await {
            self.came(came.expect("no panic"), None)?;
        }
        for event in &schedule.events {
            let Event::Leave { request, at: Leaving::After(_), .. } = event else { continue };
            self.ask(*request, 1, true).await?;
            while self.last_told == Some(Told::InProgress) {
                // Time is what this is about: asking faster would keep the machine from the work.
                tokio::time::sleep(Duration::from_millis(5)).await;
                self.ask(*request, 1, true).await?;
            }
        }
        Ok(())
    }

    async fn happens(&mut self, event: Event) -> Agreed {
        match event {
            Event::Ask { request, times, wait } => self.ask(request, times, wait).await,
            Event::Leave { request, at, reset } => {
                self.leave(request, at, reset);
                Ok(())
            }
            // A part of the schedule, and nothing depends on what is done by then.
            Event::Pause(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Event::List => self.list().await,
            Event::Restart(end) => self.restart(end).await,
            Event::KillAbout { request, late } => {
                for key in request.key..KEYS {
                    self.ask(Request { key, ..request }, 1, false).await?;
                }
                tokio::time::sleep(self.processing + late).await;
                self.restart(End::Killed).await
            }
        }
    }

    async fn ask(&mut self, request: Request, times: usize, wait: bool) -> Agreed {
        let mut awaited = BTreeSet::new();
        let address = self.service.address;
        for _ in 0..times {
            let number = self.reference.asks(request);
            awaited.insert(number);
            self.under_way.spawn(async move {
                let answer = wire::exchange(address, &wire::posting(request)).await;
                let came = answer.map_or(Came::Nothing(request), |a| Came::Answered(request, a));
                (Some(number), came)
            });
        }
        while wait && !awaited.is_empty() {
            let came = self.under_way.join_next().await.expect("it is under way");
            let came = came.expect("no panic");
            came.0.map(|number| awaited.remove(&number));
            self.came(came, None)?;
        }
        Ok(())
    }

    fn leave(&mut self, request: Request, at: Leaving, reset: bool) {
        let address = self.service.address;
        let mut bytes = wire::posting(request);
        let stay = match at {
            // The reference hears nothing of it: what is not there whole, is not there.
            Leaving::Before(missing) => {
                bytes.truncate(bytes.len().saturating_sub(missing));
                Duration::ZERO
            }
            Leaving::After(stay) => {
                self.reference.asks(request);
                self.left.insert(request.key);
                stay
            }
        };
        self.under_way.spawn(async move {
            if let Some(connection) = wire::send(address, &bytes).await {
                tokio::time::sleep(stay).await;
                if reset {
                    connection.set_zero_linger().expect("an option of TCP");
                }
            }
            (None, Came::Left)
        });
    }

    async fn list(&mut self) -> Agreed {
        let answer = wire::exchange(self.service.address, &wire::listing()).await;
        let orders = answer.as_ref().and_then(Answer::orders);
        let orders = orders.ok_or_else(|| format!("this is no list of all orders: {answer:?}"))?;
        self.story.push(format!("    listed: {orders:?}"));
        let right = self.reference.lists(&orders);
        if right { Ok(()) } else { Err("these are not the orders".to_owned()) }
    }

    /// Ends the process with whatever is under way, and starts it again.
    async fn restart(&mut self, end: End) -> Agreed {
        if !self.service.end(end).await {
            return Err("the service did not end as it should".to_owned());
        }
        while let Some(came) = self.under_way.join_next().await {
            self.came(came.expect("no panic"), Some(end))?;
        }
        self.reference.process_ends();
        self.service.start_again().await;
        Ok(())
    }

    /// Something came of a request, while the process was running or as it ended.
    fn came(&mut self, (number, came): (Option<usize>, Came), ended: Option<End>) -> Agreed {
        let (Some(number), Came::Answered(request, answer)) = (number, &came) else {
            return self.came_nothing(&came, ended);
        };
        let story = format!("    {number}: {request:?}\n        {answer:?}");
        self.story.push(story);
        let told = answer.told().ok_or("nobody may be told this")?;
        self.seen.count(&told);
        if self.retries_wait && told == Told::InProgress {
            return Err("a retry waits longer than this".to_owned());
        }
        if !self.reference.is_told(number, &told) {
            return Err(format!("it should not be told {told:?}"));
        }
        self.last_told = Some(told);
        Ok(())
    }

    fn came_nothing(&mut self, came: &Came, ended: Option<End>) -> Agreed {
        if let Came::Nothing(request) = came {
            self.story.push(format!("    without an answer: {request:?}"));
            match ended {
                None => return Err("the service closed a connection".to_owned()),
                Some(End::Stopped) => {}
                Some(End::Killed) => {
                    self.seen.killed += 1;
                    self.cut_off.insert(request.key);
                }
            }
        }
        Ok(())
    }

    fn count_the_unheard(&mut self) {
        for key in self.reference.unheard() {
            self.seen.made_after_leaving += u32::from(self.left.contains(&key));
            let killed = self.cut_off.contains(&key) && !self.left.contains(&key);
            self.seen.made_before_a_kill += u32::from(killed);
        }
    }
}

fn every_operation() -> impl Iterator<Item = (Key, Who, What)> {
    let of_key = |key| {
        let of_who = move |who| What::ALL.into_iter().map(move |what| (key, who, what));
        Who::ALL.into_iter().flat_map(of_who)
    };
    (0..KEYS).flat_map(of_key)
}
