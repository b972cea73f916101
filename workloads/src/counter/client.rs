//! The client of the counter workload.

use std::time::Duration;

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_engine::Client;
use dsjepsen_engine::api::{CallError, Counter};
use dsjepsen_history::{NodeId, Outcome};
use tokio::time::Instant;

use crate::reach::Reach;

/// One process of the counter workload.
pub(crate) struct CounterClient {
    reach: Reach<dyn Counter>,
    op_timeout: Duration,
}

impl CounterClient {
    pub(super) fn new(reach: Reach<dyn Counter>, op_timeout: Duration) -> Self {
        Self { reach, op_timeout }
    }

    async fn add(&mut self, id: u64, delta: i64) -> Result<CounterReply, CallError> {
        let deadline = Instant::now() + self.op_timeout;
        let value = self.reach.at_home()?.add(&format!("add-{id}"), delta, deadline).await?;
        Ok(CounterReply::Add { value })
    }

    async fn read(&mut self, node: Option<NodeId>) -> Result<CounterReply, CallError> {
        let deadline = Instant::now() + self.op_timeout;
        let counter = match node {
            Some(node) => self.reach.at(node)?,
            None => self.reach.at_home()?,
        };
        let value = counter.read(deadline).await.map_err(CallError::of_a_read)?;
        Ok(CounterReply::Read { value })
    }
}

impl Client for CounterClient {
    type Call = CounterCall;
    type Reply = CounterReply;

    async fn invoke(&mut self, call: &CounterCall) -> Outcome<CounterReply> {
        let answer = match *call {
            CounterCall::Add { id, delta } => self.add(id, delta).await,
            CounterCall::Read { node, .. } => self.read(node).await,
        };
        answer.map_or_else(Outcome::from, Outcome::Ok)
    }
}
