//! The scripts: what a server does in one step.

use std::fmt::Write as _;
use std::sync::LazyLock;

use redis::Cmd;
use sha1::{Digest, Sha1};

/// A script, known to the server by the digest of its text.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    digest: String,
    /// Whether running it twice is running it once: claims name their attempt, answers their token,
    /// and looking changes nothing.
    pub(super) repeatable: bool,
}

macro_rules! script {
    ($name:ident, $file:literal, repeatable: $repeatable:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            let text = concat!(
                include_str!("scripts/common.lua"),
                include_str!(concat!("scripts/", $file))
            );
            Script::new(text, $repeatable)
        });
    };
}

script!(CLAIM, "claim.lua", repeatable: true);
script!(COMPLETE, "complete.lua", repeatable: true);
script!(READ, "read.lua", repeatable: true);
script!(PUT, "put.lua", repeatable: false);
script!(EXAMINE, "examine.lua", repeatable: true);
script!(ROTATE, "rotate.lua", repeatable: false);

impl Script {
    fn new(text: &'static str, repeatable: bool) -> Self {
        let digest = Sha1::digest(text).iter().fold(String::new(), |mut digest, byte| {
            let _ = write!(digest, "{byte:02x}");
            digest
        });
        Self { text, digest, repeatable }
    }

    /// The command that runs it on these keys. The arguments are the caller's to add.
    pub(super) fn on(&self, keys: &[&str]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.digest).arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        command
    }

    /// The command that makes it known to a server.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }
}
