//! The lanes of elections: leaderships by node and by term, and claims.

use dsjepsen_checkers::{ElectionCall, ElectionReply};
use dsjepsen_history::{Lane, NodeId, Panel, SpanStyle};

use super::super::WORKLOAD;
use crate::script::{Saw, Script};

fn leads(term: u64, since: Option<u64>) -> ElectionReply {
    ElectionReply::Poll {
        leader: None,
        believes_leader: true,
        term: Some(term),
        incarnation: since.map(|_| 1),
        since,
        claims: vec![term],
    }
}

fn spans(lane: &Lane) -> Vec<(u64, u64, SpanStyle, &str)> {
    let ms = 1_000_000;
    lane.spans.iter().map(|span| (span.from_ns / ms, span.to_ns / ms, span.style, span.label.as_str())).collect()
}

#[test]
fn two_leaders_of_a_term_share_its_lane() {
    let poll = |node| ElectionCall::Poll { node: NodeId::at(node) };
    let mut script = Script::new(3, 2);
    script.add(0, 100, poll(0), Saw::Ok(110, leads(4, Some(1))));
    script.add(1, 150, poll(1), Saw::Ok(160, leads(4, None)));
    script.add(0, 300, poll(0), Saw::Ok(310, leads(4, Some(1))));
    script.add(1, 400, poll(1), Saw::Ok(410, leads(4, None)));
    script.add(0, 500, ElectionCall::Write, Saw::Ok(510, ElectionReply::Write { term: 4 }));
    let lanes = script.lanes(&WORKLOAD, 1_000);
    let [Panel::Lanes { lanes: nodes, .. }, Panel::Lanes { lanes: terms, .. }, Panel::Values { points, .. }] =
        lanes.panels.as_slice()
    else {
        panic!("{lanes:?}")
    };
    assert_eq!(nodes.iter().map(|lane| lane.label.as_str()).collect::<Vec<_>>(), ["n1", "n2", "n3"]);
    assert_eq!(spans(&nodes[0]), [(110, 300, SpanStyle::Definite, "term 4")]);
    assert_eq!(spans(&nodes[1]), [(160, 400, SpanStyle::Possible, "term 4")]);
    let [term] = terms.as_slice() else { panic!("{terms:?}") };
    assert_eq!(spans(term), [(110, 300, SpanStyle::Definite, "n1"), (160, 400, SpanStyle::Possible, "n2")]);
    assert!(term.marks.is_empty(), "{term:?}");
    assert_eq!((points.len(), points[0].value), (1, 4));
}

#[test]
fn a_claim_without_a_leadership_is_a_moment_of_its_term() {
    let poll = |node| ElectionCall::Poll { node: NodeId::at(node) };
    let mut script = Script::new(3, 2);
    let once = script.add(0, 100, poll(0), Saw::Ok(110, leads(4, Some(1))));
    let lanes = script.lanes(&WORKLOAD, 1_000);
    let [Panel::Lanes { name, lanes, .. }] = lanes.panels.as_slice() else { panic!("{lanes:?}") };
    let marks: Vec<_> = lanes[0].marks.iter().map(|mark| (mark.label.as_str(), mark.operation)).collect();
    assert_eq!((name.as_str(), marks), ("Term", vec![("n1 claims it", Some(once))]));
}

#[test]
fn a_run_without_a_leader_has_no_lanes() {
    let script = Script::<ElectionCall, ElectionReply>::new(3, 2);
    assert!(script.lanes(&WORKLOAD, 1_000).panels.is_empty());
}
