//! What was broken and when, and how we know: the strip of nodes and the table of faults.

use std::collections::BTreeMap;

use dsjepsen_history::{FaultInterval, FaultOutcome, Nanos, NodeHealth, PlannedFault, RunEvent};
use maud::{Markup, PreEscaped, html};

use super::{Section, framed, missing, wide};
use crate::load::{MOST_NODES, RunRecord};
use crate::plot::bands::{Bands, DrawnFault};
use crate::plot::strip;
use crate::text::{CELL, NAME, counted, seconds, shown, thousands};

/// The most faults in the table.
const MOST_ROWS: usize = 500;

/// The section; absent where no fault was planned and none happened.
pub(super) fn section(record: &RunRecord, drawn: &[DrawnFault]) -> Option<Section> {
    if record.plan.faults.is_empty() && record.faults().is_empty() && record.history.is_ok() {
        return None;
    }
    let rows = rows(record);
    let strip = record.history.is_ok().then(|| strip::draw(record, drawn)).flatten();
    let content = html! {
        @if let Err(error) = &record.history { (missing("What happened to the faults cannot be shown.", error)) }
        @if let Some((strip, shown)) = strip {
            div.legend {
                span { (PreEscaped(r#"<svg viewBox="0 0 18 12" aria-hidden="true"><rect y="3" width="18" height="5" class="up"/></svg>"#)) "process up" }
                @if shown.down {
                    span { (PreEscaped(r#"<svg viewBox="0 0 18 12" aria-hidden="true"><rect x=".5" y="3.5" width="17" height="5" class="down"/></svg>"#)) "down" }
                }
                @if shown.leader {
                    span { (PreEscaped(r#"<svg viewBox="0 0 18 12" aria-hidden="true"><rect y="3" width="18" height="5" class="leads"/></svg>"#)) "leader, by two polls" }
                }
                @if let Some(band) = shown.sides {
                    span { svg viewBox="0 0 18 12" aria-hidden="true" { rect y="2" width="18" height="8" class={ "fill-" (band) } {} } "side A" }
                    span { svg viewBox="0 0 18 12" aria-hidden="true" { rect x=".5" y="2.5" width="17" height="7" class={ "band-" (band) " edge-" (band) } {} } "side B" }
                }
                @if drawn.iter().any(|fault| !fault.confirmed) {
                    span { (PreEscaped(r#"<svg viewBox="0 0 18 12" aria-hidden="true"><rect x=".5" y=".5" width="17" height="11" class="unsure-sample"/></svg>"#)) "not confirmed" }
                }
            }
            (wide("Nodes and faults over time", &strip))
            @if usize::from(record.plan.settings.nodes) > MOST_NODES {
                p.note { (MOST_NODES) " of " (thousands(u64::from(record.plan.settings.nodes))) " nodes are drawn; those that a fault named come first." }
            }
        }
        @if !rows.is_empty() { (table(record, &rows)) }
        @if let Some(health) = health(record) { p.note { (health) } }
    };
    let mut section = framed("faults", "What was broken", "What was broken, and when", &lede(record), &content);
    section.on_run_axis = true;
    Some(section)
}

fn lede(record: &RunRecord) -> Markup {
    let all = record.plan.faults.len().max(record.faults().len()) as u64;
    let took = record.faults().iter().filter(|fault| fault.took_place()).count() as u64;
    let confirmed = record.faults().iter().filter(|fault| fault.confirmed).count() as u64;
    html! {
        @if record.history.is_ok() && all > 0 {
            "Above, each node’s process and what was done to it; below, its side of a partition. "
            (thousands(took)) " of " (counted(all, "fault was", "faults were")) " installed, "
            (thousands(confirmed)) " confirmed by what was observed; "
            (counted(overlapped_by_any(record), "operation", "operations")) " overlapped one."
        }
    }
}

/// How the nodes were before and after, as one sentence.
fn health(record: &RunRecord) -> Option<String> {
    let told = record.events().iter().filter_map(|event| match &event.event {
        RunEvent::Health { after_faults, nodes } => Some(NodeHealth::of_all(*after_faults, nodes)),
        _ => None,
    });
    let mut sentence = told.collect::<Vec<_>>().join("; ");
    sentence.get_mut(..1)?.make_ascii_uppercase();
    Some(sentence + ".")
}

/// One fault: as it was planned, as it happened, or both.
struct Row<'a> {
    id: u32,
    planned: Option<&'a PlannedFault>,
    actual: Option<&'a FaultInterval>,
}

fn rows(record: &RunRecord) -> Vec<Row<'_>> {
    let mut rows: BTreeMap<u32, Row<'_>> = BTreeMap::new();
    for fault in &record.plan.faults {
        let row = Row { id: fault.id, planned: Some(fault), actual: None };
        rows.insert(fault.id, row);
    }
    for fault in record.faults() {
        let row = Row { id: fault.id, planned: None, actual: None };
        rows.entry(fault.id).or_insert(row).actual = Some(fault);
    }
    rows.into_values().collect()
}

fn table(record: &RunRecord, rows: &[Row<'_>]) -> Markup {
    let overlaps = Overlaps::new(record);
    let table = html! {
        table.faults {
            thead {
                tr {
                    th scope="col" { "Fault" } th.num scope="col" { "Planned, s" } th.num scope="col" { "From, s" }
                    th.num scope="col" { "To, s" } th scope="col" { "On" } th scope="col" { "Outcome" }
                    th scope="col" { "Evidence that it took effect" } th.num scope="col" { "Operations in it" }
                }
            }
            tbody { @for row in rows.iter().take(MOST_ROWS) { (table_row(record, row, &overlaps)) } }
        }
        @if rows.len() > MOST_ROWS {
            p.note { "The first " (MOST_ROWS) " of " (thousands(rows.len() as u64)) " faults; history.jsonl has all." }
        }
    };
    wide("Faults", &table)
}

fn table_row(record: &RunRecord, row: &Row<'_>, overlaps: &Overlaps) -> Markup {
    let name = row.actual.map(|fault| &fault.fault).or(row.planned.map(|fault| &fault.fault));
    let name = name.map(String::as_str).unwrap_or_default();
    let target = row.actual.map(|fault| &fault.target).filter(|target| !target.is_empty());
    let target = target.or(row.planned.map(|fault| &fault.target)).map(String::as_str).unwrap_or_default();
    html! {
        tr {
            td.nobreak { (Bands::swatch(record.bands.of(name))) (shown(name, NAME)) " " span.dimmer { (row.id) } }
            td.num.dim { (planned(record, row.planned)) }
            @match row.actual {
                Some(fault) => {
                    td.num { (seconds(fault.requested.time, 3)) }
                    td.num { @match fault.healed {
                        Some(healed) => { (seconds(healed.time, 3)) }
                        None if fault.may_have_acted() => { span.dim { "not healed" } }
                        None => { span.dimmer { "–" } }
                    } }
                    td.on { (shown(target, CELL)) }
                    td { (outcome(fault)) }
                    td.value { (evidence(fault)) }
                    td.num {
                        @if fault.may_have_acted() { (thousands(overlaps.count(fault.span(record.end())))) }
                        @else { span.dimmer { "–" } }
                    }
                }
                None => {
                    td.num { span.dimmer { "–" } } td.num { span.dimmer { "–" } }
                    td.on { (shown(target, CELL)) }
                    td.dim.nobreak { @if record.history.is_ok() { "never asked for" } @else { "not known" } }
                    td {} td.num { span.dimmer { "–" } }
                }
            }
        }
    }
}

/// The planned interval on the run's clock, or on the main phase's where the run does not tell when that began.
fn planned(record: &RunRecord, fault: Option<&PlannedFault>) -> Markup {
    let Some(fault) = fault else {
        return html! { span.dimmer { "not planned" } };
    };
    let (sign, main) = match record.phase("main") {
        Some(began) => ("", began),
        None => ("+", 0),
    };
    let at = |time: Nanos| seconds(main.saturating_add(time), 1);
    html! { (sign) (at(fault.start_ns)) "–" (at(fault.heal_ns)) }
}

fn outcome(fault: &FaultInterval) -> Markup {
    let (class, word) = match (fault.outcome, fault.confirmed) {
        (Some(FaultOutcome::Installed), true) => ("valid", "confirmed"),
        (Some(FaultOutcome::Installed), false) => ("unknown", "installed, not confirmed"),
        (Some(FaultOutcome::Skipped), _) => ("none", "skipped"),
        (Some(FaultOutcome::Failed), _) => ("harness", "failed"),
        (None, _) => ("unknown", "asked for, no answer"),
    };
    html! {
        span class={ "st " (class) } { svg aria-hidden="true" { use href={ "#i-" (class) } {} } (word) }
    }
}

/// What was observed, at the injection and at the heal.
fn evidence(fault: &FaultInterval) -> Markup {
    let (injected, healed) = (gathered(&fault.evidence), gathered(&fault.heal_evidence));
    html! {
        @if injected.is_empty() && healed.is_empty() { span.dimmer { "none recorded" } }
        (in_words(&injected))
        @if !healed.is_empty() {
            @if !injected.is_empty() { ". " }
            "At the heal, " (in_words(&healed))
        }
    }
}

/// The same words on several nodes are said once.
fn gathered(evidence: &BTreeMap<String, String>) -> Vec<(&str, Vec<&str>)> {
    let mut observers: Vec<(&str, Vec<&str>)> = Vec::new();
    for (observer, words) in evidence {
        match observers.iter_mut().find(|(known, _)| known == words) {
            Some((_, names)) => names.push(observer),
            None => observers.push((words, vec![observer])),
        }
    }
    observers
}

fn in_words(observers: &[(&str, Vec<&str>)]) -> Markup {
    html! {
        @for (position, (words, names)) in observers.iter().enumerate() {
            @if position > 0 { "; " }
            (shown(&names.join(" "), NAME)) ": " (shown(words, 240))
        }
    }
}

/// Counts operations that overlap an interval, by two sorted lists of times.
struct Overlaps {
    began: Vec<Nanos>,
    ended: Vec<Nanos>,
}

impl Overlaps {
    fn new(record: &RunRecord) -> Self {
        let operations = record.operations();
        let mut began: Vec<_> = operations.iter().map(|operation| operation.invoked.time).collect();
        let mut ended: Vec<_> = operations.iter().filter_map(|operation| Some(operation.completed?.time)).collect();
        began.sort_unstable();
        ended.sort_unstable();
        Self { began, ended }
    }

    /// The operations that began before its end and had not ended before its start.
    fn count(&self, (from, to): (Nanos, Nanos)) -> u64 {
        let began = self.began.partition_point(|time| *time <= to);
        let ended = self.ended.partition_point(|time| *time < from);
        began.saturating_sub(ended) as u64
    }
}

/// How many operations overlapped at least one fault that took place.
pub(super) fn overlapped_by_any(record: &RunRecord) -> u64 {
    let end = record.end();
    let mut spans: Vec<_> =
        record.faults().iter().filter(|fault| fault.took_place()).map(|fault| fault.span(end)).collect();
    spans.sort_unstable();
    let mut merged: Vec<(Nanos, Nanos)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    let overlaps = |from: Nanos, to: Nanos| {
        let next = merged.partition_point(|span| span.1 < from);
        merged.get(next).is_some_and(|span| span.0 <= to)
    };
    let operations = record.operations().iter();
    operations
        .filter(|operation| {
            overlaps(operation.invoked.time, operation.completed.map_or(end, |completed| completed.time))
        })
        .count() as u64
}
