//! What a person at a terminal reads.

use std::fmt::Write as _;

use super::answer::GivenAnswer;
use super::desk::SweptView;
use super::view::{ClassName, KeyView, RecordView, Stands, StateName, WhyName};

/// The first digits of an id, as logs have them.
const SHORT: usize = 8;

pub(super) const DELETED: &str = "deleted: the next request with this key runs";

/// Above the lines of a list.
pub(super) fn heading(full: bool) -> String {
    format!(
        "{:width$}  STATE          CLASS          RUNS  UNTIL                     ANSWER",
        "ID",
        width = width(full)
    )
}

/// A key in a list.
pub(super) fn line(key: &KeyView, full: bool) -> String {
    let id = shown(&key.id, full);
    let width = width(full);
    match &key.stands {
        Stands::Unreadable { unreadable } => format!("{id:width$}  unreadable     {unreadable}"),
        Stands::Record(record) => {
            let until = record.kept_until.as_ref().or(record.lease_until.as_ref());
            let last = match (&record.answer, record.why) {
                (Some(answer), _) => answer.status.to_string(),
                (None, Some(why)) => short_why(why).to_owned(),
                (None, None) => String::new(),
            };
            format!(
                "{id:width$}  {:13}  {:13}  {:4}  {:24}  {last}",
                state(record.state),
                class(record.class),
                record.executions,
                until.map_or("", String::as_str)
            )
        }
    }
}

/// All that is known of a key, and what can be done.
pub(super) fn explained(key: &KeyView, typed: Option<&str>, full: bool) -> String {
    let mut text = format!("id          {}\n", shown(&key.id, full));
    let record = match &key.stands {
        Stands::Record(record) => record,
        Stands::Unreadable { unreadable } => {
            let _ = write!(text, "state       unreadable: {unreadable}");
            return text;
        }
    };
    let _ = writeln!(text, "state       {}", state_in_full(record));
    let _ = writeln!(text, "class       {}", class_in_full(record.class));
    let times = match record.executions {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let _ = writeln!(text, "begun       {times}");
    let _ = writeln!(text, "request     compared as {}", record.request);
    for (name, time) in [
        ("made at", &record.made_at),
        ("claimed at", &record.claimed_at),
        ("lease until", &record.lease_until),
        ("kept until", &record.kept_until),
    ] {
        if let Some(time) = time {
            let _ = writeln!(text, "{name:11} {time}");
        }
    }
    if let Some(answer) = &record.answer {
        let body = match answer.body_bytes {
            Some(bytes) => format!("{bytes} bytes of body"),
            None => "its body was too long to be kept".to_owned(),
        };
        let _ = writeln!(text, "answer      {}, {body}", answer.status);
        for (name, value) in answer.headers.iter().flatten() {
            let _ = writeln!(text, "            {}: {}", printable(name), printable(value));
        }
        if let Some(body) = &answer.body {
            let _ = writeln!(text, "\n{}", printable(body));
        }
    }
    if record.state == StateName::Indeterminate {
        text.push_str(&what_to_do(key, typed));
    }
    text
}

fn what_to_do(key: &KeyView, typed: Option<&str>) -> String {
    let named = match typed {
        Some(typed) => quoted(typed),
        None => format!("--id {}", key.id),
    };
    format!(
        "
Retries are told outcome-unknown until this is settled. Find out, where its effect would be, whether it
was done. Then say so, with the --store and --scope of this command:

  seiriken keys resolve {named} --done --status 201 --body-file ANSWER
      it was done: from now on every retry gets this answer
  seiriken keys resolve {named} --not-done
      it was not, and never will be: the next request with this key runs
"
    )
}

/// Why an outcome cannot be resolved that is none.
pub(super) fn why_not_resolved(key: &KeyView, typed: Option<&str>) -> String {
    let name = typed.map_or_else(|| shown(&key.id, false), quoted);
    match &key.stands {
        Stands::Unreadable { unreadable } => format!("{name} cannot be read: {unreadable}"),
        Stands::Record(record) => match record.state {
            StateName::Completed => format!("{name} has its answer, which never changes"),
            StateName::InProgress | StateName::Indeterminate => {
                format!("{name} is running: its owner may still answer it")
            }
        },
    }
}

pub(super) fn before_resolving(key: &KeyView, answer: Option<&GivenAnswer>) -> String {
    let id = shown(&key.id, false);
    match answer {
        Some(answer) => format!(
            "{id}: it was done. Every retry of it gets {} with {} bytes of body from now on, and that \
             never changes.",
            answer.status,
            answer.body.len()
        ),
        None => format!(
            "{id}: it was not done, and never will be. The next request with this key runs. If it was \
             done after all, or its owner is only late, it is then done twice."
        ),
    }
}

pub(super) fn resolved(done: bool) -> String {
    let what =
        if done { "every retry gets this answer" } else { "the next request with this key runs" };
    format!("resolved: {what}")
}

pub(super) fn before_deleting(key: &KeyView) -> String {
    let id = shown(&key.id, false);
    let what = match key.record().map(|record| record.state) {
        Some(StateName::Completed) => "its answer is forgotten",
        Some(StateName::Indeterminate) => "nobody knows whether it was done, and that is forgotten",
        Some(StateName::InProgress) => "it may be running",
        None => "it cannot be read",
    };
    format!(
        "{id}: {what}. The next request with this key runs: a client that retries does it again."
    )
}

pub(super) fn changed_meanwhile(stands: Option<&KeyView>) -> String {
    match stands.map(|key| (key.record().map(|record| record.state), key)) {
        None => {
            "nothing is known of the key any more: somebody was faster, or it has expired".into()
        }
        Some((Some(StateName::InProgress), _)) => {
            "it is running, and what runs is not taken from its owner".into()
        }
        Some((_, key)) => {
            format!(
                "it has changed meanwhile. Now it is like this:\n{}",
                explained(key, None, false)
            )
        }
    }
}

pub(super) fn swept(swept: &SweptView) -> String {
    let SweptView { removed, unresolved_removed, became_indeterminate, .. } = swept;
    format!(
        "removed {removed}, of unknown outcome and past their time {unresolved_removed}; found \
         indeterminate {became_indeterminate}"
    )
}

fn width(full: bool) -> usize {
    if full { 32 } else { SHORT }
}

fn shown(id: &str, full: bool) -> String {
    id.chars().take(width(full)).collect()
}

fn state(state: StateName) -> &'static str {
    match state {
        StateName::InProgress => "in progress",
        StateName::Indeterminate => "indeterminate",
        StateName::Completed => "completed",
    }
}

fn class(class: ClassName) -> &'static str {
    match class {
        ClassName::Transactional => "transactional",
        ClassName::Keyed => "keyed",
        ClassName::Opaque => "opaque",
    }
}

fn short_why(why: WhyName) -> &'static str {
    match why {
        WhyName::OwnerVanished => "owner vanished",
        WhyName::OwnerCannotSay => "owner cannot say",
    }
}

fn state_in_full(record: &RecordView) -> &'static str {
    match (record.state, record.why) {
        (StateName::InProgress, _) => "in progress: somebody runs it",
        (StateName::Completed, _) => "completed: its answer stands",
        (StateName::Indeterminate, Some(WhyName::OwnerCannotSay)) => {
            "indeterminate: whoever ran it cannot say whether it was done (a panic, a timeout, an \
             answer cut short)"
        }
        (StateName::Indeterminate, _) => {
            "indeterminate: whoever ran it vanished (its process died, or is very late), and nobody \
             knows whether it was done"
        }
    }
}

fn class_in_full(class: ClassName) -> &'static str {
    match class {
        ClassName::Transactional => {
            "transactional: its effect commits with its answer, or not at all"
        }
        ClassName::Keyed => "keyed: what is downstream knows the key; it may run again",
        ClassName::Opaque => "opaque: never run again by itself",
    }
}

/// What came from elsewhere moves no cursor and rings no bell.
fn printable(text: &str) -> String {
    let plain = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().map(|c| if plain(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_elsewhere_is_harmless_on_a_terminal_and_in_a_shell() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\u{fffd}[2Jb\nc");
        assert_eq!(quoted("3f2a-91"), "3f2a-91");
        assert_eq!(quoted("\"k\"; rm"), "'\"k\"; rm'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
