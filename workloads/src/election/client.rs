//! The client of the election workload: asks one node for its view, or its own for a write.

use std::time::Duration;

use dsjepsen_checkers::{ElectionCall, ElectionReply};
use dsjepsen_engine::Client;
use dsjepsen_engine::api::{CallError, LeaderWrites, View, Views};
use dsjepsen_history::{NodeId, Outcome, Reason};
use tokio::time::Instant;

use crate::reach::Reach;

/// One process of the election workload.
pub(crate) struct ElectionClient {
    pub(super) views: Reach<dyn Views>,
    pub(super) writes: Option<Reach<dyn LeaderWrites>>,
    pub(super) op_timeout: Duration,
}

impl ElectionClient {
    async fn poll(&mut self, node: NodeId) -> Result<ElectionReply, CallError> {
        let View { leader, believes_leader, term, incarnation, since, claims } =
            self.views.at(node)?.view(Instant::now() + self.op_timeout).await?;
        Ok(ElectionReply::Poll { leader, believes_leader, term, incarnation, since, claims })
    }

    async fn write(&mut self) -> Result<ElectionReply, CallError> {
        let Some(writes) = &mut self.writes else {
            return Err(CallError::Definite(Reason::new("unsupported: the target offers no such writes")));
        };
        let term = writes.at_home()?.write(Instant::now() + self.op_timeout).await?;
        Ok(ElectionReply::Write { term })
    }
}

impl Client for ElectionClient {
    type Call = ElectionCall;
    type Reply = ElectionReply;

    async fn invoke(&mut self, call: &ElectionCall) -> Outcome<ElectionReply> {
        let result = match call {
            ElectionCall::Poll { node } => self.poll(*node).await.map_err(CallError::of_a_read),
            ElectionCall::Write => self.write().await,
        };
        result.map_or_else(Outcome::from, Outcome::Ok)
    }
}
