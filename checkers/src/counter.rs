//! A counter that begins at 0: the workload's calls, and one checker for each rule.
//!
//! Bounds, order and results are judged at any moment of the run; what was lost or counted too often is judged by the final
//! reads, after every fault was healed and every doubtful addition was sent again.

mod account;
mod bounds;
mod drawing;
mod last;
mod order;
mod pair;
mod results;
mod shown;
mod subsets;
mod sums;

use dsjepsen_history::{Call, Finding, Judgement, NodeId, UnknownReason};
use serde::{Deserialize, Serialize};

use crate::{Checker, RunView};
use account::Account;

pub use shown::{CounterValues, ReadValue, counter_values};

/// What a client of the counter workload asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum CounterCall {
    /// Add to the counter. All calls of one `id`, by whichever process, are attempts at one addition.
    Add {
        /// The addition.
        id: u64,
        /// What is added; may be negative.
        delta: i64,
    },
    /// Read the counter.
    Read {
        /// The node asked, where that need not be the home of the process.
        node: Option<NodeId>,
        /// The round of final reads that it belongs to.
        round: Option<u32>,
    },
}

impl Call for CounterCall {
    fn kind(&self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Read { .. } => "read",
        }
    }

    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Add { .. } => None,
            Self::Read { node, .. } => *node,
        }
    }
}

/// What a client of the counter workload is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum CounterReply {
    /// The addition was made.
    Add {
        /// The value right after it, where the system tells.
        value: Option<i64>,
    },
    /// The counter was read.
    Read {
        /// Its value.
        value: i64,
    },
}

/// A rule of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterRule {
    /// A read lies between what was surely and what was possibly added.
    Bounds,
    /// Reads that follow one another, and the additions between them, can be told as one line of values.
    Order,
    /// At the end nothing is missing.
    Lost,
    /// At the end nothing was counted too often.
    Extra,
    /// The values answered to additions can be told as one line of values.
    Return,
}

impl CounterRule {
    /// All rules, in the order in which they are shown: the sum at the end says the plainest what is wrong.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Extra, Self::Bounds, Self::Order, Self::Return];

    /// The stable id of the rule.
    pub fn id(self) -> &'static str {
        match self {
            Self::Bounds => bounds::RULE,
            Self::Order => order::RULE,
            Self::Lost => last::LOST,
            Self::Extra => last::EXTRA,
            Self::Return => results::RULE,
        }
    }
}

/// Judges one rule of counters.
#[derive(Debug, Clone, Copy)]
pub struct CounterChecker {
    rule: CounterRule,
}

impl CounterChecker {
    /// A checker of this rule.
    pub fn new(rule: CounterRule) -> Self {
        Self { rule }
    }
}

impl Checker<CounterCall, CounterReply> for CounterChecker {
    fn name(&self) -> &'static str {
        self.rule.id()
    }

    fn check(&self, run: &RunView<'_, CounterCall, CounterReply>) -> Judgement {
        let account = match Account::of(run) {
            Ok(account) => account,
            Err(problem) => {
                let finding = Finding::unknown(UnknownReason::CheckerError, problem.to_string());
                return Judgement::new(self.name(), 0, vec![finding]);
            }
        };
        match self.rule {
            CounterRule::Bounds => bounds::judge(&account),
            CounterRule::Order => order::judge(&account),
            CounterRule::Lost => last::judge(&account, last::Direction::Lost),
            CounterRule::Extra => last::judge(&account, last::Direction::Extra),
            CounterRule::Return => results::judge(&account),
        }
    }
}

/// One checker for each rule of counters.
pub fn counter_checkers() -> Vec<Box<dyn Checker<CounterCall, CounterReply>>> {
    CounterRule::ALL
        .into_iter()
        .map(|rule| Box::new(CounterChecker::new(rule)) as Box<dyn Checker<CounterCall, CounterReply>>)
        .collect()
}
