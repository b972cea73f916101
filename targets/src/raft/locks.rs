//! A node of `raft` as the contract sees it: the leader proposes, every other node passes requests on to the leader.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use openraft::ServerState;
use openraft::error::{CheckIsLeaderError, RaftError};
use serde_json::Value;

use super::machine::Machine;
use super::node::{Config, id, name};
use super::state::{Command, Reply};
use super::types::{Flaw, Proposal, Raft};
use crate::contract::{
    AcquireReply, Call, Forwarder, HoldRequest, HolderReply, LeaseReply, LockNode, Origin, PresenceReply, Refusal,
    View, to_json,
};

/// How long a node waits for a proposal to be applied, or for the leader to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How often the leader asks a majority whether it still leads before it gives a read up.
const READ_ATTEMPTS: u32 = 3;

/// The locks of a node.
pub(crate) struct RaftLocks {
    me: u64,
    incarnation: u64,
    addresses: BTreeMap<u64, SocketAddr>,
    raft: Raft,
    machine: Machine,
    forwarder: Forwarder,
    stale_reads: bool,
}

/// Who serves a request.
enum Server {
    Me,
    Other(SocketAddr),
}

impl RaftLocks {
    /// The locks of this node.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(crate) fn new(
        config: &Config,
        addresses: BTreeMap<u64, SocketAddr>,
        raft: Raft,
        machine: Machine,
        incarnation: u64,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            me: id(config.node),
            incarnation,
            addresses,
            raft,
            machine,
            forwarder: Forwarder::new(LIMIT)?,
            stale_reads: config.flaws.contains(&Flaw::StaleReads),
        })
    }

    /// Finds who serves a request; a refusal here is definite, for nothing was proposed or sent.
    fn server(&self, origin: Origin) -> Result<Server, Refusal> {
        let leader = self.raft.metrics().borrow().current_leader;
        match leader {
            None => Err(Refusal::definite("no-leader: this node knows of none")),
            Some(leader) if leader == self.me => Ok(Server::Me),
            Some(leader) if origin == Origin::Node => Err(Refusal::definite(format!("not-leader: {} is", name(leader)))),
            Some(leader) => match self.addresses.get(&leader) {
                Some(address) => Ok(Server::Other(*address)),
                None => Err(Refusal::definite(format!("no-leader: {} is not configured", name(leader)))),
            },
        }
    }

    async fn propose(&self, request: String, command: Command) -> Result<Reply, Refusal> {
        let proposal = Proposal::new(Some(request), command);
        let appended = proposal.appended.clone();
        match tokio::time::timeout(LIMIT, self.raft.client_write(proposal)).await {
            Ok(Ok(response)) => Ok(response.data),
            Ok(Err(RaftError::APIError(_))) if !appended.get() => {
                Err(Refusal::definite("not-leader: the proposal was not taken"))
            }
            Ok(Err(error)) => Err(Refusal::indefinite(format!("lost-leadership: {error}"))),
            Err(_) => Err(Refusal::indefinite("timeout: no majority in time")),
        }
    }

    fn local_holder(&self, lock: u32) -> Value {
        let hold = self.machine.holder(lock);
        let lease = hold.map(|hold| hold.lease.to_string());
        to_json(&HolderReply { lock, lease, token: hold.map(|hold| hold.token) })
    }

    /// Waits until the local state shows everything that was acknowledged before now.
    async fn catch_up(&self) -> Result<(), Refusal> {
        let mut attempt = 1;
        loop {
            match tokio::time::timeout(LIMIT, self.raft.ensure_linearizable()).await {
                Ok(Ok(_)) => return Ok(()),
                // The library waits for a majority no longer than a heartbeat; a busy machine takes longer at times.
                Ok(Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_)))) if attempt < READ_ATTEMPTS => {
                    attempt += 1;
                }
                // A read has no effect, whatever became of it.
                Ok(Err(error)) => return Err(Refusal::definite(format!("not-leader: {error}"))),
                Err(_) => return Err(Refusal::definite("timeout: no majority in time")),
            }
        }
    }
}

/// What a call means to the replicated state. A lease that is none cannot be held: that is a result, as for one that ended.
fn command(call: Call) -> Result<(String, Command), Value> {
    let absent = || to_json(&PresenceReply { held: false });
    match call {
        Call::Lease(lease) => Ok((lease.request, Command::StartLease { ttl_ms: lease.ttl_ms })),
        Call::Acquire(HoldRequest { lock, lease, request, .. }) => match lease.parse() {
            Ok(lease) => Ok((request, Command::Acquire { lock, lease })),
            Err(_) => Err(to_json(&AcquireReply { granted: false, token: None, lease_gone: true })),
        },
        Call::Renew(hold) => hold.lease.parse().map_err(|_| absent()).map(|lease| (hold.request, Command::Renew { lease })),
        Call::Release(hold) => {
            let lease = hold.lease.parse().map_err(|_| absent())?;
            Ok((hold.request, Command::Release { lock: hold.lock, lease }))
        }
        Call::Revoke(hold) => hold.lease.parse().map_err(|_| absent()).map(|lease| (hold.request, Command::Revoke { lease })),
    }
}

fn result(reply: Reply) -> Result<Value, Refusal> {
    let acquired = |granted, token, lease_gone| Ok(to_json(&AcquireReply { granted, token, lease_gone }));
    match reply {
        Reply::Started(lease) => Ok(to_json(&LeaseReply { lease: lease.to_string() })),
        Reply::Granted(token) => acquired(true, Some(token), false),
        Reply::Held => acquired(false, None, false),
        Reply::LeaseGone => acquired(false, None, true),
        Reply::Present(held) => Ok(to_json(&PresenceReply { held })),
        Reply::Nothing => Err(Refusal::indefinite("bad-response: the command left no reply")),
    }
}

#[async_trait]
impl LockNode for RaftLocks {
    async fn serve(&self, call: Call, origin: Origin) -> Result<Value, Refusal> {
        match self.server(origin)? {
            Server::Other(address) => self.forwarder.post(address, &call).await,
            Server::Me => match command(call) {
                Ok((request, command)) => result(self.propose(request, command).await?),
                Err(known) => Ok(known),
            },
        }
    }

    async fn holder(&self, lock: u32, origin: Origin) -> Result<Value, Refusal> {
        if self.stale_reads {
            return Ok(self.local_holder(lock));
        }
        match self.server(origin)? {
            Server::Other(address) => self.forwarder.holder(address, lock).await,
            Server::Me => {
                self.catch_up().await?;
                Ok(self.local_holder(lock))
            }
        }
    }

    fn view(&self) -> View {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let believes_leader = metrics.state == ServerState::Leader;
        View {
            node: name(self.me),
            leader: metrics.current_leader.map(name),
            believes_leader,
            term: metrics.current_term,
            incarnation: self.incarnation,
            // A node leads a term at most once: who has lost a term never gets it back.
            since: believes_leader.then_some(metrics.current_term),
        }
    }
}
