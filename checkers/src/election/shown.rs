//! Who led when, as it is shown: what polls prove, what they say, and who claims which term.

use std::collections::BTreeMap;

use dsjepsen_history::{Index, Nanos, NodeId};

use super::overlap::{apparent, counter, definite};
use super::polls::Polls;
use super::{ElectionCall, ElectionReply};
use crate::RunView;

/// A time in which a node led, by its own word. Times are in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leadership {
    /// The node.
    pub node: NodeId,
    /// Its term, where it told one.
    pub term: Option<u64>,
    /// From the first answer that told of it.
    pub from: Nanos,
    /// Until the poll was asked that told of it last; not before `from`.
    pub to: Nanos,
    /// Whether its counts prove that it led all the time in between, by which `election.overlap` judges.
    pub proved: bool,
    /// The first poll that told of it.
    pub first: Index,
}

/// A node's claim that it leads or has led a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The term.
    pub term: u64,
    /// The node.
    pub node: NodeId,
    /// When it was first told, in ns.
    pub at: Nanos,
    /// The poll that told it.
    pub operation: Index,
}

/// The leaderships of a run, in the order of their beginnings: those that polls prove, and where a node counts nothing, those that
/// polls in a row tell of.
pub fn leaderships(run: &RunView<'_, ElectionCall, ElectionReply>) -> Vec<Leadership> {
    let polls = Polls::of(run);
    let index = |position: usize| polls.operations[position].invoked.index;
    let shown = |proved: bool| {
        move |reign: &super::overlap::Reign<'_>| Leadership {
            node: reign.first.node,
            term: reign.first.term,
            from: reign.first.answered.time,
            to: reign.last.asked.time.max(reign.first.answered.time),
            proved,
            first: index(reign.first.position),
        }
    };
    let mut all: Vec<_> = definite(&polls).iter().map(shown(true)).collect();
    let said = apparent(&polls);
    all.extend(said.iter().filter(|reign| counter(&reign.first).is_none()).map(shown(false)));
    all.sort_unstable_by_key(|led| (led.from, led.first));
    all
}

/// Who claims which term, in the order of the terms; each claim once, when it was first told.
pub fn claims(run: &RunView<'_, ElectionCall, ElectionReply>) -> Vec<Claim> {
    let polls = Polls::of(run);
    let mut first: BTreeMap<(u64, NodeId), Claim> = BTreeMap::new();
    for poll in &polls.polls {
        for &term in poll.claims {
            first.entry((term, poll.node)).or_insert(Claim {
                term,
                node: poll.node,
                at: poll.answered.time,
                operation: polls.operations[poll.position].invoked.index,
            });
        }
    }
    first.into_values().collect()
}
