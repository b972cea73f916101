//! What went over the links of the network: over time by pairs, and in all by link.

use dsjepsen_history::{NodeId, RunEvent};
use maud::{Markup, html};

use super::{Section, framed, wide};
use crate::load::RunRecord;
use crate::plot::bands::DrawnFault;
use crate::plot::links::{MOST_ROWS, draw, looks};
use crate::text::{CELL, bytes, counted, shown, thousands};

/// The most links in the table.
const MOST_LINKS: usize = 400;

/// What one link carried over the run.
struct Total<'a> {
    from: &'a str,
    to: NodeId,
    forward: u64,
    back: u64,
    connections: u64,
}

/// The section; absent where no link was told of.
pub(super) fn section(record: &RunRecord, faults: &[DrawnFault]) -> Option<Section> {
    let totals = totals(record);
    let drawing = draw(looks(record.events()), record.end(), faults);
    if totals.is_empty() && drawing.is_none() {
        return None;
    }
    let sum = totals.iter().fold(0_u64, |sum, link| sum.saturating_add(link.forward).saturating_add(link.back));
    let lede = html! {
        @if totals.is_empty() { "The run ended before the links were counted. " }
        @else { (bytes(sum)) " over " (counted(totals.len() as u64, "link", "links")) ". " }
        @if drawing.is_some() {
            "In each row, upwards what went to the node after the arrow and downwards what came back, on a scale of its own. A gap \
             was not looked at."
        } @else if !totals.is_empty() { "When it went was not recorded." }
    };
    let content = html! {
        @if let Some((drawing, rows)) = &drawing {
            (wide("Bytes per second over time", drawing))
            @if *rows > MOST_ROWS { p.note { "The first " (MOST_ROWS) " of " (rows) " rows are drawn." } }
        }
        @if !totals.is_empty() { (table(&totals)) }
    };
    let mut section = framed("links", "Links", "Bytes per link", &lede, &content);
    section.on_run_axis = true;
    Some(section)
}

fn totals(record: &RunRecord) -> Vec<Total<'_>> {
    let events = record.events().iter();
    events
        .filter_map(|event| match &event.event {
            RunEvent::Link { from, to, bytes_forward, bytes_back, connections } => {
                let (forward, back) = (*bytes_forward, *bytes_back);
                Some(Total { from, to: *to, forward, back, connections: *connections })
            }
            _ => None,
        })
        .collect()
}

/// What every link carried in all.
fn table(totals: &[Total<'_>]) -> Markup {
    let rows = html! {
        table.notes {
            thead { tr {
                th scope="col" { "From" } th scope="col" { "To" } th.num scope="col" { "Sent" }
                th.num scope="col" { "Returned" } th.num scope="col" { "Connections" }
            } }
            tbody { @for link in totals.iter().take(MOST_LINKS) {
                tr {
                    td { (from(link.from)) } td { (link.to) } td.num { (bytes(link.forward)) } td.num { (bytes(link.back)) }
                    td.num { (thousands(link.connections)) }
                }
            } }
        }
    };
    html! {
        details.links {
            summary { "Totals of " (counted(totals.len() as u64, "link", "links")) }
            (wide("Totals of the links", &rows))
            @if totals.len() > MOST_LINKS { p.note { "The first " (MOST_LINKS) " links; events.jsonl has all." } }
        }
    }
}

/// `n1`, or the clients of a node, which the file calls `c1`.
fn from(source: &str) -> Markup {
    match source.strip_prefix('c').filter(|number| number.parse::<u16>().is_ok()) {
        Some(number) => html! { "clients of n" (number) },
        None => shown(source, CELL),
    }
}
