//! Messages between the nodes of `bully`: HTTP/JSON, each node to the others over its own links.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};

use super::node::Node;
use crate::contract::node_client;

const ELECTION: &str = "/bully/election";
const COORDINATOR: &str = "/bully/coordinator";
const PING: &str = "/bully/ping";

/// How long a follower waits for its leader to answer.
const PING_LIMIT: Duration = Duration::from_millis(200);

/// How long a node that looks for a leader waits for a higher one to answer.
const ELECTION_LIMIT: Duration = Duration::from_millis(300);

/// How long a node that takes over waits for another to answer that it follows. Longest, for a node that leads and is only
/// slow must not be passed by.
const COORDINATOR_LIMIT: Duration = Duration::from_secs(1);

/// Any message: who sends it.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    from: NodeId,
}

/// Any answer: whether the node agrees. To an election: it lives. To a coordinator: it follows. To a ping: it leads.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    agrees: bool,
}

/// The ways to the other nodes.
#[derive(Debug)]
pub(crate) struct Peers {
    me: NodeId,
    addresses: BTreeMap<NodeId, SocketAddr>,
    http: reqwest::Client,
}

impl Peers {
    /// Other nodes at these addresses.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(crate) fn new(me: NodeId, addresses: BTreeMap<NodeId, SocketAddr>) -> Result<Self, reqwest::Error> {
        Ok(Self { me, addresses, http: node_client().build()? })
    }

    /// All other nodes.
    pub(crate) fn others(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.addresses.keys().copied()
    }

    /// The nodes with higher numbers.
    pub(crate) fn higher(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.others().filter(|other| *other > self.me)
    }

    /// Whether a higher node answers that it lives.
    pub(crate) async fn asks_to_elect(&self, other: NodeId) -> bool {
        self.send(ELECTION, other, ELECTION_LIMIT).await == Some(true)
    }

    /// Tells a node that this one takes over, or leads. `Some(false)`: it is higher, and objects; `None`: it does not answer.
    pub(crate) async fn tells_to_follow(&self, other: NodeId) -> Option<bool> {
        self.send(COORDINATOR, other, COORDINATOR_LIMIT).await
    }

    /// Whether a node answers that it leads; `None` where it does not answer.
    pub(crate) async fn pings(&self, other: NodeId) -> Option<bool> {
        self.send(PING, other, PING_LIMIT).await
    }

    async fn send(&self, path: &str, to: NodeId, limit: Duration) -> Option<bool> {
        let url = format!("http://{}{path}", self.addresses.get(&to)?);
        let message = Message { from: self.me };
        // A message that times out closes its connection, so the next one dials anew.
        let response = self.http.post(url).json(&message).timeout(limit).send().await.ok()?;
        response.error_for_status().ok()?.json().await.ok().map(|answer: Answer| answer.agrees)
    }
}

/// The routes for messages from other nodes.
pub(crate) fn router(node: Arc<Node>) -> Router {
    Router::new()
        .route(ELECTION, post(election))
        .route(COORDINATOR, post(coordinator))
        .route(PING, post(ping))
        .with_state(node)
}

async fn election(State(node): State<Arc<Node>>, Json(_): Json<Message>) -> Json<Answer> {
    node.look_around();
    Json(Answer { agrees: true })
}

async fn coordinator(State(node): State<Arc<Node>>, Json(Message { from }): Json<Message>) -> Json<Answer> {
    let agrees = node.change(|state| state.hear_coordinator(from));
    node.look_around();
    Json(Answer { agrees })
}

async fn ping(State(node): State<Arc<Node>>, Json(_): Json<Message>) -> Json<Answer> {
    Json(Answer { agrees: node.change(|state| state.is_at_the_head()) })
}
