//! Nodes over time: while its process ran, and every fault that named it.

use std::collections::BTreeMap;

use dsjepsen_history::{Nanos, NodeId, RunEvent};
use maud::Markup;

use super::axis::TimeAxis;
use super::bands::{self, DrawnFault};
use super::labels::text_width;
use super::svg::{Anchor, Area, Canvas};
use crate::load::RunRecord;
use crate::text::{seconds, span};

const TRACK: f64 = 15.0;
const TRACK_STEP: f64 = 19.0;

/// One row of the strip.
struct Row<'a> {
    name: String,
    up: Vec<(Nanos, Nanos)>,
    faults: Vec<(&'a DrawnFault, usize)>,
    tracks: usize,
}

/// Draws the strip; nothing where there is neither a node nor a fault to show.
pub(crate) fn draw(record: &RunRecord, faults: &[DrawnFault]) -> Option<Markup> {
    let axis = TimeAxis::of_run(record.end());
    let rows = rows(record, &axis, faults);
    if rows.is_empty() || record.end() == 0 {
        return None;
    }
    let mut canvas = Canvas::default();
    let top = 12.0;
    let height: f64 = rows.iter().map(row_height).sum();
    bands::draw_conflict(&mut canvas, &axis, record.conflict(), top, top + height);
    let mut y = top;
    for row in &rows {
        draw_row(&mut canvas, &axis, row, y);
        y += row_height(row);
        canvas.line((0.0, y), (axis.right, y), "grid");
    }
    axis.draw(&mut canvas, y + 3.0);
    Some(canvas.finish_on_run(&axis, y + 26.0, "img", "The faults that named each node, over time"))
}

fn row_height(row: &Row<'_>) -> f64 {
    14.0 + TRACK_STEP * row.tracks.max(1) as f64
}

fn rows<'a>(record: &RunRecord, axis: &TimeAxis, faults: &'a [DrawnFault]) -> Vec<Row<'a>> {
    let mut up = lifetimes(record);
    let row = |name: String, up: Vec<(Nanos, Nanos)>, named: Vec<&'a DrawnFault>| {
        // Faults come in the order of their requests, so the end of the last one is all that a track need know.
        let mut tracks: Vec<f64> = Vec::new();
        let mut placed = Vec::new();
        for fault in named {
            let (from, to) = (axis.x(fault.from), axis.x(fault.to) + 2.0);
            let free = tracks.iter().position(|end| *end < from);
            let track = free.unwrap_or(tracks.len());
            match tracks.get_mut(track) {
                Some(end) => *end = to,
                None => tracks.push(to),
            }
            placed.push((fault, track));
        }
        Row { name, up, faults: placed, tracks: tracks.len() }
    };
    let mut rows: Vec<_> = record
        .nodes()
        .into_iter()
        .map(|node| {
            let named = faults.iter().filter(|fault| fault.nodes.contains(&node)).collect();
            row(node.to_string(), up.remove(&node).unwrap_or_default(), named)
        })
        .collect();
    let nameless: Vec<_> = faults.iter().filter(|fault| fault.nodes.is_empty()).collect();
    if !nameless.is_empty() {
        rows.push(row("no node named".to_owned(), Vec::new(), nameless));
    }
    rows
}

/// The intervals in which each node's process ran, as far as the events tell.
fn lifetimes(record: &RunRecord) -> BTreeMap<NodeId, Vec<(Nanos, Nanos)>> {
    let mut intervals: BTreeMap<NodeId, Vec<(Nanos, Nanos)>> = BTreeMap::new();
    let mut running: BTreeMap<NodeId, Nanos> = BTreeMap::new();
    for event in record.events() {
        match &event.event {
            RunEvent::NodeStarted { node, .. } => {
                running.entry(*node).or_insert(event.time_ns);
            }
            RunEvent::NodeEnded { node, .. } => {
                if let Some(from) = running.remove(node) {
                    intervals.entry(*node).or_default().push((from, event.time_ns));
                }
            }
            _ => {}
        }
    }
    let end = record.end();
    for (node, from) in running {
        intervals.entry(node).or_default().push((from, end.max(from)));
    }
    intervals
}

fn draw_row(canvas: &mut Canvas, axis: &TimeAxis, row: &Row<'_>, y: f64) {
    let first = y + 7.0;
    for (position, part) in row.name.split_whitespace().enumerate() {
        let at = (0.0, first + 12.0 + 14.0 * position as f64);
        canvas.text(at, Anchor::Start, if position == 0 { "strong" } else { "t11" }, part);
    }
    for (from, to) in &row.up {
        if axis.shows(*from, *to) {
            canvas.rect(Area::between(axis.x(*from), axis.x(*to), 1.0, first + 5.0, 5.0), "up");
        }
    }
    for (fault, track) in &row.faults {
        let top = first + TRACK_STEP * *track as f64;
        let area = Area::between(axis.x(fault.from), axis.x(fault.to), 2.0, top, TRACK);
        let doubt = if fault.confirmed { "" } else { " unsure" };
        canvas.rect(area, "paper-fill");
        canvas.rect(area, &format!("band-{0} edge-{0}{doubt}", fault.band));
        let lasted = match fault.to - fault.from {
            short if short < 1_000_000_000 => span(short),
            long => format!("{} s", seconds(long, 1)),
        };
        let long = format!("{} {lasted}", fault.name);
        let fits = |text: &str| text_width(text, 11.0) + 14.0 <= area.width;
        if let Some(label) = [long.as_str(), fault.name.as_str()].into_iter().find(|text| fits(text)) {
            let width = text_width(label, 11.0) + 6.0;
            canvas.rect(Area::between(area.x + 4.0, area.x + 4.0 + width, 0.0, top + 1.5, 12.0), "paper-fill");
            canvas.text((area.x + 7.0, top + 11.5), Anchor::Start, "t11 strong", label);
        }
    }
}
