//! What was done, read from outside: the lines of the ledger.

use super::ledger::Ledger;
use crate::witness::effects::{Effects, collect};
use crate::witness::operation;

/// What stands in the ledger.
pub(crate) fn in_ledger(ledger: &Ledger) -> Result<Effects, String> {
    let lines = ledger.lines().map_err(|error| format!("the ledger: {error}"))?;
    let effect = |line: super::Line| Some((operation::number(&line.operation)?, line.effect));
    let effects: Option<Vec<(usize, String)>> = lines.into_iter().map(effect).collect();
    effects.map(|all| collect(all.into_iter())).ok_or_else(|| "a line of nobody's".to_owned())
}
