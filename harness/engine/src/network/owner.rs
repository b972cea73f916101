//! Who dialled, where nodes cannot be told apart by the address that they dial: whoever has the dialling socket open.
//!
//! A connection is looked up before the registry knows of it, on a thread that may block, so that neither the proxy nor
//! the lock waits for it. What cannot be told apart is refused: a connection that passed by its faults would be worse.

use std::fmt;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsjepsen_history::NodeId;

use super::sock_diag;

/// How many looks are taken at a connection whose owner is not found; a process may be too young to be known.
const LOOKS: u32 = 9;
/// The pause after the first look; each is twice as long as the one before, half a second all together.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// Whoever knows the processes of the nodes.
pub trait SocketOwners: Send + Sync {
    /// The node of which a process has the socket with this inode open. It may take its time.
    fn node_with(&self, inode: u64) -> Option<NodeId>;

    /// A connection was refused because nobody knows whose it is. It may take its time.
    fn refused(&self, refusal: &Refusal);
}

/// Why it could not be told who dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The dialler had closed its socket before it was looked up.
    Closed,
    /// The socket belongs to no process of a node.
    Foreign,
    /// The lookup failed, for this reason.
    Failed(String),
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(out, "its dialler had closed it before it could be told who that was"),
            Self::Foreign => write!(out, "no process of a node has the dialling socket open"),
            Self::Failed(why) => write!(out, "who dialled could not be looked up ({why})"),
        }
    }
}

/// A connection that was refused because nobody knows whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where it came from.
    pub dialler: SocketAddrV4,
    /// The address in front of a node that was dialled.
    pub dialled: SocketAddrV4,
    /// Why.
    pub why: Unknown,
}

/// How often it was looked up who dialled, one count a connection, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lookups {
    /// Connections of which it was found out.
    pub known: u64,
    /// Refused: closed before.
    pub closed: u64,
    /// Refused: of no node.
    pub foreign: u64,
    /// Refused: the lookup failed.
    pub failed: u64,
}

impl Lookups {
    fn count(&mut self, found: &Result<NodeId, Unknown>) {
        *match found {
            Ok(_) => &mut self.known,
            Err(Unknown::Closed) => &mut self.closed,
            Err(Unknown::Foreign) => &mut self.foreign,
            Err(Unknown::Failed(_)) => &mut self.failed,
        } += 1;
    }
}

impl fmt::Display for Lookups {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { known, closed, foreign, failed } = self;
        write!(out, "who dialled was told by the socket's owner for {known} connections; ")?;
        if closed + foreign + failed == 0 {
            return write!(out, "none was refused");
        }
        write!(
            out,
            "refused were {closed} that had been closed already, {foreign} of no node, and {failed} whose lookup failed"
        )
    }
}

/// Looks up who dialled.
pub(super) struct Lookup {
    owners: Arc<dyn SocketOwners>,
    counts: Mutex<Lookups>,
}

impl Lookup {
    pub(super) fn new(owners: Arc<dyn SocketOwners>) -> Self {
        Self { owners, counts: Mutex::default() }
    }

    pub(super) fn counts(&self) -> Lookups {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node that dialled; nothing where that cannot be told, which is counted and told.
    pub(super) async fn node(&self, dialler: SocketAddrV4, dialled: SocketAddrV4) -> Option<NodeId> {
        let found = self.search(dialler, dialled).await;
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).count(&found);
        match found {
            Ok(node) => Some(node),
            Err(why) => {
                let (owners, refusal) = (Arc::clone(&self.owners), Refusal { dialler, dialled, why });
                // Nobody waits for it: whoever is told may be slow.
                drop(tokio::task::spawn_blocking(move || owners.refused(&refusal)));
                None
            }
        }
    }

    async fn search(&self, dialler: SocketAddrV4, dialled: SocketAddrV4) -> Result<NodeId, Unknown> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..LOOKS {
            match self.look(dialler, dialled).await {
                Err(Unknown::Foreign | Unknown::Failed(_)) => {}
                // What is closed stays so.
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.look(dialler, dialled).await
    }

    async fn look(&self, dialler: SocketAddrV4, dialled: SocketAddrV4) -> Result<NodeId, Unknown> {
        let owners = Arc::clone(&self.owners);
        let look = move || match sock_diag::inode_of(dialler, dialled) {
            Ok(Some(inode)) => owners.node_with(inode).ok_or(Unknown::Foreign),
            Ok(None) => Err(Unknown::Closed),
            Err(error) => Err(Unknown::Failed(error.to_string())),
        };
        let looked = tokio::task::spawn_blocking(look).await;
        looked.unwrap_or_else(|error| Err(Unknown::Failed(error.to_string())))
    }
}
