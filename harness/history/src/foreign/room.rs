//! How much memory a history may take while it is read. The limit is told by whoever knows the machine.

use super::error::{Place, Trouble};

/// The bytes that operations, transactions or events may take. They are counted, not measured: about right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    limit: u64,
}

impl Room {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit }
    }

    /// Refuses so many bytes, which so many of something take, where they are more than the limit.
    pub(super) fn check(self, bytes: usize, (count, what): (usize, &'static str), place: Place) -> Result<(), Trouble> {
        let bytes = bytes as u64;
        if bytes <= self.limit {
            return Ok(());
        }
        Err(Trouble::TooLarge { place, count: count as u64, what, bytes, limit: self.limit })
    }

    /// How long one line or form may be: what it says takes up to some 24 times as much as its text, and more while it is read.
    pub(super) fn longest(self, most: usize, least: usize) -> usize {
        usize::try_from(self.limit / 32).unwrap_or(usize::MAX).clamp(least, most)
    }
}

/// A count of what is read and how much of the room it takes.
#[derive(Debug)]
pub(super) struct Tally {
    room: Room,
    what: &'static str,
    count: usize,
    bytes: usize,
}

impl Tally {
    pub(super) fn new(room: Room, what: &'static str) -> Self {
        Self { room, what, count: 0, bytes: 0 }
    }

    /// Counts one more, and what it takes by itself.
    pub(super) fn one(&mut self, bytes: usize, place: Place) -> Result<(), Trouble> {
        self.count += 1;
        self.part(bytes, place)
    }

    /// Counts what a part of the last one takes.
    pub(super) fn part(&mut self, bytes: usize, place: Place) -> Result<(), Trouble> {
        self.bytes += bytes;
        self.room.check(self.bytes, (self.count, self.what), place)
    }
}
