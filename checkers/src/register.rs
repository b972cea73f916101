//! Registers by key: the workload's calls, and the rule that all operations on a key can be put in one order.
//!
//! A key is judged by itself: a history is linearizable if and only if that of each object is (Herlihy and Wing, 1990).

mod contradiction;
mod drawing;
mod explanation;
mod keys;
mod model;

use dsjepsen_history::{Call, Figure, Finding, Judgement, UnknownReason};
use serde::{Deserialize, Serialize};

use crate::linearizable::{Answer, Budget, CONFIGURATIONS, find_each};
use crate::words::{count, counted};
use crate::{Checker, RunView};
use explanation::explain;
use keys::{Key, Keys};
use model::{REGISTER, RegisterEntry};

/// The id of the rule.
const RULE: &str = "register.linearizable";

/// What a client of the register workload asks for. A register has no value at first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum RegisterCall {
    /// Read the value.
    Read {
        /// The register.
        key: u64,
    },
    /// Set the value.
    Write {
        /// The register.
        key: u64,
        /// Its new value.
        value: u64,
    },
    /// Set the value to `to` if it is `from`.
    Cas {
        /// The register.
        key: u64,
        /// The value that it must have.
        from: u64,
        /// The value that it is given then.
        to: u64,
    },
}

impl RegisterCall {
    /// The register that the call is about.
    pub fn key(&self) -> u64 {
        match *self {
            Self::Read { key } | Self::Write { key, .. } | Self::Cas { key, .. } => key,
        }
    }
}

impl Call for RegisterCall {
    fn kind(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::Cas { .. } => "cas",
        }
    }
}

/// What a client of the register workload is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum RegisterReply {
    /// The register was read.
    Read {
        /// Its value; none where nothing was written yet.
        value: Option<u64>,
    },
    /// The value was set.
    Write,
    /// The value was compared.
    Cas {
        /// Whether it was `from`, and was set; else it was another, or none.
        swapped: bool,
    },
}

/// Judges whether registers are linearizable, by an exact search.
#[derive(Debug, Clone, Copy)]
pub struct RegisterChecker {
    budget: u64,
}

impl RegisterChecker {
    /// With the usual budget.
    pub fn new() -> Self {
        Self { budget: CONFIGURATIONS }
    }

    /// With so many configurations that may be looked at over the whole history.
    #[must_use]
    pub fn with_budget(mut self, configurations: u64) -> Self {
        self.budget = configurations;
        self
    }
}

impl Default for RegisterChecker {
    fn default() -> Self {
        Self::new()
    }
}

impl Checker<RegisterCall, RegisterReply> for RegisterChecker {
    fn name(&self) -> &'static str {
        RULE
    }

    fn check(&self, run: &RunView<'_, RegisterCall, RegisterReply>) -> Judgement {
        let keys = match Keys::of(run) {
            Ok(keys) => keys,
            Err(problem) => {
                let finding = Finding::unknown(UnknownReason::CheckerError, problem.to_string());
                return Judgement::new(RULE, 0, vec![finding]);
            }
        };
        let mut budget = Budget::new(self.budget);
        let decided = decide(&keys, &mut budget);
        let mut findings = explain(&keys, &decided.broken);
        findings.extend(decided.given_up(&budget, &keys));
        let mut judgement = Judgement::new(RULE, keys.judged(), findings);
        judgement.figures = keys.figures();
        judgement.figures.push(Figure::new("keys without an order", count(decided.broken.len() as u64)));
        judgement.figures.push(Figure::new(
            "configurations searched",
            format!("{} of at most {}", count(budget.spent()), count(self.budget)),
        ));
        judgement.assumptions = keys.assumptions();
        judgement
    }
}

/// The checkers of registers.
pub fn register_checkers() -> Vec<Box<dyn Checker<RegisterCall, RegisterReply>>> {
    vec![Box::new(RegisterChecker::new())]
}

/// What became of the keys of which something is to be said.
#[derive(Default)]
struct Decided<'a> {
    /// Those without an order.
    broken: Vec<&'a Key>,
    /// Those for which the budget did not suffice.
    open: Vec<&'a Key>,
}

fn decide<'a>(keys: &'a Keys<'_>, budget: &mut Budget) -> Decided<'a> {
    let objects: Vec<&[RegisterEntry]> = keys.keys.iter().map(|key| key.entries.as_slice()).collect();
    let mut decided = Decided::default();
    for (key, answer) in keys.keys.iter().zip(find_each(&REGISTER, &objects, budget)) {
        match answer {
            Answer::Exists => {}
            Answer::Impossible => decided.broken.push(key),
            Answer::Exhausted => decided.open.push(key),
        }
    }
    decided
}

impl Decided<'_> {
    fn given_up(&self, budget: &Budget, keys: &Keys<'_>) -> Option<Finding> {
        let key = self.open.iter().max_by_key(|key| (key.entries.len(), std::cmp::Reverse(key.key)))?;
        let unanswered = key.entries.iter().filter(|entry| entry.answer.is_none()).count() as u64;
        let sentence = format!(
            "Key {} is undecided: the search over its {} ({unanswered} without an answer) was given up.",
            key.key,
            counted(key.entries.len() as u64, "operation"),
        );
        let open = self.open.len() as u64;
        let detail = format!(
            "{} of {} undecided, after {} in all. Shorter keys (`--ops-per-key`) cost less.",
            count(open),
            if open == 1 {
                counted(keys.keys.len() as u64, "key") + " is"
            } else {
                counted(keys.keys.len() as u64, "key") + " are"
            },
            counted(budget.spent(), "configuration"),
        );
        Some(Finding { detail, count: open, ..Finding::unknown(UnknownReason::Memory, sentence) })
    }
}
