//! Nodes and clients played by the tests. Whatever waits here waits for a condition, up to a deadline.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dsjepsen_history::NodeId;
use socket2::{Domain, SockRef, Socket, Type};

use crate::network::{Effect, Link, LinkRule, LinkTraffic, Network, RuleId, SocketOwners, Source, Subnet};

/// The port that all nodes of the tests listen on.
pub(super) const PORT: u16 = 9100;

/// How long a test waits for what must come.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// The `number`-th node, from 1.
pub(super) fn n(number: usize) -> NodeId {
    NodeId::at(number - 1)
}

/// Waits until something holds.
#[track_caller]
pub(super) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(Duration::from_micros(200));
    }
}

/// How a stream ended.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Ended {
    Fin,
    Reset,
}

/// Reads a stream to its end.
#[track_caller]
pub(super) fn read_out(stream: &mut TcpStream) -> (Vec<u8>, Ended) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => (bytes, Ended::Fin),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, Ended::Reset),
        Err(error) => panic!("the stream neither ended nor was reset: {error}"),
    }
}

/// Reads exactly what is expected.
#[track_caller]
pub(super) fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).expect("the bytes come before the deadline");
    assert_eq!(bytes, expected);
}

/// Whether there is neither a byte nor an end to read.
pub(super) fn is_quiet(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Closes with RST.
pub(super) fn close_with_reset(stream: TcpStream) {
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A network whose nodes are listening sockets.
pub(super) struct Laboratory {
    pub(super) network: Network,
    nodes: Vec<TcpListener>,
}

impl Laboratory {
    /// A network of so many nodes, all up.
    pub(super) fn new(nodes: usize) -> Self {
        Self::on(nodes, |ids| Network::start(Subnet::claim().unwrap(), ids, &[PORT]).unwrap())
    }

    /// The same with a front for every node.
    pub(super) fn with_fronts(nodes: usize, owners: Arc<dyn SocketOwners>) -> Self {
        Self::on(nodes, |ids| Network::start_with_fronts(Subnet::claim().unwrap(), ids, &[PORT], owners).unwrap())
    }

    fn on(nodes: usize, start: impl FnOnce(&[NodeId]) -> Network) -> Self {
        let ids: Vec<NodeId> = (1..=nodes).map(n).collect();
        let network = start(&ids);
        let nodes = ids.iter().map(|id| listen(network.subnet().node(*id))).collect();
        Self { network, nodes }
    }

    /// Puts rules with this effect in force on the flows `from` → `to`.
    pub(super) fn install(&self, effect: Effect, flows: &[(usize, usize)]) -> RuleId {
        let rules: Vec<LinkRule> =
            flows.iter().map(|(from, to)| LinkRule { from: n(*from), to: n(*to), effect }).collect();
        self.network.install(&rules)
    }

    /// Dials as a client process does: from a source address of its own.
    pub(super) fn dial_as(&self, dialler: Ipv4Addr, from: Source, to: usize) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddrV4::new(dialler, 0).into()).unwrap();
        socket.connect(&SocketAddrV4::new(self.network.subnet().link(from, n(to)), PORT).into()).unwrap();
        with_deadline(socket.into())
    }

    /// Dials as a node does.
    pub(super) fn dial(&self, from: Source, to: usize) -> TcpStream {
        with_deadline(TcpStream::connect((self.network.subnet().link(from, n(to)), PORT)).unwrap())
    }

    /// The next connection that a node is offered.
    #[track_caller]
    pub(super) fn accept(&self, node: usize) -> TcpStream {
        let mut accepted = None;
        until("the node is dialled", || {
            accepted = self.offered(node);
            accepted.is_some()
        });
        accepted.unwrap()
    }

    /// The connection that a node is offered at this moment.
    pub(super) fn offered(&self, node: usize) -> Option<TcpStream> {
        match self.nodes[node - 1].accept() {
            Ok((stream, _)) => Some(with_deadline(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the node cannot accept: {error}"),
        }
    }

    /// A connection that a node dialled and that the proxy has joined: its two outer ends.
    #[track_caller]
    pub(super) fn connect(&self, from: usize, to: usize) -> (TcpStream, TcpStream) {
        let client = self.dial(Source::Node(n(from)), to);
        let node = self.accept(to);
        self.fence();
        (client, node)
    }

    /// What the links carried, without that of the fence.
    pub(super) fn traffic(&self) -> Vec<LinkTraffic> {
        let last = n(self.nodes.len());
        let fence = Link { from: Source::Clients(last), to: last };
        self.network.traffic().into_iter().filter(|carried| carried.link != fence).collect()
    }

    /// Returns once the proxy has dealt with all that reached it before: it is one thread, and its events and tasks are
    /// served in order, so that a few round trips on another link come after them. The link is that of the clients of
    /// the last node to that node, which no rule cuts.
    #[track_caller]
    pub(super) fn fence(&self) {
        let last = self.nodes.len();
        let mut client = self.dial(Source::Clients(n(last)), last);
        let mut server = self.accept(last);
        for _ in 0..4 {
            client.write_all(b"ping").unwrap();
            expect(&mut server, b"ping");
            server.write_all(b"pong").unwrap();
            expect(&mut client, b"pong");
        }
    }
}

pub(super) fn listen(address: Ipv4Addr) -> TcpListener {
    let listener = TcpListener::bind((address, PORT)).unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

pub(super) fn with_deadline(stream: TcpStream) -> TcpStream {
    stream.set_nonblocking(false).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// A small generator of pseudo-random numbers (splitmix64), the same in every run for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}
