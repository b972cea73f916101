//! The HTTP/JSON contract of the nodes of our own: what a client may ask of a lock, and how a node answers.
//!
//! A POST to `/lock/…` carries one of the requests below; HTTP 200 carries the result. Any other status carries a
//! [`RefusalBody`]: there is no result, and `definite` says whether the request surely had, and ever will have, no effect.
//! An expired lease is a result, not a refusal, for to repeat the request would be of no use. `GET /lock/holder?lock=N`
//! reads; `GET /health` and `GET /view` are for the controller.

mod client;
mod forward;
mod server;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use client::{ContractLocks, Style};
pub(crate) use forward::{Forwarder, node_client};
pub(crate) use server::{LockNode, Origin, Refusal, router};

/// Starts a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseRequest {
    /// How long it lasts from its start or its last renewal.
    pub(crate) ttl_ms: u64,
    /// The idempotency key.
    pub(crate) request: String,
}

/// Acquires, renews, releases or revokes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HoldRequest {
    /// The number of the lock.
    pub(crate) lock: u32,
    /// The lease, or the name of the holder where the system has no leases apart from locks.
    pub(crate) lease: String,
    /// How long a lock without a lease of its own lasts.
    pub(crate) ttl_ms: u64,
    /// The idempotency key.
    pub(crate) request: String,
}

/// A request of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    /// Starts a lease; answered by a [`LeaseReply`].
    Lease(LeaseRequest),
    /// Tries to acquire a lock; answered by an [`AcquireReply`].
    Acquire(HoldRequest),
    /// Renews; answered by a [`PresenceReply`], as all that follow.
    Renew(HoldRequest),
    /// Releases the lock and gives the lease back.
    Release(HoldRequest),
    /// Gives the lease back with all that hangs on it.
    Revoke(HoldRequest),
}

impl Call {
    /// Its name in events.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Lease(_) => "lease",
            Self::Acquire(_) => "acquire",
            Self::Renew(_) => "renew",
            Self::Release(_) => "release",
            Self::Revoke(_) => "revoke",
        }
    }

    /// The path to which it is posted.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Lease(_) => "/lock/lease",
            Self::Acquire(_) => "/lock/acquire",
            Self::Renew(_) => "/lock/renew",
            Self::Release(_) => "/lock/release",
            Self::Revoke(_) => "/lock/revoke",
        }
    }

    /// Its body.
    pub(crate) fn body(&self) -> Value {
        match self {
            Self::Lease(request) => to_json(request),
            Self::Acquire(request) | Self::Renew(request) | Self::Release(request) | Self::Revoke(request) => {
                to_json(request)
            }
        }
    }
}

/// A lease was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaseReply {
    /// Its name.
    pub(crate) lease: String,
}

/// What an attempt to acquire came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AcquireReply {
    /// Whether the lock is the caller's.
    pub(crate) granted: bool,
    /// The fencing token, where the system issues one.
    pub(crate) token: Option<u64>,
    /// Whether it was not granted because the lease has ended.
    #[serde(default)]
    pub(crate) lease_gone: bool,
}

/// Whether there was something to renew, release or revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PresenceReply {
    /// There was, and it was done.
    pub(crate) held: bool,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HolderReply {
    /// The number of the lock.
    pub(crate) lock: u32,
    /// The lease of the holder; `null` where the lock is free.
    pub(crate) lease: Option<String>,
    /// The token of the grant, where the system issues one.
    pub(crate) token: Option<u64>,
}

/// How a node sees the cluster; one consistent observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct View {
    /// The node asked: `n1`.
    pub(crate) node: String,
    /// The node that it takes for the leader.
    pub(crate) leader: Option<String>,
    /// Whether it takes itself for the leader of `term`.
    pub(crate) believes_leader: bool,
    /// Its current term.
    pub(crate) term: u64,
    /// Which start of the node this is; 0 where the system does not count them.
    pub(crate) incarnation: u64,
    /// While it leads: a number that grows whenever its own leadership begins within one incarnation. Equal in two
    /// polls of one incarnation, it proves that the node led all the time between.
    pub(crate) since: Option<u64>,
}

/// The body of every response that is no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefusalBody {
    /// `kind: detail`.
    pub(crate) error: String,
    /// Whether the request surely had no effect and never will have one.
    pub(crate) definite: bool,
}

/// JSON of the contract's own types.
pub(crate) fn to_json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("the contract's types have only string keys")
}
