//! The log, however much of it is asked for, has no key, no credential and no body.
//!
//! Alone in its program: which log lines are made at all is decided for a whole process.

#[expect(dead_code, reason = "of what the script can do, this needs little")]
#[path = "../wire/script.rs"]
mod script;

use std::io::Write;
use std::sync::{Arc, Mutex};

use seiriken_client::{Client, Outcome, Request};
use tracing_subscriber::fmt::MakeWriter;

use crate::script::{Act, Server, answer};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn at_its_most_talkative_it_names_no_key_no_credential_and_no_body() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let journal = seiriken_client::Journal::open(folder.path().join("journal")).unwrap();
    let server = Server::start([Act::Lose, Act::Say(answer(201, &[], "cake-of-the-answer"))]).await;
    let client = Client::builder().http(reqwest::Client::builder().no_proxy());
    let client = client
        .without_certificates()
        .retention(std::time::Duration::from_hours(24))
        .journal(journal)
        .build()
        .unwrap();
    let request = Request::post(&server.url("/orders?token=query-of-the-caller")).unwrap();
    let request = request.header("Authorization", "Bearer bearer-of-the-caller").unwrap();
    let request = request.header("Cookie", "session=session-of-the-caller").unwrap();
    let mut intent = client.intent(request.body("cake-of-the-caller")).unwrap();
    let result = client.send(&mut intent).await;
    assert!(matches!(result, Ok(Outcome::Definite(_))), "{result:?}");

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for said in ["attempt ended", "waiting before the next attempt", "NoAnswer"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    let secrets =
        [intent.key().as_str(), "of-the-caller", "of-the-answer", folder.path().to_str().unwrap()];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}
