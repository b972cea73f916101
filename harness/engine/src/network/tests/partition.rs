//! What each fault does to existing and to new connections, and what it leaves alone.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::laboratory::{Ended, Laboratory, close_with_reset, expect, is_quiet, n, read_out, until};
use crate::network::{Distribution, Effect, LinkRule, RuleEvidence, RuleId, Source};

const CUT: Effect = Effect::Blackhole;
const BOTH: [(usize, usize); 2] = [(1, 2), (2, 1)];

#[track_caller]
fn until_held(lab: &Laboratory, rule: RuleId, bytes: u64) {
    until("the bytes are held", || lab.network.evidence(rule).bytes_held == bytes);
}

#[test]
fn a_one_way_cut_holds_one_direction_whoever_dialled() {
    let lab = Laboratory::new(3);
    let (mut dialled_here, mut node_2) = lab.connect(1, 2);
    let (mut dialled_there, mut node_1) = lab.connect(2, 1);
    let rule = lab.install(CUT, &[(1, 2)]);

    dialled_here.write_all(b"request").unwrap();
    node_1.write_all(b"reply").unwrap();
    node_2.write_all(b"passes").unwrap();
    dialled_there.write_all(b"passes too").unwrap();
    expect(&mut dialled_here, b"passes");
    expect(&mut node_1, b"passes too");
    until_held(&lab, rule, 12);
    lab.fence();
    assert!(is_quiet(&node_2) && is_quiet(&dialled_there), "a cut direction let something pass");

    let evidence = lab.network.remove(rule);
    assert_eq!(evidence, RuleEvidence { connections_held: 2, bytes_held: 12, ..RuleEvidence::default() });
    expect(&mut node_2, b"request");
    expect(&mut dialled_there, b"reply");
    assert_eq!(lab.network.remove(rule), evidence, "removing again tells the same");
}

#[test]
fn clients_follow_their_home_node_and_always_reach_it() {
    let lab = Laboratory::new(3);
    let rule = lab.network.install(&LinkRule::both_ways(n(1), n(2), CUT));
    let mut home = lab.dial(Source::Clients(n(1)), 1);
    let mut away = lab.dial(Source::Clients(n(1)), 2);
    let mut third = lab.dial(Source::Clients(n(3)), 2);
    away.write_all(b"away").unwrap();
    home.write_all(b"home").unwrap();
    third.write_all(b"third").unwrap();
    expect(&mut lab.accept(1), b"home");
    expect(&mut lab.accept(2), b"third");
    until("the dial was seen", || lab.network.evidence(rule).connections_refused_or_pending == 1);
    lab.fence();
    assert!(lab.offered(2).is_none(), "a client passed the cut of its home node");
    lab.network.remove(rule);
    expect(&mut lab.accept(2), b"away");
}

#[test]
fn a_node_is_dialled_only_when_both_directions_pass() {
    for flow in BOTH {
        let lab = Laboratory::new(3);
        let rule = lab.install(CUT, &[flow]);
        let mut client = lab.dial(Source::Node(n(1)), 2);
        client.write_all(b"hello").unwrap();
        until("the dial was seen", || lab.network.evidence(rule).connections_refused_or_pending == 1);
        lab.fence();
        assert!(lab.offered(2).is_none());
        let evidence = lab.network.remove(rule);
        assert_eq!(evidence.connections_held, 0, "no node was dialled");
        let mut node = lab.accept(2);
        expect(&mut node, b"hello");
        node.write_all(b"welcome").unwrap();
        expect(&mut client, b"welcome");
    }
}

#[test]
fn what_the_dialler_closed_while_it_was_held_is_not_continued() {
    type Close = fn(TcpStream);
    let ways: [Close; 3] = [drop, close_with_reset, |stream| stream.shutdown(Shutdown::Write).unwrap()];
    for close in ways {
        for flows in [&BOTH[..], &BOTH[..1]] {
            let lab = Laboratory::new(3);
            let (mut client, mut node) = lab.connect(1, 2);
            let rule = lab.install(CUT, flows);
            client.write_all(b"too late").unwrap();
            until_held(&lab, rule, 8);
            close(client);
            lab.network.remove(rule);
            assert_eq!(read_out(&mut node), (Vec::new(), Ended::Reset));
        }
    }
}

#[test]
fn what_the_dialler_closed_before_its_node_was_dialled_is_never_dialled() {
    for close in [drop as fn(TcpStream), close_with_reset] {
        let lab = Laboratory::new(3);
        let rule = lab.install(CUT, &BOTH);
        let mut client = lab.dial(Source::Node(n(1)), 2);
        client.write_all(b"too late").unwrap();
        until_held(&lab, rule, 8);
        close(client);
        lab.network.remove(rule);
        lab.fence();
        assert!(lab.offered(2).is_none());
        until("the connection is forgotten", || lab.network.open_connections() == 0);
    }
}

#[test]
fn a_dialler_that_had_ended_its_request_before_the_cut_gets_its_reply() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(b"request").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_out(&mut node), (b"request".to_vec(), Ended::Fin));
    let rule = lab.install(CUT, &BOTH);
    node.write_all(b"reply").unwrap();
    drop(node);
    until_held(&lab, rule, 5);
    lab.network.remove(rule);
    assert_eq!(read_out(&mut client), (b"reply".to_vec(), Ended::Fin));
}

#[test]
fn a_dead_node_is_news_that_travels_only_where_its_data_may() {
    let lab = Laboratory::new(3);
    let (mut client, node) = lab.connect(1, 2);
    let rule = lab.install(CUT, &[(2, 1)]);
    close_with_reset(node);
    // Both meet the dead socket: the first write may still be taken by the kernel.
    client.write_all(b"anybody there?").unwrap();
    lab.fence();
    client.write_all(b"anybody there?").unwrap();
    lab.fence();
    assert!(is_quiet(&client), "the reset passed a cut");
    lab.network.remove(rule);
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
    until("the connection is forgotten", || lab.network.open_connections() == 0);
}

#[test]
fn a_hold_lasts_until_the_last_rule_that_asks_for_it_is_gone() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    let first = lab.install(CUT, &BOTH);
    let second = lab.install(CUT, &[(1, 2)]);
    client.write_all(b"patience").unwrap();
    until_held(&lab, second, 8);
    assert_eq!(lab.network.remove(first).bytes_held, 8);
    lab.fence();
    assert!(is_quiet(&node));
    assert_eq!(lab.network.remove(second).connections_held, 1);
    expect(&mut node, b"patience");
}

#[test]
fn a_reset_ends_existing_and_new_connections_between_the_pair_only() {
    let lab = Laboratory::new(3);
    let (mut here, mut node_2) = lab.connect(1, 2);
    let (mut there, mut node_1) = lab.connect(2, 1);
    let (mut apart, mut node_3) = lab.connect(1, 3);
    let rule = lab.install(Effect::Reset, &[(1, 2)]);
    for stream in [&mut here, &mut node_2, &mut there, &mut node_1] {
        assert_eq!(read_out(stream), (Vec::new(), Ended::Reset));
    }
    let reset_at_once = lab.dial(Source::Clients(n(1)), 2);
    until("the new connection is reset", || match reset_at_once.peek(&mut [0]) {
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
        Ok(length) => panic!("read {length} bytes"),
    });
    apart.write_all(b"apart").unwrap();
    expect(&mut node_3, b"apart");
    let evidence = lab.network.remove(rule);
    assert_eq!(
        evidence,
        RuleEvidence { connections_reset: 2, connections_refused_or_pending: 1, ..RuleEvidence::default() }
    );
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(b"again").unwrap();
    expect(&mut node, b"again");
}

#[test]
fn delays_add_up_keep_the_order_and_delay_the_end() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    let by = Duration::from_millis(40);
    let rules = [
        lab.install(Effect::Delay { by: Distribution::Constant(by) }, &[(1, 2)]),
        lab.install(Effect::Delay { by: Distribution::Constant(by) }, &[(1, 2)]),
    ];
    let start = Instant::now();
    for part in [b"one ", b"two ", b"end."] {
        client.write_all(part).unwrap();
    }
    expect(&mut node, b"one two end.");
    assert!(start.elapsed() >= 2 * by, "took only {:?}", start.elapsed());
    node.write_all(b"undelayed").unwrap();
    expect(&mut client, b"undelayed");
    let start = Instant::now();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_out(&mut node), (Vec::new(), Ended::Fin));
    assert!(start.elapsed() >= 2 * by);
    for rule in rules {
        let evidence = lab.network.remove(rule);
        assert_eq!(evidence.bytes_delayed, 12);
        assert!(evidence.waited >= 2 * by * u32::try_from(evidence.pieces_delayed).unwrap(), "{evidence:?}");
    }
}

#[test]
fn the_end_of_a_delay_releases_what_it_held_back() {
    for by in [Duration::from_secs(3600), Duration::MAX] {
        let lab = Laboratory::new(3);
        let (mut client, mut node) = lab.connect(1, 2);
        let rule = lab.install(Effect::Delay { by: Distribution::Constant(by) }, &[(1, 2)]);
        client.write_all(b"at last").unwrap();
        until("the bytes were read", || lab.network.evidence(rule).bytes_delayed == 7);
        lab.fence();
        assert!(is_quiet(&node));
        lab.network.remove(rule);
        expect(&mut node, b"at last");
    }
}

#[test]
fn rules_that_no_traffic_met_have_no_evidence() {
    let lab = Laboratory::new(3);
    let (mut idle, mut node_2) = lab.connect(1, 2);
    idle.write_all(b"before").unwrap();
    let (mut other, mut node_3) = lab.connect(1, 3);
    expect(&mut node_2, b"before");
    let rules = [
        lab.install(CUT, &BOTH),
        lab.install(Effect::Delay { by: Distribution::Constant(Duration::from_millis(1)) }, &BOTH),
        lab.install(CUT, &[(1, 1), (7, 9)]),
    ];
    other.write_all(b"elsewhere").unwrap();
    expect(&mut node_3, b"elsewhere");
    for rule in rules {
        assert!(!lab.network.remove(rule).met_traffic());
    }
}

#[test]
fn a_client_that_gives_up_during_a_cut_leaves_its_evidence() {
    let lab = Laboratory::new(3);
    let dialler = lab.network.fresh_dialler();
    let mut client = lab.dial_as(dialler, Source::Clients(n(1)), 2);
    let _node = lab.accept(2);
    lab.fence();
    let rule = lab.install(CUT, &BOTH);
    client.write_all(b"given up").unwrap();
    until_held(&lab, rule, 8);
    lab.network.settle(dialler);
    drop(client);
    let evidence = lab.network.remove(rule);
    assert_eq!(evidence, RuleEvidence { connections_held: 1, bytes_held: 8, ..RuleEvidence::default() });
}
