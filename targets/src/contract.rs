//! The contract of nodes: what clients may ask, in JSON, and how a node answers. Nodes of our own speak it over HTTP, and so
//! do other people's systems (`CONTRACT.md`, beside this crate, is its page); their client programs speak it in lines.
//!
//! Over HTTP an operation that changes something is a POST of one of the requests below, a read is a GET with its arguments in
//! the query; HTTP 200 carries the result. Any other status carries a [`RefusalBody`]: there is no result, and `definite` says
//! whether the request surely had, and ever will have, no effect. An expired lease, a lock that is held and a comparison that
//! fails are results, not refusals, for to repeat the request would be of no use. `GET /health` is for the controller.

mod client;
mod forward;
mod leader;
#[cfg(test)]
mod page_tests;
mod server;
mod transport;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use client::{ContractClient, Style};
pub(crate) use forward::{Forwarder, node_client};
pub(crate) use leader::leader_by_views;
pub(crate) use server::{ContractNode, Origin, Refusal, router};
pub(crate) use transport::{HttpTransport, ProgramTransport, Transport};

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

/// Asks who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HolderRequest {
    /// The number of the lock.
    pub(crate) lock: u32,
}

/// Adds to the counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddRequest {
    /// What is added; may be negative.
    pub(crate) delta: i64,
    /// The idempotency key.
    pub(crate) request: String,
}

/// Reads a register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadRequest {
    /// The register.
    pub(crate) key: u64,
}

/// Sets a register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WriteRequest {
    /// The register.
    pub(crate) key: u64,
    /// Its new value.
    pub(crate) value: u64,
    /// The idempotency key.
    pub(crate) request: String,
}

/// Sets a register if it has a certain value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompareAndSetRequest {
    /// The register.
    pub(crate) key: u64,
    /// The value that it must have.
    pub(crate) from: u64,
    /// The value that it is given then.
    pub(crate) to: u64,
    /// The idempotency key.
    pub(crate) request: String,
}

/// Has the leader acknowledge a write of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderWriteRequest {
    /// The idempotency key.
    pub(crate) request: String,
}

/// Declares the calls of the contract: for each its name, its path, whether it is a GET that reads, and its request.
macro_rules! calls {
    ($($(#[$doc:meta])* $call:ident($request:ty) = $name:literal $method:ident $path:literal),* $(,)?) => {
        /// A request of the contract.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum Call {
            $($(#[$doc])* $call($request),)*
        }

        impl Call {
            /// Its name: in events, and as the `f` of client programs.
            pub(crate) fn name(&self) -> &'static str {
                match self {
                    $(Self::$call(_) => $name,)*
                }
            }

            /// Its path over HTTP, without a query.
            pub(crate) fn path(&self) -> &'static str {
                match self {
                    $(Self::$call(_) => $path,)*
                }
            }

            /// Whether it only reads; then it is a GET over HTTP.
            pub(crate) fn is_read(&self) -> bool {
                match self {
                    $(Self::$call(_) => matches!(stringify!($method), "get"),)*
                }
            }

            /// Its request as JSON.
            pub(crate) fn body(&self) -> Value {
                match self {
                    $(Self::$call(request) => to_json(request),)*
                }
            }
        }

        impl server::Routes {
            /// The routes of all calls.
            pub(crate) fn all() -> Self {
                Self::new()$(.$method::<$request>($path, Call::$call))*
            }
        }
    };
}

calls! {
    /// Starts a lease; answered by a [`LeaseReply`].
    Lease(LeaseRequest) = "lease" post "/lock/lease",
    /// Tries to acquire a lock; answered by an [`AcquireReply`].
    Acquire(HoldRequest) = "acquire" post "/lock/acquire",
    /// Renews; answered by a [`PresenceReply`].
    Renew(HoldRequest) = "renew" post "/lock/renew",
    /// Releases the lock and gives the lease back; answered by a [`PresenceReply`].
    Release(HoldRequest) = "release" post "/lock/release",
    /// Gives the lease back with all that hangs on it; answered by a [`PresenceReply`].
    Revoke(HoldRequest) = "revoke" post "/lock/revoke",
    /// Asks who holds a lock; answered by a [`HolderReply`].
    Holder(HolderRequest) = "holder" get "/lock/holder",
    /// Adds to the counter; answered by an [`AddReply`].
    Add(AddRequest) = "add" post "/counter/add",
    /// Reads the counter; answered by a [`CountReply`].
    Count(Nothing) = "count" get "/counter/value",
    /// Reads a register; answered by a [`ReadReply`].
    Read(ReadRequest) = "read" get "/register/read",
    /// Sets a register; answered by [`Nothing`].
    Write(WriteRequest) = "write" post "/register/write",
    /// Sets a register if it has a certain value; answered by a [`CompareAndSetReply`].
    CompareAndSet(CompareAndSetRequest) = "compare-and-set" post "/register/compare-and-set",
    /// Has the leader acknowledge a write; answered by a [`LeaderWriteReply`].
    LeaderWrite(LeaderWriteRequest) = "leader-write" post "/leader/write",
    /// Asks this very node how it sees the cluster; answered by a [`ViewReply`].
    View(Nothing) = "view" get "/view",
}

impl Call {
    /// Its path over HTTP; that of a read carries its request as the query.
    pub(crate) fn target(&self) -> Cow<'static, str> {
        match self.body() {
            Value::Object(fields) if self.is_read() && !fields.is_empty() => {
                let query: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                Cow::Owned(format!("{}?{}", self.path(), query.join("&")))
            }
            _ => Cow::Borrowed(self.path()),
        }
    }
}

/// No arguments, or no result but that it was done: `{}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nothing {}

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
    #[serde(default)]
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

/// The addition was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddReply {
    /// The value right after it, where the system tells.
    #[serde(default)]
    pub(crate) value: Option<i64>,
}

/// The value of the counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CountReply {
    /// The value.
    pub(crate) value: i64,
}

/// The value of a register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadReply {
    /// The value; `null` where nothing was written. Where it is missing, the reply is none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) value: Option<u64>,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompareAndSetReply {
    /// Whether the register had the value and was given the new one.
    pub(crate) swapped: bool,
}

/// A leader acknowledged the write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeaderWriteReply {
    /// The term in which it did.
    pub(crate) term: u64,
}

/// How a node sees the cluster; one consistent observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ViewReply {
    /// The node asked: `n1`.
    pub(crate) node: String,
    /// The node that it takes for the leader.
    #[serde(default)]
    pub(crate) leader: Option<String>,
    /// Whether it takes itself for the leader, and of `term` where there are terms.
    pub(crate) believes_leader: bool,
    /// Its current term, where the system has terms.
    #[serde(default)]
    pub(crate) term: Option<u64>,
    /// Which start of the node this is, where the system counts them.
    #[serde(default)]
    pub(crate) incarnation: Option<u64>,
    /// While it leads: a number that grows whenever its own leadership begins within one incarnation. Equal in two
    /// polls of one incarnation, it proves that the node led all the time between.
    #[serde(default)]
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
