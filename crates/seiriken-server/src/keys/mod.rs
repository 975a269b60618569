//! `seiriken keys`: what an operator needs at three in the morning. Looks for keys, says what stands
//! under one, settles an outcome that nobody knows, forgets a key early.
//!
//! A SQLite file belongs to one process: while that runs, it is asked over a socket beside the file.

mod answer;
mod audit;
mod beside;
mod change;
mod desk;
mod options;
mod view;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

pub(crate) use self::beside::Beside;
pub(crate) use self::options::KeysOptions;

use self::desk::{Ask, Desk, Told, Which};
use self::options::{ListOptions, ShowOptions, Verb, WhichOptions};
use self::view::KeyView;
use crate::stop;
use crate::store_url::StoreUrl;

/// Does what was asked, and ends.
pub(crate) async fn keys(options: KeysOptions) -> ExitCode {
    let verb = options.verb;
    let ended = match &verb {
        Verb::Migrate(options) => migrate(&options.store).await,
        Verb::List(options) => list(options).await,
        Verb::Show(options) => show(options).await,
        Verb::Resolve(options) => change::resolve(options).await,
        Verb::Delete(options) => change::delete(options).await,
        Verb::Sweep(options) => sweep(&options.store, options.json).await,
    };
    ended.unwrap_or_else(Ended::exit)
}

/// Why a command did not do what was asked.
#[derive(Debug)]
enum Ended {
    /// It cannot be asked like this.
    BadUse(String),
    /// It was not done.
    Failed(String),
    /// Whether it was done is not known.
    InDoubt(String),
}

impl Ended {
    fn exit(self) -> ExitCode {
        match self {
            Self::BadUse(wrong) => stop::bad_use(&wrong),
            Self::Failed(why) => stop::failed(&why),
            Self::InDoubt(why) => {
                eprintln!(
                    "seiriken: {why}; whether it was done is not known: look at the key again"
                );
                ExitCode::from(stop::OUTCOME_UNKNOWN)
            }
        }
    }
}

async fn list(options: &ListOptions) -> Result<ExitCode, Ended> {
    let desk = Desk::open(&options.store).await?;
    let mut shown = 0;
    let mut from = None;
    let mut more = false;
    if !options.json {
        say(&words::heading(options.full))?;
    }
    'pages: loop {
        let ask = Ask::List {
            state: options.state,
            scope: options.scope.clone(),
            prefix: options.prefix.clone().unwrap_or_default(),
            from,
            at_most: options.limit.min(LIST_STEP),
        };
        let Told::Page { keys, next } = desk.ask(ask).await? else { return Err(unexpected()) };
        for key in keys {
            if shown == options.limit {
                more = true;
                break 'pages;
            }
            shown += 1;
            say(&if options.json { json(&key)? } else { words::line(&key, options.full) })?;
        }
        match next {
            Some(_) if shown == options.limit => {
                more = true;
                break;
            }
            Some(next) => from = Some(next),
            None => break,
        }
    }
    desk.close().await;
    if more {
        eprintln!("seiriken: there may be more than {shown}: --limit N shows more of them");
    } else if shown == 0 && !options.json {
        eprintln!("seiriken: no key is like that");
    }
    Ok(ExitCode::SUCCESS)
}

/// Keys of one page: their answers are read with them.
const LIST_STEP: usize = 100;

async fn show(options: &ShowOptions) -> Result<ExitCode, Ended> {
    let desk = Desk::open(&options.which.store).await?;
    let key = find(&desk, &options.which, options.answer).await?;
    desk.close().await;
    if options.which.json {
        say(&json(&key)?)?;
    } else {
        say(&words::explained(&key, options.which.key.as_deref(), options.full))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands under the key that is meant.
async fn find(desk: &Desk, which: &WhichOptions, answer: bool) -> Result<KeyView, Ended> {
    match desk.ask(Ask::Show { which: Which::read(which)?, answer }).await? {
        Told::Key(Some(key)) => Ok(*key),
        Told::Key(None) => Err(Ended::Failed(match &which.key {
            Some(_) => {
                "nothing is known of this key: it was not used in this store, or is forgotten \
                        (a key of another scope needs --scope)"
                    .to_owned()
            }
            None => "no key has this id: it was freed, or is forgotten".to_owned(),
        })),
        Told::Many(ids) => {
            Err(Ended::BadUse(format!("several keys begin like this: {}", ids.join(", "))))
        }
        _ => Err(unexpected()),
    }
}

async fn sweep(store: &StoreUrl, as_json: bool) -> Result<ExitCode, Ended> {
    let desk = Desk::open(store).await?;
    let mut all = desk::SweptView::default();
    loop {
        match desk.ask(Ask::Sweep).await? {
            Told::NothingToSweep => {
                desk.close().await;
                say("Redis removes by itself what has expired: there is nothing to sweep")?;
                return Ok(ExitCode::SUCCESS);
            }
            Told::Swept(swept) => {
                let goes_on = swept.goes_on();
                all.add(&swept);
                if !goes_on {
                    break;
                }
            }
            _ => return Err(unexpected()),
        }
    }
    desk.close().await;
    say(&if as_json { json(&all)? } else { words::swept(&all) })?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(store: &StoreUrl) -> Result<ExitCode, Ended> {
    let StoreUrl::Postgres(url) = store else {
        say("this store has no tables to migrate: there is nothing to do")?;
        return Ok(ExitCode::SUCCESS);
    };
    say(&desk::migrate(url).await?)?;
    Ok(ExitCode::SUCCESS)
}

/// One line, or several, on standard output.
fn say(text: &str) -> Result<(), Ended> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end())
        .map_err(|error| Ended::Failed(format!("standard output cannot be written: {error}")))
}

fn json(value: &impl serde::Serialize) -> Result<String, Ended> {
    serde_json::to_string(value).map_err(|error| Ended::Failed(error.to_string()))
}

fn unexpected() -> Ended {
    Ended::Failed("the process that has the store answers what this version does not know".into())
}
