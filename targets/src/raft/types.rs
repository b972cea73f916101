//! The types with which the consensus library is instantiated.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::{EmptyNode, TokioRuntime};
use serde::{Deserialize, Serialize};

use super::state::{Command, Reply};

openraft::declare_raft_types!(
    /// The type configuration of `raft`. Membership carries no addresses: they differ from node to node (every node reaches
    /// its peers over links of its own) and come from the node's configuration.
    pub(crate) Types:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = EmptyNode,
        Entry = openraft::Entry<Types>,
        SnapshotData = Cursor<Vec<u8>>,
        Responder = openraft::impls::OneshotResponder<Types>,
        AsyncRuntime = TokioRuntime,
);

/// The consensus library's handle.
pub(crate) type Raft = openraft::Raft<Types>;

/// An entry of the log.
pub(crate) type Entry = openraft::Entry<Types>;

/// A command on its way into the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// The idempotency key; the cluster's own commands have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<String>,
    /// The command.
    pub(crate) command: Command,
    /// Set once the entry has reached a log. Of this process only.
    #[serde(skip)]
    pub(crate) appended: Appended,
}

impl Proposal {
    /// A proposal.
    pub(crate) fn new(request: Option<String>, command: Command) -> Self {
        Self { request, command, appended: Appended::default() }
    }
}

/// Whether a proposal has reached the proposer's log. Openraft answers `ForwardToLeader` both to a proposal that it never
/// took and to one that it appended, perhaps replicated, and cut off again for another leader's entries. Only the first
/// surely has no effect: a follower that still has the second may be elected and commit it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Appended(Arc<AtomicBool>);

impl Appended {
    /// The entry is about to be written.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it may be in a log.
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A planted flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flaw {
    /// The vote is kept in memory only.
    VolatileVote,
    /// Reads are answered from the local state.
    StaleReads,
    /// Request ids are ignored.
    NoDedupe,
}

impl Flaw {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::VolatileVote, Self::StaleReads, Self::NoDedupe];

    /// Its name as a variant of the target; equal to its name in the node's configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::VolatileVote => "volatile-vote",
            Self::StaleReads => "stale-reads",
            Self::NoDedupe => "no-dedupe",
        }
    }
}
