//! The order of appends to each key, and where each append and each read stands in it.

use std::ops::Range;

use crate::transactions::history::{HistoryProblem, List, MicroOperation, Outcome, TransactionHistory};

/// Stands for a writer that is not in the history.
pub(super) const NOBODY: u32 = u32::MAX;

/// An append that somebody tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Append {
    pub(super) value: u32,
    pub(super) transaction: u32,
    /// The version that it made, counted from 1; 0 where nobody read it.
    pub(super) version: u32,
    /// Whether its transaction appended to the key again later.
    pub(super) intermediate: bool,
}

/// Where a read stands among the versions of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It read this version; 0 is the empty list.
    Version(u32),
    /// It is no prefix of the longest read.
    Nowhere,
}

/// The longest read of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Longest {
    pub(super) list: List,
    pub(super) reader: u32,
    /// Whether an element occurs in it twice.
    pub(super) repeats: bool,
}

/// The appends of a history, by key and value, and the versions of each key.
#[derive(Debug)]
pub(super) struct Versions<'a> {
    pub(super) history: &'a TransactionHistory,
    append_starts: Vec<u32>,
    appends: Vec<Append>,
    pub(super) longest: Vec<Option<Longest>>,
    version_starts: Vec<u32>,
    values: Vec<u32>,
    writers: Vec<u32>,
    /// Whether a transaction took effect: it was ok, or somebody read what it appended.
    pub(super) takes_part: Vec<bool>,
}

impl<'a> Versions<'a> {
    pub(super) fn of(history: &'a TransactionHistory) -> Result<Self, HistoryProblem> {
        let (append_starts, appends) = collect(history)?;
        let takes_part = history.numbers().map(|number| history.outcome(number) == Outcome::Ok).collect();
        let longest = longest_reads(history);
        let mut versions = Self {
            history,
            append_starts,
            appends,
            longest,
            version_starts: vec![0],
            values: Vec::new(),
            writers: Vec::new(),
            takes_part,
        };
        for key in 0..history.key_count() {
            versions.order(key);
        }
        Ok(versions)
    }

    /// Takes the longest read of a key for the order of its versions.
    fn order(&mut self, key: usize) {
        let start = self.values.len();
        if let Some(longest) = self.longest[key] {
            for &value in self.history.elements(longest.list) {
                let version = u32::try_from(self.values.len() - start + 1).expect("fewer elements than 2^32");
                let Some(at) = self.position(key, value) else {
                    if self.values[start..].contains(&value) {
                        self.longest[key] = Some(Longest { repeats: true, ..longest });
                    } else {
                        self.values.push(value);
                        self.writers.push(NOBODY);
                    }
                    continue;
                };
                let append = &mut self.appends[at];
                if append.version != 0 {
                    self.longest[key] = Some(Longest { repeats: true, ..longest });
                    continue;
                }
                append.version = version;
                self.values.push(value);
                self.writers.push(append.transaction);
                if self.history.outcome(append.transaction) == Outcome::Info {
                    self.takes_part[append.transaction as usize] = true;
                }
            }
        }
        self.version_starts.push(u32::try_from(self.values.len()).expect("fewer elements than 2^32"));
    }

    fn of_key(&self, key: usize) -> Range<usize> {
        self.append_starts[key] as usize..self.append_starts[key + 1] as usize
    }

    fn position(&self, key: usize, value: u32) -> Option<usize> {
        let range = self.of_key(key);
        let found = self.appends[range.clone()].binary_search_by_key(&value, |append| append.value);
        found.ok().map(|at| range.start + at)
    }

    /// The attempt to append a value to a key.
    pub(super) fn append(&self, key: u32, value: u32) -> Option<&Append> {
        self.position(key as usize, value).map(|at| &self.appends[at])
    }

    /// The appends to a key that took effect, yet that nobody read.
    pub(super) fn unobserved(&self, key: usize) -> impl Iterator<Item = &Append> {
        self.appends[self.of_key(key)].iter().filter(|append| append.version == 0 && self.commits(append.transaction))
    }

    /// Who appended each known element of a key, first to last; or [`NOBODY`].
    pub(super) fn writers(&self, key: usize) -> &[u32] {
        &self.writers[self.version_starts[key] as usize..self.version_starts[key + 1] as usize]
    }

    /// The known elements of a key, first to last.
    pub(super) fn values(&self, key: usize) -> &[u32] {
        &self.values[self.version_starts[key] as usize..self.version_starts[key + 1] as usize]
    }

    /// Whether a writer took effect, so far as is known.
    pub(super) fn commits(&self, writer: u32) -> bool {
        writer != NOBODY && self.takes_part[writer as usize]
    }

    /// Where a read stands.
    pub(super) fn place(&self, key: u32, elements: &[u32]) -> Place {
        let Some(&last) = elements.last() else { return Place::Version(0) };
        let Some(longest) = self.longest[key as usize] else { return Place::Nowhere };
        if !self.history.elements(longest.list).starts_with(elements) {
            return Place::Nowhere;
        }
        if longest.repeats {
            let version = self.append(key, last).map_or(0, |append| append.version);
            return if version == 0 { Place::Nowhere } else { Place::Version(version) };
        }
        Place::Version(u32::try_from(elements.len()).expect("fewer elements than 2^32"))
    }
}

/// All appends, sorted by key and value.
fn collect(history: &TransactionHistory) -> Result<(Vec<u32>, Vec<Append>), HistoryProblem> {
    let keys = history.key_count();
    let mut starts = vec![0_u32; keys + 1];
    for number in history.numbers() {
        for step in history.steps(number) {
            match step {
                MicroOperation::Append { key, .. } => starts[*key as usize + 1] += 1,
                MicroOperation::Write { .. } | MicroOperation::Read { .. } => {
                    return Err(HistoryProblem::ForeignStep { index: history.transaction(number).invoked });
                }
                MicroOperation::ReadList { .. } | MicroOperation::Unread { .. } => {}
            }
        }
    }
    for key in 0..keys {
        starts[key + 1] += starts[key];
    }
    let none = Append { value: 0, transaction: NOBODY, version: 0, intermediate: false };
    let mut appends = vec![none; starts[keys] as usize];
    let mut next = starts.clone();
    for number in history.numbers() {
        for &step in history.steps(number) {
            let MicroOperation::Append { key, value } = step else { continue };
            let at = next[key as usize] as usize;
            // Those of one transaction lie side by side until they are sorted.
            if at > starts[key as usize] as usize && appends[at - 1].transaction == number {
                appends[at - 1].intermediate = true;
            }
            appends[at] = Append { value, transaction: number, ..none };
            next[key as usize] += 1;
        }
    }
    for key in 0..keys {
        let here = &mut appends[starts[key] as usize..starts[key + 1] as usize];
        here.sort_unstable_by_key(|append| append.value);
        if let Some(pair) = here.windows(2).find(|pair| pair[0].value == pair[1].value) {
            let (key, value) = (history.key_name(key as u32), history.value_name(pair[0].value));
            return Err(HistoryProblem::WrittenTwice { key, value });
        }
    }
    Ok((starts, appends))
}

/// The longest list that was read of each key; of several the first.
fn longest_reads(history: &TransactionHistory) -> Vec<Option<Longest>> {
    let mut longest: Vec<Option<Longest>> = vec![None; history.key_count()];
    for number in history.numbers().filter(|&number| history.outcome(number) == Outcome::Ok) {
        for &step in history.steps(number) {
            let MicroOperation::ReadList { key, list } = step else { continue };
            let best = &mut longest[key as usize];
            let length = best.map_or(0, |longest| history.elements(longest.list).len());
            if history.elements(list).len() > length {
                *best = Some(Longest { list, reader: number, repeats: false });
            }
        }
    }
    longest
}
