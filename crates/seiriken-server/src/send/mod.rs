//! `seiriken send`: one request, sent until its outcome is definite or nobody can say.
//!
//! Standard output gets the body of the answer and nothing else; standard error says what happens.

mod options;
mod resume;
mod words;

use std::io::Write;
use std::process::ExitCode;

use seiriken_client::{Client, Intent, Journal, Key, NothingSent, Outcome, Request, Unknown};

pub(crate) use self::options::SendOptions;
use crate::stop;

/// It was answered with 2xx.
const DONE: u8 = 0;

/// It was definitely not done by this run: refused, or never sent.
const REFUSED: u8 = 1;

/// Sends what the options describe.
pub(crate) async fn send(options: SendOptions) -> ExitCode {
    let (request, key) = match asked_for(&options) {
        Ok(asked) => asked,
        Err(wrong) => return stop::bad_use(&wrong),
    };
    let client = match client(&options) {
        Ok(client) => client,
        Err(why) => return stop::failed(&format!("nothing was sent: {why}")),
    };
    let (mut own, left) = find_own(client.unsettled(), request.as_ref(), key.as_ref());
    let mut worst = DONE;
    for mut intent in left {
        say("resuming what an earlier run has left in the journal");
        worst = worst.max(run(&client, &options, &mut intent, &mut std::io::sink()).await);
    }
    let Some(request) = request else { return ExitCode::from(worst) };
    if own.is_some() {
        say("an earlier run has left this very request in the journal: resuming it");
    }
    let made = match own.take() {
        Some(intent) => Ok(intent),
        None => new_intent(&client, &options, request, key).await,
    };
    match made {
        Ok(mut intent) => {
            ExitCode::from(run(&client, &options, &mut intent, &mut std::io::stdout()).await)
        }
        Err(NothingSent::Invalid(wrong)) => stop::bad_use(&wrong.to_string()),
        Err(why) => ExitCode::from(nothing_sent(&why)),
    }
}

/// What the command line asks for, checked before anything is opened or sent.
fn asked_for(options: &SendOptions) -> Result<(Option<Request>, Option<Key>), String> {
    if let Some(address) = &options.prepare {
        Request::post(address).map_err(|wrong| format!("--prepare: {wrong}"))?;
    }
    Ok((options.request()?, options.known_key()?))
}

fn client(options: &SendOptions) -> Result<Client, String> {
    let mut builder = Client::builder().deadline(options.deadline).on_progress(|progress| {
        if let Some(line) = words::progress(progress) {
            say(&line);
        }
    });
    let mut https = [&options.url, &options.prepare].into_iter().flatten().any(|url| is_https(url));
    if let Some(path) = &options.journal {
        let journal = Journal::open(path).map_err(|error| error.to_string())?;
        https |= journal.unsettled().iter().any(|intent| intent.request().is_https());
        builder = builder.journal(journal);
    }
    if !https {
        builder = builder.without_certificates();
    }
    builder.build().map_err(|error| innermost(&error))
}

fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// What really went wrong, under the layers that pass it on.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Of what earlier runs have left: the intent that this run asks for again, and the others.
fn find_own(
    unsettled: Vec<Intent>,
    request: Option<&Request>,
    key: Option<&Key>,
) -> (Option<Intent>, Vec<Intent>) {
    let (mut own, mut left) = (None, Vec::new());
    for intent in unsettled {
        let asked_for =
            Some(intent.request()) == request && key.is_none_or(|key| key == intent.key());
        if own.is_none() && asked_for {
            own = Some(intent);
        } else {
            left.push(intent);
        }
    }
    (own, left)
}

async fn new_intent(
    client: &Client,
    options: &SendOptions,
    request: Request,
    key: Option<Key>,
) -> Result<Intent, NothingSent> {
    match (key, &options.prepare) {
        // Whoever names a key may have sent it before.
        (Some(key), _) => Ok(client.resume(key, request)?),
        (None, Some(address)) => client.prepare(request, address).await,
        (None, None) => Ok(client.intent(request)?),
    }
}

/// Sends one intent and says how it ended.
async fn run(
    client: &Client,
    options: &SendOptions,
    intent: &mut Intent,
    out: &mut (impl Write + Send),
) -> u8 {
    let asked_to_stop = stop::Asked::watch();
    let ended = tokio::select! {
        ended = client.send(intent) => Some(ended),
        () = asked_to_stop.stopped() => None,
    };
    match ended {
        Some(Ok(Outcome::Definite(answer))) => {
            if let Err(error) = out.write_all(&answer.body).and_then(|()| out.flush()) {
                say(&format!("the answer's body could not be written: {error}"));
            }
            say(&words::definite(&answer));
            if answer.status.is_success() { DONE } else { REFUSED }
        }
        Some(Ok(Outcome::Unknown(Unknown { why, .. }))) => {
            unknown(options, intent, &words::why(why))
        }
        Some(Err(why)) => nothing_sent(&why),
        None if intent.may_have_run() || options.journal.is_some() => {
            unknown(options, intent, "it was stopped half-way")
        }
        None => {
            say("stopped; nothing was sent, so nothing was done");
            REFUSED
        }
    }
}

fn nothing_sent(why: &NothingSent) -> u8 {
    say(&format!("nothing was sent, so nothing was done, and starting over is safe: {why}"));
    REFUSED
}

/// The one place that shows a key: whoever has to resume needs it.
fn unknown(options: &SendOptions, intent: &Intent, why: &str) -> u8 {
    say(&format!("whether it was done is not known: {why}"));
    say("do not send it with a new key, which could do it twice; ask again with this one:");
    for variable in resume::variables(options) {
        say(&format!("(with {variable} set to the credential, which is not shown here)"));
    }
    say(&format!("key {}", intent.key().as_str()));
    eprintln!("{}", resume::command(options, intent.key()));
    stop::OUTCOME_UNKNOWN
}

fn say(line: &str) {
    eprintln!("seiriken: {line}");
}
