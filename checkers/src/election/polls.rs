//! What the nodes said of themselves, gathered once for all rules of elections.

use dsjepsen_history::{FaultInterval, Moment, Nanos, NodeId, Operation, Promises};

use super::{ElectionCall, ElectionReply};
use crate::RunView;
use crate::argument::Argument;

/// An operation of the election workload.
pub(super) type ElectionOperation = Operation<ElectionCall, ElectionReply>;

/// A poll that was answered: what the node said was true at some instant from `asked` to `answered`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll<'a> {
    /// Its position in the history.
    pub(super) position: usize,
    pub(super) node: NodeId,
    pub(super) asked: Moment,
    pub(super) answered: Moment,
    pub(super) leader: Option<NodeId>,
    pub(super) believes_leader: bool,
    pub(super) term: Option<u64>,
    pub(super) incarnation: Option<u64>,
    pub(super) since: Option<u64>,
    pub(super) claims: &'a [u64],
}

/// The answered polls of a run, with what the rules need beside them.
#[derive(Debug)]
pub(super) struct Polls<'a> {
    /// In the order of their answers.
    pub(super) polls: Vec<Poll<'a>>,
    pub(super) operations: &'a [ElectionOperation],
    pub(super) faults: &'a [FaultInterval],
    pub(super) promises: &'a Promises,
    /// How many nodes the cluster has.
    pub(super) nodes: usize,
    /// The time of the last event.
    pub(super) end: Nanos,
}

impl<'a> Polls<'a> {
    /// Gathers the polls of a run.
    pub(super) fn of(run: &RunView<'a, ElectionCall, ElectionReply>) -> Self {
        let operations = &run.history.operations;
        let answered = |(position, operation)| answered(position, operation);
        let mut polls: Vec<_> = operations.iter().enumerate().filter_map(answered).collect();
        polls.sort_unstable_by_key(|poll| poll.answered.index);
        Self {
            polls,
            operations,
            faults: &run.history.faults,
            promises: &run.plan.promises,
            nodes: usize::from(run.plan.settings.nodes),
            end: run.history.end.time,
        }
    }

    /// Whether any node told a term.
    pub(super) fn have_terms(&self) -> bool {
        self.polls.iter().any(|poll| poll.term.is_some() || !poll.claims.is_empty())
    }
}

impl Argument for Polls<'_> {
    type Call = ElectionCall;
    type Reply = ElectionReply;

    fn operations(&self) -> &[Operation<ElectionCall, ElectionReply>] {
        self.operations
    }
}

fn answered(position: usize, operation: &ElectionOperation) -> Option<Poll<'_>> {
    let ElectionCall::Poll { node } = operation.call else { return None };
    let ElectionReply::Poll { leader, believes_leader, term, incarnation, since, claims } = operation.outcome.ok()?
    else {
        return None;
    };
    Some(Poll {
        position,
        node,
        asked: operation.invoked,
        answered: operation.completed?,
        leader: *leader,
        believes_leader: *believes_leader,
        term: *term,
        incarnation: *incarnation,
        since: *since,
        claims,
    })
}
