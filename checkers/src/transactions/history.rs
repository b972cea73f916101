//! The transactions that are judged, stored so that a million of them with their lists fit in memory: keys and values are small
//! numbers, and all lists lie in one arena.

use std::collections::HashMap;
use std::fmt;

use dsjepsen_history::{Index, Nanos};

pub(crate) use crate::Outcome;

/// A list in the arena of its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct List {
    start: u32,
    length: u32,
}

/// One step of a transaction. Keys and values are numbers given by the history; see [`TransactionHistory::key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MicroOperation {
    /// Puts a value at the end of the list under a key.
    Append {
        /// The key.
        key: u32,
        /// The value; appended to this key once in the whole history.
        value: u32,
    },
    /// Sets a register.
    Write {
        /// The key.
        key: u32,
        /// The value; written to this key once in the whole history.
        value: u32,
    },
    /// A register was read.
    Read {
        /// The key.
        key: u32,
        /// What it held; none where it held its initial value.
        value: Option<u32>,
    },
    /// A list was read.
    ReadList {
        /// The key.
        key: u32,
        /// What it held.
        list: List,
    },
    /// A read whose result is not known.
    Unread {
        /// The key.
        key: u32,
    },
}

impl MicroOperation {
    /// The key that it touches.
    pub fn key(self) -> u32 {
        match self {
            Self::Append { key, .. }
            | Self::Write { key, .. }
            | Self::Read { key, .. }
            | Self::ReadList { key, .. }
            | Self::Unread { key } => key,
        }
    }

    /// What it appends or writes.
    pub fn written(self) -> Option<(u32, u32)> {
        match self {
            Self::Append { key, value } | Self::Write { key, value } => Some((key, value)),
            _ => None,
        }
    }
}

/// A transaction without its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// The process, or session, that ran it. Transactions of one process are pushed in their order.
    pub process: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The index of its invocation; of its only event where it is bare.
    pub invoked: Index,
    /// The index of its completion, where there is one.
    pub completed: Option<Index>,
    /// Whether its invocation was not recorded, so that nothing is known of its place in real time.
    pub bare: bool,
    /// When it was invoked and when it completed, in ns, where that is known. For drawings only.
    pub times: Option<(Nanos, Nanos)>,
}

/// A key or a value as the history's file wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A number.
    Integer(i64),
    /// Anything else.
    Text(Box<str>),
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(out),
            Self::Text(text) => text.fmt(out),
        }
    }
}

/// What makes a history one that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryProblem {
    /// Two transactions wrote one value to one key, so that a read of it cannot be attributed.
    #[error("value {value} was written to key {key} twice, so reads of it cannot be attributed")]
    WrittenTwice {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A step that this judge does not know: an append to a register, or a write to a list.
    #[error("the transaction at index {index} has a step of another workload")]
    ForeignStep {
        /// Where the transaction was invoked.
        index: Index,
    },
}

#[derive(Debug, Clone, Default)]
struct Names {
    numbers: HashMap<Name, u32>,
    names: Vec<Name>,
}

impl Names {
    fn number(&mut self, name: Name) -> u32 {
        if let Some(&number) = self.numbers.get(&name) {
            return number;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// A name that nobody will ask the number of.
    fn add(&mut self, name: String) -> u32 {
        self.names.push(Name::Text(name.into()));
        u32::try_from(self.names.len() - 1).expect("fewer than 2^32 names")
    }

    fn name(&self, number: u32) -> String {
        self.names.get(number as usize).map_or_else(|| number.to_string(), Name::to_string)
    }
}

/// The transactions of a run, in the order in which they were pushed: by session, and else by completion or invocation.
#[derive(Debug, Clone, Default)]
pub struct TransactionHistory {
    records: Vec<Record>,
    steps: Vec<MicroOperation>,
    elements: Vec<u32>,
    /// Empty, or as long as `records`.
    times: Vec<(Nanos, Nanos)>,
    keys: Names,
    values: Names,
    key_count: u32,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    invoked: Index,
    completed: Index,
    first_step: u32,
    process: u32,
    outcome: Outcome,
    bare: bool,
}

const NEVER: Index = Index::MAX;

impl TransactionHistory {
    /// A history without transactions.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of a key. Whoever has numbers already need not ask: a key or value without a name is shown as its number.
    pub fn key(&mut self, name: Name) -> u32 {
        self.keys.number(name)
    }

    /// The number of a value. Values of different keys may share a number.
    pub fn value(&mut self, name: Name) -> u32 {
        self.values.number(name)
    }

    /// Stores a list for a step that reads it.
    pub fn list(&mut self, elements: impl IntoIterator<Item = u32>) -> List {
        let start = self.elements.len();
        self.elements.extend(elements);
        let fits = |length: usize| u32::try_from(length).expect("fewer than 2^32 elements in all lists together");
        fits(self.elements.len());
        List { start: fits(start), length: fits(self.elements.len() - start) }
    }

    /// Adds a transaction.
    pub fn push(&mut self, transaction: Transaction, steps: impl IntoIterator<Item = MicroOperation>) {
        let first_step = u32::try_from(self.steps.len()).expect("fewer than 2^32 steps");
        for step in steps {
            self.key_count = self.key_count.max(step.key() + 1);
            self.steps.push(step);
        }
        if let Some(times) = transaction.times {
            self.times.resize(self.records.len(), (0, 0));
            self.times.push(times);
        }
        self.records.push(Record {
            invoked: transaction.invoked,
            completed: transaction.completed.unwrap_or(NEVER),
            first_step,
            process: transaction.process,
            outcome: transaction.outcome,
            bare: transaction.bare,
        });
    }

    /// Some of the transactions, each with those of its steps that are wanted, under names and indices as they were. Steps that read
    /// lists are left out.
    pub(super) fn part<W: Fn(&MicroOperation) -> bool>(&self, members: impl Iterator<Item = (u32, W)>) -> Self {
        let mut part = Self::new();
        // By the number here, the number there.
        let (mut keys, mut values) = (HashMap::new(), HashMap::new());
        for (number, is_wanted) in members {
            let mut steps = Vec::new();
            for &step in self.steps(number).iter().filter(|step| is_wanted(step)) {
                let key = *keys.entry(step.key()).or_insert_with(|| part.keys.add(self.key_name(step.key())));
                let mut named = |value| *values.entry(value).or_insert_with(|| part.values.add(self.value_name(value)));
                steps.push(match step {
                    MicroOperation::Append { value, .. } => MicroOperation::Append { key, value: named(value) },
                    MicroOperation::Write { value, .. } => MicroOperation::Write { key, value: named(value) },
                    MicroOperation::Read { value, .. } => MicroOperation::Read { key, value: value.map(named) },
                    MicroOperation::Unread { .. } => MicroOperation::Unread { key },
                    MicroOperation::ReadList { .. } => continue,
                });
            }
            part.push(self.transaction(number), steps);
        }
        part
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// A transaction.
    pub fn transaction(&self, number: u32) -> Transaction {
        let record = &self.records[number as usize];
        Transaction {
            process: record.process,
            outcome: record.outcome,
            invoked: record.invoked,
            completed: Some(record.completed).filter(|&completed| completed != NEVER),
            bare: record.bare,
            times: self.times.get(number as usize).copied(),
        }
    }

    /// The steps of a transaction.
    pub fn steps(&self, number: u32) -> &[MicroOperation] {
        let at = number as usize;
        let end = self.records.get(at + 1).map_or(self.steps.len(), |next| next.first_step as usize);
        &self.steps[self.records[at].first_step as usize..end]
    }

    /// The elements of a list.
    pub fn elements(&self, list: List) -> &[u32] {
        &self.elements[list.start as usize..][..list.length as usize]
    }

    /// A step as that of a register which holds the last element of its list, or nothing while the list is empty.
    pub(super) fn as_register(&self, step: MicroOperation) -> MicroOperation {
        match step {
            MicroOperation::Append { key, value } => MicroOperation::Write { key, value },
            MicroOperation::ReadList { key, list } => {
                MicroOperation::Read { key, value: self.elements(list).last().copied() }
            }
            other => other,
        }
    }

    /// The numbers of all transactions.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.records.len()).expect("fewer than 2^32 transactions")
    }

    /// How a key is written.
    pub fn key_name(&self, key: u32) -> String {
        self.keys.name(key)
    }

    /// How a value is written.
    pub fn value_name(&self, value: u32) -> String {
        self.values.name(value)
    }

    pub(super) fn outcome(&self, number: u32) -> Outcome {
        self.records[number as usize].outcome
    }

    pub(super) fn process(&self, number: u32) -> u32 {
        self.records[number as usize].process
    }

    /// One more than the largest key.
    pub(super) fn key_count(&self) -> usize {
        self.key_count as usize
    }

    /// All keys, named or not.
    pub(super) fn numbers_of_keys(&self) -> std::ops::Range<u32> {
        0..self.key_count
    }

    /// Whether one transaction surely ended before another began.
    pub(super) fn precedes(&self, first: u32, second: u32) -> bool {
        let (first, second) = (&self.records[first as usize], &self.records[second as usize]);
        let known = !first.bare && !second.bare && first.outcome == Outcome::Ok;
        known && first.completed != NEVER && first.completed < second.invoked
    }

    /// Whether a transaction's answer came, and its place in real time is known.
    pub(super) fn interval(&self, number: u32) -> Option<(Index, Option<Index>)> {
        let record = &self.records[number as usize];
        let ended = record.outcome == Outcome::Ok && record.completed != NEVER;
        (!record.bare).then_some((record.invoked, ended.then_some(record.completed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_read_back() {
        let mut history = TransactionHistory::new();
        let x = history.key(Name::Text("x".into()));
        let five = history.value(Name::Integer(5));
        let list = history.list([five, 7]);
        let transaction = Transaction {
            process: 3,
            outcome: Outcome::Info,
            invoked: 4,
            completed: None,
            bare: false,
            times: Some((10, 20)),
        };
        history.push(transaction, [MicroOperation::Append { key: x, value: five }]);
        history.push(
            Transaction { completed: Some(9), times: None, ..transaction },
            [MicroOperation::ReadList { key: x, list }],
        );
        assert_eq!(history.transaction(0), transaction);
        assert_eq!(history.transaction(1).completed, Some(9));
        assert_eq!(history.steps(0).len(), 1);
        assert_eq!(history.elements(list), [five, 7]);
        assert_eq!(
            (history.key_name(x), history.value_name(five), history.value_name(7)),
            ("x".into(), "5".into(), "7".into())
        );
        assert_eq!(size_of::<Record>(), 32);
        assert_eq!(size_of::<MicroOperation>(), 16);
    }
}
