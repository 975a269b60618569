//! What a disk may hold after a loss of power: one of the many possibilities.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use super::dice::Dice;
use super::medium::{Change, Content, Medium, Name, write};
use super::{DATABASE, SECTOR};

/// What becomes of that which was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Manner {
    /// All of it is lost.
    Lost,
    /// All of it is there, as after `kill -9`.
    There,
    /// What came first is there, up to a point, and torn at that point.
    UpToAPoint,
    /// Each change is there or lost, this share of them there: so of two changes of one place the
    /// earlier one may be what is found.
    Some(u64),
    /// Each sector of each change is there or lost.
    Torn(u64),
    /// Files have the length that they would have; of what was written only so much is there, and
    /// the rest is zero where there was nothing before.
    Lengths(u64),
}

/// The files after a loss of power.
#[derive(Debug)]
pub(super) struct Image {
    files: BTreeMap<String, Vec<u8>>,
    pub(super) manner: Manner,
    shm: Shm,
}

/// What is found of the log's index, which is rebuilt after a crash.
#[derive(Debug, Clone, Copy)]
enum Shm {
    Gone,
    Empty,
    Garbage(u64),
}

impl Manner {
    fn choose(dice: &mut Dice) -> Self {
        let share = [10, 50, 90][dice.place(3)];
        match dice.below(10) {
            0 => Self::Lost,
            1 => Self::There,
            2..4 => Self::UpToAPoint,
            4..6 => Self::Some(share),
            6..9 => Self::Torn(share),
            _ => Self::Lengths(share),
        }
    }
}

impl Image {
    /// One that the dice choose.
    pub(super) fn choose(medium: &Medium, dice: &mut Dice) -> Self {
        let manner = Manner::choose(dice);
        Self::of(medium, manner, dice)
    }

    /// One of this manner.
    pub(super) fn of(medium: &Medium, manner: Manner, dice: &mut Dice) -> Self {
        let point = point(medium, dice);
        let mut files = BTreeMap::new();
        for (file, name) in &medium.names {
            if let Some(content) = found(name, manner, point, dice) {
                let content = &medium.contents[content];
                files.insert(file.clone(), survivor(content, manner, point, dice));
            }
        }
        let shm = match dice.below(3) {
            0 => Shm::Gone,
            1 => Shm::Empty,
            _ => Shm::Garbage(dice.below(u64::MAX)),
        };
        Self { files, manner, shm }
    }

    /// Lays it out in a folder.
    pub(super) fn lay_out(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir(folder)?;
        for (file, content) in &self.files {
            std::fs::write(folder.join(file), content)?;
        }
        let shm = folder.join(format!("{DATABASE}-shm"));
        match self.shm {
            Shm::Gone => Ok(()),
            Shm::Empty => std::fs::write(shm, []),
            Shm::Garbage(seed) => {
                let mut dice = Dice::of(&[seed]);
                let garbage = (0..4096).flat_map(|_| dice.bytes());
                std::fs::write(shm, garbage.collect::<Vec<u8>>())
            }
        }
    }
}

/// The event from which on nothing is there, where that is the manner.
fn point(medium: &Medium, dice: &mut Dice) -> usize {
    let names = medium.names.values().flat_map(|name| name.pending.iter().map(|(at, _)| *at));
    let contents = medium.contents.iter();
    let changes = contents.flat_map(|content| content.pending.iter().map(|(at, _)| *at));
    let mut events: Vec<usize> = names.chain(changes).collect();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() { 0 } else { events[dice.place(events.len())] }
}

/// Which content a name leads to.
fn found(name: &Name, manner: Manner, point: usize, dice: &mut Dice) -> Option<usize> {
    let there = match manner {
        Manner::Lost => 0,
        Manner::There | Manner::Lengths(_) => name.pending.len(),
        Manner::UpToAPoint => name.pending.partition_point(|(at, _)| *at <= point),
        // A name is in one place of the disk: what is found there is what it was at some moment.
        Manner::Some(_) | Manner::Torn(_) => dice.place(name.pending.len() + 1),
    };
    name.pending[..there].last().map_or(name.durable, |(_, content)| *content)
}

/// What is found of a content.
fn survivor(content: &Content, manner: Manner, point: usize, dice: &mut Dice) -> Vec<u8> {
    let mut survivor = content.durable.clone();
    for (at, change) in &content.pending {
        match manner {
            Manner::Lost => {}
            Manner::There => change.apply(&mut survivor),
            Manner::UpToAPoint if *at < point => change.apply(&mut survivor),
            Manner::UpToAPoint if *at > point => {}
            Manner::UpToAPoint => cut_short(change, &mut survivor, dice),
            Manner::Some(share) => {
                if dice.percent(share) {
                    change.apply(&mut survivor);
                }
            }
            Manner::Torn(share) => tear(change, &mut survivor, share, dice),
            Manner::Lengths(share) => {
                lengthen(change, &mut survivor);
                tear(change, &mut survivor, share, dice);
            }
        }
    }
    survivor
}

/// The first part of a write is there: up to a sector, or up to any byte.
fn cut_short(change: &Change, content: &mut Vec<u8>, dice: &mut Dice) {
    match change {
        Change::Write { offset, data } => {
            let anywhere = dice.place(data.len() + 1);
            let sector = ((offset + anywhere) / SECTOR * SECTOR).saturating_sub(*offset);
            let length = if dice.percent(50) { anywhere } else { sector };
            if length > 0 {
                write(content, *offset, &data[..length]);
            }
        }
        Change::Truncate(_) => change.apply(content),
    }
}

/// Each sector that a write touches is there or not.
fn tear(change: &Change, content: &mut Vec<u8>, share: u64, dice: &mut Dice) {
    let Change::Write { offset, data } = change else {
        if dice.percent(share) {
            change.apply(content);
        }
        return;
    };
    let mut from = 0;
    while from < data.len() {
        let to = data.len().min((offset + from) / SECTOR * SECTOR + SECTOR - offset);
        if dice.percent(share) {
            write(content, offset + from, &data[from..to]);
        }
        from = to;
    }
}

/// The file is as long as the change makes it; nothing else.
fn lengthen(change: &Change, content: &mut Vec<u8>) {
    if let Change::Write { offset, data } = change {
        let length = content.len().max(offset + data.len());
        content.resize(length, 0);
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, files", self.manner)?;
        self.files
            .iter()
            .try_for_each(|(file, content)| write!(f, " {file}: {}", content.len()))?;
        write!(f, ", shm {:?}", self.shm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::medium::Syncs;
    use crate::power::trace::Event;

    /// One file `a` of 2048 durable `0`, over which `1` and then `2` were written.
    fn medium() -> Medium {
        let file = || "a".to_owned();
        let write =
            |letter| Event::Write { file: file(), offset: 0, data: vec![letter; 4 * SECTOR] };
        let mut medium = Medium::new(Syncs::Kept);
        let synced = [Event::Sync { file: file(), since: 1 }, Event::SyncFolder { since: 1 }];
        for event in [&[write(b'0')][..], &synced, &[write(b'1'), write(b'2')]].concat() {
            medium.take(&event);
        }
        medium
    }

    fn images(manner: Manner) -> Vec<Vec<u8>> {
        let choose = |seed| Image::of(&medium(), manner, &mut Dice::of(&[seed])).files["a"].clone();
        (0..200).map(choose).collect()
    }

    fn is_all(image: &[u8], letter: u8) -> bool {
        image.iter().all(|byte| *byte == letter)
    }

    #[test]
    fn what_is_not_synced_is_lost_or_there() {
        assert!(images(Manner::Lost).iter().all(|image| is_all(image, b'0')));
        assert!(images(Manner::There).iter().all(|image| is_all(image, b'2')));
    }

    #[test]
    fn of_two_writes_either_may_be_found() {
        let images = images(Manner::Some(50));
        for letter in [b'0', b'1', b'2'] {
            assert!(images.iter().any(|image| is_all(image, letter)), "{letter}");
        }
    }

    #[test]
    fn a_torn_image_is_whole_in_each_sector() {
        let images = images(Manner::Torn(50));
        let sectors = images.iter().flat_map(|image| image.chunks(SECTOR));
        assert!(sectors.clone().all(|sector| is_all(sector, sector[0])));
        assert!(images.iter().any(|image| !is_all(image, image[0])));
    }

    #[test]
    fn up_to_a_point_it_is_the_latest_and_after_it_nothing() {
        let in_order = |image: &Vec<u8>| image.windows(2).all(|pair| pair[0] >= pair[1]);
        assert!(images(Manner::UpToAPoint).iter().all(in_order));
    }

    #[test]
    fn the_same_seed_makes_the_same_image() {
        let shown = |seed| Image::choose(&medium(), &mut Dice::of(&[seed])).to_string();
        assert_eq!(shown(5), shown(5));
    }
}
