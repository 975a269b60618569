//! What later steps build, built while earlier ones wait.
//!
//! Tests wait for clocks, disks and databases a third of their time, and each profile of cargo has a
//! folder of its own. The step that needs a build runs the same command again: it finds the build
//! done, waits for its end, or shows why it fails. So nothing is told of what goes wrong here.

use std::{path::Path, process::Child};

use crate::command::Command;

/// Builds that run beside the steps, and end with their owner.
#[derive(Debug)]
pub(crate) struct Ahead {
    builds: Vec<Child>,
}

// === impl Ahead ===

impl Ahead {
    /// Starts them all: cargo lets those wait that need the same folder.
    pub(crate) fn start(root: &Path, builds: &[Command]) -> Self {
        let start = |build: &Command| {
            let child = build.start_idle(root)?;
            println!("built meanwhile: {build}");
            Some(child)
        };
        Self { builds: builds.iter().filter_map(start).collect() }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        for build in &mut self.builds {
            // It may have ended long ago.
            let _ = build.kill();
            let _ = build.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_ends_with_its_owner() {
        let mut ahead = Ahead::start(Path::new("."), &[Command::new("sleep", &["infinity"])]);
        assert!(ahead.builds[0].try_wait().unwrap().is_none(), "it runs");
        let pid = ahead.builds[0].id();
        drop(ahead);
        assert!(!Path::new(&format!("/proc/{pid}")).exists() || cfg!(not(target_os = "linux")));
    }
}
