//! Tables of operations, and the links that lead to their rows.

use std::collections::BTreeSet;

use dsjepsen_history::{Finding, Index, Outcome, RawOperation};
use maud::{Markup, html};
use serde_json::Value;

use crate::marks::OutcomeKind;
use crate::subject::Subject;
use crate::text::{CELL, NAME, harmless, millis, seconds, shown, thousands};

/// The most findings that are shown with their argument.
pub(super) const MOST_FINDINGS: usize = 20;
/// The most operations in the table of the first finding.
const MOST_ROWS: usize = 200;
/// The most operations in the table of any other.
const MOST_OTHER_ROWS: usize = 50;

/// Which operations have a row on the page, and under which finding. Each has one row at most, so that a link has one
/// target.
pub(crate) struct Tables {
    rows: Vec<Vec<Index>>,
    left_out: Vec<usize>,
    /// The operations that have a row.
    pub(super) targets: BTreeSet<Index>,
    /// Whether operations are named at all.
    pub(super) names: bool,
}

impl Tables {
    /// Gathers the operations that the findings, their steps and their drawings name.
    pub(crate) fn new(subject: &dyn Subject) -> Self {
        let names = subject.names_operations();
        let mut tables = Self { rows: Vec::new(), left_out: Vec::new(), targets: BTreeSet::new(), names };
        for (position, finding) in subject.verdict().findings.iter().take(MOST_FINDINGS).enumerate() {
            let most = if position == 0 { MOST_ROWS } else { MOST_OTHER_ROWS };
            let named: Vec<_> = named(finding)
                .into_iter()
                .filter(|index| !tables.targets.contains(index) && subject.operation(*index).is_some())
                .collect();
            tables.left_out.push(named.len().saturating_sub(most));
            let mut rows: Vec<_> = named.into_iter().take(most).collect();
            rows.sort_unstable();
            tables.targets.extend(&rows);
            tables.rows.push(rows);
        }
        tables
    }

    /// The table of a finding; nothing where it has no row.
    pub(super) fn table(&self, subject: &dyn Subject, finding: usize) -> Markup {
        let rows = self.rows.get(finding).map(Vec::as_slice).unwrap_or_default();
        let left_out = self.left_out.get(finding).copied().unwrap_or_default();
        if rows.is_empty() {
            return Markup::default();
        }
        let proof: BTreeSet<_> = subject.verdict().findings[finding].operations.iter().collect();
        let table = html! {
            table.ops {
                thead { tr {
                    th.num scope="col" { "Operation" } th.num scope="col" { "Invoked, s" } th scope="col" { "Process" }
                    th scope="col" { "Node" } th scope="col" { "Kind" } th scope="col" { "Value" }
                    th scope="col" { "Outcome" } th.num scope="col" { "Latency, ms" } th scope="col" { "Reason" }
                } }
                tbody {
                    @for operation in rows.iter().filter_map(|index| subject.operation(*index)) {
                        (row(operation, proof.contains(&operation.invoked.index)))
                    }
                }
            }
            @if left_out > 0 {
                p.note { (thousands(left_out as u64)) " more operations of this finding are " (subject.elsewhere()) "." }
            }
        };
        super::wide("Operations of this finding", &table)
    }

    /// A reference to an operation: a link where it has a row, else plain text; nothing where operations are not named.
    pub(super) fn link(&self, index: Index) -> Markup {
        if !self.names {
            Markup::default()
        } else if self.targets.contains(&index) {
            html! { a.op href={ "#op-" (index) } { "op " (index) } }
        } else {
            // The page's script makes a link of it: every operation has its row there.
            html! { span.op data-op=(index) { "op " (index) } }
        }
    }
}

/// The operations of a finding: those that prove it first, then those that only its words and its drawing name.
fn named(finding: &Finding) -> Vec<Index> {
    let mut seen = BTreeSet::new();
    let steps = finding.steps.iter().filter_map(|step| step.operation);
    let lanes = finding.timeline.iter().flat_map(|timeline| &timeline.lanes);
    let drawn = lanes.flat_map(|lane| {
        let spans = lane.spans.iter().filter_map(|span| span.operation);
        spans.chain(lane.marks.iter().filter_map(|mark| mark.operation))
    });
    finding.operations.iter().copied().chain(steps).chain(drawn).filter(|index| seen.insert(*index)).collect()
}

fn row(operation: &RawOperation, proof: bool) -> Markup {
    let index = operation.invoked.index;
    html! {
        tr id={ "op-" (index) } {
            td.num { (index) }
            td.num { (seconds(operation.invoked.time, 6)) }
            td { "p" (operation.process) }
            td { @match operation.node { Some(node) => { (node) } None => { span.dimmer { "none" } } } }
            td { (shown(&operation.call.f, NAME)) }
            td.value { (shown(&value(operation), CELL)) }
            td { (OutcomeKind::from(&operation.outcome).mark()) }
            td.num { @match latency(operation) { Some(ms) => { (ms) } None => { span.dimmer { "not completed" } } } }
            td.dim {
                @if let Outcome::Fail(reason) | Outcome::Info(reason) = &operation.outcome { (shown(reason.as_str(), CELL)) }
                @if proof { " " span.in { "in the proof" } }
            }
        }
    }
}

/// What was asked for and what came back, as JSON.
fn value(operation: &RawOperation) -> String {
    let text = |value: &Value| {
        if value.is_null() { String::new() } else { value.to_string() }
    };
    let asked = text(&operation.call.value);
    match &operation.outcome {
        Outcome::Ok(result) if *result != operation.call.value && !result.is_null() => {
            if asked.is_empty() {
                text(result)
            } else {
                format!("{asked} → {result}")
            }
        }
        _ => asked,
    }
}

fn latency(operation: &RawOperation) -> Option<String> {
    let began = operation.call.scheduled.unwrap_or(operation.invoked.time);
    Some(millis(operation.completed?.time.saturating_sub(began), 2))
}

/// An operation in words, for pointers and screen readers.
pub(super) fn describe(subject: &dyn Subject, index: Index) -> String {
    let Some(operation) = subject.operation(index) else {
        if !subject.names_operations() {
            return String::new();
        }
        return format!("Operation {index}");
    };
    let node = operation.node.map_or_else(String::new, |node| format!(" on {node}"));
    let reason = match &operation.outcome {
        Outcome::Ok(_) => String::new(),
        Outcome::Fail(reason) | Outcome::Info(reason) => format!(", {}", harmless(reason.as_str(), NAME)),
    };
    let ended = latency(operation).map_or_else(|| "never completed".to_owned(), |ms| format!("took {ms} ms"));
    format!(
        "Operation {index}: {} {}{reason}, process {}{node}, invoked {} s, {ended}",
        harmless(&operation.call.f, NAME),
        OutcomeKind::from(&operation.outcome).word(),
        operation.process,
        seconds(operation.invoked.time, 3),
    )
}
