//! The weak levels: who was visible to a reader, by few edges.

use super::base::{Base, INITIAL, ReadFrom};
use super::circle::{Forced, Inferred};
use super::clocks::Clocks;

/// The edge that follows where `visible` wrote a key that `reader` read from another.
fn forced(visible: u32, read: &ReadFrom, reader: u32) -> Option<Forced> {
    if visible == read.writer || visible == reader {
        return None;
    }
    Some(match read.writer {
        // Nobody comes before the initial state: so the reader missed what it should have seen.
        INITIAL => Forced { from: reader, to: visible, key: read.key, reader },
        writer => Forced { from: visible, to: writer, key: read.key, reader },
    })
}

/// Read committed: a transaction that was read from is visible to all later reads of the same transaction.
///
/// For each writer only the first later read of a key counts: where a key is read from different writers in turn, each comes before
/// the next, so the rest follows.
pub(super) fn read_committed(base: &Base<'_>, inferred: &mut Inferred<'_>) {
    let mut more = Vec::new();
    for reader in base.all() {
        let reads = base.reads(reader);
        let mut by_key: Vec<(u32, usize)> = reads.iter().enumerate().map(|(at, read)| (read.key, at)).collect();
        by_key.sort_unstable();
        for pair in by_key.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let (earlier, later) = (&reads[pair[0].1], &reads[pair[1].1]);
            if earlier.writer != INITIAL {
                more.extend(forced(earlier.writer, later, reader));
            }
        }
        for (writer, first) in sources(reads) {
            each_shared_key(base, writer, &by_key, |key| {
                let at = by_key.partition_point(|&entry| entry <= (key, first));
                if let Some(&(_, at)) = by_key.get(at).filter(|entry| entry.0 == key) {
                    more.extend(forced(writer, &reads[at], reader));
                }
            });
        }
    }
    inferred.extend(more);
}

/// Read atomic: whoever is read from, or came before in the session, is visible to all reads of the transaction.
pub(super) fn read_atomic(base: &Base<'_>, inferred: &mut Inferred<'_>) {
    let mut more = Vec::new();
    // For each key, who wrote it last in the session at hand.
    let mut last_writer: Vec<Option<(usize, u32)>> = vec![None; base.history.key_count()];
    for (chain, members) in base.chains.iter().enumerate() {
        for &reader in members {
            let reads = base.reads(reader);
            let mut by_key: Vec<(u32, usize)> = reads.iter().enumerate().map(|(at, read)| (read.key, at)).collect();
            by_key.sort_unstable();
            by_key.dedup_by_key(|entry| entry.0);
            for &(key, at) in &by_key {
                if let Some((_, earlier)) = last_writer[key as usize].filter(|last| last.0 == chain) {
                    more.extend(forced(earlier, &reads[at], reader));
                }
            }
            for (writer, _) in sources(reads) {
                each_shared_key(base, writer, &by_key, |key| {
                    let at = by_key.partition_point(|entry| entry.0 < key);
                    more.extend(forced(writer, &reads[by_key[at].1], reader));
                });
            }
            for access in base.versions.of_transaction(reader).iter().filter(|access| access.write.is_some()) {
                last_writer[access.key as usize] = Some((chain, reader));
            }
        }
    }
    inferred.extend(more);
}

/// Causal consistency: the whole causal past is visible. Of each session only the last writer of a key in that past counts.
pub(super) fn causal(base: &Base<'_>, inferred: &mut Inferred<'_>) {
    let edges: Vec<_> = inferred.edges().map(|(from, to, _)| (from, to)).collect();
    let Some(past) = Clocks::past(base, &edges) else { return };
    let writers = Writers::of(base);
    let mut more = Vec::new();
    for reader in base.all() {
        for read in base.reads(reader) {
            for (chain, places) in writers.of_key(read.key) {
                let seen = past.of(reader)[chain as usize];
                if let Some(last) = places.partition_point(|&place| place < seen).checked_sub(1) {
                    let visible = base.chains[chain as usize][places[last] as usize];
                    more.extend(forced(visible, read, reader));
                }
            }
        }
    }
    inferred.extend(more);
}

/// Whom a transaction read from, and at which of its reads first.
fn sources(reads: &[ReadFrom]) -> Vec<(u32, usize)> {
    let written = reads.iter().enumerate().filter(|(_, read)| read.writer != INITIAL);
    let mut sources: Vec<(u32, usize)> = written.map(|(at, read)| (read.writer, at)).collect();
    sources.sort_unstable();
    sources.dedup_by_key(|source| source.0);
    sources
}

/// Visits the keys that a writer wrote and that are among those read, going through the shorter of the two.
fn each_shared_key(base: &Base<'_>, writer: u32, by_key: &[(u32, usize)], mut visit: impl FnMut(u32)) {
    let accesses = base.versions.of_transaction(writer);
    let is_read =
        |key: u32| by_key.get(by_key.partition_point(|entry| entry.0 < key)).is_some_and(|entry| entry.0 == key);
    if accesses.len() <= by_key.len() {
        for access in accesses.iter().filter(|access| access.write.is_some() && is_read(access.key)) {
            visit(access.key);
        }
    } else {
        let mut last = None;
        for &(key, _) in by_key {
            if last != Some(key) && base.written(writer, key).is_some() {
                visit(key);
            }
            last = Some(key);
        }
    }
}

/// Where in each chain each key is written.
#[derive(Debug)]
pub(super) struct Writers {
    starts: Vec<usize>,
    /// By key, then by chain: the chain, and the range of its places.
    groups: Vec<(u32, std::ops::Range<usize>)>,
    places: Vec<u32>,
}

impl Writers {
    pub(super) fn of(base: &Base<'_>) -> Self {
        let mut all: Vec<(u32, u32, u32)> = Vec::new();
        for access in base.versions.accesses.iter().filter(|access| access.write.is_some()) {
            if let Some((chain, place)) = base.places[access.transaction as usize] {
                all.push((access.key, chain, place));
            }
        }
        all.sort_unstable();
        let mut writers = Self { starts: Vec::new(), groups: Vec::new(), places: Vec::new() };
        let mut rest = all.as_slice();
        for key in base.history.numbers_of_keys() {
            writers.starts.push(writers.groups.len());
            while let Some(&(next, chain, _)) = rest.first()
                && next == key
            {
                let length = rest.iter().take_while(|entry| (entry.0, entry.1) == (key, chain)).count();
                let (group, later) = rest.split_at(length);
                let start = writers.places.len();
                writers.places.extend(group.iter().map(|entry| entry.2));
                writers.groups.push((chain, start..start + length));
                rest = later;
            }
        }
        writers.starts.push(writers.groups.len());
        writers
    }

    /// The chains that write a key, with the places where they do.
    pub(super) fn of_key(&self, key: u32) -> impl Iterator<Item = (u32, &[u32])> {
        let groups = &self.groups[self.starts[key as usize]..self.starts[key as usize + 1]];
        groups.iter().map(|(chain, range)| (*chain, &self.places[range.clone()]))
    }
}
