//! The proxied network of a run: every connection between nodes, and from clients to nodes, passes a link of ours on
//! loopback, where it can be cut, reset or slowed down while both ends stay unmodified.
//!
//! A run owns the addresses `127.R.0.0/16` ([`Subnet`]). Node `nj` listens on `127.R.j.j` itself; whoever wants to reach
//! it dials its own link instead: `127.R.i.j` for node `ni`, `127.R.(100+i).j` for the clients whose home is `ni`.
//! Nodes must bind their own address, never the wildcard address, which would collide with the links.
//!
//! Nodes that must all be told one address of a peer may dial its *front* `127.R.100.j`; then the owner of the dialling
//! socket says whose the connection is, and from there on it is one of that node's link ([`SocketOwners`]).
//!
//! Faults act on the flow of data from one *site* to another, where a site is a node together with its client group; so
//! a one-way partition is one [`LinkRule`] and a full one two. Clients always reach their home node.
//!
//! Invariant: no byte moves, and no fault changes, outside one lock ([`registry`]). So a rule that was installed holds
//! for every byte from then on, on all its links at once, and what [`Network::settle`] says of a connection is exact.
//!
//! Limits: what was written towards a node before a cut is in the kernel's hands and arrives. A client that closed
//! behind more unread data than the kernel's receive buffer takes cannot be told from a live one.

mod connection;
mod homes;
#[allow(unsafe_code, reason = "what has no safe interface: the arguments stand there")]
mod kernel;
mod owner;
mod pipe;
mod proxy;
mod registry;
mod rules;
mod shape;
mod sock_diag;
mod splice;
mod subnet;
#[cfg(test)]
mod tests;
mod timer;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use dsjepsen_history::NodeId;

use self::homes::Homes;
use self::owner::Lookup;
pub use self::owner::{Lookups, Refusal, SocketOwners, Unknown};
use self::proxy::Proxy;
use self::registry::SharedRegistry;
pub use self::rules::{Effect, LinkRule, RuleEvidence, RuleId};
pub use self::shape::Distribution;
pub(crate) use self::sock_diag::inode_of;
pub use self::subnet::{CLAIM_PORT, DIALLERS, LARGEST_NODE, Subnet};

/// Ports from this one on belong to the kernel's outgoing connections on Linux, so that none of them can be listened on
/// safely.
pub const FIRST_EPHEMERAL_PORT: u16 = 32768;

/// The most bytes that a link reads of one direction of a connection before it writes them, besides what the kernel's own
/// buffers hold. (Of a bulk that it passed on unread when a fault came, it takes over up to four times as many.)
pub const BUFFER_BYTES: usize = 64 * 1024;

/// Why a network could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// None of the 254 address blocks could be claimed.
    #[error(
        "no block 127.R.0.0/16 is free: port {CLAIM_PORT} could not be bound on any 127.R.255.254, the last time because: {source}"
    )]
    NoSubnet {
        /// What the last attempt met.
        source: io::Error,
    },
    /// The node's number has no address in the block.
    #[error("{node} cannot be given an address: nodes are numbered 1 to {LARGEST_NODE}")]
    NodeNumber {
        /// The node.
        node: NodeId,
    },
    /// The port may be taken by any outgoing connection at any time.
    #[error("port {port} cannot be proxied: it must lie in 1..{FIRST_EPHEMERAL_PORT}")]
    Port {
        /// The port.
        port: u16,
    },
    /// A link could not listen on its address.
    #[error("the link {link} cannot listen on {address}: {source}")]
    Listen {
        /// The link.
        link: Link,
        /// Its address.
        address: SocketAddrV4,
        /// What the kernel said.
        source: io::Error,
    },
    /// A front could not listen on its address.
    #[error("the front of {node} cannot listen on {address}: {source}")]
    ListenInFront {
        /// The node.
        node: NodeId,
        /// The front's address.
        address: SocketAddrV4,
        /// What the kernel said.
        source: io::Error,
    },
    /// The proxy's thread or its runtime could not be started.
    #[error("the proxy thread cannot be started: {source}")]
    Thread {
        /// What the kernel said.
        source: io::Error,
    },
}

/// Who dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A node.
    Node(NodeId),
    /// The clients whose home is this node.
    Clients(NodeId),
}

impl Source {
    /// The site that the source belongs to: faults treat a node and its client group alike.
    pub fn site(self) -> NodeId {
        match self {
            Self::Node(node) | Self::Clients(node) => node,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(out, "{node}"),
            Self::Clients(node) => write!(out, "c{}", node.number()),
        }
    }
}

/// The way by which one source dials one node. Data flow on it both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Who dials.
    pub from: Source,
    /// Who is dialled.
    pub to: NodeId,
}

impl fmt::Display for Link {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}→{}", self.from, self.to)
    }
}

/// What a link carried since the network started, all ports together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTraffic {
    /// The link.
    pub link: Link,
    /// Bytes written to the node that was dialled.
    pub bytes_forward: u64,
    /// Bytes written to the dialler.
    pub bytes_back: u64,
    /// Connections accepted, whatever became of them.
    pub connections: u64,
}

/// The last word on what a dialler's connections brought to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Bytes written towards nodes since the dialler's address was given out, in the count of [`Network::delivered`]. It
    /// will not grow any more.
    pub bytes: u64,
}

impl Delivery {
    /// Whether not one byte can have reached a node since `mark`, an earlier result of [`Network::delivered`]; then
    /// whatever was asked since definitely never happened.
    pub fn is_nothing_since(self, mark: u64) -> bool {
        self.bytes == mark
    }
}

/// The links of a run and the proxy that serves them. Handles are cheap to clone; the proxy ends, and closes all its
/// sockets, with the last of them.
#[derive(Clone)]
pub struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    registry: SharedRegistry,
    proxy: Proxy,
    lookup: Option<Arc<Lookup>>,
    homes: Homes,
    // Declared last: the claim must outlive the proxy's sockets.
    subnet: Subnet,
}

impl Network {
    /// Opens a link on each of `ports` for every ordered pair of nodes, and for every client group to every node, and
    /// serves them on an OS thread of its own. Returns when all links accept connections. The nodes need not be up yet:
    /// until they are, whoever dials them sees its connection reset.
    ///
    /// # Errors
    /// If a node or port has no place in the subnet, a link's address cannot be bound, or no thread can be had. Nothing
    /// is left behind.
    pub fn start(subnet: Subnet, nodes: &[NodeId], ports: &[u16]) -> Result<Self, NetworkError> {
        Self::open(subnet, nodes, ports, None)
    }

    /// The same, and also opens a [front](Subnet::front) on each of `ports` for every node. Who dials it is asked of
    /// `owners`; a connection of which that cannot be found out within about half a second is refused with RST.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_fronts(
        subnet: Subnet,
        nodes: &[NodeId],
        ports: &[u16],
        owners: Arc<dyn SocketOwners>,
    ) -> Result<Self, NetworkError> {
        Self::open(subnet, nodes, ports, Some(Arc::new(Lookup::new(owners))))
    }

    fn open(
        subnet: Subnet,
        nodes: &[NodeId],
        ports: &[u16],
        lookup: Option<Arc<Lookup>>,
    ) -> Result<Self, NetworkError> {
        if let Some(&node) = nodes.iter().find(|node| node.number() > LARGEST_NODE) {
            return Err(NetworkError::NodeNumber { node });
        }
        if let Some(&port) = ports.iter().find(|port| !(1..FIRST_EPHEMERAL_PORT).contains(*port)) {
            return Err(NetworkError::Port { port });
        }
        let links = proxy::links(nodes, lookup.is_some());
        let registry = SharedRegistry::new(&links);
        let mut doors = proxy::doors_of_links(&subnet, &links, ports)?;
        if let Some(lookup) = &lookup {
            doors.extend(proxy::doors_in_front(&subnet, nodes, &links, ports, lookup)?);
        }
        let homes = Homes::new(&subnet, nodes);
        let proxy = Proxy::start(doors, &registry, &homes)?;
        Ok(Self { shared: Arc::new(Shared { registry, proxy, lookup, homes, subnet }) })
    }

    /// The addresses of the run.
    pub fn subnet(&self) -> &Subnet {
        &self.shared.subnet
    }

    /// Leads connections that are dialled from now on to this address of the node: it is started anew there. A node that the
    /// network lacks changes nothing.
    pub fn move_node(&self, node: NodeId, address: Ipv4Addr) {
        self.shared.homes.set(node, address);
    }

    /// Puts all of `rules` in force in one step, and returns once they are. Connections of these sites are reached
    /// whether they exist already or are dialled later. Rules add to those that are in force: a flow is held while any
    /// rule holds it, delays add up. A rule from a site to itself, or about a node that the network lacks, has no effect.
    pub fn install(&self, rules: &[LinkRule]) -> RuleId {
        self.shared.registry.lock().install(rules)
    }

    /// Takes rules out of force in one step, and tells what they met. Bytes that were held go on, in order and without
    /// loss, except on connections whose dialler has closed them meanwhile (its FIN or RST arrived while they were held):
    /// these are not continued, whether their node was dialled already or not. Removing again, or removing what this
    /// network never installed, changes nothing.
    pub fn remove(&self, rule: RuleId) -> RuleEvidence {
        self.shared.registry.lock().remove(rule)
    }

    /// What rules have met so far, while they are still in force or after.
    pub fn evidence(&self, rule: RuleId) -> RuleEvidence {
        self.shared.registry.lock().evidence(rule)
    }

    /// A source address for the connections of one process, told apart from all others by it. After [`DIALLERS`]
    /// addresses they are used again: then the count of what was delivered starts anew and a ban by
    /// [`settle`](Self::settle) ends. An address that still has connections is passed over.
    pub fn fresh_dialler(&self) -> Ipv4Addr {
        self.shared.registry.lock().fresh_dialler(&self.shared.subnet)
    }

    /// Bytes written towards nodes on connections from `dialler` so far. Taken before a request, it is the mark with
    /// which the result of [`settle`](Self::settle) is compared.
    pub fn delivered(&self, dialler: Ipv4Addr) -> u64 {
        self.shared.registry.lock().delivered(dialler)
    }

    /// Closes all connections from `dialler` for good, discards what the links hold of them, refuses whatever is still
    /// to be accepted from it, and then says how much was ever delivered. When it returns, no further byte from this
    /// dialler can be written to a node, now or after any heal.
    ///
    /// It neither waits nor needs a runtime, and may be called from any thread.
    pub fn settle(&self, dialler: Ipv4Addr) -> Delivery {
        self.shared.registry.lock().settle(dialler)
    }

    /// How often the owner of a socket was looked up so far; nothing for a network without fronts.
    pub fn lookups(&self) -> Option<Lookups> {
        self.shared.lookup.as_ref().map(|lookup| lookup.counts())
    }

    /// What each link carried, in the order of the links. With fronts, a node also has a link to itself.
    pub fn traffic(&self) -> Vec<LinkTraffic> {
        self.shared.registry.lock().traffic()
    }

    #[cfg(test)]
    fn open_connections(&self) -> usize {
        self.shared.registry.lock().open_connections()
    }

    /// Ends the proxy and closes its sockets, also those of connections, which are reset; returns when that is done. The
    /// claim on the subnet lasts as long as there are handles. Calling it again does nothing.
    pub fn shutdown(&self) {
        self.shared.proxy.stop();
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Network").field("subnet", &self.shared.subnet).finish_non_exhaustive()
    }
}
