//! The options of `seiriken keys`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use seiriken::store::IdPrefix;

use super::answer;
use super::view::StateName;
use crate::store_url::StoreUrl;

/// The options of `seiriken keys`.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeysOptions {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// What is done with keys.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum Verb {
    /// Lists keys, or those of one state.
    List(ListOptions),
    /// Says what stands under a key, why, and what can be done.
    Show(ShowOptions),
    /// Settles an outcome that nobody knows: it was done, and this is the answer; or it was not.
    Resolve(ResolveOptions),
    /// Forgets a key before its time: the next request with it runs.
    Delete(ChangeOptions),
    /// Removes what has expired, and settles what vanished owners left, now.
    Sweep(SweepOptions),
    /// Brings the tables of a PostgreSQL store to this version.
    Migrate(StoreOptions),
}

#[derive(Debug, Clone, Args)]
pub(super) struct StoreOptions {
    /// Where the keys are: sqlite:PATH, postgres://… or redis://…
    #[arg(long, value_name = "URL", env = "SEIRIKEN_STORE", default_value = "sqlite:seiriken.db")]
    pub(super) store: StoreUrl,
}

#[derive(Debug, Clone, Args)]
pub(super) struct SweepOptions {
    /// Where the keys are: sqlite:PATH, postgres://… or redis://…
    #[arg(long, value_name = "URL", env = "SEIRIKEN_STORE", default_value = "sqlite:seiriken.db")]
    pub(super) store: StoreUrl,

    /// One line of JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ListOptions {
    /// Where the keys are: sqlite:PATH, postgres://… or redis://…
    #[arg(long, value_name = "URL", env = "SEIRIKEN_STORE", default_value = "sqlite:seiriken.db")]
    pub(super) store: StoreUrl,

    /// Only keys that stand so: in-progress, indeterminate or completed.
    #[arg(long, value_name = "STATE", value_parser = standing)]
    pub(super) state: Option<StateName>,

    /// Only keys of this scope; '' is the default one.
    #[arg(long, value_name = "NAME")]
    pub(super) scope: Option<String>,

    /// Only keys whose id begins like this.
    #[arg(long, value_name = "HEX", value_parser = prefix)]
    pub(super) prefix: Option<String>,

    /// How many are shown at most.
    #[arg(long, value_name = "N", default_value = "50", value_parser = limit)]
    pub(super) limit: usize,

    /// Ids in full; otherwise their first eight digits, as logs have them.
    #[arg(long)]
    pub(super) full: bool,

    /// One line of JSON for each key, for programs; ids are in full there.
    #[arg(long)]
    pub(super) json: bool,
}

/// Which key is meant.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["key", "id"]))]
pub(super) struct WhichOptions {
    /// The key as its client sends it. Stores know keys by keyed hashes alone.
    #[arg(value_name = "KEY")]
    pub(super) key: Option<String>,

    /// The key by its id instead, as lists and logs have it, or by the first digits of it.
    #[arg(long, value_name = "HEX", value_parser = id)]
    pub(super) id: Option<String>,

    /// The scope that the key is in.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(super) scope: String,

    /// Where the keys are: sqlite:PATH, postgres://… or redis://…
    #[arg(long, value_name = "URL", env = "SEIRIKEN_STORE", default_value = "sqlite:seiriken.db")]
    pub(super) store: StoreUrl,

    /// One line of JSON, for programs.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ShowOptions {
    #[command(flatten)]
    pub(super) which: WhichOptions,

    /// Shows the recorded answer itself: its fields and its body, which may be confidential.
    #[arg(long)]
    pub(super) answer: bool,

    /// The id in full.
    #[arg(long)]
    pub(super) full: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct ChangeOptions {
    #[command(flatten)]
    pub(super) which: WhichOptions,

    /// Does not ask first.
    #[arg(long)]
    pub(super) yes: bool,

    /// Where it is written down who did what: a file that lines are added to. If not said, PATH.audit
    /// beside a SQLite file, else seiriken.audit in this folder.
    #[arg(long, value_name = "FILE", env = "SEIRIKEN_AUDIT")]
    pub(super) audit: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("outcome").required(true).args(["done", "not_done"]))]
pub(super) struct ResolveOptions {
    #[command(flatten)]
    pub(super) change: ChangeOptions,

    /// It was done: every retry gets the answer that --status, --header and --body say.
    #[arg(long)]
    pub(super) done: bool,

    /// It was not done and never will be: the key is free, and the next request with it runs.
    #[arg(long)]
    pub(super) not_done: bool,

    /// The answer's status, 200 to 599.
    #[arg(long, value_name = "STATUS", conflicts_with = "not_done", required_if_eq("done", "true"),
          value_parser = answer::status)]
    pub(super) status: Option<u16>,

    /// A field of the answer, as in --header 'Content-Type: application/json'. May be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE", conflicts_with = "not_done",
          value_parser = answer::field)]
    pub(super) headers: Vec<(String, String)>,

    /// The answer's body.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["not_done", "body_file"])]
    pub(super) body: Option<String>,

    /// A file with the answer's body.
    #[arg(long, value_name = "FILE", conflicts_with = "not_done")]
    pub(super) body_file: Option<PathBuf>,
}

fn standing(text: &str) -> Result<StateName, String> {
    match text {
        "in-progress" => Ok(StateName::InProgress),
        "indeterminate" => Ok(StateName::Indeterminate),
        "completed" => Ok(StateName::Completed),
        _ => Err(format!("'{text}' is none of in-progress, indeterminate, completed")),
    }
}

fn prefix(text: &str) -> Result<String, String> {
    IdPrefix::parse(text)
        .map(|prefix| prefix.as_str().to_owned())
        .map_err(|wrong| wrong.to_string())
}

/// Fewer digits would name another key tomorrow.
fn id(text: &str) -> Result<String, String> {
    match prefix(text)? {
        short if short.len() < 8 => Err("an id needs its first eight digits at least".into()),
        id => Ok(id),
    }
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is not a number of keys")),
        Ok(limit) => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_or_refused() {
        assert_eq!(standing("indeterminate"), Ok(StateName::Indeterminate));
        assert_eq!(prefix("AB"), Ok("ab".into()));
        assert_eq!(id("ABCDEF01"), Ok("abcdef01".into()));
        assert_eq!(limit("3"), Ok(3));
        for text in ["", "0", "-1", "unknown", "abcdef0"] {
            assert!(standing(text).is_err() && id(text).is_err() && limit(text).is_err(), "{text}");
        }
        assert!(prefix("g").is_err());
    }
}
