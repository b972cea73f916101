//! Draws operations that have no order: one lane a process.

use dsjepsen_history::{Lane, Nanos, Outcome, Process, Span, SpanStyle, Timeline};

use super::RegisterCall;
use super::RegisterReply;
use super::keys::RegisterOperation;

/// The chart of these operations, with a margin of a twentieth on either side. Lanes stand in the order of their first operation.
///
/// An operation without an end is drawn to the end of the others: its own would dwarf them.
pub(super) fn draw(operations: &[&RegisterOperation], conflict: (Nanos, Nanos)) -> Timeline {
    let starts = || operations.iter().map(|operation| operation.invoked.time).chain([conflict.0]);
    let ends = operations.iter().filter_map(|operation| Some(operation.returned()?.time));
    let (first, last) = (starts().min().unwrap_or(0), ends.chain(starts()).chain([conflict.1]).max().unwrap_or(0));
    let margin = (last - first) / 20 + 1;
    let mut lanes: Vec<(Process, Lane)> = Vec::new();
    for operation in operations {
        let span = Span {
            from_ns: operation.invoked.time,
            to_ns: operation.returned().map_or(last.saturating_add(margin), |returned| returned.time),
            style: style(operation),
            label: label(operation),
            operation: Some(operation.invoked.index),
        };
        match lanes.iter_mut().find(|(process, _)| *process == operation.process) {
            Some((_, lane)) => lane.spans.push(span),
            None => {
                let label = match operation.node {
                    Some(node) => format!("process {} on {node}", operation.process),
                    None => format!("process {}", operation.process),
                };
                lanes.push((operation.process, Lane { label, spans: vec![span], ..Lane::default() }));
            }
        }
    }
    Timeline {
        from_ns: first.saturating_sub(margin),
        to_ns: last.saturating_add(margin),
        lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
        conflict_ns: Some(conflict),
    }
}

fn style(operation: &RegisterOperation) -> SpanStyle {
    match operation.outcome {
        Outcome::Ok(_) => SpanStyle::Ok,
        Outcome::Fail(_) => SpanStyle::Fail,
        Outcome::Info(_) => SpanStyle::Info,
    }
}

/// An operation in a few signs: `write 31`, `read → 12`, `cas 12→31`.
fn label(operation: &RegisterOperation) -> String {
    let name = match operation.call {
        RegisterCall::Read { .. } => "read".to_owned(),
        RegisterCall::Write { value, .. } => format!("write {value}"),
        RegisterCall::Cas { from, to, .. } => format!("cas {from}→{to}"),
    };
    match &operation.outcome {
        Outcome::Ok(RegisterReply::Read { value: Some(value) }) => format!("{name} → {value}"),
        Outcome::Ok(RegisterReply::Read { value: None }) => format!("{name} → none"),
        Outcome::Ok(RegisterReply::Cas { swapped: false }) => format!("{name}: another value"),
        Outcome::Ok(_) => name,
        Outcome::Fail(reason) => format!("{name}: {}", reason.kind()),
        Outcome::Info(_) => format!("{name}: no answer"),
    }
}
