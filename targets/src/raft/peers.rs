//! Messages between the nodes of `raft`: HTTP/JSON, each node to its peers over its own links.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use openraft::error::{InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use openraft::{EmptyNode, RaftNetwork, RaftNetworkFactory};
use reqwest::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{Raft, Types};

type Answer<R, E> = Result<R, RPCError<u64, EmptyNode, E>>;

const APPEND: &str = "/raft/append";
const VOTE: &str = "/raft/vote";
const SNAPSHOT: &str = "/raft/snapshot";

/// A chunk of a snapshot becomes about four times as long in JSON.
const BODY_LIMIT: usize = 16 << 20;

/// How long a peer that does not answer is left alone: short, for a healed link should be used at once.
const BACKOFF: Duration = Duration::from_millis(30);

/// How long before the consensus library gives a message up we do: so that we learn of it.
const MARGIN: Duration = Duration::from_millis(2);

/// Where this node finds its peers.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    http: Client,
    peers: BTreeMap<u64, Arc<Peer>>,
}

#[derive(Debug)]
struct Peer {
    id: u64,
    address: SocketAddr,
    /// Whether it answered the last message: so that the log tells of changes only.
    answers: AtomicBool,
}

impl Peers {
    /// Peers by their ids, at these addresses.
    pub(crate) fn new(http: Client, addresses: &BTreeMap<u64, SocketAddr>) -> Self {
        let peer = |(id, address): (&u64, &SocketAddr)| {
            (*id, Arc::new(Peer { id: *id, address: *address, answers: AtomicBool::new(true) }))
        };
        Self { http, peers: addresses.iter().map(peer).collect() }
    }
}

impl RaftNetworkFactory<Types> for Peers {
    type Network = PeerClient;

    async fn new_client(&mut self, target: u64, _node: &EmptyNode) -> PeerClient {
        PeerClient { http: self.http.clone(), peer: self.peers.get(&target).cloned() }
    }
}

/// The way to one peer.
#[derive(Debug)]
pub(crate) struct PeerClient {
    http: Client,
    /// `None` for a node that the configuration does not name.
    peer: Option<Arc<Peer>>,
}

/// No configuration names the peer.
#[derive(Debug, thiserror::Error)]
#[error("the configuration names no such peer")]
struct UnknownPeer;

impl PeerClient {
    async fn send<Q, R, E>(&self, path: &str, message: &Q, limit: Duration) -> Answer<R, RaftError<u64, E>>
    where
        Q: Serialize,
        R: DeserializeOwned,
        E: std::error::Error + DeserializeOwned,
    {
        let Some(peer) = &self.peer else { return Err(Unreachable::new(&UnknownPeer).into()) };
        let url = format!("http://{}{path}", peer.address);
        // A message that times out closes its connection, so the next one dials anew: a connection that a fault has left
        // dead behind it costs one message at most.
        let exchange = async {
            let limit = limit.saturating_sub(MARGIN);
            self.http.post(url).json(message).timeout(limit).send().await?.error_for_status()?.bytes().await
        };
        let answer = exchange.await;
        peer.note(answer.as_ref().err());
        let body = answer.map_err(|error| RPCError::Unreachable(Unreachable::new(&error)))?;
        let answer: Result<R, RaftError<u64, E>> =
            serde_json::from_slice(&body).map_err(|error| RPCError::Network(NetworkError::new(&error)))?;
        answer.map_err(|error| RPCError::RemoteError(RemoteError::new(peer.id, error)))
    }
}

impl Peer {
    fn note(&self, error: Option<&reqwest::Error>) {
        let answered = self.answers.swap(error.is_none(), Ordering::Relaxed);
        match error {
            Some(error) if answered => tracing::info!("n{} does not answer: {}", self.id, innermost(error)),
            None if !answered => tracing::info!("n{} answers again", self.id),
            _ => {}
        }
    }
}

/// The innermost cause says more than the library's own words.
fn innermost(error: &reqwest::Error) -> &dyn std::error::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause
}

impl RaftNetwork<Types> for PeerClient {
    async fn append_entries(
        &mut self,
        message: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Answer<AppendEntriesResponse<u64>, RaftError<u64>> {
        self.send(APPEND, &message, option.hard_ttl()).await
    }

    async fn install_snapshot(
        &mut self,
        message: InstallSnapshotRequest<Types>,
        option: RPCOption,
    ) -> Answer<InstallSnapshotResponse<u64>, RaftError<u64, InstallSnapshotError>> {
        self.send(SNAPSHOT, &message, option.hard_ttl()).await
    }

    async fn vote(
        &mut self,
        message: VoteRequest<u64>,
        option: RPCOption,
    ) -> Answer<VoteResponse<u64>, RaftError<u64>> {
        self.send(VOTE, &message, option.hard_ttl()).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(BACKOFF))
    }
}

/// The routes for messages from peers.
pub(crate) fn router(raft: Raft) -> Router {
    Router::new()
        .route(APPEND, post(append))
        .route(VOTE, post(vote))
        .route(SNAPSHOT, post(snapshot))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(raft)
}

async fn append(
    State(raft): State<Raft>,
    Json(message): Json<AppendEntriesRequest<Types>>,
) -> Json<Result<AppendEntriesResponse<u64>, RaftError<u64>>> {
    Json(raft.append_entries(message).await)
}

async fn vote(
    State(raft): State<Raft>,
    Json(message): Json<VoteRequest<u64>>,
) -> Json<Result<VoteResponse<u64>, RaftError<u64>>> {
    Json(raft.vote(message).await)
}

async fn snapshot(
    State(raft): State<Raft>,
    Json(message): Json<InstallSnapshotRequest<Types>>,
) -> Json<Result<InstallSnapshotResponse<u64>, RaftError<u64, InstallSnapshotError>>> {
    Json(raft.install_snapshot(message).await)
}
