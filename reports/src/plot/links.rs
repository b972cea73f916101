//! What went over the network, by pairs of nodes: a row each, upwards what went to the second of them, downwards what came back.

use std::collections::BTreeMap;

use dsjepsen_history::{Moved, Nanos, NodeId, RunEvent, StampedEvent};
use maud::Markup;

use super::axis::TimeAxis;
use super::bands::{self, BandLabels, DrawnFault};
use super::svg::{Anchor, Canvas};
use crate::text::{bytes, harmless};

const ROW: f64 = 36.0;
/// Room above and below the curves in a row.
const MARGIN: f64 = 4.0;
/// The most rows of pairs; a larger network is drawn by nodes.
const MOST_PAIRS: usize = 30;
/// The most rows at all.
pub(crate) const MOST_ROWS: usize = 100;
/// The most steps of a curve; where more looks were taken, neighbours are one.
const MOST_STEPS: u64 = 300;
/// A gap of less is only the time that a look takes.
const LEAST_GAP_NS: Nanos = 20_000_000;

/// Bytes there and back in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bytes {
    /// To the second of the two.
    pub(crate) there: u64,
    /// Back.
    pub(crate) back: u64,
}

/// What was seen in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// Its start, in ns.
    pub(crate) from: Nanos,
    /// Its end, in ns.
    pub(crate) to: Nanos,
    /// What each row's two sent each other; those that sent nothing are not in it.
    pub(crate) moved: BTreeMap<RowName, Bytes>,
}

/// Whose traffic a row shows; in the order of the rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RowName {
    /// All clients with this node.
    Clients(NodeId),
    /// Two nodes, the smaller first.
    Pair(NodeId, NodeId),
    /// A node with all others: what it received and sent.
    Node(NodeId),
}

impl RowName {
    /// In words, for the gutter.
    fn words(&self) -> String {
        match self {
            Self::Clients(node) => format!("clients → {node}"),
            Self::Pair(one, other) => format!("{one} → {other}"),
            Self::Node(node) => format!("nodes → {node}"),
        }
    }
}

/// The looks at the links, as far as the events tell, by pairs or, where there are too many, by nodes.
pub(crate) fn looks(events: &[StampedEvent]) -> Vec<Look> {
    let seen: Vec<(Nanos, Nanos, &[Moved])> = events
        .iter()
        .filter_map(|event| match &event.event {
            RunEvent::Traffic { over_ns, links } => {
                Some((event.time_ns.saturating_sub(*over_ns), event.time_ns, links.as_slice()))
            }
            _ => None,
        })
        .collect();
    let pairs = gather(&seen, false);
    let mut rows: Vec<&RowName> = pairs.iter().flat_map(|look| look.moved.keys()).collect();
    rows.sort_unstable();
    rows.dedup();
    if rows.len() > MOST_PAIRS { gather(&seen, true) } else { pairs }
}

fn gather(seen: &[(Nanos, Nanos, &[Moved])], by_node: bool) -> Vec<Look> {
    seen.iter()
        .map(|(from, to, links)| {
            let mut moved: BTreeMap<RowName, Bytes> = BTreeMap::new();
            let mut add = |row: RowName, there: u64, back: u64| {
                let sum = moved.entry(row).or_default();
                sum.there = sum.there.saturating_add(there);
                sum.back = sum.back.saturating_add(back);
            };
            for link in *links {
                match link.from.parse::<NodeId>() {
                    Ok(dialler) if by_node => {
                        add(RowName::Node(link.to), link.forward, link.back);
                        add(RowName::Node(dialler), link.back, link.forward);
                    }
                    Ok(dialler) if dialler <= link.to => add(RowName::Pair(dialler, link.to), link.forward, link.back),
                    Ok(dialler) => add(RowName::Pair(link.to, dialler), link.back, link.forward),
                    Err(_) => add(RowName::Clients(link.to), link.forward, link.back),
                }
            }
            Look { from: *from, to: *to, moved }
        })
        .collect()
}

/// Joins neighbouring looks where there are more than the axis has steps for; never over a gap.
fn joined(looks: Vec<Look>, end: Nanos) -> Vec<Look> {
    let least = end / MOST_STEPS;
    let mut all: Vec<Look> = Vec::new();
    for look in looks {
        match all.last_mut() {
            Some(last) if last.to - last.from < least && look.from.saturating_sub(last.to) <= LEAST_GAP_NS => {
                last.to = look.to;
                for (row, bytes) in look.moved {
                    let sum = last.moved.entry(row).or_default();
                    sum.there = sum.there.saturating_add(bytes.there);
                    sum.back = sum.back.saturating_add(bytes.back);
                }
            }
            _ => all.push(look),
        }
    }
    all
}

/// Draws a row for everybody that sent anything; nothing where nobody did. Also how many rows there are.
pub(crate) fn draw(looks: Vec<Look>, end: Nanos, faults: &[DrawnFault]) -> Option<(Markup, usize)> {
    let looks = joined(looks, end);
    let mut rows: Vec<RowName> = looks.iter().flat_map(|look| look.moved.keys().cloned()).collect();
    rows.sort_unstable();
    rows.dedup();
    if rows.is_empty() {
        return None;
    }
    let axis = TimeAxis::of_run(end);
    let mut canvas = Canvas::default();
    let labels = BandLabels::new(&axis, faults);
    let top = labels.height() + 6.0;
    labels.draw(&mut canvas, &axis, faults, top - 4.0);
    let drawn = &rows[..rows.len().min(MOST_ROWS)];
    let bottom = top + ROW * drawn.len() as f64;
    bands::draw(&mut canvas, &axis, faults, top, bottom);
    for (position, row) in drawn.iter().enumerate() {
        draw_row(&mut canvas, &axis, &looks, row, top + ROW * position as f64);
    }
    axis.draw(&mut canvas, bottom + 3.0);
    let name = "Bytes per second between each two nodes, and between clients and nodes, over time";
    Some((canvas.finish_on_run(&axis, bottom + 26.0, "img", name), rows.len()))
}

fn draw_row(canvas: &mut Canvas, axis: &TimeAxis, looks: &[Look], row: &RowName, y: f64) {
    let rate = |bytes: u64, look: &Look| bytes as f64 * 1e9 / (look.to - look.from).max(1) as f64;
    let rates: Vec<(Nanos, Nanos, [f64; 2])> = looks
        .iter()
        .map(|look| {
            let moved = look.moved.get(row).copied().unwrap_or_default();
            (look.from, look.to, [rate(moved.there, look), rate(moved.back, look)])
        })
        .collect();
    let most = rates.iter().flat_map(|(_, _, rates)| *rates).fold(0.0, f64::max);
    let middle = y + ROW / 2.0;
    let half = ROW / 2.0 - MARGIN;
    canvas.text((0.0, middle + 4.0), Anchor::Start, "t11", &harmless(&row.words(), 16));
    canvas.line((axis.left, middle), (axis.right, middle), "grid");
    for (way, sign) in [(0, -1.0), (1, 1.0)] {
        let line = steps(&rates, way).into_iter();
        let at = |rate: f64| middle + sign * rate / most.max(1.0) * half;
        canvas.curve(axis, line.map(|point| point.map(|(time, rate)| (time, at(rate)))), "traffic");
    }
    canvas.text((axis.right + 6.0, middle + 4.0), Anchor::Start, "t11", &format!("max {}/s", bytes(most as u64)));
    canvas.line((0.0, y + ROW), (axis.right, y + ROW), "grid");
}

/// A line of steps through the rates of one way, without points that say nothing new, broken where nobody looked.
fn steps(rates: &[(Nanos, Nanos, [f64; 2])], way: usize) -> Vec<Option<(Nanos, f64)>> {
    let mut line: Vec<Option<(Nanos, f64)>> = Vec::new();
    let mut ended: Option<(Nanos, f64)> = None;
    for (from, to, rates) in rates {
        let rate = rates[way];
        match ended {
            Some((end, _)) if from.saturating_sub(end) > LEAST_GAP_NS => {
                line.extend([None, Some((*from, rate)), Some((*to, rate))]);
            }
            // The line goes on: its last point moves along.
            Some((_, before)) if (before - rate).abs() < f64::EPSILON => {
                line.pop();
                line.push(Some((*to, rate)));
            }
            _ => line.extend([Some((*from, rate)), Some((*to, rate))]),
        }
        ended = Some((*to, rate));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(time_ns: Nanos, over_ns: Nanos, links: &[(&str, usize, u64, u64)]) -> StampedEvent {
        let links = links.iter().map(|(from, to, forward, back)| Moved {
            from: (*from).to_owned(),
            to: NodeId::at(*to),
            forward: *forward,
            back: *back,
        });
        StampedEvent { time_ns, event: RunEvent::Traffic { over_ns, links: links.collect() } }
    }

    #[test]
    fn what_two_nodes_send_is_one_row_whoever_dialled() {
        let looks = looks(&[look(500, 500, &[("n1", 1, 10, 1), ("n2", 0, 100, 20), ("c2", 0, 7, 8), ("c1", 0, 1, 1)])]);
        let [look] = looks.as_slice() else { panic!("{looks:?}") };
        assert_eq!((look.from, look.to), (0, 500));
        let rows: Vec<_> = look.moved.iter().map(|(row, bytes)| (row.words(), bytes.there, bytes.back)).collect();
        assert_eq!(rows, [("clients → n1".to_owned(), 8, 9), ("n1 → n2".to_owned(), 30, 101)]);
    }

    #[test]
    fn a_large_network_is_drawn_by_nodes() {
        let names: Vec<String> = (1..=9).map(|node| format!("n{node}")).collect();
        let links: Vec<_> = names.iter().flat_map(|from| (0..9).map(move |to| (from.as_str(), to, 2, 1))).collect();
        let looks = looks(&[look(500, 500, &links)]);
        assert_eq!(looks[0].moved.len(), 9);
        // Each of the nine dials it and is dialled by it, itself included: 2 there and 1 back each.
        assert_eq!(looks[0].moved[&RowName::Node(NodeId::at(3))], Bytes { there: 27, back: 27 });
    }

    #[test]
    fn time_without_a_look_is_a_gap_and_silence_is_zero() {
        let ms = 1_000_000;
        let events = [
            look(500 * ms, 500 * ms, &[("n1", 1, 500, 0)]),
            look(1_000 * ms, 500 * ms, &[]),
            look(1_500 * ms, 500 * ms, &[]),
            look(3_000 * ms, 500 * ms, &[("n1", 1, 500, 0)]),
        ];
        let looks = looks(&events);
        let rates: Vec<_> = looks
            .iter()
            .map(|look| {
                let bytes = look.moved.values().next().copied().unwrap_or_default();
                (look.from, look.to, [bytes.there as f64, bytes.back as f64])
            })
            .collect();
        let line = steps(&rates, 0);
        let expected = [
            Some((0, 500.0)),
            Some((500 * ms, 500.0)),
            Some((500 * ms, 0.0)),
            Some((1_500 * ms, 0.0)),
            None,
            Some((2_500 * ms, 500.0)),
            Some((3_000 * ms, 500.0)),
        ];
        assert_eq!(line, expected);
    }

    #[test]
    fn many_looks_are_joined_and_no_byte_is_lost() {
        let events: Vec<_> = (1..=10_000).map(|at| look(at * 500, 500, &[("n1", 1, 3, 1)])).collect();
        let looks = joined(looks(&events), 5_000_000);
        assert!(looks.len() <= 301, "{}", looks.len());
        assert_eq!(looks.iter().flat_map(|look| look.moved.values()).map(|bytes| bytes.there).sum::<u64>(), 30_000);
    }
}
