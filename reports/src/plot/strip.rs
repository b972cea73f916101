//! Nodes over time: while its process ran and led, every fault that named it, and below its side of each partition.

use std::collections::BTreeMap;

use dsjepsen_history::{Nanos, NodeId, Panel, RunEvent, SpanStyle};
use maud::Markup;

use super::axis::TimeAxis;
use super::bands::{self, DrawnFault};
use super::labels::text_width;
use super::sides::{Side, sides};
use super::svg::{Anchor, Canvas};
use crate::load::RunRecord;
use crate::text::{harmless, seconds, span};

const TRACK: f64 = 15.0;
const TRACK_STEP: f64 = 19.0;
/// The height of the track of partitions.
const SIDE: f64 = 8.0;
const SIDE_STEP: f64 = 13.0;

/// One row of the strip.
struct Row<'a> {
    name: String,
    up: Vec<(Nanos, Nanos)>,
    led: Vec<(Nanos, Nanos, String)>,
    faults: Vec<(&'a DrawnFault, usize)>,
    tracks: usize,
    cut: Vec<(&'a DrawnFault, Side, usize)>,
    sides: usize,
}

impl Row<'_> {
    fn height(&self) -> f64 {
        let leader = if self.led.is_empty() { 0.0 } else { 8.0 };
        12.0 + leader + TRACK_STEP * self.tracks.max(1) as f64 + SIDE_STEP * self.sides as f64
    }
}

/// What the strip shows beside faults, for its legend.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    /// A node that did not run for a while.
    pub(crate) down: bool,
    /// A leader.
    pub(crate) leader: bool,
    /// Sides of a partition, in the band with this number.
    pub(crate) sides: Option<usize>,
}

/// The tracks on which faults that overlap lie below one another.
#[derive(Debug, Default)]
struct Tracks {
    ends: Vec<f64>,
}

impl Tracks {
    /// The first track that is free for a fault. Faults come in the order of their requests, so the end of the last one is all that
    /// a track need know.
    fn place(&mut self, axis: &TimeAxis, fault: &DrawnFault) -> usize {
        let (from, to) = (axis.x(fault.from), axis.x(fault.to) + 2.0);
        let track = self.ends.iter().position(|end| *end < from).unwrap_or(self.ends.len());
        match self.ends.get_mut(track) {
            Some(end) => *end = to,
            None => self.ends.push(to),
        }
        track
    }

    fn count(&self) -> usize {
        self.ends.len()
    }
}

/// Draws the strip; nothing where there is neither a node nor a fault to show.
pub(crate) fn draw(record: &RunRecord, faults: &[DrawnFault]) -> Option<(Markup, Shown)> {
    let axis = TimeAxis::of_run(record.end());
    let rows = rows(record, &axis, faults);
    if rows.is_empty() || record.end() == 0 {
        return None;
    }
    let mut canvas = Canvas::default();
    let top = 12.0;
    let height: f64 = rows.iter().map(Row::height).sum();
    bands::draw_conflict(&mut canvas, &axis, record.conflict(), top, top + height);
    let mut y = top;
    for row in &rows {
        draw_row(&mut canvas, &axis, row, y);
        y += row.height();
        canvas.line((0.0, y), (axis.right, y), "grid");
    }
    axis.draw(&mut canvas, y + 3.0);
    let has_sides =
        |row: &Row<'_>| row.cut.iter().find(|(_, side, _)| matches!(side, Side::Of(_))).map(|(fault, ..)| fault.band);
    let shown = Shown {
        down: rows.iter().any(|row| !gaps(&row.up).is_empty()),
        leader: rows.iter().any(|row| !row.led.is_empty()),
        sides: rows.iter().find_map(has_sides),
    };
    let name = "When each node ran, the faults that named it and its side of each partition, over time";
    Some((canvas.finish_on_run(&axis, y + 26.0, "img", name), shown))
}

fn rows<'a>(record: &RunRecord, axis: &TimeAxis, faults: &'a [DrawnFault]) -> Vec<Row<'a>> {
    let mut up = lifetimes(record);
    let mut led = leaders(record);
    let cuts: Vec<(&DrawnFault, BTreeMap<NodeId, Side>)> =
        faults.iter().map(|fault| (fault, cut(record, fault))).collect();
    let row = |name: String, named: Vec<&'a DrawnFault>| {
        let mut tracks = Tracks::default();
        let faults = named.into_iter().map(|fault| (fault, tracks.place(axis, fault))).collect();
        Row { name, up: Vec::new(), led: Vec::new(), faults, tracks: tracks.count(), cut: Vec::new(), sides: 0 }
    };
    let of_node = |node: NodeId| {
        let sided =
            |fault: &DrawnFault| cuts.iter().any(|(other, cut)| other.id == fault.id && cut.contains_key(&node));
        let named = faults.iter().filter(|fault| fault.nodes.contains(&node) && !sided(fault)).collect();
        let mut tracks = Tracks::default();
        let cut = cuts.iter().filter_map(|(fault, cut)| Some((*fault, cut.get(&node)?.clone())));
        let cut = cut.map(|(fault, side)| (fault, side, tracks.place(axis, fault))).collect();
        Row { cut, sides: tracks.count(), ..row(node.to_string(), named) }
    };
    let mut rows: Vec<_> = Vec::new();
    for node in record.nodes() {
        let (up, led) = (up.remove(&node).unwrap_or_default(), led.remove(&node).unwrap_or_default());
        rows.push(Row { up, led, ..of_node(node) });
    }
    let nameless: Vec<_> = faults.iter().filter(|fault| fault.nodes.is_empty()).collect();
    if !nameless.is_empty() {
        rows.push(row("no node named".to_owned(), nameless));
    }
    rows
}

/// What a fault that is a partition is to the nodes that it names, as far as the plan tells.
fn cut(record: &RunRecord, fault: &DrawnFault) -> BTreeMap<NodeId, Side> {
    let planned = record.plan.faults.iter().find(|planned| planned.id == fault.id && planned.fault == "partition");
    planned.map_or_else(BTreeMap::new, |planned| sides(&planned.params, &fault.nodes))
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

/// While a node surely led, where the workload tells it: its lanes have a panel of nodes then.
fn leaders(record: &RunRecord) -> BTreeMap<NodeId, Vec<(Nanos, Nanos, String)>> {
    let mut led: BTreeMap<NodeId, Vec<(Nanos, Nanos, String)>> = BTreeMap::new();
    let Ok(Some(lanes)) = &record.lanes else { return led };
    for panel in &lanes.panels {
        let Panel::Lanes { name, lanes, .. } = panel else { continue };
        for lane in lanes.iter().filter(|_| name == "Node") {
            let Ok(node) = lane.label.parse::<NodeId>() else { continue };
            let sure = lane.spans.iter().filter(|span| span.style == SpanStyle::Definite);
            led.entry(node).or_default().extend(sure.map(|span| (span.from_ns, span.to_ns, harmless(&span.label, 24))));
        }
    }
    led.retain(|_, spans| !spans.is_empty());
    led
}

/// The times between two lives of a node.
fn gaps(up: &[(Nanos, Nanos)]) -> Vec<(Nanos, Nanos)> {
    up.windows(2).filter(|lives| lives[1].0 > lives[0].1).map(|lives| (lives[0].1, lives[1].0)).collect()
}

fn draw_row(canvas: &mut Canvas, axis: &TimeAxis, row: &Row<'_>, y: f64) {
    let first = y + if row.led.is_empty() { 6.0 } else { 14.0 };
    for (position, part) in row.name.split_whitespace().enumerate() {
        let at = (0.0, first + 12.0 + 14.0 * position as f64);
        canvas.text(at, Anchor::Start, if position == 0 { "strong" } else { "t11" }, part);
    }
    let bar = (first + 5.0, 5.0);
    for life in &row.up {
        canvas.interval(axis, *life, bar, 1.0, "up");
    }
    for gap in gaps(&row.up) {
        canvas.interval(axis, gap, bar, 1.0, "down");
    }
    for (from, to, term) in &row.led {
        canvas.interval(axis, (*from, *to), bar, 1.0, "leads");
        let label = if term.is_empty() { "leader".to_owned() } else { format!("leader, {term}") };
        let need = text_width(&label, 11.0);
        canvas.interval_label(axis, (*from, *to), (0.0, first + 1.0), need, "t11", &label);
    }
    for (fault, track) in &row.faults {
        draw_fault(canvas, axis, fault, first + TRACK_STEP * *track as f64);
    }
    let side = first + TRACK_STEP * row.tracks.max(1) as f64;
    for (fault, cut, track) in &row.cut {
        draw_side(canvas, axis, fault, cut, side + SIDE_STEP * *track as f64);
    }
}

fn draw_fault(canvas: &mut Canvas, axis: &TimeAxis, fault: &DrawnFault, top: f64) {
    let lasts = (fault.from, fault.to);
    let doubt = if fault.confirmed { "" } else { " unsure" };
    canvas.interval(axis, lasts, (top, TRACK), 2.0, "paper-fill");
    canvas.interval(axis, lasts, (top, TRACK), 2.0, &format!("band-{0} edge-{0}{doubt}", fault.band));
    let lasted = match fault.to - fault.from {
        short if short < 1_000_000_000 => span(short),
        long => format!("{} s", seconds(long, 1)),
    };
    let long = format!("{} {lasted}", fault.name);
    let room = axis.x(fault.to) - axis.x(fault.from);
    let fits = |text: &str| text_width(text, 11.0) + 14.0 <= room;
    let label = if fits(&long) { &long } else { &fault.name };
    let need = text_width(label, 11.0) + 14.0;
    canvas.interval_label(axis, lasts, (7.0, top + 11.5), need, "t11 strong halo", label);
}

/// Draws a node's part in a partition: the first side filled, the others with the band's pattern; each with its letter behind.
fn draw_side(canvas: &mut Canvas, axis: &TimeAxis, fault: &DrawnFault, side: &Side, top: f64) {
    let lasts = (fault.from, fault.to);
    let doubt = if fault.confirmed { "" } else { " unsure" };
    let filled = *side == Side::Of(0);
    canvas.interval(axis, lasts, (top, SIDE), 2.0, "paper-fill");
    let class = if filled { format!("fill-{}", fault.band) } else { format!("band-{0} edge-{0}", fault.band) };
    canvas.interval(axis, lasts, (top, SIDE), 2.0, &format!("{class}{doubt}"));
    let label = match side {
        Side::Of(at) => char::from(b'A' + u8::try_from(*at).unwrap_or(25).min(25)).to_string(),
        Side::From(lost) => {
            let names: Vec<_> = lost.iter().map(NodeId::to_string).collect();
            harmless(&format!("cut off from {}", names.join(" ")), 40)
        }
    };
    canvas.interval_label(axis, (fault.to, axis.to), (4.0, top + 8.0), text_width(&label, 11.0), "t11 halo", &label);
}
