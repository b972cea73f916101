//! The additions and reads of a run, gathered from its operations: what was surely added, what possibly, and when.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Index, Moment, NodeId, Operation, Outcome, Promises};
use thiserror::Error;

use super::{CounterCall, CounterReply};
use crate::RunView;
use crate::argument::Argument;
use crate::words::{count, counted};

/// An operation of the counter workload.
pub(super) type CounterOperation = Operation<CounterCall, CounterReply>;

/// A history that the rules cannot be applied to.
#[derive(Debug, Error)]
pub(super) enum Ambiguity {
    /// Two attempts at one addition add different amounts.
    #[error("Operations {first} and {second} are attempts at addition {id}, but add different amounts.")]
    TwoDeltas { id: u64, first: Index, second: Index },
}

/// An addition that was answered: the first of its attempts to be ok.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    /// The attempt, as a position among the operations.
    pub(super) position: usize,
    pub(super) completed: Moment,
    /// The value that it was told, where the system tells one.
    pub(super) value: Option<i64>,
}

/// An addition that took place, or may have: all attempts at it together. What surely never took place is left out.
#[derive(Debug)]
pub(super) struct Addition {
    pub(super) id: u64,
    pub(super) delta: i64,
    /// In the order of their invocations; never empty.
    pub(super) attempts: Vec<usize>,
    /// When the first attempt was invoked.
    pub(super) invoked: Moment,
    /// The first attempt to be ok; none where it is still in doubt.
    pub(super) answer: Option<Answer>,
    /// Whether some attempt was indeterminate.
    pub(super) doubted: bool,
}

impl Addition {
    /// The attempt that tells most of it: the one that was ok, else the first.
    pub(super) fn shown(&self) -> usize {
        self.answer.map_or(self.attempts[0], |answer| answer.position)
    }

    /// The value right before and right after it, where it was told.
    pub(super) fn told(&self) -> Option<(i128, i128)> {
        let after = i128::from(self.answer?.value?);
        Some((after - i128::from(self.delta), after))
    }
}

/// A read that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    /// As a position among the operations.
    pub(super) position: usize,
    pub(super) invoked: Moment,
    pub(super) completed: Moment,
    pub(super) value: i64,
    /// The round of final reads that it belongs to.
    pub(super) round: Option<u32>,
    /// The node asked.
    pub(super) node: Option<NodeId>,
}

/// What a run did to its counter.
#[derive(Debug)]
pub(super) struct Account<'a> {
    pub(super) operations: &'a [CounterOperation],
    /// Those that took place or may have, in the order of their first invocations.
    pub(super) additions: Vec<Addition>,
    /// Those that were answered, in the order of their invocations.
    pub(super) reads: Vec<Read>,
    pub(super) promises: &'a Promises,
    /// How many nodes there are.
    pub(super) nodes: usize,
    /// Whether the run was cut short.
    pub(super) interrupted: bool,
    /// The end of the run.
    pub(super) end: Moment,
    failed: u64,
}

impl<'a> Account<'a> {
    /// Gathers the additions and reads of a run.
    pub(super) fn of(run: &RunView<'a, CounterCall, CounterReply>) -> Result<Self, Ambiguity> {
        let plan = run.plan;
        let mut account = Self {
            operations: &run.history.operations,
            additions: Vec::new(),
            reads: Vec::new(),
            promises: &plan.promises,
            nodes: usize::from(plan.settings.nodes),
            interrupted: run.interrupted,
            end: run.history.end,
            failed: 0,
        };
        account.gather()?;
        Ok(account)
    }

    fn gather(&mut self) -> Result<(), Ambiguity> {
        let mut by_id: BTreeMap<u64, Addition> = BTreeMap::new();
        for (position, operation) in self.operations.iter().enumerate() {
            match operation.call {
                CounterCall::Add { id, delta } => {
                    let addition = by_id.entry(id).or_insert_with(|| Addition {
                        id,
                        delta,
                        attempts: Vec::new(),
                        invoked: operation.invoked,
                        answer: None,
                        doubted: false,
                    });
                    addition.attempts.push(position);
                    if addition.delta != delta {
                        let first = self.operations[addition.attempts[0]].invoked.index;
                        return Err(Ambiguity::TwoDeltas { id, first, second: operation.invoked.index });
                    }
                    attempted(addition, position, operation);
                }
                CounterCall::Read { round, .. } => self.reads.extend(answered(position, operation, round)),
            }
        }
        for addition in by_id.into_values() {
            if addition.doubted || addition.answer.is_some() {
                self.additions.push(addition);
            } else {
                self.failed += 1;
            }
        }
        self.additions.sort_unstable_by_key(|addition| addition.invoked.index);
        Ok(())
    }

    /// Whether anything was, or may have been, taken away.
    pub(super) fn has_decrements(&self) -> bool {
        self.additions.iter().any(|addition| addition.delta < 0)
    }

    /// Whether every addition adds exactly 1.
    pub(super) fn is_unit(&self) -> bool {
        self.additions.iter().all(|addition| addition.delta == 1)
    }

    /// Who did it, and through which node: `process 3 on n1`.
    pub(super) fn who(&self, position: usize) -> String {
        let operation = &self.operations[position];
        match operation.node {
            Some(node) => format!("process {} on {node}", operation.process),
            None => format!("process {}", operation.process),
        }
    }

    /// What came of all additions.
    pub(super) fn additions_figure(&self) -> Figure {
        let answered = self.additions.iter().filter(|addition| addition.answer.is_some()).count() as u64;
        let resolved = self.additions.iter().filter(|addition| addition.doubted && addition.answer.is_some()).count();
        let text = format!(
            "{} ok ({} of them after doubt), {} failed, {} in doubt for good",
            count(answered),
            count(resolved as u64),
            count(self.failed),
            count(self.additions.len() as u64 - answered)
        );
        Figure::new("additions", text)
    }

    /// How many reads were answered.
    pub(super) fn reads_figure(&self) -> Figure {
        Figure::new("reads", count(self.reads.len() as u64))
    }

    /// What every rule of counters takes for granted.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let retried = if self.promises.idempotency_keys {
            "All attempts at an addition, under one idempotency key, count as one: from the first sending to the first success."
        } else {
            "An addition without an answer may take effect once, at any time, or never."
        };
        vec!["The counter begins at 0; order is the controller's.".to_owned(), retried.to_owned()]
    }
}

impl Argument for Account<'_> {
    type Call = CounterCall;
    type Reply = CounterReply;

    fn operations(&self) -> &[Operation<CounterCall, CounterReply>] {
        self.operations
    }
}

fn attempted(addition: &mut Addition, position: usize, operation: &CounterOperation) {
    match (&operation.outcome, operation.completed) {
        (Outcome::Ok(CounterReply::Add { value }), Some(completed)) => {
            if addition.answer.is_none_or(|first| completed.index < first.completed.index) {
                addition.answer = Some(Answer { position, completed, value: *value });
            }
        }
        (Outcome::Fail(_), _) => {}
        // No answer, or none that fits: nobody knows.
        _ => addition.doubted = true,
    }
}

fn answered(position: usize, operation: &CounterOperation, round: Option<u32>) -> Option<Read> {
    let (Outcome::Ok(CounterReply::Read { value }), Some(completed)) = (&operation.outcome, operation.completed) else {
        return None;
    };
    let call = &operation.call;
    let node = dsjepsen_history::Call::node(call).or(operation.node);
    Some(Read { position, invoked: operation.invoked, completed, value: *value, round, node })
}

/// Some of many operations in words: `operations 3, 5 and 8`, `operations 3, 5, 8 and 1,204 others`.
pub(super) fn some_of(indices: &[Index], all: u64) -> String {
    let named: Vec<_> = indices.iter().map(ToString::to_string).collect();
    let others = all.saturating_sub(indices.len() as u64);
    let noun = if indices.len() == 1 && others == 0 { "operation" } else { "operations" };
    let list = match (named.as_slice(), others) {
        ([], _) => return counted(all, "operation"),
        (named, 0) if named.len() > 1 => {
            let (last, first) = (&named[named.len() - 1], &named[..named.len() - 1]);
            format!("{} and {last}", first.join(", "))
        }
        (named, 0) => named.join(", "),
        (named, _) => format!("{} and {}", named.join(", "), counted(others, "other")),
    };
    format!("{noun} {list}")
}
