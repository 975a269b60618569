//! One scenario: it sends requests, and writes down each as evidence.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;

use super::effect::{Again, judge};
use super::endpoint::Endpoint;
use super::exchange::{Answer, Asked, NoAnswer, Opened};
use super::verdict::Step;

/// Between two looks at a request that is still running.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What one scenario has learned that another one wants to know.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// An answer and its replay, with how they came about.
    pub(super) pair: Option<(Answer, Answer, Vec<Step>)>,
    /// Refusals of the gate, each with what was refused.
    pub(super) refusals: Vec<(&'static str, Answer, Step)>,
}

/// A scenario in progress.
pub(super) struct Scenario<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) notes: &'a mut Notes,
    /// All that was sent, in order.
    pub(super) steps: Vec<Step>,
}

impl<'a> Scenario<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, notes: &'a mut Notes) -> Self {
        Self { endpoint, notes, steps: Vec::new() }
    }

    /// Sends a request and writes it down.
    pub(super) async fn send(&mut self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let answer = self.endpoint.wire.send(asked).await;
        self.write_down(self.endpoint.curl.command(asked), &answer);
        answer
    }

    /// Sends a request on a connection that is open already, and writes it down.
    pub(super) async fn send_on(
        &mut self,
        opened: Opened,
        asked: &Asked,
    ) -> Result<Answer, NoAnswer> {
        let Ok(answer) = opened.send(asked).await else {
            // Some servers close what is idle for a while.
            return self.send(asked).await;
        };
        self.write_down(self.endpoint.curl.command(asked), &Ok(answer.clone()));
        Ok(answer)
    }

    /// Sends a request so often at the same moment. Whoever gets no answer counts as nobody.
    pub(super) async fn at_once(
        &mut self,
        asked: &Asked,
        times: usize,
    ) -> Result<Vec<Result<Answer, NoAnswer>>, NoAnswer> {
        let wire = &self.endpoint.wire;
        // All connections are open before the first request goes out: it is the server that is to
        // be hurried, not the network.
        let opened = join_all((0..times).map(|_| wire.open(asked.uri()))).await;
        let opened = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
        let answers = join_all(opened.into_iter().map(|opened| opened.send(asked))).await;
        let mut curl = self.endpoint.curl.at_once(asked, times);
        for (number, answer) in self.alike(&answers) {
            let answer = format!("{number} × {answer}");
            self.steps.push(Step { curl: std::mem::take(&mut curl), answer });
        }
        Ok(answers)
    }

    /// Sends a request and leaves before the answer is there.
    pub(super) async fn leave(&mut self, asked: &Asked, after: Duration) -> Result<(), NoAnswer> {
        self.endpoint.wire.leave(asked, after).await?;
        let curl = self.endpoint.curl.leaving(asked, after);
        let answer = format!("left after {after:?}, without reading an answer");
        self.steps.push(Step { curl, answer });
        Ok(())
    }

    /// Asks until the first request is no longer running, or patience ends. The last answer.
    pub(super) async fn settled(&mut self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let started = tokio::time::Instant::now();
        loop {
            let answer = self.endpoint.wire.send(asked).await;
            let over = started.elapsed() >= self.endpoint.plan.patience;
            if over || !answer.as_ref().is_ok_and(says_running) {
                self.write_down(self.endpoint.curl.command(asked), &answer);
                return answer;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What the second answer means; `before` is the count between the two.
    pub(super) async fn judge(
        &self,
        first: &Answer,
        again: &Answer,
        before: Option<i64>,
    ) -> Result<Again, NoAnswer> {
        let runs = self.runs_since(before).await?;
        Ok(judge(&self.endpoint.varying, first, again, runs))
    }

    /// How much the count has grown, where there is one.
    pub(super) async fn runs_since(&self, before: Option<i64>) -> Result<Option<i64>, NoAnswer> {
        let now = self.endpoint.count().await?;
        Ok(before.zip(now).map(|(before, now)| now - before))
    }

    /// Keeps a refusal for those who look at how refusals are written.
    pub(super) fn note_refusal(&mut self, what: &'static str, answer: &Answer) {
        if let Some(step) = self.steps.last() {
            self.notes.refusals.push((what, answer.clone(), step.clone()));
        }
    }

    fn write_down(&mut self, curl: String, answer: &Result<Answer, NoAnswer>) {
        let answer = self.in_short(answer);
        self.steps.push(Step { curl, answer });
    }

    fn in_short(&self, answer: &Result<Answer, NoAnswer>) -> String {
        match answer {
            Ok(answer) => self.endpoint.curl.in_short(answer),
            Err(why) => format!("no answer: {why}"),
        }
    }

    /// Many answers in few lines. Of refusals only the status matters: each may have a number of
    /// its own somewhere in its body.
    fn alike(&self, answers: &[Result<Answer, NoAnswer>]) -> Vec<(usize, String)> {
        let mut seen: Vec<(String, usize, String)> = Vec::new();
        for answer in answers {
            let short = self.in_short(answer);
            let kind = match answer {
                Ok(answer) if !answer.accepted() => answer.status.to_string(),
                _ => short.clone(),
            };
            match seen.iter_mut().find(|(known, ..)| *known == kind) {
                Some((_, number, _)) => *number += 1,
                None => seen.push((kind, 1, short)),
            }
        }
        seen.into_iter().map(|(_, number, short)| (number, short)).collect()
    }
}

/// The ways to say that the first request with this key is not over.
pub(super) fn says_running(answer: &Answer) -> bool {
    matches!(
        answer.status,
        StatusCode::CONFLICT
            | StatusCode::LOCKED
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
    )
}
