//! The scripts: what a server does in one step.

use std::fmt::Write as _;
use std::sync::LazyLock;

use redis::{Cmd, ToRedisArgs};
use sha1::{Digest, Sha1};

/// A script, known to the server by the digest of its text.
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    digest: String,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/common.lua"),
                include_str!(concat!("scripts/", $file))
            ))
        });
    };
}

script!(CLAIM, "claim.lua");
script!(COMPLETE, "complete.lua");
script!(READ, "read.lua");
script!(PUT, "put.lua");
script!(EXAMINE, "examine.lua");
script!(ROTATE, "rotate.lua");

impl Script {
    fn new(text: &'static str) -> Self {
        let digest = Sha1::digest(text).iter().fold(String::new(), |mut digest, byte| {
            let _ = write!(digest, "{byte:02x}");
            digest
        });
        Self { text, digest }
    }

    /// The command that runs it on these keys. The arguments are the caller's to add.
    pub(super) fn on(&self, keys: &[&str]) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.digest).arg(keys.len());
        keys.iter().for_each(|key| add(&mut command, key));
        command
    }

    /// The command that makes it known to a server.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }
}

fn add(command: &mut Cmd, argument: impl ToRedisArgs) {
    command.arg(argument);
}
