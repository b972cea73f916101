//! Were clocks to blame: what the nodes took for the time.

use std::collections::BTreeMap;

use dsjepsen_history::NodeId;
use maud::{Markup, html};

use super::{Section, framed, wide};
use crate::load::{MOST_NODES, RunRecord};
use crate::plot::bands::DrawnFault;
use crate::plot::clocks::{Readings, ahead, draw, extreme, is_skewed, readings, within};
use crate::text::seconds;

/// The section; absent where the events cannot be read.
pub(super) fn section(record: &RunRecord, faults: &[DrawnFault]) -> Option<Section> {
    if record.events.is_err() || record.history.is_err() {
        return None;
    }
    let readings = readings(record.events());
    let (skewed, others): (BTreeMap<NodeId, &Readings>, BTreeMap<NodeId, &Readings>) =
        readings.iter().map(|(node, readings)| (*node, readings)).partition(|(_, readings)| is_skewed(readings));
    let lede = if readings.is_empty() { unread(record) } else { lede(record, &skewed, &others) };
    let content = html! {
        @if !skewed.is_empty() {
            (wide("Skew of the nodes’ clocks over time", &draw(&skewed, record.end(), faults, record.conflict())))
        }
        @if skewed.len() > MOST_NODES {
            p.note { (MOST_NODES) " of " (skewed.len()) " nodes whose clocks were skewed are drawn; the others are " (rest(&skewed)) "." }
        }
    };
    let mut section = framed("clocks", "Clock skew", "Clock skew", &lede, &content);
    section.on_run_axis = true;
    Some(section)
}

/// The nodes that are not drawn.
fn rest(skewed: &BTreeMap<NodeId, &Readings>) -> String {
    skewed.keys().skip(MOST_NODES).map(NodeId::to_string).collect::<Vec<_>>().join(" ")
}

/// What is said where nothing was measured.
fn unread(record: &RunRecord) -> Markup {
    if record.plan.faults.iter().any(|fault| fault.fault == "clock") {
        return html! {
            "A fault of this run touches clocks, but no node was seen to read its own, so nothing is known of what they showed. Order and \
             times in the verdict are the controller’s alone."
        };
    }
    html! {
        "No fault of this run touches a clock, so the nodes ran on the machine’s, and what they read of it was not measured. Order and \
         times in the verdict are the controller’s alone."
    }
}

fn lede(record: &RunRecord, skewed: &BTreeMap<NodeId, &Readings>, others: &BTreeMap<NodeId, &Readings>) -> Markup {
    let names = |nodes: &BTreeMap<NodeId, &Readings>| nodes.keys().map(NodeId::to_string).collect::<Vec<_>>().join(" ");
    let largest = skewed.iter().filter_map(|(node, readings)| Some((*node, extreme(readings)?)));
    let largest = largest.max_by_key(|(node, (_, ahead_ns))| (ahead_ns.unsigned_abs(), std::cmp::Reverse(*node)));
    let blamed = record.conflict().map(|conflict| {
        let off = skewed.iter().filter_map(|(node, readings)| Some((*node, within(readings, conflict)?)));
        off.collect::<Vec<_>>()
    });
    html! {
        "How far each node’s wall clock was ahead of the machine’s, as the node’s own processes read it and not as it was asked for. "
        @if let Some((node, (at, ahead_ns))) = largest {
            "The largest skew was " (ahead(ahead_ns)) ", on " (node) " at " (seconds(at, 3)) " s. "
        } @else { "No node ever took another time for the true one. " }
        @if !skewed.is_empty() && !others.is_empty() { (names(others)) " never read another time than the true one. " }
        @if let Some(blamed) = blamed {
            @if blamed.is_empty() { "When the rule was broken, no clock was read to be off. " }
            @else {
                "When the rule was broken, "
                @for (position, (node, (_, ahead_ns))) in blamed.iter().enumerate() {
                    @if position > 0 { ", " } (node) " was off by " (ahead(*ahead_ns))
                }
                ". "
            }
        }
        @if !skewed.is_empty() { "Each row has its own scale; a gap was not read." }
    }
}
