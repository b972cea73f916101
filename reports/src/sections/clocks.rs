//! What the nodes took for the time, where faults skewed their clocks.

use std::collections::BTreeMap;

use dsjepsen_history::NodeId;
use maud::{Markup, html};

use super::{Section, framed, wide};
use crate::load::{MOST_NODES, RunRecord};
use crate::plot::bands::DrawnFault;
use crate::plot::clocks::{Readings, draw, is_skewed, readings};

/// The section; absent where no node had a clock that was read back.
pub(super) fn section(record: &RunRecord, faults: &[DrawnFault]) -> Option<Section> {
    let readings = readings(record.events());
    if readings.is_empty() {
        return None;
    }
    let (skewed, others): (BTreeMap<NodeId, &Readings>, BTreeMap<NodeId, &Readings>) =
        readings.iter().map(|(node, readings)| (*node, readings)).partition(|(_, readings)| is_skewed(readings));
    let content = html! {
        @if !skewed.is_empty() { (wide("Skew of the nodes’ clocks over time", &draw(&skewed, record.end(), faults))) }
        @if skewed.len() > MOST_NODES {
            p.note { (MOST_NODES) " of " (skewed.len()) " nodes whose clocks were skewed are drawn; the others are " (rest(&skewed)) "." }
        }
    };
    let mut section = framed("clocks", "Clocks", "What the nodes took for the time", &lede(&skewed, &others), &content);
    section.on_run_axis = true;
    Some(section)
}

/// The nodes that are not drawn.
fn rest(skewed: &BTreeMap<NodeId, &Readings>) -> String {
    skewed.keys().skip(MOST_NODES).map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}

fn lede(skewed: &BTreeMap<NodeId, &Readings>, others: &BTreeMap<NodeId, &Readings>) -> Markup {
    let names = |nodes: &BTreeMap<NodeId, &Readings>| nodes.keys().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
    html! {
        "How far each node’s wall clock was ahead of the machine’s, as the node’s own processes read it and not as it was asked for. "
        @if skewed.is_empty() { "No node ever took another time for the true one." }
        @else if !others.is_empty() { (names(others)) " never read another time than the true one." }
    }
}
