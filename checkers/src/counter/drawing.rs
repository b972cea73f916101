//! Draws a counterexample: one lane a process, with its additions and reads.

use dsjepsen_history::{Lane, Nanos, NodeId, Outcome, Process, Span, SpanStyle, Timeline};

use super::account::Account;
use super::{CounterCall, CounterReply};
use crate::argument::chart;

/// A time chart in the making. Lanes stand in the order in which their processes are first mentioned.
pub(super) struct Drawing<'a> {
    account: &'a Account<'a>,
    lanes: Vec<(Process, Option<NodeId>, Lane)>,
    drawn: Vec<usize>,
}

impl<'a> Drawing<'a> {
    /// An empty chart.
    pub(super) fn new(account: &'a Account<'a>) -> Self {
        Self { account, lanes: Vec::new(), drawn: Vec::new() }
    }

    /// Draws these operations, each once.
    pub(super) fn operations(&mut self, positions: impl IntoIterator<Item = usize>) -> &mut Self {
        for position in positions {
            if !self.drawn.contains(&position) {
                self.drawn.push(position);
                self.operation(position);
            }
        }
        self
    }

    /// Draws an operation from its invocation to its completion, or to the end of the run.
    fn operation(&mut self, position: usize) {
        let operation = &self.account.operations[position];
        let (style, answer) = match &operation.outcome {
            Outcome::Ok(CounterReply::Read { value } | CounterReply::Add { value: Some(value) }) => {
                (SpanStyle::Ok, format!(": {value}"))
            }
            Outcome::Ok(CounterReply::Add { value: None }) => (SpanStyle::Ok, String::new()),
            Outcome::Fail(reason) => (SpanStyle::Fail, format!(": {}", reason.kind())),
            Outcome::Info(_) => (SpanStyle::Info, ": no answer".to_owned()),
        };
        let name = match &operation.call {
            CounterCall::Add { delta, .. } => format!("add {delta}"),
            CounterCall::Read { .. } => "read".to_owned(),
        };
        let index = Some(operation.invoked.index);
        let (from_ns, end) = (operation.invoked.time, self.account.end.time);
        let to_ns = operation.completed.map_or(end.max(from_ns), |completed| completed.time);
        let span = Span { from_ns, to_ns, style, label: format!("{name}{answer}"), operation: index };
        self.lane(operation.process, operation.node).spans.push(span);
    }

    /// The chart, with a margin of a twentieth on either side.
    pub(super) fn finish(&mut self, conflict: Option<(Nanos, Nanos)>) -> Timeline {
        chart(std::mem::take(&mut self.lanes).into_iter().map(|(.., lane)| lane).collect(), conflict)
    }

    fn lane(&mut self, process: Process, node: Option<NodeId>) -> &mut Lane {
        let known = self.lanes.iter().position(|(owner, at, _)| (*owner, *at) == (process, node));
        let at = known.unwrap_or_else(|| {
            let label = match node {
                Some(node) => format!("process {process} on {node}"),
                None => format!("process {process}"),
            };
            self.lanes.push((process, node, Lane { label, ..Lane::default() }));
            self.lanes.len() - 1
        });
        &mut self.lanes[at].2
    }
}
