//! What nodes took for the time: a row for each, with how far its clock was ahead as it was read back from inside the node.
//! Each row has a scale of its own, for one node may be off by milliseconds and another by hours.

use std::collections::BTreeMap;

use dsjepsen_history::{Nanos, NodeId, RunEvent, StampedEvent};
use maud::Markup;

use super::axis::TimeAxis;
use super::bands::{self, BandLabels, DrawnFault};
use super::svg::{Anchor, Canvas};
use crate::load::MOST_NODES;

const ROW: f64 = 62.0;
/// Room above and below the curve in its row.
const MARGIN: f64 = 12.0;
/// A smaller skew is the machine's own clock, read to the microsecond; no less can be asked for.
const LEAST_NS: u64 = 10_000;

/// The time between two looks at a clock.
const LOOK_NS: Nanos = 100_000_000;
/// Told no more for longer than this, a clock was not read.
const SILENCE_NS: Nanos = 1_500_000_000;

/// When a node's clock was looked at, and how far it was ahead, in ns; in the order of time.
pub(crate) type Readings = Vec<(Nanos, i64)>;

/// The readings of every node, as far as the events tell.
pub(crate) fn readings(events: &[StampedEvent]) -> BTreeMap<NodeId, Readings> {
    let mut readings: BTreeMap<NodeId, Readings> = BTreeMap::new();
    for event in events {
        if let RunEvent::ClockRead { node, ahead_ns } = event.event {
            readings.entry(node).or_default().push((event.time_ns, ahead_ns));
        }
    }
    readings
}

/// Whether the node was ever seen to take another time for the true one.
pub(crate) fn is_skewed(readings: &Readings) -> bool {
    readings.iter().any(|(_, ahead_ns)| ahead_ns.unsigned_abs() >= LEAST_NS)
}

/// The largest skew of a node, either way, and when it was read first.
pub(crate) fn extreme(readings: &Readings) -> Option<(Nanos, i64)> {
    let size = |reading: &&(Nanos, i64)| (reading.1.unsigned_abs(), std::cmp::Reverse(reading.0));
    readings.iter().max_by_key(size).copied().filter(|(_, ahead_ns)| ahead_ns.unsigned_abs() >= LEAST_NS)
}

/// The largest skew that a node may have had in an interval, as far as its clock was read around it.
pub(crate) fn within(readings: &Readings, (from, to): (Nanos, Nanos)) -> Option<(Nanos, i64)> {
    let first = readings.partition_point(|reading| reading.0 <= from).saturating_sub(1);
    let around = readings[first.min(readings.len())..].iter().take_while(|reading| reading.0 <= to);
    // What was read long before says nothing of the interval.
    let near = around.filter(|reading| reading.0.saturating_add(SILENCE_NS) >= from).copied();
    extreme(&near.collect())
}

/// Draws a row for each of these nodes.
pub(crate) fn draw(
    rows: &BTreeMap<NodeId, &Readings>,
    end: Nanos,
    faults: &[DrawnFault],
    conflict: Option<(Nanos, Nanos)>,
) -> Markup {
    let axis = TimeAxis::of_run(end);
    let mut canvas = Canvas::default();
    let labels = BandLabels::new(&axis, faults);
    let top = labels.height() + 8.0;
    labels.draw(&mut canvas, &axis, faults, top - 4.0);
    let all = ROW * rows.len().min(MOST_NODES) as f64;
    bands::draw_conflict(&mut canvas, &axis, conflict, top, top + all);
    for (position, (node, readings)) in rows.iter().take(MOST_NODES).enumerate() {
        let y = top + ROW * position as f64;
        let named: Vec<DrawnFault> = faults.iter().filter(|fault| fault.nodes.contains(node)).cloned().collect();
        bands::draw(&mut canvas, &axis, &named, y, y + ROW);
        canvas.text((0.0, y + ROW / 2.0 + 4.0), Anchor::Start, "strong", &node.to_string());
        draw_row(&mut canvas, &axis, readings, y);
        canvas.line((0.0, y + ROW), (axis.right, y + ROW), "grid");
    }
    let bottom = top + all;
    axis.draw(&mut canvas, bottom + 3.0);
    canvas.finish_on_run(&axis, bottom + 26.0, "img", "How far the clock of each node was ahead, over time")
}

fn draw_row(canvas: &mut Canvas, axis: &TimeAxis, readings: &Readings, y: f64) {
    // The true time always has its place in the row.
    let least = readings.iter().map(|reading| reading.1).min().unwrap_or(0).min(0);
    let most = readings.iter().map(|reading| reading.1).max().unwrap_or(0).max(0);
    let height = ROW - 2.0 * MARGIN;
    let range = (most as f64 - least as f64).max(1.0);
    let ordinate = |ahead_ns: i64| y + MARGIN + (most as f64 - ahead_ns as f64) / range * height;
    canvas.line((axis.left, ordinate(0)), (axis.right, ordinate(0)), "grid");
    let mut points: Vec<Option<(Nanos, f64)>> = Vec::new();
    let mut before: Option<(Nanos, i64)> = None;
    for (time, ahead_ns) in readings {
        match before {
            // What is not told has not changed until the look before.
            Some((earlier, held_ns)) if time.saturating_sub(earlier) <= SILENCE_NS => {
                points.push(Some((time.saturating_sub(LOOK_NS).max(earlier), ordinate(held_ns))));
            }
            _ => points.push(None),
        }
        points.push(Some((*time, ordinate(*ahead_ns))));
        before = Some((*time, *ahead_ns));
    }
    canvas.curve(axis, points, "clock-read");
    for extreme in [most, least].into_iter().filter(|extreme| *extreme != 0) {
        canvas.text((axis.right + 4.0, ordinate(extreme) + 4.0), Anchor::Start, "t11", &ahead(extreme));
    }
}

/// A skew with its sign, to three digits that matter.
pub(crate) fn ahead(ns: i64) -> String {
    let size = ns.unsigned_abs() as f64;
    let (value, unit) = match size {
        _ if size < 1e6 => (size / 1e3, "µs"),
        _ if size < 1e9 => (size / 1e6, "ms"),
        _ => (size / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{}{value:.digits$} {unit}", if ns < 0 { '−' } else { '+' })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skews_have_a_sign_and_a_fitting_unit() {
        for (ns, text) in [(60_000_000_000, "+60.0 s"), (-7_250_000, "−7.25 ms"), (250_000, "+250 µs")] {
            assert_eq!(ahead(ns), text);
        }
    }

    #[test]
    fn the_skew_of_an_interval_is_that_read_in_it_or_just_before() {
        let second = 1_000_000_000;
        let readings = vec![(second, 0), (2 * second, 40_000_000), (3 * second, -50_000_000), (9 * second, 0)];
        assert_eq!(extreme(&readings), Some((3 * second, -50_000_000)));
        assert_eq!(within(&readings, (2 * second + 5, 2 * second + 6)), Some((2 * second, 40_000_000)));
        assert_eq!(within(&readings, (second, second + 1)), None);
        assert_eq!(within(&readings, (6 * second, 7 * second)), None, "nobody read it then");
    }

    #[test]
    fn what_is_read_to_the_microsecond_is_no_skew() {
        assert!(!is_skewed(&vec![(1, 999), (2, -999)]));
        assert!(is_skewed(&vec![(1, 0), (2, -7_000_000)]));
    }
}
