//! A node with a copy of the counter: reads it, adds, writes it back, and sends it to the others when it finds the time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dsjepsen_history::NodeId;
use serde_json::Value;
use tokio::sync::watch;

use super::value::Versioned;
use crate::contract::{
    AddReply, Call, ContractNode, CountReply, Origin, Refusal, ViewReply, node_client, to_json,
};

/// The path on which a node takes other nodes' copies.
const COPY: &str = "/copy";

/// How long the store takes between the read and the write of an addition.
const STORE_DELAY: Duration = Duration::from_millis(3);

/// How long a node waits for another to take its copy.
const COPY_LIMIT: Duration = Duration::from_millis(500);

/// How often a node sends its copy though nothing changed: so copies agree again after a partition, and after a restart.
const COPY_EVERY: Duration = Duration::from_millis(250);

/// A node.
#[derive(Debug)]
pub(crate) struct Replica {
    node: NodeId,
    copy: Mutex<Versioned>,
    /// Tells that the copy has changed.
    changed: watch::Sender<()>,
}

impl Replica {
    /// A copy of a counter that begins at 0, in memory alone.
    pub(crate) fn new(node: NodeId) -> Arc<Self> {
        Arc::new(Self { node, copy: Mutex::new(Versioned::start(node)), changed: watch::Sender::new(()) })
    }

    fn copy(&self) -> MutexGuard<'_, Versioned> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, adds, and writes back: between the two lies the store.
    async fn add(&self, delta: i64) -> i64 {
        let read = self.copy().value;
        tokio::time::sleep(STORE_DELAY).await;
        let written = self.copy().write(read.wrapping_add(delta), self.node);
        self.changed.send_replace(());
        written.value
    }

    /// Sends the copy to these nodes, each by itself, for ever.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(crate) fn send_to(self: &Arc<Self>, peers: &BTreeMap<NodeId, SocketAddr>) -> Result<(), reqwest::Error> {
        let http = node_client().timeout(COPY_LIMIT).build()?;
        for address in peers.values() {
            let url = format!("http://{address}{COPY}");
            tokio::spawn(Arc::clone(self).keep_sending(http.clone(), url));
        }
        Ok(())
    }

    async fn keep_sending(self: Arc<Self>, http: reqwest::Client, url: String) {
        let mut changes = self.changed.subscribe();
        loop {
            let copy = *self.copy();
            if let Err(error) = http.post(&url).json(&copy).send().await {
                tracing::debug!("{url} did not take the copy: {error}");
            }
            // Whether it changed or not, it is sent.
            let _ = tokio::time::timeout(COPY_EVERY, changes.changed()).await;
        }
    }
}

/// The route on which a node takes other nodes' copies.
pub(crate) fn copies(replica: Arc<Replica>) -> Router {
    let take = async |State(replica): State<Arc<Replica>>, Json(other): Json<Versioned>| {
        replica.copy().merge(other);
    };
    Router::new().route(COPY, post(take)).with_state(replica)
}

#[async_trait]
impl ContractNode for Replica {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        match call {
            Call::Add(add) => Ok(to_json(&AddReply { value: Some(self.add(add.delta).await) })),
            Call::Count(_) => Ok(to_json(&CountReply { value: self.copy().value })),
            Call::View(_) => Ok(to_json(&ViewReply {
                node: self.node.to_string(),
                leader: None,
                believes_leader: false,
                term: None,
                incarnation: None,
                since: None,
            })),
            other => Err(Refusal::unsupported(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn additions_one_after_another_count_and_those_that_meet_do_not() {
        let replica = Replica::new(NodeId::at(0));
        assert_eq!(replica.add(2).await, 2);
        assert_eq!(replica.add(3).await, 5);
        assert_eq!(tokio::join!(replica.add(1), replica.add(1)), (6, 6));
        assert_eq!(replica.copy().value, 6);
    }
}
