//! The lanes of locks: which intervals are drawn how, and which writes stand out.

use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_history::{Lane, Lanes, Panel, Point, PointStyle, SpanStyle};

use super::super::WORKLOAD;
use crate::script::{Saw, Script};

const MS: u64 = 1_000_000;

fn acquired(at: u64, token: u64) -> Saw<LockReply> {
    Saw::Ok(at, LockReply::Acquire { token: Some(token), leased_ns: at * MS })
}

fn panel<'a>(lanes: &'a Lanes, wanted: &str) -> &'a [Lane] {
    let found = lanes.panels.iter().find_map(|panel| match panel {
        Panel::Lanes { name, lanes, .. } if name == wanted => Some(lanes.as_slice()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no panel {wanted} in {lanes:?}"))
}

fn points(lanes: &Lanes) -> &[Point] {
    lanes.panels.iter().find_map(|panel| if let Panel::Values { points, .. } = panel { Some(points.as_slice()) } else { None }).unwrap()
}

fn spans(lane: &Lane) -> Vec<(u64, u64, SpanStyle, &str)> {
    lane.spans.iter().map(|span| (span.from_ns / MS, span.to_ns / MS, span.style, span.label.as_str())).collect()
}

#[test]
fn a_hold_is_solid_while_it_is_sure_and_dotted_while_it_is_believed() {
    let mut script = Script::new(3, 2);
    script.add(0, 100, LockCall::Acquire { lock: 0, hold: 1 }, acquired(110, 7));
    script.add(0, 400, LockCall::Release { lock: 0, hold: 1 }, Saw::Ok(410, LockReply::Release));
    // Its lease is over 1,990 ms after it was asked for; its client goes on believing.
    script.add(1, 500, LockCall::Acquire { lock: 0, hold: 2 }, acquired(510, 8));
    script.add(1, 4_000, LockCall::Release { lock: 0, hold: 2 }, Saw::Fail(4_010, "not-held"));
    let lanes = script.lanes(&WORKLOAD, 5_000);
    assert_eq!(lanes.title, "Who held the lock");
    let clients = panel(&lanes, "Client");
    assert_eq!(clients.iter().map(|lane| lane.label.as_str()).collect::<Vec<_>>(), ["client 0 on n1", "client 1 on n2"]);
    assert_eq!(spans(&clients[0]), [(110, 400, SpanStyle::Definite, "7")]);
    assert_eq!(spans(&clients[1]), [(510, 2_500, SpanStyle::Definite, "8"), (2_500, 4_000, SpanStyle::Belief, "")]);
    let [lock] = panel(&lanes, "Lock") else { panic!("{lanes:?}") };
    assert_eq!(spans(lock)[..2], [(110, 400, SpanStyle::Definite, "client 0: 7"), (510, 2_500, SpanStyle::Definite, "client 1: 8")]);
}

#[test]
fn what_has_no_answer_is_possible_and_ends_with_what_gave_it_back() {
    let mut script = Script::new(3, 2);
    let lost = script.add(0, 100, LockCall::Acquire { lock: 0, hold: 1 }, Saw::Info(600));
    script.add(0, 600, LockCall::GiveUp { lock: 0, hold: 1 }, Saw::Fail(700, "not-held"));
    script.add(1, 800, LockCall::Acquire { lock: 0, hold: 2 }, Saw::Info(900));
    script.add(3, 1_000, LockCall::Acquire { lock: 0, hold: 3 }, acquired(1_100, 9));
    script.add(3, 1_500, LockCall::Release { lock: 0, hold: 3 }, Saw::Info(2_500));
    let lanes = script.lanes(&WORKLOAD, 2_600);
    let clients = panel(&lanes, "Client");
    assert_eq!(spans(&clients[0]), [(100, 700, SpanStyle::Possible, "")]);
    assert_eq!(clients[0].spans[0].operation, Some(lost));
    // Process 3 is what became of the second client.
    assert_eq!(
        spans(&clients[1]),
        [
            (800, 2_600, SpanStyle::Possible, ""),
            (1_100, 1_500, SpanStyle::Definite, "9"),
            (1_500, 2_600, SpanStyle::Possible, "")
        ]
    );
    assert!(lanes.text.contains("1 definite holds and 3 possible ones"), "{}", lanes.text);
}

#[test]
fn a_write_behind_a_newer_token_stands_out() {
    let write = |token| LockCall::Write { lock: 0, hold: token, token: Some(token) };
    let reply = |position, accepted| LockReply::Write { position, accepted };
    let mut script = Script::new(3, 2);
    script.plan.promises.fencing_tokens = true;
    script.add(0, 100, LockCall::Acquire { lock: 0, hold: 7 }, acquired(110, 7));
    script.add(0, 200, write(8), Saw::Ok(210, reply(1, true)));
    let stale = script.add(1, 300, write(7), Saw::Ok(310, reply(2, false)));
    let taken = script.add(1, 400, write(7), Saw::Ok(410, reply(3, true)));
    let lanes = script.lanes(&WORKLOAD, 1_000);
    let shown: Vec<_> = points(&lanes).iter().map(|point| (point.operation, point.style, point.label.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Some(stale), PointStyle::Refused, "write with 7 refused after 8"),
            (Some(taken), PointStyle::Broken, "write with 7 taken after 8")
        ]
    );
    // Where nobody promises anything of tokens, an older one is no wrong.
    script.plan.promises.fencing_tokens = false;
    assert!(points(&script.lanes(&WORKLOAD, 1_000)).is_empty());
}

#[test]
fn a_run_without_a_hold_has_no_lanes() {
    let script = Script::<LockCall, LockReply>::new(3, 2);
    assert!(script.lanes(&WORKLOAD, 1_000).panels.is_empty());
}
