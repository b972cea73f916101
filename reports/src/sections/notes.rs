//! What else is worth knowing: warnings, stalls of the controller, nodes that ended on their own, retries, traffic.

use std::collections::BTreeMap;

use dsjepsen_history::{Nanos, RunEvent};
use maud::{Markup, html};

use super::{Section, framed, missing, wide};
use crate::load::RunRecord;
use crate::text::{NAME, SENTENCE, counted, seconds, shown, thousands};

/// The most lines that are shown.
const MOST_LINES: usize = 100;

/// The section; absent where there is nothing to say.
pub(super) fn section(record: &RunRecord) -> Option<Section> {
    let lines = lines(record);
    let retries = retries(record);
    let remarks = record.history.as_ref().map(|history| history.notes.as_slice()).unwrap_or_default();
    if lines.is_empty() && retries.0.is_empty() && remarks.is_empty() && record.events.is_ok() {
        return None;
    }
    let content = html! {
        @if let Err(error) = &record.events { (missing("The run’s events cannot be shown.", error)) }
        @for remark in remarks { p.note { "history.jsonl: " (shown(remark, SENTENCE)) } }
        @if !lines.is_empty() { (table(&lines)) }
        @if lines.len() > MOST_LINES {
            p.note { "The first " (MOST_LINES) " of " (thousands(lines.len() as u64)) "; events.jsonl has all." }
        }
        (retries)
    };
    Some(framed("notes", "Notes", "Notes and warnings", &Markup::default(), &content))
}

/// One remark with its time.
struct Line {
    time: Nanos,
    class: &'static str,
    icon: &'static str,
    kind: &'static str,
    text: String,
}

fn lines(record: &RunRecord) -> Vec<Line> {
    let line = |time, (class, icon), kind, text| Some(Line { time, class, icon, kind, text });
    let alarm = ("unknown", "harness");
    record
        .events()
        .iter()
        .filter_map(|event| match &event.event {
            RunEvent::Warning { text } => line(event.time_ns, alarm, "warning", text.clone()),
            RunEvent::Note { text } => line(event.time_ns, ("none", "none"), "note", text.clone()),
            RunEvent::Stall { for_ms } => line(
                event.time_ns,
                alarm,
                "stall",
                format!(
                    "The controller was held up for {} ms; latencies around it are not the target’s.",
                    thousands(*for_ms)
                ),
            ),
            RunEvent::NodeEnded { node, status, expected: false } => {
                line(event.time_ns, ("invalid", "harness"), "node ended", format!("{node} ended on its own: {status}"))
            }
            _ => None,
        })
        .collect()
}

fn table(lines: &[Line]) -> Markup {
    let table = html! {
        table.notes {
            thead { tr { th.num scope="col" { "At, s" } th scope="col" { "What" } th scope="col" { "In words" } } }
            tbody {
                @for line in lines.iter().take(MOST_LINES) {
                    tr {
                        td.num { (seconds(line.time, 3)) }
                        td.nobreak {
                            span class={ "st " (line.class) } {
                                svg aria-hidden="true" { use href={ "#i-" (line.icon) } {} } (line.kind)
                            }
                        }
                        td { (shown(&line.text, SENTENCE)) }
                    }
                }
            }
        }
    };
    wide("Table of notes and warnings", &table)
}

/// Requests that were sent again, counted by kind and reason.
fn retries(record: &RunRecord) -> Markup {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for event in record.events() {
        if let RunEvent::Retry { request, reason, .. } = &event.event {
            let kind = reason.split(':').next().unwrap_or(reason);
            *counts.entry((request, kind)).or_default() += 1;
        }
    }
    let total: u64 = counts.values().sum();
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|((request, reason), count)| (std::cmp::Reverse(*count), *request, *reason));
    html! {
        @if total > 0 {
            p.retries {
                (counted(total, "request was", "requests were")) " sent again under the same key: "
                @for (position, ((request, reason), count)) in counts.iter().take(8).enumerate() {
                    @if position > 0 { ", " }
                    (shown(request, NAME)) " after " (shown(reason, NAME)) " " (thousands(*count)) " ×"
                }
                @if counts.len() > 8 { ", and " (counts.len() - 8) " other kinds" }
                "."
            }
        }
    }
}
