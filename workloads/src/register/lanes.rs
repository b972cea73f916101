//! The lanes of the workload `register`: what was written to each key, as intervals in which it can have taken effect, and what
//! was read, as moments.

use std::collections::BTreeMap;

use dsjepsen_checkers::{RegisterCall, RegisterReply, RunView};
use dsjepsen_history::{Lane, Lanes, Mark, Operation, Outcome, Panel, Span, SpanStyle, thousands};

/// The lanes of a run.
pub(super) fn lanes(run: &RunView<'_, RegisterCall, RegisterReply>) -> Lanes {
    let mut lanes: BTreeMap<u64, Lane> = BTreeMap::new();
    for operation in &run.history.operations {
        let key = operation.call.key();
        let lane = lanes.entry(key).or_insert_with(|| Lane { label: format!("key {key}"), ..Lane::default() });
        draw(lane, operation, run.history.end.time);
    }
    let count = |number: usize| thousands(number as u64);
    let writes = lanes.values().map(|lane| lane.spans.len()).sum();
    let reads = lanes.values().map(|lane| lane.marks.len()).sum();
    let text = format!(
        "{} keys, each with its {} writes and exchanges (from their start to their answer, in which they take effect; one without an \
         answer may take effect at any time later) and its {} reads (when they were answered), labelled with their values where there \
         is room.",
        count(lanes.len()),
        count(writes),
        count(reads)
    );
    let mut all = Lanes::new("What the registers held", text);
    if !lanes.is_empty() {
        let lanes = lanes.into_values().collect();
        all.panels.push(Panel::Lanes { name: "Key".to_owned(), lanes, left_out: 0, items_left_out: 0 });
    }
    all
}

/// Writes and exchanges that may have taken effect are intervals; what only showed something is a moment. What failed is neither.
fn draw(lane: &mut Lane, operation: &Operation<RegisterCall, RegisterReply>, end: u64) {
    let index = Some(operation.invoked.index);
    let answered = operation.completed.map_or(end, |completed| completed.time);
    let style = match &operation.outcome {
        Outcome::Ok(_) => SpanStyle::Ok,
        Outcome::Info(_) => SpanStyle::Info,
        Outcome::Fail(_) => return,
    };
    let mut mark = |label: String| lane.marks.push(Mark { at_ns: answered, label, operation: index });
    let label = match (&operation.call, operation.outcome.ok()) {
        (RegisterCall::Read { .. }, Some(RegisterReply::Read { value })) => {
            return mark(value.map_or_else(|| "nothing".to_owned(), |value| value.to_string()));
        }
        (RegisterCall::Read { .. }, _) => return,
        (RegisterCall::Cas { from, .. }, Some(RegisterReply::Cas { swapped: false })) => {
            return mark(format!("not {from}"));
        }
        (RegisterCall::Write { value, .. }, _) => format!("={value}"),
        (RegisterCall::Cas { from, to, .. }, _) => format!("{from}→{to}"),
    };
    // A write without an answer may take effect at any time later; its interval is what is known of it.
    lane.spans.push(Span { from_ns: operation.invoked.time, to_ns: answered, style, label, operation: index });
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
