//! What changes a key: looked at first, asked for, written down, done, written down.

use std::io::Write as _;
use std::process::ExitCode;

use super::answer::GivenAnswer;
use super::audit::{Audit, Entry, Event};
use super::desk::{Ask, Desk, Told};
use super::options::{ChangeOptions, ResolveOptions};
use super::view::{KeyView, StateName};
use super::{Ended, find, json, say, unexpected, words};

/// Settles an outcome that nobody knows.
pub(super) async fn resolve(options: &ResolveOptions) -> Result<ExitCode, Ended> {
    let answer = GivenAnswer::read(options)?;
    let desk = Desk::open(&options.change.which.store).await?;
    let key = find(&desk, &options.change.which, false).await?;
    let state = key.record().map(|record| record.state);
    if state != Some(StateName::Indeterminate) {
        desk.close().await;
        return Err(Ended::Failed(format!(
            "nothing was changed: {}",
            words::why_not_resolved(&key, options.change.which.key.as_deref())
        )));
    }
    let question = words::before_resolving(&key, answer.as_ref());
    let change = Change {
        verb: "resolve",
        outcome: Some(if options.done { "done" } else { "not-done" }),
        status: answer.as_ref().map(|answer| answer.status),
        question,
        ask: Ask::Resolve { id: key.id.clone(), token: token_of(&key), answer },
    };
    let said = change.carry_out(desk, &options.change, &key).await?;
    say(&if options.change.which.json { said } else { words::resolved(options.done) })?;
    Ok(ExitCode::SUCCESS)
}

/// Forgets a key.
pub(super) async fn delete(options: &ChangeOptions) -> Result<ExitCode, Ended> {
    let desk = Desk::open(&options.which.store).await?;
    let key = find(&desk, &options.which, false).await?;
    let change = Change {
        verb: "delete",
        outcome: None,
        status: None,
        question: words::before_deleting(&key),
        ask: Ask::Delete { id: key.id.clone(), token: token_of(&key) },
    };
    let said = change.carry_out(desk, options, &key).await?;
    say(&if options.which.json { said } else { words::DELETED.to_owned() })?;
    Ok(ExitCode::SUCCESS)
}

struct Change {
    verb: &'static str,
    outcome: Option<&'static str>,
    status: Option<u16>,
    question: String,
    ask: Ask,
}

impl Change {
    /// Answers what was done, as JSON.
    async fn carry_out(
        self,
        desk: Desk,
        options: &ChangeOptions,
        key: &KeyView,
    ) -> Result<String, Ended> {
        let Self { verb, outcome, status, question, ask } = self;
        if !options.yes && !agreed(&question)? {
            desk.close().await;
            return Err(Ended::Failed("nothing was changed: it was not agreed to".into()));
        }
        let mut audit = Audit::open(options.audit.as_deref(), &options.which.store)?;
        let entry = Entry { event: Event::Asked, verb, outcome, status, key, told: None };
        audit.write(&entry).map_err(|why| Ended::Failed(format!("nothing was changed: {why}")))?;
        let told = desk.ask(ask).await;
        desk.close().await;
        let word = match &told {
            Ok(Told::Done) => "done",
            Ok(Told::Stands(_)) => "changed-meanwhile",
            Ok(_) | Err(Ended::Failed(_) | Ended::BadUse(_)) => "failed",
            Err(Ended::InDoubt(_)) => "in-doubt",
        };
        let entry = Entry { event: Event::Told, told: Some(word), ..entry };
        if let Err(why) = audit.write(&entry) {
            eprintln!("seiriken: {why}; what came of it was: {word}");
        }
        match told? {
            Told::Done => json(&serde_json::json!({ "verb": verb, "id": key.id, "told": "done" })),
            Told::Stands(stands) => Err(Ended::Failed(format!(
                "nothing was changed: {}",
                words::changed_meanwhile(stands.as_deref())
            ))),
            _ => Err(unexpected()),
        }
    }
}

/// Asks on standard error, so that standard output is what was asked for alone.
fn agreed(question: &str) -> Result<bool, Ended> {
    eprint!("{question}\nGo on? Type yes: ");
    let asked = std::io::stderr().flush().and_then(|()| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|_| answer)
    });
    match asked {
        Ok(answer) => Ok(answer.trim() == "yes"),
        Err(error) => {
            Err(Ended::Failed(format!("nothing was changed: nobody can be asked: {error}")))
        }
    }
}

/// What cannot be read has no token that anybody knows; the store then says what it says.
fn token_of(key: &KeyView) -> String {
    key.record().map_or_else(|| "0".to_owned(), |record| record.token.clone())
}
