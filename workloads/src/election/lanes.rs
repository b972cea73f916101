//! The lanes of the workload `election`: which node led when, which node led which term, and the terms in which leaders
//! acknowledged writes.

use std::collections::BTreeMap;

use dsjepsen_checkers::{Claim, ElectionCall, ElectionReply, Leadership, RunView, claims, leaderships};
use dsjepsen_history::{
    Lane, Lanes, Mark, NodeId, Outcome, Panel, Point, PointStyle, Span, SpanStyle, thousands,
};

/// The lanes of a run.
pub(super) fn lanes(run: &RunView<'_, ElectionCall, ElectionReply>) -> Lanes {
    let (led, claims) = (leaderships(run), claims(run));
    let proved = led.iter().filter(|led| led.proved).count() as u64;
    let mut text = format!("{} leaderships that two polls prove", thousands(proved));
    if proved < led.len() as u64 {
        text += &format!(
            ", and {} that polls in a row tell of without proof (dashed)",
            thousands(led.len() as u64 - proved)
        );
    }
    text += ". Two nodes may lead at one time in different terms, unless the target promises otherwise; never in one term.";
    let mut lanes = Lanes::new("Who led", text);
    if !led.is_empty() {
        lanes.panels.push(by_node(run, &led));
    }
    lanes.panels.extend(by_term(&led, &claims));
    lanes.panels.extend(acknowledged(run));
    lanes
}

fn span(led: &Leadership, label: String) -> Span {
    let style = if led.proved { SpanStyle::Definite } else { SpanStyle::Possible };
    Span { from_ns: led.from, to_ns: led.to, style, label, operation: Some(led.first) }
}

/// A lane for each node, also for one that never led.
fn by_node(run: &RunView<'_, ElectionCall, ElectionReply>, led: &[Leadership]) -> Panel {
    let all = (0..usize::from(run.plan.settings.nodes)).map(NodeId::at);
    let mut lanes: BTreeMap<NodeId, Lane> =
        all.map(|node| (node, Lane { label: node.to_string(), ..Lane::default() })).collect();
    for led in led {
        let label = led.term.map(|term| format!("term {term}")).unwrap_or_default();
        let lane = lanes.entry(led.node).or_insert_with(|| Lane { label: led.node.to_string(), ..Lane::default() });
        lane.spans.push(span(led, label));
    }
    Panel::Lanes { name: "Node".to_owned(), lanes: lanes.into_values().collect(), left_out: 0, items_left_out: 0 }
}

/// A lane for each term that a node led or claims to have led: two nodes in one lane are two leaders of a term.
fn by_term(led: &[Leadership], claims: &[Claim]) -> Option<Panel> {
    let mut lanes: BTreeMap<u64, Lane> = BTreeMap::new();
    let lane = |term: u64| Lane { label: format!("term {term}"), ..Lane::default() };
    for led in led {
        if let Some(term) = led.term {
            lanes.entry(term).or_insert_with(|| lane(term)).spans.push(span(led, led.node.to_string()));
        }
    }
    // A claim beside the leadership itself says nothing new.
    let new = |claim: &&Claim| !led.iter().any(|led| led.node == claim.node && led.term == Some(claim.term));
    for claim in claims.iter().filter(new) {
        let mark =
            Mark { at_ns: claim.at, label: format!("{} claims it", claim.node), operation: Some(claim.operation) };
        lanes.entry(claim.term).or_insert_with(|| lane(claim.term)).marks.push(mark);
    }
    let lanes: Vec<_> = lanes.into_values().collect();
    (!lanes.is_empty()).then(|| Panel::Lanes { name: "Term".to_owned(), lanes, left_out: 0, items_left_out: 0 })
}

/// The terms in which writes were acknowledged, by the time of the acknowledgement.
fn acknowledged(run: &RunView<'_, ElectionCall, ElectionReply>) -> Option<Panel> {
    let points: Vec<_> = run
        .history
        .operations
        .iter()
        .filter_map(|operation| match (&operation.call, &operation.outcome) {
            (ElectionCall::Write, Outcome::Ok(ElectionReply::Write { term })) => Some(Point {
                at_ns: operation.completed?.time,
                value: i64::try_from(*term).unwrap_or(i64::MAX),
                style: PointStyle::Plain,
                label: String::new(),
                operation: Some(operation.invoked.index),
            }),
            _ => None,
        })
        .collect();
    let mut points = points;
    points.sort_by_key(|point| (point.at_ns, point.operation));
    let name = "Term of writes".to_owned();
    (!points.is_empty()).then(|| Panel::Values { name, curves: Vec::new(), points, left_out: 0, outstanding_left_out: 0 })
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
