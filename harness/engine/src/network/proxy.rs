//! The thread that serves the links: accept loops, dialling, and two pumps for each connection. It has a runtime of its
//! own, so that neither clients nor checkers can starve it.

use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use dsjepsen_history::NodeId;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use super::connection::{Ending, Way};
use super::homes::Homes;
use super::owner::Lookup;
use super::pipe::Wait;
use super::registry::{ConnectionId, Dialling, Next, SharedRegistry};
use super::timer::Timer;
use super::{Link, NetworkError, Source, Subnet};

/// Connections that may wait to be accepted, per link and port.
const BACKLOG: i32 = 1024;

/// How long an accept loop rests when the process has run out of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Lookups of who dialled that run at once; more wait.
const LOOKUP_THREADS: usize = 4;

/// The running thread; it ends when this value goes.
pub(super) struct Proxy {
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A socket that listens for connections to a node.
pub(super) struct Door {
    socket: std::net::TcpListener,
    passage: Passage,
}

/// What a door leads to.
#[derive(Clone)]
struct Passage {
    entrance: Entrance,
    /// Where the door listens.
    address: SocketAddrV4,
    node: NodeId,
}

impl Door {
    fn open(entrance: Entrance, address: SocketAddrV4, node: NodeId) -> io::Result<Self> {
        Ok(Self { socket: listen(address)?, passage: Passage { entrance, address, node } })
    }
}

/// By which link the connections of a door come; links are named by their position in the registry.
#[derive(Clone)]
enum Entrance {
    /// All by one.
    Link(usize),
    /// By that of the node that dialled, of these.
    Front(Arc<BTreeMap<NodeId, usize>>, Arc<Lookup>),
}

impl Entrance {
    /// The link of a connection; nothing where it cannot be told whose it is.
    async fn link(&self, dialler: SocketAddrV4, dialled: SocketAddrV4) -> Option<usize> {
        match self {
            Self::Link(link) => Some(*link),
            Self::Front(links, lookup) => links.get(&lookup.node(dialler, dialled).await?).copied(),
        }
    }
}

/// All links between these nodes: node to other node, and every client group to every node. With fronts a node may dial
/// itself, too.
pub(super) fn links(nodes: &[NodeId], with_fronts: bool) -> Vec<Link> {
    let pairs = || nodes.iter().flat_map(|from| nodes.iter().map(move |to| (*from, *to)));
    let between_nodes =
        pairs().filter(|(from, to)| with_fronts || from != to).map(|(from, to)| Link { from: Source::Node(from), to });
    let from_clients = pairs().map(|(home, to)| Link { from: Source::Clients(home), to });
    between_nodes.chain(from_clients).collect()
}

/// A door for each link on each port; a node's link to itself has none, its address is the node's own.
pub(super) fn doors_of_links(subnet: &Subnet, links: &[Link], ports: &[u16]) -> Result<Vec<Door>, NetworkError> {
    let mut doors = Vec::with_capacity(links.len() * ports.len());
    for (position, link) in links.iter().enumerate().filter(|(_, link)| link.from != Source::Node(link.to)) {
        for port in ports {
            let address = SocketAddrV4::new(subnet.link(link.from, link.to), *port);
            let door = Door::open(Entrance::Link(position), address, link.to);
            doors.push(door.map_err(|source| NetworkError::Listen { link: *link, address, source })?);
        }
    }
    Ok(doors)
}

/// A door in front of each node on each port, for all nodes.
pub(super) fn doors_in_front(
    subnet: &Subnet,
    nodes: &[NodeId],
    links: &[Link],
    ports: &[u16],
    lookup: &Arc<Lookup>,
) -> Result<Vec<Door>, NetworkError> {
    let mut doors = Vec::with_capacity(nodes.len() * ports.len());
    for to in nodes {
        let from_node = |(position, link): (usize, &Link)| match link.from {
            Source::Node(from) if link.to == *to => Some((from, position)),
            _ => None,
        };
        let by_dialler = Arc::new(links.iter().enumerate().filter_map(from_node).collect());
        for port in ports {
            let address = SocketAddrV4::new(subnet.front(*to), *port);
            let entrance = Entrance::Front(Arc::clone(&by_dialler), Arc::clone(lookup));
            let door = Door::open(entrance, address, *to);
            doors.push(door.map_err(|source| NetworkError::ListenInFront { node: *to, address, source })?);
        }
    }
    Ok(doors)
}

impl Proxy {
    pub(super) fn start(doors: Vec<Door>, registry: &SharedRegistry, homes: &Homes) -> Result<Self, NetworkError> {
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .max_blocking_threads(LOOKUP_THREADS)
                .enable_io()
                .enable_time()
                .build()?;
            let (doors, timer) = register(&runtime, doors)?;
            let (stop, stopped) = oneshot::channel();
            let common = Common { registry: registry.clone(), homes: homes.clone(), timer };
            let serve = move || serve(&runtime, doors, &common, stopped);
            let thread = thread::Builder::new().name("network-proxy".to_owned()).spawn(serve)?;
            Ok(Running { stop, thread })
        };
        let running = start().map_err(|source: io::Error| NetworkError::Thread { source })?;
        Ok(Self { running: Mutex::new(Some(running)) })
    }

    /// Ends the thread and waits for its end, by which all its sockets are closed.
    pub(super) fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Running { stop, thread }) = running.take() {
            // Both fail only if the thread is gone already.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(address: SocketAddrV4) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Connections of an earlier run that linger in TIME_WAIT must not keep the address.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What all connections have in common.
#[derive(Clone)]
struct Common {
    registry: SharedRegistry,
    homes: Homes,
    timer: Timer,
}

fn register(runtime: &Runtime, doors: Vec<Door>) -> io::Result<(Vec<(TcpListener, Passage)>, Timer)> {
    let _inside = runtime.enter();
    let register = |door: Door| Ok((TcpListener::from_std(door.socket)?, door.passage));
    let doors: io::Result<_> = doors.into_iter().map(register).collect();
    Ok((doors?, Timer::new()?))
}

fn serve(runtime: &Runtime, doors: Vec<(TcpListener, Passage)>, common: &Common, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::spawn(common.timer.clone().run());
        for (listener, passage) in doors {
            tokio::spawn(accept(listener, passage, common.clone()));
        }
        // An error means that the handle is gone, which is as good a reason to end.
        let _ = stopped.await;
    });
}

async fn accept(listener: TcpListener, passage: Passage, common: Common) {
    loop {
        match listener.accept().await {
            Ok((client, peer)) => {
                let SocketAddr::V4(dialler) = peer else { continue };
                tokio::spawn(relay(client, dialler, passage.clone(), common.clone()));
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(node = %passage.node, %error, "a link cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn relay(client: TcpStream, dialler: SocketAddrV4, passage: Passage, common: Common) {
    let Common { registry, homes, timer } = common;
    // These fail only on a connection that is gone already, which the first read will find.
    let _ = client.set_nodelay(true);
    let _ = client.set_zero_linger();
    let Some(link) = passage.entrance.link(dialler, passage.address).await else { return };
    let client = Arc::new(client);
    let admitted = registry.lock().admit(link, *dialler.ip(), Arc::clone(&client));
    let Some((id, mut changes)) = admitted else { return };
    let mut relay = Relay { registry, id, client, node: None };
    let Some(upstream) = relay.dial(&passage, &homes, &mut changes).await else {
        return;
    };
    let upstream = Arc::new(upstream);
    relay.node = Some(Arc::clone(&upstream));
    relay.registry.lock().attach(id, Arc::clone(&upstream));
    let pump = |way, source, sink| Pump { registry: &relay.registry, timer: &timer, id, way, source, sink };
    tokio::join!(
        pump(Way::Forward, &relay.client, &upstream).run(changes.clone()),
        pump(Way::Back, &upstream, &relay.client).run(changes.clone()),
    );
}

/// A connection that is in the registry; dropped, it leaves the registry. Its sockets are set to be closed with RST from
/// their first moment, unless it finished: a stream that was broken off must never look like one that ended.
struct Relay {
    registry: SharedRegistry,
    id: ConnectionId,
    client: Arc<TcpStream>,
    node: Option<Arc<TcpStream>>,
}

impl Relay {
    /// Dials the node, as soon as the rules let it; nothing if the node refuses or the connection ended meanwhile.
    async fn dial(&self, passage: &Passage, homes: &Homes, changes: &mut watch::Receiver<()>) -> Option<TcpStream> {
        loop {
            // Bound to a name of its own so that the lock is released before waiting.
            let dialling = self.registry.lock().dialling(self.id);
            match dialling {
                Dialling::Allowed => break,
                Dialling::NotYet => changes.changed().await.ok()?,
                Dialling::Never => return None,
            }
        }
        let ended = async {
            while changes.changed().await.is_ok() {
                if self.registry.lock().dialling(self.id) == Dialling::Never {
                    break;
                }
            }
        };
        // Only now: it may have moved while the connection waited.
        let node = SocketAddrV4::new(homes.of(passage.node)?, passage.address.port());
        tokio::select! {
            dialled = connect(node) => dialled.ok(),
            () = ended => None,
        }
    }
}

async fn connect(node: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_zero_linger()?;
    socket.set_nodelay(true)?;
    socket.connect(node.into()).await
}

impl Drop for Relay {
    fn drop(&mut self) {
        if self.registry.lock().leave(self.id) == Ending::Finished {
            for socket in [Some(&self.client), self.node.as_ref()].into_iter().flatten() {
                // Fails only on a socket that has no peer any more.
                let _ = SockRef::from(socket.as_ref()).set_linger(None);
            }
        }
    }
}

/// One direction of a connection.
struct Pump<'a> {
    registry: &'a SharedRegistry,
    timer: &'a Timer,
    id: ConnectionId,
    way: Way,
    source: &'a TcpStream,
    sink: &'a TcpStream,
}

impl Pump<'_> {
    /// Moves it until the connection ends.
    async fn run(self, mut changes: watch::Receiver<()>) {
        loop {
            // A direction that never has to wait lets others have their turn all the same.
            tokio::task::coop::consume_budget().await;
            // Whatever changes from here on is seen by the wait below.
            changes.mark_unchanged();
            let next = self.registry.lock().step(self.id, self.way);
            let Next::Wait(Wait { readable, writable, until }) = next else { return };
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                // Errors of either socket come to light in the next step.
                _ = self.source.readable(), if readable => {}
                _ = self.sink.writable(), if writable => {}
                () = async { if let Some(at) = until { self.timer.until(at).await } }, if until.is_some() => {}
            }
        }
    }
}
