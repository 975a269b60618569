//! What a process did to its files, as `strace` tells it.
//!
//! A write counts from the moment it is asked for, a sync when it has ended; so it is never
//! believed too early that something is on the disk. What a sync covers is what had been written
//! when it was asked for.

use std::collections::HashMap;

use super::mark::{Mark, hex};
use super::{DATABASE, MARKS};

/// One thing that happened, in the order in which it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The file was opened so that it is made if it is missing.
    Create(String),
    /// Bytes were written.
    Write { file: String, offset: u64, data: Vec<u8> },
    /// The file got this length.
    Truncate { file: String, length: u64 },
    /// The file was deleted.
    Remove(String),
    /// The file is on the disk as it was at this event.
    Sync { file: String, since: usize },
    /// The names in the folder are on the disk as they were at this event.
    SyncFolder { since: usize },
    /// The workload said so.
    Mark(Mark),
    /// The process ended here.
    Ended,
}

/// What `strace` is asked to show: all that changes a file or makes it durable. Whatever else could
/// do that is shown as well, to be refused by [`read`].
pub(super) const CALLS: &str = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,\
    ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,syncfs,unlink,unlinkat,\
    rename,renameat,renameat2,link,linkat,copy_file_range,sendfile";

/// A call that has begun and not ended.
struct Begun {
    name: String,
    arguments: String,
    event: usize,
}

struct Reader<'f> {
    folder: &'f str,
    events: Vec<Event>,
    /// By thread.
    begun: HashMap<String, Begun>,
}

/// Reads what one process did in `folder`, and adds it to `events`.
pub(super) fn read(trace: &str, folder: &str, events: Vec<Event>) -> Result<Vec<Event>, String> {
    let mut reader = Reader { folder, events, begun: HashMap::new() };
    for line in trace.lines() {
        reader.line(line).map_err(|error| format!("{error}: {line:.300}"))?;
    }
    reader.events.push(Event::Ended);
    Ok(reader.events)
}

impl Reader<'_> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (thread, said) = line.split_once(' ').ok_or("no thread")?;
        let said = said.trim_start();
        if said.starts_with("+++") || said.starts_with("---") {
            return Ok(());
        }
        if let Some(resumed) = said.strip_prefix("<... ") {
            let begun = self.begun.remove(thread).ok_or("resumed and never begun")?;
            let (_, rest) = resumed.split_once(" resumed>").ok_or("resumed what?")?;
            // Strings stand where the call begins; an answer comes at the end.
            let result = rest.rsplit_once(" = ").map_or("?", |(_, result)| result);
            self.ended(&begun, result);
            return Ok(());
        }
        let (name, rest) = said.split_once('(').ok_or("no call")?;
        let event = self.events.len();
        if let Some(arguments) = rest.strip_suffix(" <unfinished ...>") {
            let begun = Begun { name: name.into(), arguments: arguments.into(), event };
            self.begins(&begun, None)?;
            self.begun.insert(thread.to_owned(), begun);
            return Ok(());
        }
        let (arguments, result) = rest.rsplit_once(" = ").ok_or("no result")?;
        let arguments = arguments.trim_end().strip_suffix(')').ok_or("no end")?;
        let begun = Begun { name: name.into(), arguments: arguments.into(), event };
        self.begins(&begun, Some(result))?;
        self.ended(&begun, result);
        Ok(())
    }

    /// What counts from its beginning. `result`: where it is known already.
    fn begins(&mut self, call: &Begun, result: Option<&str>) -> Result<(), String> {
        if result.is_some_and(failed) {
            return Ok(());
        }
        match call.name.as_str() {
            "write" => self.mark(call),
            "pwrite64" => self.write(call, result),
            "ftruncate" => {
                let (descriptor, length) = call.arguments.split_once(", ").ok_or("arguments")?;
                let Some(file) = self.database_file(descriptor) else { return Ok(()) };
                let length = length.parse().map_err(|_| "a length")?;
                self.events.push(Event::Truncate { file, length });
                Ok(())
            }
            "unlink" => {
                let path = text(strings(&call.arguments).next().ok_or("a path")?)?;
                if let Some(file) = self.name_of(&path).filter(|file| is_database(file)) {
                    self.events.push(Event::Remove(file));
                }
                Ok(())
            }
            "openat" | "fsync" | "fdatasync" => Ok(()),
            other => self.refuse_unknown(other, &call.arguments),
        }
    }

    /// What counts when it has ended.
    fn ended(&mut self, call: &Begun, result: &str) {
        if failed(result) {
            return;
        }
        let descriptor = call.arguments.split(", ").next().unwrap_or_default();
        match call.name.as_str() {
            "openat" => {
                if let Some(file) = self.database_file(result)
                    && call.arguments.contains("O_CREAT")
                {
                    self.events.push(Event::Create(file));
                }
            }
            "fsync" | "fdatasync" => {
                let since = call.event;
                if let Some(file) = self.database_file(descriptor) {
                    self.events.push(Event::Sync { file, since });
                } else if path(descriptor).is_some_and(|path| path == self.folder) {
                    self.events.push(Event::SyncFolder { since });
                }
            }
            _ => {}
        }
    }

    fn mark(&mut self, call: &Begun) -> Result<(), String> {
        let descriptor = call.arguments.split(", ").next().unwrap_or_default();
        if path(descriptor).and_then(|path| self.name_of(&path)).as_deref() != Some(MARKS) {
            return self.refuse_unknown(&call.name, &call.arguments);
        }
        let line = text(strings(&call.arguments).next().ok_or("a mark has a text")?)?;
        self.events.push(Event::Mark(line.trim_end().parse()?));
        Ok(())
    }

    fn write(&mut self, call: &Begun, result: Option<&str>) -> Result<(), String> {
        let descriptor = call.arguments.split(", ").next().unwrap_or_default();
        let Some(file) = self.database_file(descriptor) else { return Ok(()) };
        let mut data = bytes(strings(&call.arguments).next().ok_or("what was written?")?)?;
        if let Some(result) = result {
            data.truncate(result.trim().parse().map_err(|_| "how much was written?")?);
        }
        let offset = call.arguments.rsplit(", ").next().and_then(|offset| offset.parse().ok());
        let offset = offset.ok_or("where was it written?")?;
        self.events.push(Event::Write { file, offset, data });
        Ok(())
    }

    /// SQLite does not do these to its files, as it is built here. Should it begin to, what is on
    /// the disk would be another matter.
    fn refuse_unknown(&self, call: &str, arguments: &str) -> Result<(), String> {
        let here = hex_string(self.folder);
        let path = strings(arguments).any(|string| string.starts_with(&here));
        let descriptor = arguments.split(", ").any(|word| self.database_file(word).is_some());
        if path || descriptor {
            return Err(format!("what {call} does to a disk is not known here"));
        }
        Ok(())
    }

    /// The file of the database that a descriptor stands for.
    fn database_file(&self, descriptor: &str) -> Option<String> {
        path(descriptor).and_then(|path| self.name_of(&path)).filter(|file| is_database(file))
    }

    /// A file's name, if it lies in the folder.
    fn name_of(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(self.folder)?.strip_prefix('/')?;
        Some(name.to_owned())
    }
}

/// The database and its logs. The index of the log (`-shm`) is rebuilt after every crash; what an
/// image has in it is chosen when the image is made.
fn is_database(file: &str) -> bool {
    file.strip_prefix(DATABASE).is_some_and(|rest| matches!(rest, "" | "-wal" | "-journal"))
}

/// It failed, or the process did not live to see it end.
fn failed(result: &str) -> bool {
    result.starts_with('-') || result.starts_with('?')
}

/// The path of a descriptor that is shown as `9<path>`.
fn path(descriptor: &str) -> Option<String> {
    let (_, path) = descriptor.trim().strip_suffix('>')?.split_once('<')?;
    text(path).ok()
}

/// What stands between quotation marks. All strings are shown as hex, so none holds such a mark.
fn strings(arguments: &str) -> impl Iterator<Item = &str> {
    arguments.split('"').skip(1).step_by(2)
}

/// A string that is shown as `\x61\x62`, or as it is.
fn bytes(shown: &str) -> Result<Vec<u8>, String> {
    if !shown.starts_with("\\x") {
        return Ok(shown.as_bytes().to_vec());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let one = |shown: &[u8]| match *shown {
        [b'\\', b'x', high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    let all: Option<Vec<u8>> = shown.as_bytes().chunks(4).map(one).collect();
    all.ok_or_else(|| "a string that is not shown as hex".to_owned())
}

/// As a string is shown.
fn hex_string(text: &str) -> String {
    text.bytes().flat_map(|byte| ["\\x".to_owned(), hex(&[byte])]).collect()
}

fn text(shown: &str) -> Result<String, String> {
    String::from_utf8(bytes(shown)?).map_err(|_| "a path that is no text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        line.split('\'')
            .enumerate()
            .map(|(place, part)| if place % 2 == 1 { hex_string(part) } else { part.to_owned() })
            .collect()
    }

    fn events(lines: &[&str]) -> Result<Vec<Event>, String> {
        let lines: Vec<String> = lines.iter().map(|line| shown(line)).collect();
        read(&lines.join("\n"), "/f", Vec::new())
    }

    fn write(data: &[u8], offset: u64) -> Event {
        Event::Write { file: "orders.db-wal".into(), offset, data: data.to_vec() }
    }

    #[test]
    fn what_changes_a_file_is_read() {
        let read = events(&[
            "7 openat(AT_FDCWD<'/'>, \"'/f/orders.db-wal'\", O_RDWR|O_CREAT, 0644) = 3<'/f/orders.db-wal'>",
            "7 pwrite64(3<'/f/orders.db-wal'>, \"'abc'\", 3, 4096) = 3",
            "7 ftruncate(3<'/f/orders.db-wal'>, 2) = 0",
            "7 fsync(3<'/f/orders.db-wal'>) = 0",
            "7 fsync(4<'/f'>) = 0",
            "7 unlink(\"'/f/orders.db-wal'\") = 0",
            "7 write(9<'/f/marks'>, \"'closed\n'\", 7) = 7",
            "7 +++ exited with 0 +++",
        ]);
        let file = || "orders.db-wal".to_owned();
        let expected = vec![
            Event::Create(file()),
            write(b"abc", 4096),
            Event::Truncate { file: file(), length: 2 },
            Event::Sync { file: file(), since: 3 },
            Event::SyncFolder { since: 4 },
            Event::Remove(file()),
            Event::Mark(Mark::Closed),
            Event::Ended,
        ];
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn a_sync_counts_when_it_ends_and_covers_what_was_before_it() {
        let read = events(&[
            "7 fsync(3<'/f/orders.db-wal'> <unfinished ...>",
            "8 pwrite64(3<'/f/orders.db-wal'>, \"'a'\", 1, 0 <unfinished ...>",
            "7 <... fsync resumed>) = 0",
            "8 <... pwrite64 resumed>) = 1",
        ]);
        let sync = Event::Sync { file: "orders.db-wal".into(), since: 0 };
        assert_eq!(read, Ok(vec![write(b"a", 0), sync, Event::Ended]));
    }

    #[test]
    fn what_failed_or_was_cut_off_is_not_on_the_disk() {
        let read = events(&[
            "7 pwrite64(3<'/f/orders.db'>, \"'a'\", 1, 0) = -1 EIO (Input/output error)",
            "7 pwrite64(3<'/f/orders.db-wal'>, \"'abc'\", 3, 0) = 2",
            "7 fsync(3<'/f/orders.db-wal'>) = ?",
            "7 +++ killed by SIGKILL +++",
        ]);
        assert_eq!(read, Ok(vec![write(b"ab", 0), Event::Ended]));
    }

    #[test]
    fn other_files_are_nobodys_concern_and_other_calls_are_refused() {
        let read = events(&[
            "7 pwrite64(3<'/g/orders.db'>, \"'a'\", 1, 0) = 1",
            "7 pwrite64(3<'/f/orders.db-shm'>, \"'a'\", 1, 0) = 1",
            "7 write(1<'/g'>, \"'a'\", 1) = 1",
        ]);
        assert_eq!(read, Ok(vec![Event::Ended]));
        assert!(events(&["7 writev(3<'/f/orders.db'>, [], 0) = 0"]).is_err());
        assert!(events(&["7 rename(\"'/f/orders.db'\", \"'/f/b'\") = 0"]).is_err());
    }
}
