//! One keep-alive connection: a request, its answer, the next request.
//!
//! HTTP/1.1 by hand, because the generator shares the machine with the server: the request is one
//! buffer in which only the key changes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{Answer, Expected};
use super::{Key, Work};
use crate::failure::{Failure, While};
use crate::random::Random;
use seiriken_bench_baseline::order;

/// More than any answer of these services has.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Of mixed work, each request with this number is a replay.
const MIXED_REPLAY_EVERY: u32 = 10;

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    key_at: usize,
    received: Vec<u8>,
    keys: Random,
    /// Where this connection goes on among finished orders.
    next: usize,
    /// Requests of mixed work.
    sent: u32,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr, number: usize) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await.while_doing("connecting")?;
        stream.set_nodelay(true).while_doing("connecting")?;
        let head = format!(
            "POST /orders HTTP/1.1\r\nHost: {address}\r\nContent-Type: {}\r\nIdempotency-Key: ",
            order::JSON
        );
        let body = order::REQUEST;
        let request = format!("{head}{:36}\r\nContent-Length: {}\r\n\r\n{body}", "", body.len());
        Ok(Self {
            stream,
            request: request.into_bytes(),
            key_at: head.len(),
            received: vec![0; ANSWER_BYTES_MAX],
            keys: Random::new(),
            next: number,
            sent: 0,
        })
    }

    /// Sends one request of this work and checks its answer. Whether it was a new order.
    pub(super) async fn send(&mut self, work: &Work, connections: usize) -> Result<bool, Failure> {
        let (marks, again) = match work {
            Work::New(marks) => (*marks, None),
            Work::Replays(marks, finished) => (*marks, Some(finished)),
            Work::Mixed(marks, finished) => {
                self.sent += 1;
                (*marks, self.sent.is_multiple_of(MIXED_REPLAY_EVERY).then_some(finished))
            }
        };
        if let Some(finished) = again {
            let first = &finished[self.next % finished.len()];
            self.next += connections;
            self.order(&first.key, Expected::Replay(marks, first)).await?;
        } else {
            let key = self.fresh_key();
            self.order(&key, Expected::FirstTime(marks)).await?;
        }
        Ok(again.is_none())
    }

    /// Orders under this key.
    pub(super) async fn order(
        &mut self,
        key: &Key,
        expected: Expected<'_>,
    ) -> Result<Answer, Failure> {
        self.request[self.key_at..][..key.len()].copy_from_slice(key);
        self.stream.write_all(&self.request).await.while_doing("sending a request")?;
        self.answer(expected).await
    }

    /// Reads a page.
    pub(super) async fn get(&mut self, target: &str) -> Result<Answer, Failure> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.while_doing("sending a request")?;
        self.answer(Expected::Read).await
    }

    /// The body of the latest answer.
    pub(super) fn body<'a>(&'a self, latest: &'a Answer) -> &'a [u8] {
        latest.body(&self.received)
    }

    pub(super) fn fresh_key(&mut self) -> Key {
        let mut key = [0; 36];
        self.keys.uuid_v4().hyphenated().encode_lower(&mut key);
        key
    }

    async fn answer(&mut self, expected: Expected<'_>) -> Result<Answer, Failure> {
        let mut filled = 0;
        loop {
            let more = self.stream.read(&mut self.received[filled..]).await;
            match more.while_doing("waiting for an answer")? {
                0 => return Err(Failure::new("a connection was closed instead of an answer")),
                more => filled += more,
            }
            if let Some(answer) = Answer::read(&self.received[..filled])? {
                let received = &self.received[..filled];
                answer.check(received, expected)?;
                return Ok(answer);
            }
        }
    }
}
