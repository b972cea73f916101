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
use super::state::{Command, LeaseId, Reply, State};
use super::types::{Flaw, Proposal, Raft};
use crate::contract::{
    AcquireReply, AddReply, Call, CompareAndSetReply, ContractNode, CountReply, Forwarder, HoldRequest, HolderReply,
    LeaderWriteReply, LeaseReply, Nothing, Origin, PresenceReply, ReadReply, Refusal, ViewReply, to_json,
};

/// How long a node waits for a proposal to be applied, or for the leader to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How often the leader asks a majority whether it still leads before it gives a read up.
const READ_ATTEMPTS: u32 = 3;

/// What a node offers.
pub(crate) struct RaftService {
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

impl RaftService {
    /// What this node offers.
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

/// What a call asks of the replicated state.
enum Asked {
    /// To be changed by this command, under this idempotency key.
    Change(String, Command),
    /// To be read.
    Read(fn(&State, &Call) -> Value),
    /// Nothing: the answer is known. A lease that is none cannot be held: that is a result, as for one that ended.
    Known(Value),
    /// Nothing: the question is for this very node.
    View,
}

fn asked(call: &Call) -> Asked {
    let change = |request: &String, command| Asked::Change(request.clone(), command);
    let of_lease = |hold: &HoldRequest, absent: Value, command: fn(&HoldRequest, LeaseId) -> Command| {
        match hold.lease.parse() {
            Ok(lease) => Asked::Change(hold.request.clone(), command(hold, lease)),
            Err(_) => Asked::Known(absent),
        }
    };
    let absent = || to_json(&PresenceReply { held: false });
    match call {
        Call::Lease(asked) => change(&asked.request, Command::StartLease { ttl_ms: asked.ttl_ms }),
        Call::Acquire(hold) => {
            let gone = to_json(&AcquireReply { granted: false, token: None, lease_gone: true });
            of_lease(hold, gone, |hold, lease| Command::Acquire { lock: hold.lock, lease })
        }
        Call::Renew(hold) => of_lease(hold, absent(), |_, lease| Command::Renew { lease }),
        Call::Release(hold) => of_lease(hold, absent(), |hold, lease| Command::Release { lock: hold.lock, lease }),
        Call::Revoke(hold) => of_lease(hold, absent(), |_, lease| Command::Revoke { lease }),
        Call::Add(asked) => change(&asked.request, Command::Add { delta: asked.delta }),
        Call::Write(asked) => change(&asked.request, Command::Write { key: asked.key, value: asked.value }),
        Call::CompareAndSet(asked) => {
            let command = Command::CompareAndSet { key: asked.key, from: asked.from, to: asked.to };
            change(&asked.request, command)
        }
        Call::LeaderWrite(asked) => change(&asked.request, Command::TellTerm),
        Call::Holder(_) | Call::Count(_) | Call::Read(_) => Asked::Read(read),
        Call::View(_) => Asked::View,
    }
}

fn read(state: &State, call: &Call) -> Value {
    match call {
        Call::Holder(asked) => {
            let hold = state.holder(asked.lock);
            let lease = hold.map(|hold| hold.lease.to_string());
            to_json(&HolderReply { lock: asked.lock, lease, token: hold.map(|hold| hold.token) })
        }
        Call::Read(asked) => to_json(&ReadReply { value: state.register(asked.key) }),
        _ => to_json(&CountReply { value: state.counter() }),
    }
}

fn result(reply: Reply) -> Result<Value, Refusal> {
    let acquired = |granted, token, lease_gone| to_json(&AcquireReply { granted, token, lease_gone });
    Ok(match reply {
        Reply::Started(lease) => to_json(&LeaseReply { lease: lease.to_string() }),
        Reply::Granted(token) => acquired(true, Some(token), false),
        Reply::Held => acquired(false, None, false),
        Reply::LeaseGone => acquired(false, None, true),
        Reply::Present(held) => to_json(&PresenceReply { held }),
        Reply::Sum(value) => to_json(&AddReply { value: Some(value) }),
        Reply::Written => to_json(&Nothing {}),
        Reply::Swapped(swapped) => to_json(&CompareAndSetReply { swapped }),
        Reply::Term(term) => to_json(&LeaderWriteReply { term }),
        Reply::Nothing => return Err(Refusal::indefinite("bad-response: the command left no reply")),
    })
}

#[async_trait]
impl ContractNode for RaftService {
    async fn serve(&self, call: Call, origin: Origin) -> Result<Value, Refusal> {
        let asked = asked(&call);
        match &asked {
            Asked::View => return Ok(to_json(&self.view())),
            Asked::Read(read) if self.stale_reads => return Ok(self.machine.read(|state| read(state, &call))),
            _ => {}
        }
        if let Server::Other(address) = self.server(origin)? {
            return self.forwarder.pass_on(address, &call).await;
        }
        match asked {
            Asked::Change(request, command) => result(self.propose(request, command).await?),
            Asked::Read(read) => {
                self.catch_up().await?;
                Ok(self.machine.read(|state| read(state, &call)))
            }
            Asked::Known(value) => Ok(value),
            Asked::View => Ok(to_json(&self.view())),
        }
    }
}

impl RaftService {
    fn view(&self) -> ViewReply {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let believes_leader = metrics.state == ServerState::Leader;
        ViewReply {
            node: name(self.me),
            leader: metrics.current_leader.map(name),
            believes_leader,
            term: Some(metrics.current_term),
            incarnation: Some(self.incarnation),
            // A node leads a term at most once: who has lost a term never gets it back.
            since: believes_leader.then_some(metrics.current_term),
        }
    }
}
