//! One direction of a connection comes to its end by a rule, the other goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use super::laboratory::{Ended, Laboratory, expect, is_quiet, read_out, until};
use crate::network::Effect;

const AT_ONCE: Effect = Effect::HalfClose { after: 0 };

/// Whether a message gets through.
#[track_caller]
fn passes(mut from: &TcpStream, to: &mut TcpStream) {
    from.write_all(b"it goes on").unwrap();
    expect(to, b"it goes on");
}

/// The stream has come to its end and nothing comes behind it.
#[track_caller]
fn is_at_its_end(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0; 10]).unwrap(), 0);
}

#[test]
fn an_open_connection_ends_behind_what_was_sent_in_the_asked_direction_alone() {
    let lab = Laboratory::new(3);
    // The data of the first node on their way to the second, whoever dialled.
    for (dialler, dialled) in [(1, 2), (2, 1)] {
        let (client, node) = lab.connect(dialler, dialled);
        let (mut from, mut to) = if dialler == 1 { (client, node) } else { (node, client) };
        from.write_all(b"sent before").unwrap();
        lab.fence();
        let rule = lab.install(AT_ONCE, &[(1, 2)]);
        assert_eq!(read_out(&mut to), (b"sent before".to_vec(), Ended::Fin));
        let _ = from.write_all(b"sent behind");
        passes(&to, &mut from);
        lab.fence();
        is_at_its_end(&mut to);
        assert_eq!(lab.network.evidence(rule).connections_half_closed, 1);
        lab.network.remove(rule);
        assert_eq!(read_out(&mut from), (Vec::new(), Ended::Reset));
        until("the connection is forgotten", || lab.network.open_connections() == 0);
        let (client, mut node) = lab.connect(dialler, dialled);
        passes(&client, &mut node);
        passes(&node, &mut client.try_clone().unwrap());
        drop((client, node));
        until("the connection is forgotten", || lab.network.open_connections() == 0);
    }
}

#[test]
fn other_links_are_left_alone() {
    let lab = Laboratory::new(3);
    let whole = [lab.connect(1, 3), lab.connect(3, 2), lab.connect(3, 1)];
    let rule = lab.install(AT_ONCE, &[(1, 2)]);
    for (client, mut node) in whole.into_iter().chain([lab.connect(1, 3), lab.connect(3, 2)]) {
        passes(&client, &mut node);
        passes(&node, &mut client.try_clone().unwrap());
    }
    assert!(!lab.network.remove(rule).met_traffic());
}

#[test]
fn a_new_connection_ends_at_once_or_after_so_many_bytes() {
    let lab = Laboratory::new(2);
    for after in [0, 1_000] {
        let rule = lab.install(Effect::HalfClose { after }, &[(1, 2)]);
        for number in 1..=2 {
            let (mut client, mut node) = lab.connect(1, 2);
            let _ = client.write_all(&[7; 3_000]);
            assert_eq!(read_out(&mut node), (vec![7; usize::try_from(after).unwrap()], Ended::Fin));
            passes(&node, &mut client);
            assert_eq!(lab.network.evidence(rule).connections_half_closed, number);
        }
        lab.network.remove(rule);
        until("the connections are forgotten", || lab.network.open_connections() == 0);
    }
}

#[test]
fn so_many_bytes_count_from_when_the_rule_comes_into_force() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(&[1; 5_000]).unwrap();
    expect(&mut node, &[1; 5_000]);
    lab.install(Effect::HalfClose { after: 1_000 }, &[(1, 2)]);
    for part in [400, 599] {
        client.write_all(&vec![2; part]).unwrap();
        expect(&mut node, &vec![2; part]);
    }
    lab.fence();
    assert!(is_quiet(&node));
    client.write_all(&[3; 2]).unwrap();
    assert_eq!(read_out(&mut node), (vec![3], Ended::Fin));
}

#[test]
fn a_rule_that_is_taken_back_before_the_end_leaves_the_stream_whole() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    let [first, second] = [100, 1_000].map(|after| lab.install(Effect::HalfClose { after }, &[(1, 2)]));
    client.write_all(&[1; 50]).unwrap();
    expect(&mut node, &[1; 50]);
    assert!(!lab.network.remove(first).met_traffic());
    client.write_all(&[1; 100]).unwrap();
    expect(&mut node, &[1; 100]);
    assert!(!lab.network.remove(second).met_traffic());
    client.write_all(&[1; 5_000]).unwrap();
    expect(&mut node, &[1; 5_000]);
}

#[test]
fn a_connection_is_over_when_the_other_direction_ends_as_well() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    lab.install(AT_ONCE, &[(1, 2)]);
    assert_eq!(read_out(&mut node), (Vec::new(), Ended::Fin));
    node.write_all(b"farewell").unwrap();
    node.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_out(&mut client), (b"farewell".to_vec(), Ended::Fin));
    until("the connection is forgotten", || lab.network.open_connections() == 0);
}

#[test]
fn a_cut_holds_the_end_back_as_well() {
    let lab = Laboratory::new(3);
    let (mut client, mut node) = lab.connect(1, 2);
    let cut = lab.install(Effect::Blackhole, &[(1, 2)]);
    client.write_all(b"held").unwrap();
    until("it is held", || lab.network.evidence(cut).bytes_held == 4);
    let rule = lab.install(AT_ONCE, &[(1, 2)]);
    lab.fence();
    assert!(is_quiet(&node) && !lab.network.evidence(rule).met_traffic());
    lab.network.remove(cut);
    assert_eq!(read_out(&mut node), (b"held".to_vec(), Ended::Fin));
    assert_eq!(lab.network.evidence(rule).connections_half_closed, 1);
}
