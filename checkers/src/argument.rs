//! What every explanation is made of: operations named by their indices, steps of an argument, and a chart around them.

use std::borrow::Cow;

use dsjepsen_history::{Index, Lane, Nanos, Operation, Step, Timeline};

/// A judge's view of a run, from which it argues. Operations are named by their position in the history.
pub(crate) trait Argument {
    /// The workload's calls.
    type Call;
    /// Their results.
    type Reply;

    /// The operations of the run.
    fn operations(&self) -> &[Operation<Self::Call, Self::Reply>];

    /// The index by which the world knows the operation at this position.
    fn index(&self, position: usize) -> Index {
        self.operations()[position].invoked.index
    }

    /// The indices of the operations that a proof needs, in order and without repetition.
    fn proof(&self, positions: impl IntoIterator<Item = usize>) -> Vec<Index> {
        let mut indices: Vec<_> = positions.into_iter().map(|position| self.index(position)).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// A step of an argument that speaks of the operation at this position.
    fn step(&self, lead: &'static str, text: String, position: Option<usize>) -> Step {
        step(lead, text, position.map(|position| self.index(position)))
    }
}

/// A step of an argument that speaks of the operation with this index.
pub(crate) fn step(lead: &'static str, text: String, operation: Option<Index>) -> Step {
    Step { lead: Cow::Borrowed(lead), text, operation }
}

/// A chart of these lanes that shows all of them and the conflict, with a margin of a twentieth on either side.
pub(crate) fn chart(lanes: Vec<Lane>, conflict: Option<(Nanos, Nanos)>) -> Timeline {
    let spans = lanes.iter().flat_map(|lane| &lane.spans);
    let marks = lanes.iter().flat_map(|lane| &lane.marks);
    let points = spans
        .flat_map(|span| [span.from_ns, span.to_ns])
        .chain(marks.map(|mark| mark.at_ns))
        .chain(conflict.into_iter().flat_map(|(from, to)| [from, to]));
    let (from, to) = points.fold((Nanos::MAX, 0), |(from, to), at| (from.min(at), to.max(at)));
    let from = from.min(to);
    let margin = (to - from) / 20 + 1;
    Timeline { from_ns: from.saturating_sub(margin), to_ns: to.saturating_add(margin), lanes, conflict_ns: conflict }
}
