//! `cargo xtask bench instructions`: what each operation of the hot path costs in instructions,
//! beside what it cost when that was last written down.
//!
//! Time wavers with whatever else the machine does; instructions do not. callgrind counts them as
//! it runs the operation so many times, and again twice as many times: the difference is that of
//! the operations alone, without the start of the program.
//!
//! ```text
//! callgrind  one run, and what it says
//! counts     what was counted, written down and compared
//! ```

mod callgrind;
mod counts;

use std::fs;
use std::path::Path;
use std::process::Command;

use self::callgrind::Count;
use self::counts::{Counted, Counts};
use crate::failure::{Failure, While};
use crate::hot_path;

/// Enough that tables have grown a few times; more makes no difference.
const TIMES: u32 = 256;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// The counts that are committed.
    pub file: &'o Path,
    /// Whether they become those of this run.
    pub write: bool,
}

/// Counts, and prints the table; more instructions than were written down are told, which is not a
/// failure. `program` does an operation so many times: `program run NAME TIMES`.
pub fn run(program: &Path, options: Options<'_>) -> Result<(), Failure> {
    let committed = committed(options.file)?;
    let now = counted(program)?;
    println!("{}", now.table(committed.as_ref()));
    for line in now.told(committed.as_ref()) {
        println!("{line}");
    }
    if options.write {
        let json = now.to_json().while_doing("writing the counts down")?;
        fs::write(options.file, json).while_doing(&options.file.display().to_string())?;
        println!("written to {}", options.file.display());
    }
    Ok(())
}

/// None where nothing has been written down yet.
fn committed(file: &Path) -> Result<Option<Counts>, Failure> {
    if !file.exists() {
        return Ok(None);
    }
    let json = fs::read_to_string(file).while_doing(&file.display().to_string())?;
    Counts::from_json(&json).while_doing(&file.display().to_string()).map(Some)
}

fn counted(program: &Path) -> Result<Counts, Failure> {
    let version = Command::new("rustc").arg("-vV").output().while_doing("asking the compiler")?;
    let version = String::from_utf8_lossy(&version.stdout);
    let said = |what: &str| {
        let line = version.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
        line.map(str::to_owned).ok_or_else(|| Failure::new("the compiler names no version"))
    };
    let mut operations = Vec::new();
    for path in hot_path::ALL {
        let once = callgrind::count(program, path.name, TIMES)?;
        let twice = callgrind::count(program, path.name, 2 * TIMES)?;
        let count = each(once, twice)
            .ok_or_else(|| Failure::new(format!("{}: less work took more", path.name)))?;
        operations.push(Counted { name: path.name.to_owned(), count });
    }
    Ok(Counts { compiler: said("release")?, target: said("host")?, operations })
}

/// What one operation costs. None where twice as many cost less.
fn each(once: Count, twice: Count) -> Option<Count> {
    let times = u64::from(TIMES);
    let each = |once: u64, twice: u64| Some((twice.checked_sub(once)? + times / 2) / times);
    Some(Count {
        instructions: each(once.instructions, twice.instructions)?,
        sha256: each(once.sha256, twice.sha256)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_the_program_falls_out() {
        let (start, times) = (1_000_000, u64::from(TIMES));
        let after = |times| Count { instructions: start + 300 * times, sha256: 10 + 7 * times };
        let cost = each(after(times), after(2 * times));
        assert_eq!(cost, Some(Count { instructions: 300, sha256: 7 }));
        assert_eq!(each(after(2 * times), after(times)), None);
    }
}
