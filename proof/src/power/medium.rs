//! A disk: what of the files is on it for certain, and what may or may not be.

use std::collections::BTreeMap;

use super::trace::Event;

/// What the disk does when it is told to make something durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncs {
    /// It does it.
    Kept,
    /// It says so, and does nothing to files with this ending.
    Ignored(&'static str),
}

/// The disk after some of the events.
#[derive(Debug)]
pub(super) struct Medium {
    syncs: Syncs,
    /// The next event's place.
    at: usize,
    pub(super) names: BTreeMap<String, Name>,
    pub(super) contents: Vec<Content>,
}

/// A name in the folder: which content it leads to.
#[derive(Debug, Default)]
pub(super) struct Name {
    pub(super) durable: Option<usize>,
    /// What was made of it since, in order, and by which event.
    pub(super) pending: Vec<(usize, Option<usize>)>,
}

/// What a file holds, under whatever name.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) durable: Vec<u8>,
    /// What was changed since, in order, and by which event.
    pub(super) pending: Vec<(usize, Change)>,
}

/// A change of a content.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
}

impl Medium {
    pub(super) fn new(syncs: Syncs) -> Self {
        Self { syncs, at: 0, names: BTreeMap::new(), contents: Vec::new() }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, event: &Event) {
        let at = self.at;
        self.at += 1;
        match event {
            Event::Create(file) => {
                self.content_of(file);
            }
            Event::Write { file, offset, data } => {
                let offset = usize::try_from(*offset).expect("a small file");
                let change = Change::Write { offset, data: data.clone() };
                self.content_of(file).pending.push((at, change));
            }
            Event::Truncate { file, length } => {
                let length = usize::try_from(*length).expect("a small file");
                self.content_of(file).pending.push((at, Change::Truncate(length)));
            }
            Event::Remove(file) => {
                self.names.entry(file.clone()).or_default().pending.push((at, None));
            }
            Event::Sync { file, since } if self.syncs.are_kept(file) => {
                let content = self.content_of(file);
                let covered = content.pending.partition_point(|(event, _)| event < since);
                for (_, change) in content.pending.drain(..covered) {
                    change.apply(&mut content.durable);
                }
            }
            Event::SyncFolder { since } => {
                for name in self.names.values_mut() {
                    let covered = name.pending.partition_point(|(event, _)| event < since);
                    if let Some((_, last)) = name.pending.drain(..covered).next_back() {
                        name.durable = last;
                    }
                }
            }
            Event::Sync { .. } | Event::Mark(_) | Event::Ended => {}
        }
    }

    /// What the file holds; it is made if it is missing.
    fn content_of(&mut self, file: &str) -> &mut Content {
        let name = self.names.entry(file.to_owned()).or_default();
        let current = name.pending.last().map_or(name.durable, |(_, last)| *last);
        let number = current.unwrap_or_else(|| {
            let new = self.contents.len();
            self.contents.push(Content::default());
            name.pending.push((self.at - 1, Some(new)));
            new
        });
        &mut self.contents[number]
    }

    /// Whether nothing but what is durable can be found after a loss of power.
    pub(super) fn is_settled(&self) -> bool {
        self.names.values().all(|name| name.pending.is_empty())
            && self.contents.iter().all(|content| content.pending.is_empty())
    }
}

impl Syncs {
    fn are_kept(self, file: &str) -> bool {
        match self {
            Self::Kept => true,
            Self::Ignored(ending) => !file.ends_with(ending),
        }
    }
}

impl Change {
    /// Makes it on a content.
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => write(content, *offset, data),
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }
}

/// Writes bytes; what lies between the old end and them is zero.
pub(super) fn write(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(offset: u64, data: &[u8]) -> Event {
        Event::Write { file: "a".into(), offset, data: data.to_vec() }
    }

    fn after(syncs: Syncs, events: &[Event]) -> Medium {
        let mut medium = Medium::new(syncs);
        for event in events {
            medium.take(event);
        }
        medium
    }

    #[test]
    fn a_sync_makes_durable_what_was_written_before_it_began() {
        let sync = Event::Sync { file: "a".into(), since: 2 };
        let events = [wrote(0, b"ab"), wrote(1, b"c"), wrote(4, b"d"), sync];
        let medium = after(Syncs::Kept, &events);
        assert_eq!(medium.contents[0].durable, b"ac");
        assert_eq!(medium.contents[0].pending.len(), 1);
        assert!(medium.names["a"].durable.is_none(), "its name is in no folder for certain");
        let lying = after(Syncs::Ignored("a"), &events);
        assert_eq!(lying.contents[0].pending.len(), 3);
    }

    #[test]
    fn names_are_made_durable_with_their_folder() {
        let file = || "a".to_owned();
        let create = [wrote(0, b"a"), Event::SyncFolder { since: 1 }];
        let mut medium = after(Syncs::Kept, &create);
        assert_eq!(medium.names["a"].durable, Some(0));
        medium.take(&Event::Remove(file()));
        medium.take(&Event::Create(file()));
        assert_eq!(medium.names["a"].pending.len(), 2, "another content under the old name");
        assert!(!medium.is_settled());
        medium.take(&Event::SyncFolder { since: 4 });
        assert_eq!(medium.names["a"].durable, Some(1));
    }
}
