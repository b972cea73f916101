//! The addresses of a run: `127.R.0.0/16`, claimed so that runs side by side never share one.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};

use dsjepsen_history::NodeId;

use super::{NetworkError, Source};

/// The port whose listener on `127.R.255.254` claims the block R. It is the same in all versions, else runs of two
/// versions could not see each other's claims.
pub const CLAIM_PORT: u16 = 28737;

/// The largest node number that has an address.
pub const LARGEST_NODE: u16 = 99;

/// How many distinct addresses there are for the connections of clients: `127.R.200.1` to `127.R.254.254` without
/// `.0` and `.255`.
pub const DIALLERS: u32 = DIALLER_BLOCKS * HOSTS;

const DIALLER_BLOCKS: u32 = 254 - FIRST_DIALLER_BLOCK as u32 + 1;
const FIRST_DIALLER_BLOCK: u8 = 200;
const HOSTS: u32 = 254;
const CLIENTS_OFFSET: u8 = 100;
// Between the nodes' links, up to 99, and those of the clients, from 101.
const FRONT_BLOCK: u8 = 100;
// Above the last node to which a link from this one could lead.
const FIRST_ELSEWHERE: u8 = 100;
const ELSEWHERE: u32 = 155;

/// A block of loopback addresses that nobody else uses while this value lives.
pub struct Subnet {
    block: u8,
    // Held open, never accepted from: the listening socket is the claim.
    _claim: TcpListener,
}

impl Subnet {
    /// Claims a free block. The search begins at a place that depends on the process id, so that parallel runs seldom
    /// meet; a block that cannot be claimed, for whatever reason, is passed over.
    ///
    /// # Errors
    /// [`NetworkError::NoSubnet`] if no block can be claimed.
    pub fn claim() -> Result<Self, NetworkError> {
        let first = std::process::id() % 254;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for step in 0..254 {
            let block = u8::try_from((first + step) % 254 + 1).expect("it lies in 1..=254");
            match Self::claim_block(block) {
                Ok(subnet) => return Ok(subnet),
                Err(error) => last = error,
            }
        }
        Err(NetworkError::NoSubnet { source: last })
    }

    pub(super) fn claim_block(block: u8) -> io::Result<Self> {
        let address = SocketAddrV4::new(Ipv4Addr::new(127, block, 255, 254), CLAIM_PORT);
        Ok(Self { block, _claim: TcpListener::bind(address)? })
    }

    /// The R of `127.R.0.0/16`.
    pub fn block(&self) -> u8 {
        self.block
    }

    /// The address that the node itself listens on: `127.R.j.j`.
    ///
    /// # Panics
    /// If the node's number is above [`LARGEST_NODE`].
    pub fn node(&self, node: NodeId) -> Ipv4Addr {
        let number = number(node);
        Ipv4Addr::new(127, self.block, number, number)
    }

    /// The `number`-th of the addresses that the node may move to: `127.R.j.100` to `127.R.j.254`, and again.
    ///
    /// # Panics
    /// If the node's number is above [`LARGEST_NODE`].
    pub fn elsewhere(&self, node: NodeId, number: u32) -> Ipv4Addr {
        let place = u8::try_from(number % ELSEWHERE).expect("it lies in 0..155");
        Ipv4Addr::new(127, self.block, self::number(node), FIRST_ELSEWHERE + place)
    }

    /// The address at which `from` dials `to`: `127.R.i.j` for a node, `127.R.(100+i).j` for a client group.
    ///
    /// # Panics
    /// If a node's number is above [`LARGEST_NODE`].
    pub fn link(&self, from: Source, to: NodeId) -> Ipv4Addr {
        let from = match from {
            Source::Node(node) => number(node),
            Source::Clients(node) => CLIENTS_OFFSET + number(node),
        };
        Ipv4Addr::new(127, self.block, from, number(to))
    }

    /// The address at which all nodes dial `to`, where they cannot each be told their own: `127.R.100.j`.
    ///
    /// # Panics
    /// If the node's number is above [`LARGEST_NODE`].
    pub fn front(&self, to: NodeId) -> Ipv4Addr {
        Ipv4Addr::new(127, self.block, FRONT_BLOCK, number(to))
    }

    /// The `n`-th source address for connections of clients; the same again every [`DIALLERS`].
    pub fn dialler(&self, n: u32) -> Ipv4Addr {
        let n = n % DIALLERS;
        let octet = |value: u32| u8::try_from(value).expect("it lies in 1..=254");
        Ipv4Addr::new(127, self.block, FIRST_DIALLER_BLOCK + octet(n / HOSTS), octet(n % HOSTS + 1))
    }
}

impl fmt::Debug for Subnet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "127.{}.0.0/16", self.block)
    }
}

fn number(node: NodeId) -> u8 {
    assert!(node.number() <= LARGEST_NODE, "{node} has no address: nodes are numbered 1 to {LARGEST_NODE}");
    u8::try_from(node.number()).expect("it is at most 99")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_addresses_of_a_run_differ_and_lie_in_its_block() {
        let subnet = Subnet::claim().unwrap();
        let nodes = || (0..usize::from(LARGEST_NODE)).map(NodeId::at);
        let mut addresses: Vec<Ipv4Addr> = nodes().map(|node| subnet.node(node)).collect();
        addresses.extend(nodes().map(|node| subnet.front(node)));
        addresses.extend(
            nodes().flat_map(|node| (0..ELSEWHERE).map(move |n| (node, n))).map(|(node, n)| subnet.elsewhere(node, n)),
        );
        for (from, to) in nodes().flat_map(|from| nodes().map(move |to| (from, to))) {
            if from != to {
                addresses.push(subnet.link(Source::Node(from), to));
            }
            addresses.push(subnet.link(Source::Clients(from), to));
        }
        addresses.extend((0..DIALLERS).map(|n| subnet.dialler(n)));
        addresses.push(Ipv4Addr::new(127, subnet.block(), 255, 254));
        let distinct: BTreeSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), addresses.len());
        for address in &addresses {
            let [_, block, _, host] = address.octets();
            assert!(block == subnet.block() && host != 0 && host != 255, "{address}");
        }
    }

    #[test]
    fn diallers_run_from_the_first_to_the_last_and_again() {
        let subnet = Subnet::claim().unwrap();
        let tail = |n| <[u8; 2]>::try_from(&subnet.dialler(n).octets()[2..]).unwrap();
        assert_eq!([tail(0), tail(253), tail(254)], [[200, 1], [200, 254], [201, 1]]);
        assert_eq!([tail(DIALLERS - 1), tail(DIALLERS)], [[254, 254], [200, 1]]);
    }
}
