//! A Redis server of a run: on the disk that the other files are on, emptied for each side.

use std::path::Path;

use private_servers::redis::{Persistence, RedisServer as PrivateRedis, RedisSettings};

use crate::failure::{Failure, While};
use crate::spread::number;

/// The memory of keys that are found by asking for some, and how many those were. (Records are
/// strings; what a library keeps for itself beside them is something else, or one key of many.)
const MEMORY: &str = "local bytes, keys, cursor = 0, 0, '0'
    repeat
        local found = redis.call('SCAN', cursor, 'COUNT', 1000, 'TYPE', 'string')
        cursor = found[1]
        for _, key in ipairs(found[2]) do
            bytes = bytes + redis.call('MEMORY', 'USAGE', key)
            keys = keys + 1
        end
    until cursor == '0' or keys >= 1000
    return bytes .. ' ' .. keys";

/// A Redis server, gone with this.
#[derive(Debug)]
pub(crate) struct RedisServer {
    server: PrivateRedis,
}

impl RedisServer {
    /// Starts it with its files below this folder.
    pub(crate) fn start(dir: &Path, persistence: Persistence) -> Result<Self, Failure> {
        // The log is not made anew in the middle of a round: whose turn that were would be chance.
        let settings = RedisSettings::new().persistence(persistence).below(dir);
        let settings = settings.set("auto-aof-rewrite-percentage", "0");
        let server = PrivateRedis::start(settings).while_doing("starting Redis")?;
        Ok(Self { server })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Its process; another one each time that it was emptied.
    pub(crate) fn pid(&self) -> Result<u32, Failure> {
        self.server.pid().ok_or_else(|| Failure::new("Redis is not running"))
    }

    /// A new process with nothing in it, at the same address.
    pub(crate) fn anew(&mut self) -> Result<(), Failure> {
        self.server.restart_empty().while_doing("starting Redis once more")
    }

    /// What a key takes there, with its value, of those that are there.
    pub(super) fn bytes_per_key(&self) -> Result<f64, Failure> {
        let answer = self.server.cli(&["EVAL", MEMORY, "0"]).while_doing("asking Redis")?;
        let counts = answer.trim_matches('"').split_once(' ').and_then(|(bytes, keys)| {
            let [bytes, keys] = [bytes, keys].map(|count| count.parse::<u64>().ok());
            Some((bytes?, keys.filter(|keys| *keys > 0)?))
        });
        let (bytes, keys) =
            counts.ok_or_else(|| Failure::new(format!("Redis says of its keys: {answer}")))?;
        Ok(number(bytes) / number(keys))
    }
}
