//! The variant `retries`: n1 keeps the counter and adds atomically, the others pass requests on to it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_history::NodeId;
use serde_json::Value;

use super::KEEPER;
use crate::contract::{AddReply, Call, ContractNode, CountReply, Forwarder, Origin, Refusal, ViewReply, to_json};

/// How long a gateway waits for n1: longer than clients do, as usual. So a request can outlive the patience of its client, stuck
/// in a partition, and arrive beside its own repetition.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// n1.
#[derive(Debug)]
pub(crate) struct Keeper {
    node: NodeId,
    value: AtomicI64,
}

impl Keeper {
    /// The keeper of a counter that begins at 0, in memory alone.
    pub(crate) fn new(node: NodeId) -> Self {
        Self { node, value: AtomicI64::new(0) }
    }
}

#[async_trait]
impl ContractNode for Keeper {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        match call {
            // Wrong: the idempotency key is not looked at.
            Call::Add(add) => {
                let before = self.value.fetch_add(add.delta, Ordering::SeqCst);
                Ok(to_json(&AddReply { value: Some(before.wrapping_add(add.delta)) }))
            }
            Call::Count(_) => Ok(to_json(&CountReply { value: self.value.load(Ordering::SeqCst) })),
            Call::View(_) => Ok(to_json(&view(self.node))),
            other => Err(Refusal::unsupported(&other)),
        }
    }
}

/// Every other node.
#[derive(Debug)]
pub(crate) struct Gateway {
    node: NodeId,
    keeper: SocketAddr,
    forwarder: Forwarder,
}

impl Gateway {
    /// A gateway to the keeper.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(crate) fn new(node: NodeId, keeper: SocketAddr) -> Result<Self, reqwest::Error> {
        Ok(Self { node, keeper, forwarder: Forwarder::new(UPSTREAM_LIMIT)? })
    }
}

#[async_trait]
impl ContractNode for Gateway {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        if let Call::View(_) = call {
            return Ok(to_json(&view(self.node)));
        }
        let (forwarder, keeper) = (self.forwarder.clone(), self.keeper);
        // A task of its own: the request goes on when the client that sent it has gone away, as in most gateways.
        tokio::spawn(async move { forwarder.pass_on(keeper, &call).await })
            .await
            .unwrap_or_else(|error| Err(Refusal::indefinite(format!("forward-broken: {error}"))))
    }
}

/// Nobody is elected: the keeper leads by decree, for ever.
fn view(node: NodeId) -> ViewReply {
    ViewReply {
        node: node.to_string(),
        leader: Some(NodeId::at(KEEPER).to_string()),
        believes_leader: node == NodeId::at(KEEPER),
        term: None,
        incarnation: None,
        since: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contract::AddRequest;

    #[tokio::test]
    async fn a_repeated_request_counts_twice() {
        let keeper = Keeper::new(NodeId::at(KEEPER));
        for value in [3, 6] {
            let add = Call::Add(AddRequest { delta: 3, request: "add-1".to_owned() });
            assert_eq!(keeper.serve(add, Origin::Client).await, Ok(json!({"value": value})));
        }
    }
}
