//! Claims, set-up and tear-down.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};

use super::laboratory::{Ended, Laboratory, PORT, expect, listen, n, read_out};
use crate::network::{CLAIM_PORT, Effect, FIRST_EPHEMERAL_PORT, Link, Network, NetworkError, Source, Subnet};

#[test]
fn two_runs_never_share_a_block() {
    let first = Subnet::claim().unwrap();
    let second = Subnet::claim().unwrap();
    assert_ne!(first.block(), second.block());
    let taken = Subnet::claim_block(first.block()).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let block = first.block();
    drop(first);
    // Another test may be quicker, but then the block is claimed all the same.
    if let Err(error) = Subnet::claim_block(block) {
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    const { assert!(CLAIM_PORT < FIRST_EPHEMERAL_PORT) };
}

#[test]
fn two_networks_work_side_by_side() {
    let labs = [Laboratory::new(2), Laboratory::new(2)];
    let rule = labs[0].install(Effect::Blackhole, &[(1, 2), (2, 1)]);
    let (mut client, mut node) = labs[1].connect(1, 2);
    client.write_all(b"free").unwrap();
    expect(&mut node, b"free");
    assert!(!labs[1].network.remove(rule).met_traffic(), "a network took the rule of another for its own");
    assert!(!labs[0].network.remove(rule).met_traffic());
}

#[test]
fn what_cannot_be_set_up_is_named() {
    let start = |nodes: &[usize], port| {
        let nodes: Vec<_> = nodes.iter().map(|number| n(*number)).collect();
        Network::start(Subnet::claim().unwrap(), &nodes, &[port]).unwrap_err()
    };
    assert!(matches!(start(&[1, 100], PORT), NetworkError::NodeNumber { node } if node == n(100)));
    assert!(matches!(start(&[1, 2], 40_000), NetworkError::Port { port: 40_000 }));
    assert!(matches!(start(&[1, 2], 0), NetworkError::Port { port: 0 }));

    let subnet = Subnet::claim().unwrap();
    let link = Link { from: Source::Clients(n(2)), to: n(1) };
    let address = SocketAddrV4::new(subnet.link(link.from, link.to), PORT);
    let _squatter = TcpListener::bind(address).unwrap();
    let error = Network::start(subnet, &[n(1), n(2)], &[PORT]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("c2→n1"), "{text}");
}

#[test]
fn a_node_that_is_down_resets_its_diallers_until_it_is_up() {
    let network = Network::start(Subnet::claim().unwrap(), &[n(1), n(2)], &[PORT]).unwrap();
    let link = (network.subnet().link(Source::Node(n(1)), n(2)), PORT);
    let mut client = TcpStream::connect(link).unwrap();
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
    let node = listen(network.subnet().node(n(2)));
    node.set_nonblocking(false).unwrap();
    let mut client = TcpStream::connect(link).unwrap();
    client.write_all(b"up").unwrap();
    expect(&mut node.accept().unwrap().0, b"up");
}

#[test]
fn nothing_is_left_when_the_last_handle_goes() {
    for by_shutdown in [true, false] {
        let lab = Laboratory::new(3);
        let (mut client, mut node) = lab.connect(1, 2);
        let network = lab.network.clone();
        let addresses: Vec<_> = network
            .traffic()
            .iter()
            .map(|carried| (network.subnet().link(carried.link.from, carried.link.to), PORT))
            .collect();
        assert_eq!(addresses.len(), 15);
        // Keeps the block from being claimed by another test.
        let claim = (network.subnet().block(), network.shared.clone());
        if by_shutdown {
            network.shutdown();
            network.shutdown();
        } else {
            drop(claim);
            drop(network);
            client.write_all(b"one handle is left").unwrap();
            expect(&mut node, b"one handle is left");
            drop(lab);
        }
        assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
        assert_eq!(read_out(&mut node), (Vec::new(), Ended::Reset));
        for address in addresses {
            TcpListener::bind(address).unwrap_or_else(|error| panic!("{address:?} is still taken: {error}"));
        }
    }
}

#[test]
fn traffic_is_counted_by_link_and_direction() {
    let lab = Laboratory::new(2);
    let (mut client, mut node) = lab.connect(1, 2);
    client.write_all(b"12345").unwrap();
    expect(&mut node, b"12345");
    node.write_all(b"123").unwrap();
    expect(&mut client, b"123");
    for carried in lab.traffic() {
        let expected =
            if carried.link == (Link { from: Source::Node(n(1)), to: n(2) }) { (5, 3, 1) } else { (0, 0, 0) };
        assert_eq!((carried.bytes_forward, carried.bytes_back, carried.connections), expected, "{}", carried.link);
    }
}
