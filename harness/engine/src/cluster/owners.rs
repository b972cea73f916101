//! Which node has a socket open: where the network cannot tell a dialler by the address that it dialled, it asks here.
//!
//! A process is of a node if it, or one of its ancestors, is in the process group that the node was started as. So are
//! the children that shells and wrappers put into groups of their own; a daemon that left both group and family is not.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dsjepsen_history::NodeId;
use nix::unistd::getpid;

use super::node::Node;
use crate::events::Events;
use crate::network::{Refusal, SocketOwners, inode_of};
use crate::target::Unavailable;

/// The nodes' processes, as owners of sockets.
pub(super) struct NodeSockets {
    nodes: Arc<Mutex<BTreeMap<NodeId, Node>>>,
    events: Events,
    warned: AtomicBool,
}

impl NodeSockets {
    pub(super) fn new(nodes: Arc<Mutex<BTreeMap<NodeId, Node>>>, events: Events) -> Self {
        Self { nodes, events, warned: AtomicBool::new(false) }
    }

    /// The node of each process group.
    fn groups(&self) -> BTreeMap<i32, NodeId> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().filter_map(|(node, state)| Some((state.group()?, *node))).collect()
    }
}

impl SocketOwners for NodeSockets {
    fn node_with(&self, inode: u64) -> Option<NodeId> {
        let groups = self.groups();
        // Nearly always it is the process that was started, whose id is its group's; the others cost a look at all.
        let first = groups.iter().find(|(leader, _)| has_open(**leader, inode)).map(|(_, node)| *node);
        first.or_else(|| {
            let table = Process::all();
            let of_nodes = table.keys().filter_map(|pid| Some((*pid, node_of(*pid, &table, &groups)?)));
            of_nodes.filter(|(pid, _)| has_open(*pid, inode)).map(|(_, node)| node).next()
        })
    }

    fn refused(&self, refusal: &Refusal) {
        tracing::debug!(?refusal, "a connection was refused");
        if !self.warned.swap(true, Ordering::Relaxed) {
            let Refusal { dialler, dialled, why } = refusal;
            self.events.warn(format!(
                "a connection from {dialler} to {dialled} was refused: {why}. The end of the run tells how many there were"
            ));
        }
    }
}

/// Where a process stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    parent: i32,
    group: i32,
}

impl Process {
    /// Those that are in this process group, or have an ancestor in it.
    pub(super) fn of_group(group: i32) -> Vec<i32> {
        let table = Self::all();
        let lineage = |process: &Self| {
            std::iter::successors(Some(*process), |process| table.get(&process.parent).copied()).take(table.len())
        };
        let of_group = table.iter().filter(|(_, process)| lineage(process).any(|process| process.group == group));
        of_group.map(|(pid, _)| *pid).collect()
    }

    /// All that there are, by process id.
    pub(super) fn all() -> BTreeMap<i32, Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        // A process may end while the list is read.
        pids.filter_map(|pid: i32| Some((pid, Self::read(&fs::read(format!("/proc/{pid}/stat")).ok()?)?))).collect()
    }

    fn read(stat: &[u8]) -> Option<Self> {
        // The name in brackets may contain anything; state, parent and group follow the last bracket.
        let behind_name = stat.rsplit(|byte| *byte == b')').next()?;
        let mut words = std::str::from_utf8(behind_name).ok()?.split_ascii_whitespace().skip(1);
        Some(Self { parent: words.next()?.parse().ok()?, group: words.next()?.parse().ok()? })
    }
}

/// The node that a process belongs to, by its group or that of an ancestor.
pub(super) fn node_of(pid: i32, table: &BTreeMap<i32, Process>, groups: &BTreeMap<i32, NodeId>) -> Option<NodeId> {
    let lineage = std::iter::successors(table.get(&pid), |process| table.get(&process.parent));
    // The table was not read in one moment: ids that were given away meanwhile might make a circle of it.
    lineage.take(table.len()).find_map(|process| groups.get(&process.group).copied())
}

/// Whether a process has the socket with this inode open, as far as its descriptors may be read.
fn has_open(pid: i32, inode: u64) -> bool {
    let wanted = format!("socket:[{inode}]");
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut files = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    files.any(|file| file.as_os_str().as_bytes() == wanted.as_bytes())
}

/// Whether the owner of a socket can be found on this machine; tried once in the life of the program.
pub(super) fn owners_available() -> Result<(), Unavailable> {
    static FOUND: OnceLock<Result<(), Unavailable>> = OnceLock::new();
    let unavailable = |why| Unavailable { what: "to tell who dialled by the owner of the socket".to_owned(), why };
    FOUND.get_or_init(|| find_own_socket().map_err(unavailable)).clone()
}

/// Looks up a connection that this very process made.
fn find_own_socket() -> Result<(), String> {
    let connect = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let ends = (client.local_addr()?, client.peer_addr()?);
        Ok((listener, client, ends))
    };
    let connected: std::io::Result<_> = connect();
    let (_listener, _client, ends) = connected.map_err(|error| format!("loopback cannot be dialled: {error}"))?;
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = ends else {
        return Err("loopback has another kind of address".to_owned());
    };
    match inode_of(local, remote) {
        Ok(Some(inode)) if has_open(getpid().as_raw(), inode) => Ok(()),
        Ok(Some(_)) => Err("/proc does not show which process has a socket open".to_owned()),
        Ok(None) => Err("the kernel does not know a connection that is there (module tcp_diag)".to_owned()),
        Err(error) => Err(format!("the kernel does not answer NETLINK_SOCK_DIAG: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let read = |stat: &str| Process::read(stat.as_bytes());
        assert_eq!(read("7 (a) b) 9 (c) S 3 5 1 0 -1"), Some(Process { parent: 3, group: 5 }));
        assert_eq!(read("7 (a"), None);
        assert_eq!(Process::read(b"7 (\xff\xfe) R 1 7 7"), Some(Process { parent: 1, group: 7 }));
    }

    #[test]
    fn children_are_of_the_node_also_in_groups_of_their_own_and_others_are_not() {
        let process = |pid, parent, group| (pid, Process { parent, group });
        let table = BTreeMap::from([
            process(1, 0, 1),
            process(10, 1, 10),
            process(11, 10, 10),
            process(12, 11, 12),
            process(13, 12, 12),
            // An orphan of the group, and one that left it.
            process(14, 1, 10),
            process(15, 1, 15),
            // A circle.
            process(20, 21, 20),
            process(21, 20, 20),
        ]);
        let node = NodeId::at(0);
        let of_node = |pid| node_of(pid, &table, &BTreeMap::from([(10, node)]));
        for pid in [10, 11, 12, 13, 14] {
            assert_eq!(of_node(pid), Some(node), "{pid}");
        }
        for pid in [1, 15, 20, 21, 99] {
            assert_eq!(of_node(pid), None, "{pid}");
        }
    }

    #[test]
    fn an_open_socket_is_found_and_a_closed_one_is_not() {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::MetadataExt;

        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let inode = fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino();
        let own = getpid().as_raw();
        assert!(has_open(own, inode));
        assert_eq!(Process::all().get(&own).map(|process| process.group), Some(nix::unistd::getpgrp().as_raw()));
        drop(socket);
        assert!(!has_open(own, inode));
    }
}
