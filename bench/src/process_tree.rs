//! What a process and its children take of CPU time and memory. Read from `/proc`, so on Linux
//! alone.

use std::fs;
use std::time::Duration;

use crate::failure::{Failure, While};

/// The kernel counts the CPU time of a process in these, whatever its own clock is (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// What a line of `/proc/PID/stat` says (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time, its own and that of children that have ended.
    ticks: u32,
}

/// The CPU time that a process and its children have taken so far, their own and the kernel's on
/// their behalf.
pub(crate) fn cpu_time(root: u32) -> Result<Duration, Failure> {
    let tree = tree(&processes()?, root);
    if tree.is_empty() {
        return Err(Failure::new("a server has ended by itself"));
    }
    Ok(TICK * tree.iter().map(|(_, stat)| stat.ticks).sum())
}

/// The memory that a process and its children have in use (`VmRSS`).
pub(crate) fn resident_bytes(root: u32) -> Result<u64, Failure> {
    let mut kib = 0;
    for (id, _) in tree(&processes()?, root) {
        let status = fs::read_to_string(format!("/proc/{id}/status"));
        let status = status.while_doing("reading the memory of a server")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let own = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib +=
            own.ok_or_else(|| Failure::new("the kernel does not say how much memory is used"))?;
    }
    Ok(kib * 1024)
}

/// The CPU time this process has taken so far. Its children are the servers, which do not count.
pub(crate) fn own_cpu_time() -> Result<Duration, Failure> {
    own_ticks([11, 12])
}

/// The sum of two fields of this process, of those behind its name.
fn own_ticks(of: [usize; 2]) -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/self/stat").while_doing("reading own CPU time")?;
    let ticks = fields(&stat).and_then(|fields| {
        let [user, system] = of.map(|at| fields.get(at)?.parse().ok());
        u32::checked_add(user?, system?)
    });
    ticks.map(|ticks| TICK * ticks).ok_or_else(|| Failure::new("the kernel says no CPU time"))
}

/// The CPU time of children of this process that have ended and were waited for.
pub(crate) fn ended_children_cpu_time() -> Result<Duration, Failure> {
    own_ticks([13, 14])
}

/// All there are. One that ends while we look is one that has ended.
fn processes() -> Result<Vec<(u32, Stat)>, Failure> {
    let folders = fs::read_dir("/proc").while_doing("listing processes")?;
    let processes = folders.filter_map(|folder| {
        let id = folder.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        Some((id, Stat::read(&stat)?))
    });
    Ok(processes.collect())
}

/// A process and all that come from it.
fn tree(processes: &[(u32, Stat)], root: u32) -> Vec<(u32, Stat)> {
    let mut tree: Vec<_> = processes.iter().filter(|(id, _)| *id == root).copied().collect();
    let mut looked_at = 0;
    while let Some(&(parent, _)) = tree.get(looked_at) {
        tree.extend(processes.iter().filter(|(_, stat)| stat.parent == parent));
        looked_at += 1;
    }
    tree
}

/// What stands behind the name, which is in parentheses and may hold spaces and parentheses itself.
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

impl Stat {
    fn read(stat: &str) -> Option<Self> {
        let fields = fields(stat)?;
        let parent = fields.get(1)?.parse().ok()?;
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u32>());
        Some(Self { parent, ticks: ticks.sum::<Result<_, _>>().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_behind_any_name() {
        let numbers = "S 7 2 3 4 5 6 7 8 9 10 700 55 30 4 20 0 4 0";
        let expected = Some(Stat { parent: 7, ticks: 789 });
        assert_eq!(Stat::read(&format!("42 (seiriken) {numbers}")), expected);
        assert_eq!(Stat::read(&format!("42 (a) b) {numbers}")), expected);
        assert_eq!(Stat::read("42 (seiriken) S 1"), None);
    }

    #[test]
    fn a_tree_has_the_children_of_children_and_nobody_else() {
        let process = |id, parent| (id, Stat { parent, ticks: 1 });
        let all = [process(9, 5), process(1, 0), process(5, 1), process(6, 1), process(7, 9)];
        let ids = |root| tree(&all, root).iter().map(|(id, _)| *id).collect::<Vec<_>>();
        assert_eq!(ids(5), [5, 9, 7]);
        assert_eq!(ids(6), [6]);
        assert_eq!(ids(8), Vec::<u32>::new());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_takes_cpu_time_and_memory() {
        let me = std::process::id();
        let before = own_cpu_time().unwrap();
        // Ends when the clock of the kernel has moved on, which it does while we work.
        while own_cpu_time().unwrap() < before + 2 * TICK {}
        assert!(cpu_time(me).unwrap() >= before + 2 * TICK);
        assert!(resident_bytes(me).unwrap() > 1 << 16);
    }
}
