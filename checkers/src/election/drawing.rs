//! Draws a counterexample: one lane a node, with what it was asked and when it surely led.

use dsjepsen_history::{Lane, Mark, Moment, Nanos, NodeId, Outcome, Span, SpanStyle, Timeline};

use super::ElectionCall;
use super::polls::Polls;
use crate::argument::chart;

/// A time chart in the making. Lanes stand in the order in which their nodes are first mentioned.
pub(super) struct Drawing<'a> {
    polls: &'a Polls<'a>,
    lanes: Vec<(Option<NodeId>, Lane)>,
}

impl<'a> Drawing<'a> {
    /// An empty chart.
    pub(super) fn new(polls: &'a Polls<'a>) -> Self {
        Self { polls, lanes: Vec::new() }
    }

    /// Draws an operation from its invocation to its completion, and marks what it was answered.
    pub(super) fn operation(&mut self, position: usize, answer: &str) -> &mut Self {
        let operation = &self.polls.operations[position];
        let style = match &operation.outcome {
            Outcome::Ok(_) => SpanStyle::Ok,
            Outcome::Fail(_) => SpanStyle::Fail,
            Outcome::Info(_) => SpanStyle::Info,
        };
        let name = match &operation.call {
            ElectionCall::Poll { .. } => "poll",
            ElectionCall::Write => "write",
        };
        let index = operation.invoked.index;
        let to = operation.completed.map_or(self.polls.end, |completed| completed.time);
        let span =
            Span { from_ns: operation.invoked.time, to_ns: to, style, label: name.to_owned(), operation: Some(index) };
        let mark = Mark { at_ns: to, label: answer.to_owned(), operation: Some(index) };
        let lane = self.lane(operation.node);
        lane.spans.push(span);
        lane.marks.push(mark);
        self
    }

    /// Draws a time in which a node surely led.
    pub(super) fn leadership(&mut self, node: NodeId, (from, to): (Moment, Moment)) -> &mut Self {
        self.lane(Some(node)).spans.push(Span {
            from_ns: from.time,
            to_ns: to.time,
            style: SpanStyle::Definite,
            label: "leads".to_owned(),
            operation: None,
        });
        self
    }

    /// The chart, with a margin of a twentieth on either side.
    pub(super) fn finish(&mut self, conflict: Option<(Nanos, Nanos)>) -> Timeline {
        chart(std::mem::take(&mut self.lanes).into_iter().map(|(_, lane)| lane).collect(), conflict)
    }

    fn lane(&mut self, node: Option<NodeId>) -> &mut Lane {
        let known = self.lanes.iter().position(|(owner, _)| *owner == node);
        let at = known.unwrap_or_else(|| {
            let label = node.map_or_else(|| "a node".to_owned(), |node| node.to_string());
            self.lanes.push((node, Lane { label, ..Lane::default() }));
            self.lanes.len() - 1
        });
        &mut self.lanes[at].1
    }
}
