//! Leader election: the workload's calls, one checker for each rule, and one for the figures of liveness.
//!
//! The rules are those of the semantics of elections: one leader a term, terms that never fall, one leader at a time where that
//! is promised, no acknowledgement by a leader of the past. What a node says of itself is true at some instant of its poll, so
//! every rule rests on what follows from that alone.

mod drawing;
mod liveness;
mod overlap;
mod polls;
mod rising;
mod shown;
mod stale_leader;
mod term_regression;
mod two_leaders;

use dsjepsen_history::{Call, Judgement, NodeId};
use serde::{Deserialize, Serialize};

use crate::{Checker, RunView};
use polls::Polls;

pub use shown::{Claim, Leadership, claims, leaderships};

/// What a client of the election workload asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum ElectionCall {
    /// How does this node see the cluster? It only reads, so it is never indeterminate.
    Poll {
        /// The node.
        node: NodeId,
    },
    /// Have the leader acknowledge a write of nothing.
    Write,
}

impl Call for ElectionCall {
    fn kind(&self) -> &'static str {
        match self {
            Self::Poll { .. } => "poll",
            Self::Write => "write",
        }
    }

    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Poll { node } => Some(*node),
            Self::Write => None,
        }
    }
}

/// What a client of the election workload is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum ElectionReply {
    /// The node's view; one consistent observation, true at some instant of the poll.
    Poll {
        /// The node that it takes for the leader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leader: Option<NodeId>,
        /// Whether it takes itself for the leader.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        believes_leader: bool,
        /// Its current term, where the system has terms.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        term: Option<u64>,
        /// Which start of the node this is, where it counts them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incarnation: Option<u64>,
        /// A number that it raises whenever its own leadership begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<u64>,
        /// The terms of which the node says itself that it has led them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        claims: Vec<u64>,
    },
    /// A leader acknowledged the write.
    Write {
        /// The term in which it did.
        term: u64,
    },
}

/// A rule of elections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElectionRule {
    /// At most one node ever leads a term.
    TwoLeadersInTerm,
    /// The term of a node never falls, also over restarts.
    TermRegression,
    /// No two nodes surely led at one time.
    Overlap,
    /// No leader acknowledges a write after a leader of a later term has.
    StaleLeader,
    /// How long the cluster was without a leader: figures, which decide nothing. To see no leader at all is unknown.
    Liveness,
}

impl ElectionRule {
    /// All rules, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::TwoLeadersInTerm, Self::TermRegression, Self::Overlap, Self::StaleLeader, Self::Liveness];

    /// The stable id of the rule.
    pub fn id(self) -> &'static str {
        match self {
            Self::TwoLeadersInTerm => two_leaders::RULE,
            Self::TermRegression => term_regression::RULE,
            Self::Overlap => overlap::RULE,
            Self::StaleLeader => stale_leader::RULE,
            Self::Liveness => liveness::RULE,
        }
    }
}

/// Judges one rule of elections.
#[derive(Debug, Clone, Copy)]
pub struct ElectionChecker {
    rule: ElectionRule,
}

impl ElectionChecker {
    /// A checker of this rule.
    pub fn new(rule: ElectionRule) -> Self {
        Self { rule }
    }
}

impl Checker<ElectionCall, ElectionReply> for ElectionChecker {
    fn name(&self) -> &'static str {
        self.rule.id()
    }

    fn check(&self, run: &RunView<'_, ElectionCall, ElectionReply>) -> Judgement {
        let polls = Polls::of(run);
        match self.rule {
            ElectionRule::TwoLeadersInTerm => two_leaders::judge(&polls),
            ElectionRule::TermRegression => term_regression::judge(&polls),
            ElectionRule::Overlap => overlap::judge(&polls),
            ElectionRule::StaleLeader => stale_leader::judge(&polls),
            ElectionRule::Liveness => liveness::judge(&polls),
        }
    }
}

/// One checker for each rule of elections.
pub fn election_checkers() -> Vec<Box<dyn Checker<ElectionCall, ElectionReply>>> {
    ElectionRule::ALL
        .into_iter()
        .map(|rule| Box::new(ElectionChecker::new(rule)) as Box<dyn Checker<ElectionCall, ElectionReply>>)
        .collect()
}
