//! The versions of each register, and which of them each transaction saw from outside and left behind.

use std::ops::Range;

use crate::transactions::history::{HistoryProblem, MicroOperation, Outcome, TransactionHistory};

const NOBODY: u32 = u32::MAX;

/// What a transaction did to a key, as others see it.
#[derive(Debug, Clone, Copy)]
pub(in crate::transactions) struct Access {
    pub(in crate::transactions) transaction: u32,
    pub(in crate::transactions) key: u32,
    /// The version that it read before it wrote any. Known of transactions that were ok.
    pub(in crate::transactions) read: Option<u32>,
    /// The version that it wrote last.
    pub(in crate::transactions) write: Option<u32>,
}

/// All versions of a history. They are numbered by key, the initial one of each key first.
#[derive(Debug)]
pub(in crate::transactions) struct Versions<'a> {
    pub(in crate::transactions) history: &'a TransactionHistory,
    key_starts: Vec<u32>,
    /// The value of each version; meaningless for initial ones.
    values: Vec<u32>,
    keys: Vec<u32>,
    /// Who wrote each, or [`NOBODY`]; and whether it wrote the key again later.
    writers: Vec<(u32, bool)>,
    pub(in crate::transactions) accesses: Vec<Access>,
    access_starts: Vec<u32>,
    /// Whether a transaction took effect: it was ok, or somebody read what it wrote.
    pub(in crate::transactions) takes_part: Vec<bool>,
}

impl<'a> Versions<'a> {
    /// Those of registers.
    pub(in crate::transactions) fn of(history: &'a TransactionHistory) -> Result<Self, HistoryProblem> {
        let is_foreign =
            |step: &MicroOperation| matches!(step, MicroOperation::Append { .. } | MicroOperation::ReadList { .. });
        if let Some(number) = history.numbers().find(|&number| history.steps(number).iter().any(is_foreign)) {
            return Err(HistoryProblem::ForeignStep { index: history.transaction(number).invoked });
        }
        let takes_part = history.numbers().map(|number| history.outcome(number) == Outcome::Ok).collect();
        Self::of_last_elements(history, takes_part)
    }

    /// Those of registers that hold the last elements of lists. Of an indeterminate transaction the lists tell whether it took
    /// effect: somebody may have read what it appended, and more after that.
    pub(in crate::transactions) fn of_last_elements(
        history: &'a TransactionHistory,
        takes_part: Vec<bool>,
    ) -> Result<Self, HistoryProblem> {
        let mut pairs = Vec::new();
        for step in history.numbers().flat_map(|number| history.steps(number)) {
            if let MicroOperation::Write { key, value } | MicroOperation::Read { key, value: Some(value) } =
                history.as_register(*step)
            {
                pairs.push((key, value));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut versions = Self {
            history,
            key_starts: Vec::with_capacity(history.key_count() + 1),
            values: Vec::with_capacity(pairs.len() + history.key_count()),
            keys: Vec::with_capacity(pairs.len() + history.key_count()),
            writers: Vec::new(),
            accesses: Vec::new(),
            access_starts: vec![0],
            takes_part,
        };
        let mut pairs = pairs.into_iter().peekable();
        for key in history.numbers_of_keys() {
            versions.key_starts.push(versions.count());
            versions.values.push(u32::MAX);
            versions.keys.push(key);
            while let Some((_, value)) = pairs.next_if(|pair| pair.0 == key) {
                versions.values.push(value);
                versions.keys.push(key);
            }
        }
        versions.key_starts.push(versions.count());
        versions.writers = vec![(NOBODY, false); versions.values.len()];
        versions.attribute()?;
        versions.look_from_outside();
        Ok(versions)
    }

    fn attribute(&mut self) -> Result<(), HistoryProblem> {
        for number in self.history.numbers() {
            let mut last: Vec<(u32, u32)> = Vec::new();
            for (key, value) in self.history.steps(number).iter().filter_map(|step| step.written()) {
                let version = self.version(key, Some(value));
                let writer = &mut self.writers[version as usize];
                if writer.0 != NOBODY && writer.0 != number {
                    let (key, value) = (self.history.key_name(key), self.history.value_name(value));
                    return Err(HistoryProblem::WrittenTwice { key, value });
                }
                *writer = (number, false);
                match last.iter_mut().find(|last| last.0 == key) {
                    Some(last) => {
                        let earlier = std::mem::replace(&mut last.1, version);
                        self.writers[earlier as usize].1 = earlier != version;
                    }
                    None => last.push((key, version)),
                }
            }
        }
        Ok(())
    }

    fn look_from_outside(&mut self) {
        for number in self.history.numbers() {
            let start = self.accesses.len();
            let ok = self.history.outcome(number) == Outcome::Ok;
            for &step in self.history.steps(number) {
                let key = step.key();
                let known = self.accesses[start..].iter().position(|access| access.key == key);
                match self.history.as_register(step) {
                    MicroOperation::Read { value, .. } if ok => {
                        let version = self.version(key, value);
                        if known.is_none() {
                            self.accesses.push(Access { transaction: number, key, read: Some(version), write: None });
                        }
                        let writer = self.writers[version as usize].0;
                        if writer != NOBODY && self.history.outcome(writer) == Outcome::Info {
                            self.takes_part[writer as usize] = true;
                        }
                    }
                    MicroOperation::Write { value, .. } => {
                        let version = Some(self.version(key, Some(value)));
                        match known {
                            Some(at) => self.accesses[start + at].write = version,
                            None => self.accesses.push(Access { transaction: number, key, read: None, write: version }),
                        }
                    }
                    _ => {}
                }
            }
            self.access_starts.push(u32::try_from(self.accesses.len()).expect("fewer accesses than steps"));
        }
    }

    pub(in crate::transactions) fn count(&self) -> u32 {
        u32::try_from(self.values.len()).expect("fewer versions than 2^32")
    }

    /// The version of a key that holds a value; there is one for all values that were written, or read by anybody.
    pub(in crate::transactions) fn version(&self, key: u32, value: Option<u32>) -> u32 {
        let range = self.of_key(key);
        let Some(value) = value else { return range.start };
        let later = &self.values[range.start as usize + 1..range.end as usize];
        let at = later.binary_search(&value).expect("all values were collected");
        range.start + 1 + at as u32
    }

    /// The versions of a key, the initial one first.
    pub(in crate::transactions) fn of_key(&self, key: u32) -> Range<u32> {
        self.key_starts[key as usize]..self.key_starts[key as usize + 1]
    }

    pub(in crate::transactions) fn key(&self, version: u32) -> u32 {
        self.keys[version as usize]
    }

    pub(in crate::transactions) fn is_initial(&self, version: u32) -> bool {
        self.key_starts[self.key(version) as usize] == version
    }

    /// The value of a version; none of the initial one.
    pub(in crate::transactions) fn value(&self, version: u32) -> Option<u32> {
        (!self.is_initial(version)).then(|| self.values[version as usize])
    }

    /// Who tried to write a version, and whether it overwrote that itself.
    pub(in crate::transactions) fn writer(&self, version: u32) -> Option<(u32, bool)> {
        Some(self.writers[version as usize]).filter(|writer| writer.0 != NOBODY)
    }

    /// Who left a version behind, and took effect.
    pub(in crate::transactions) fn final_writer(&self, version: u32) -> Option<u32> {
        self.writer(version)
            .filter(|&(writer, intermediate)| !intermediate && self.takes_part[writer as usize])
            .map(|(writer, _)| writer)
    }

    /// All versions that a transaction read before it wrote their key, also those that it read after another one.
    pub(in crate::transactions) fn outside_reads(&self, number: u32) -> impl Iterator<Item = u32> {
        let is_ok = self.history.outcome(number) == Outcome::Ok;
        let steps = if is_ok { self.history.steps(number) } else { &[] };
        steps.iter().enumerate().filter_map(move |(at, &step)| {
            let MicroOperation::Read { key, value } = self.history.as_register(step) else { return None };
            let is_own = steps[..at].iter().any(|step| step.written().is_some_and(|(other, _)| other == key));
            (!is_own).then(|| self.version(key, value))
        })
    }

    /// What a transaction did, as others see it, one entry a key.
    pub(in crate::transactions) fn of_transaction(&self, number: u32) -> &[Access] {
        &self.accesses[self.access_starts[number as usize] as usize..self.access_starts[number as usize + 1] as usize]
    }
}
