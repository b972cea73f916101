//! Draws a counterexample: one lane a process, with its operations, its lease and its hold.

use dsjepsen_history::{Lane, Mark, Nanos, NodeId, Outcome, Process, Span, SpanStyle, Timeline};

use super::LockCall;
use super::hold::{Hold, Holds, Interval};
use crate::argument::{Argument as _, chart};

/// A time chart in the making. Lanes stand in the order in which their processes are first mentioned.
pub(super) struct Drawing<'a> {
    holds: &'a Holds<'a>,
    lanes: Vec<(Process, Option<NodeId>, Lane)>,
}

impl<'a> Drawing<'a> {
    /// An empty chart.
    pub(super) fn new(holds: &'a Holds<'a>) -> Self {
        Self { holds, lanes: Vec::new() }
    }

    /// Draws an operation from its invocation to its completion, or to the end of the run.
    pub(super) fn operation(&mut self, position: usize) -> &mut Self {
        let operation = &self.holds.operations[position];
        let (style, answer) = match &operation.outcome {
            Outcome::Ok(_) => (SpanStyle::Ok, String::new()),
            Outcome::Fail(reason) => (SpanStyle::Fail, format!(": {}", reason.kind())),
            Outcome::Info(_) => (SpanStyle::Info, ": no answer".to_owned()),
        };
        let name = match &operation.call {
            LockCall::Acquire { .. } => "acquire".to_owned(),
            LockCall::Renew { .. } => "renew".to_owned(),
            LockCall::Release { .. } => "release".to_owned(),
            LockCall::GiveUp { .. } => "give up".to_owned(),
            LockCall::Write { token: None, .. } => "write".to_owned(),
            LockCall::Write { token: Some(token), .. } => format!("write under token {token}"),
        };
        let span = Span {
            from_ns: operation.invoked.time,
            to_ns: operation.completed.map_or(self.holds.end, |completed| completed.time),
            style,
            label: format!("{name}{answer}"),
            operation: Some(operation.invoked.index),
        };
        self.lane(operation.process, operation.node).spans.push(span);
        self
    }

    /// Draws the lease of a hold, from the start of its first request, and marks its grant and its end.
    pub(super) fn lease(&mut self, hold: &Hold) -> &mut Self {
        let grant = match hold.token {
            Some(token) => format!("granted, token {token}"),
            None => "granted".to_owned(),
        };
        let index = self.holds.index(hold.acquire);
        self.mark(hold, hold.granted.time, &grant, Some(index));
        self.mark(hold, hold.lease.end, "lease ends", None);
        let (from, to) = (hold.leased, hold.lease.end.max(hold.leased));
        self.span(hold, from, to, SpanStyle::Possible, "lease")
    }

    /// Draws how long a hold lasts, surely or in the client's belief.
    pub(super) fn hold(&mut self, hold: &Hold, lasting: Interval, style: SpanStyle) -> &mut Self {
        if lasting.is_empty() {
            return self;
        }
        let label = match style {
            SpanStyle::Belief => "believes to hold",
            _ => "definite hold",
        };
        let to = lasting.end.time.min(self.holds.end.max(lasting.start.time));
        self.span(hold, lasting.start.time, to, style, label)
    }

    /// Marks a point in the lane of a hold.
    pub(super) fn mark(&mut self, hold: &Hold, at: Nanos, label: &str, operation: Option<u64>) -> &mut Self {
        let mark = Mark { at_ns: at, label: label.to_owned(), operation };
        self.lane(self.holds.process(hold), self.holds.node(hold)).marks.push(mark);
        self
    }

    /// The chart, with a margin of a twentieth on either side.
    pub(super) fn finish(&mut self, conflict: Option<(Nanos, Nanos)>) -> Timeline {
        chart(std::mem::take(&mut self.lanes).into_iter().map(|(.., lane)| lane).collect(), conflict)
    }

    fn span(&mut self, hold: &Hold, from: Nanos, to: Nanos, style: SpanStyle, label: &str) -> &mut Self {
        let span = Span {
            from_ns: from,
            to_ns: to,
            style,
            label: label.to_owned(),
            operation: Some(self.holds.index(hold.acquire)),
        };
        self.lane(self.holds.process(hold), self.holds.node(hold)).spans.push(span);
        self
    }

    fn lane(&mut self, process: Process, node: Option<NodeId>) -> &mut Lane {
        let known = self.lanes.iter().position(|(owner, ..)| *owner == process);
        let at = known.unwrap_or_else(|| {
            let label = match node {
                Some(node) => format!("process {process} on {node}"),
                None => format!("process {process}"),
            };
            let lane = Lane { label, ..Lane::default() };
            self.lanes.push((process, node, lane));
            self.lanes.len() - 1
        });
        &mut self.lanes[at].2
    }
}
