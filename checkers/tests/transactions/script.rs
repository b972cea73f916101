//! Small histories as the oracles see them, and as the judges do.

use dsjepsen_checkers::transactions::{MicroOperation, Outcome, Transaction, TransactionHistory};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Appends or sets.
    Write(u32, u32),
    /// Reads a whole list; a register holds the last element of its list.
    Read(u32, Vec<u32>),
}

impl Step {
    pub(crate) fn key(&self) -> u32 {
        match *self {
            Self::Write(key, _) | Self::Read(key, _) => key,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Txn {
    pub(crate) process: u32,
    pub(crate) outcome: Outcome,
    pub(crate) invoked: u64,
    pub(crate) completed: Option<u64>,
    pub(crate) steps: Vec<Step>,
}

impl Txn {
    pub(crate) fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    pub(crate) fn precedes(&self, other: &Self) -> bool {
        self.is_ok() && self.completed.is_some_and(|completed| completed < other.invoked)
    }

    pub(crate) fn last_write(&self, key: u32) -> Option<u32> {
        self.steps.iter().rev().find_map(|step| match *step {
            Step::Write(other, value) if other == key => Some(value),
            _ => None,
        })
    }
}

pub(crate) type Script = Vec<Txn>;

fn history(
    script: &[Txn],
    step: impl Fn(&mut TransactionHistory, &Step, bool) -> MicroOperation,
) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for txn in script {
        let steps: Vec<_> = txn.steps.iter().map(|one| step(&mut history, one, txn.is_ok())).collect();
        let transaction = Transaction {
            process: txn.process,
            outcome: txn.outcome,
            invoked: txn.invoked,
            completed: txn.completed,
            bare: false,
            times: None,
        };
        history.push(transaction, steps);
    }
    history
}

pub(crate) fn lists(script: &[Txn]) -> TransactionHistory {
    history(script, |history, step, ok| match step {
        Step::Write(key, value) => MicroOperation::Append { key: *key, value: *value },
        Step::Read(key, list) if ok => MicroOperation::ReadList { key: *key, list: history.list(list.iter().copied()) },
        Step::Read(key, _) => MicroOperation::Unread { key: *key },
    })
}

pub(crate) fn registers(script: &[Txn]) -> TransactionHistory {
    history(script, |_, step, ok| match step {
        Step::Write(key, value) => MicroOperation::Write { key: *key, value: *value },
        Step::Read(key, list) if ok => MicroOperation::Read { key: *key, value: list.last().copied() },
        Step::Read(key, _) => MicroOperation::Unread { key: *key },
    })
}

/// One ok transaction after the other, each by a process of its own unless `process` says otherwise.
pub(crate) fn serial(steps: &[&[Step]], process: impl Fn(usize) -> u32) -> Script {
    let txn = |(at, steps): (usize, &&[Step])| Txn {
        process: process(at),
        outcome: Outcome::Ok,
        invoked: 2 * at as u64,
        completed: Some(2 * at as u64 + 1),
        steps: steps.to_vec(),
    };
    steps.iter().enumerate().map(txn).collect()
}

/// Ok transactions that all overlap.
pub(crate) fn together(steps: &[&[Step]]) -> Script {
    let mut script = serial(steps, |at| at as u32);
    let count = script.len() as u64;
    for (at, txn) in (0..).zip(&mut script) {
        (txn.invoked, txn.completed) = (at, Some(count + at));
    }
    script
}

pub(crate) fn w(key: u32, value: u32) -> Step {
    Step::Write(key, value)
}

pub(crate) fn r(key: u32, list: &[u32]) -> Step {
    Step::Read(key, list.to_vec())
}
