//! One run under callgrind, and what it says.

use std::{collections::HashMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Failure},
    target,
};

/// Instructions of a run or of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Count {
    /// All of them.
    pub(super) instructions: u64,
    /// Those of them that compute SHA-256 block by block. valgrind's processor has no instructions
    /// for it, so there are about ten times as many as on most real ones.
    pub(super) sha256: u64,
}

/// What would let the same work cost another number from run to run, or a number of no meaning:
/// - `rep movsb`, of which callgrind counts every byte as an instruction;
/// - glibc's tidying up of its heap, which comes at a moment that depends on where hash tables with
///   a random seed put their entries. Freed memory is kept for the next allocation of its size.
const TUNABLES: &str = "glibc.cpu.x86_rep_movsb_threshold=2000000000\
     :glibc.malloc.mxfast=0:glibc.malloc.tcache_count=60000";

/// What it takes to do one operation so many times, the start of the program included.
pub(super) fn count(
    root: &Path,
    program: &str,
    operation: &str,
    times: u32,
) -> Result<Count, Failure> {
    let file = target::folder(root)?.join("callgrind.out");
    let out = format!("--callgrind-out-file={}", file.display());
    let times = times.to_string();
    let arguments = ["--quiet", "--tool=callgrind", &out, program, "run", operation, &times];
    let valgrind = Command::new("valgrind", &arguments).with("GLIBC_TUNABLES", TUNABLES);
    valgrind.read(root)?;
    let profile = fs::read_to_string(&file).unwrap_or_default();
    let unread =
        || Failure::new("what callgrind counted cannot be understood", valgrind.to_string());
    read(&profile).ok_or_else(unread)
}

/// Reads a profile in callgrind's format: costs of lines (here: of whole functions, since there is
/// no debug information), each under the `fn=` that it belongs to. The cost after a `calls=` is
/// that of the called function and is listed there too.
fn read(profile: &str) -> Option<Count> {
    let (mut names, mut hashes, mut of_call) = (HashMap::new(), false, false);
    let mut count = Count::default();
    for line in profile.lines() {
        if let Some((key, value)) = line.split_once('=') {
            match key {
                // Names are given once, with a number that stands for them from then on.
                "fn" | "cfn" => {
                    let (number, name) = value.split_once(' ').unwrap_or((value, ""));
                    if !name.is_empty() {
                        names.insert(number, is_sha256(name));
                    }
                    if key == "fn" {
                        hashes = names.get(number).copied()?;
                    }
                }
                "calls" => of_call = true,
                _ => {}
            }
        } else if let Some(total) = line.strip_prefix("totals:") {
            count.instructions = total.trim().parse().ok()?;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost: u64 = line.split_whitespace().nth(1).unwrap_or("0").parse().ok()?;
            count.sha256 += if hashes && !of_call { cost } else { 0 };
            of_call = false;
        }
    }
    (count.instructions > 0).then_some(count)
}

/// `sha2::sha256::soft::…::compress` of crate sha2, or whatever takes its place there.
fn is_sha256(function: &str) -> bool {
    function.contains("sha2::sha256::") && function.contains("compress")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
# callgrind format
version: 1
desc: Trigger: Program termination
positions: line
events: Ir
summary: 2230

fl=(1) ???
fn=(1) main
0 30
cfn=(2) sha2::sha256::soft::unroll::compress
calls=2 0
0 2000
+3 100

fn=(2)
0 1500
* 500
cfn=(3) memcpy
calls=1 0
0 100

fn=(3)
0 100

totals: 2230
";

    #[test]
    fn costs_belong_to_the_function_they_stand_under_and_those_of_calls_to_none() {
        assert_eq!(read(PROFILE), Some(Count { instructions: 2230, sha256: 2000 }));
    }

    #[test]
    fn what_is_no_whole_profile_gives_no_figure() {
        let cut = PROFILE.split("totals").next().unwrap();
        assert_eq!(read(cut), None);
        assert_eq!(read(&PROFILE.replace("0 1500", "0 many")), None);
        assert_eq!(read(&PROFILE.replace("fn=(3)\n", "fn=(4)\n")), None);
    }
}
