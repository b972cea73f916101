//! Fronts: connections that all come to one address, and whose owner says by which link.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dsjepsen_history::NodeId;
use socket2::{Domain, Socket, Type};

use super::laboratory::{Ended, Laboratory, PORT, expect, is_quiet, n, read_out, until, with_deadline};
use crate::network::{Effect, Link, Lookups, Refusal, SocketOwners, Source, Unknown};

/// Owners as the test says.
#[derive(Default)]
struct Told {
    nodes: Mutex<BTreeMap<u64, NodeId>>,
    refusals: Mutex<Vec<Refusal>>,
    /// Who holds it keeps lookups from their end.
    gate: Mutex<()>,
    /// Looks that were begun.
    begun: AtomicU32,
    /// So many looks find nothing.
    vain: AtomicU32,
}

impl SocketOwners for Told {
    fn node_with(&self, inode: u64) -> Option<NodeId> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let _passed = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let take_one = |vain: u32| vain.checked_sub(1);
        if self.vain.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok() {
            return None;
        }
        self.nodes.lock().unwrap().get(&inode).copied()
    }

    fn refused(&self, refusal: &Refusal) {
        self.refusals.lock().unwrap().push(refusal.clone());
    }
}

struct Bench {
    lab: Laboratory,
    told: Arc<Told>,
}

impl Bench {
    fn new(nodes: usize) -> Self {
        let told = Arc::new(Told::default());
        Self { lab: Laboratory::with_fronts(nodes, Arc::clone(&told) as Arc<dyn SocketOwners>), told }
    }

    /// Dials the front of a node with a socket of this owner.
    fn dial(&self, owner: Option<usize>, to: usize) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let inode = std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino();
        if let Some(owner) = owner {
            self.told.nodes.lock().unwrap().insert(inode, n(owner));
        }
        socket.connect(&SocketAddrV4::new(self.lab.network.subnet().front(n(to)), PORT).into()).unwrap();
        with_deadline(socket.into())
    }

    fn connections(&self) -> Vec<(Link, u64)> {
        let used = self.lab.traffic().into_iter().filter(|carried| carried.connections > 0);
        used.map(|carried| (carried.link, carried.connections)).collect()
    }

    fn lookups(&self) -> Lookups {
        self.lab.network.lookups().unwrap()
    }

    /// Waits until so many looks are under way.
    fn looking(&self, begun: u32) {
        until("the owner is looked up", || self.told.begun.load(Ordering::SeqCst) == begun);
    }

    /// That a connection of this reason was refused, and nobody heard of it.
    #[track_caller]
    fn refused(&self, dialled: usize, why: &Unknown) {
        until("the refusal is told", || !self.told.refusals.lock().unwrap().is_empty());
        let refusal = self.told.refusals.lock().unwrap().remove(0);
        assert_eq!(refusal.dialled, SocketAddrV4::new(self.lab.network.subnet().front(n(dialled)), PORT));
        assert_eq!(&refusal.why, why);
        assert!(self.lab.offered(dialled).is_none(), "a refused connection reached the node");
        assert_eq!(self.connections(), [], "a refused connection counts as one of a link");
    }
}

fn link(from: usize, to: usize) -> Link {
    Link { from: Source::Node(n(from)), to: n(to) }
}

#[test]
fn a_connection_is_one_of_its_owners_link() {
    let bench = Bench::new(3);
    let mut streams = Vec::new();
    for from in [1, 3, 2] {
        let mut client = bench.dial(Some(from), 2);
        client.write_all(&[0; 10][..from]).unwrap();
        let mut node = bench.lab.accept(2);
        expect(&mut node, &[0; 10][..from]);
        streams.push((client, node));
    }
    assert_eq!(bench.connections(), [(link(1, 2), 1), (link(2, 2), 1), (link(3, 2), 1)]);
    assert_eq!(bench.lookups(), Lookups { known: 3, ..Lookups::default() });

    // Data from n1 to n2 stop; those from n3 and from n2 itself do not, and neither do the answers.
    let rule = bench.lab.install(Effect::Blackhole, &[(1, 2)]);
    for (client, _) in &mut streams {
        client.write_all(b"on").unwrap();
    }
    expect(&mut streams[1].1, b"on");
    expect(&mut streams[2].1, b"on");
    streams[0].1.write_all(b"back").unwrap();
    expect(&mut streams[0].0, b"back");
    bench.lab.fence();
    assert!(is_quiet(&streams[0].1), "a cut link passes data");
    assert_eq!(bench.lab.network.remove(rule).bytes_held, 2);
    expect(&mut streams[0].1, b"on");
}

#[test]
fn whose_connection_nobody_knows_is_refused() {
    let bench = Bench::new(2);
    let mut client = bench.dial(None, 2);
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
    bench.refused(2, &Unknown::Foreign);
    assert_eq!(bench.lookups(), Lookups { foreign: 1, ..Lookups::default() });
}

#[test]
fn what_was_closed_before_it_was_looked_up_is_refused() {
    let bench = Bench::new(2);
    let gate = bench.told.gate.lock().unwrap();
    // As many lookups as run at once, so that the next has to wait.
    let waiting: Vec<_> = (0..4).map(|_| bench.dial(None, 1)).collect();
    bench.looking(4);
    let mut late = bench.dial(Some(1), 2);
    late.write_all(b"gone").unwrap();
    drop(late);
    drop(gate);
    until("all are refused", || bench.lookups() == Lookups { closed: 1, foreign: 4, ..Lookups::default() });
    drop(waiting);
    bench.refused(2, &Unknown::Closed);
}

#[test]
fn a_process_that_is_not_known_yet_is_looked_for_again() {
    let bench = Bench::new(2);
    bench.told.vain.store(3, Ordering::SeqCst);
    let mut client = bench.dial(Some(1), 2);
    client.write_all(b"young").unwrap();
    expect(&mut bench.lab.accept(2), b"young");
    assert_eq!(bench.lookups(), Lookups { known: 1, ..Lookups::default() });
    assert_eq!(bench.told.begun.load(Ordering::SeqCst), 4);
}

#[test]
fn a_fault_that_begins_during_the_lookup_holds_and_nothing_else_waits() {
    let bench = Bench::new(2);
    let gate = bench.told.gate.lock().unwrap();
    let mut client = bench.dial(Some(1), 2);
    client.write_all(b"held").unwrap();
    bench.looking(1);
    let rule = bench.lab.install(Effect::Blackhole, &[(1, 2)]);
    bench.lab.fence();
    drop(gate);
    until("the owner is found", || bench.lookups().known == 1);
    until("it is admitted", || !bench.connections().is_empty());
    bench.lab.fence();
    assert!(bench.lab.offered(2).is_none(), "it passed by the fault");
    let evidence = bench.lab.network.remove(rule);
    assert_eq!((evidence.connections_refused_or_pending, evidence.bytes_held), (1, 4));
    expect(&mut bench.lab.accept(2), b"held");
}

#[test]
fn a_reset_that_begins_during_the_lookup_meets_the_connection() {
    let bench = Bench::new(2);
    let gate = bench.told.gate.lock().unwrap();
    let mut client = bench.dial(Some(1), 2);
    bench.looking(1);
    let rule = bench.lab.install(Effect::Reset, &[(1, 2)]);
    drop(gate);
    assert_eq!(read_out(&mut client), (Vec::new(), Ended::Reset));
    assert_eq!(bench.lab.network.remove(rule).connections_refused_or_pending, 1);
    assert!(bench.lab.offered(2).is_none());
}

#[test]
fn fronts_listen_only_where_they_were_asked_for() {
    let front = |lab: &Laboratory| TcpStream::connect((lab.network.subnet().front(n(1)), PORT));
    assert!(front(&Laboratory::new(2)).is_err());
    let bench = Bench::new(2);
    drop(front(&bench.lab).unwrap());
    bench.lab.network.shutdown();
    assert!(front(&bench.lab).is_err(), "a front outlives its network");
}
