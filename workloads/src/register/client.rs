//! The client of the register workload: one request a call, to the node that is its home.

use std::time::Duration;

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_engine::Client;
use dsjepsen_engine::api::{CallError, Registers};
use dsjepsen_history::Outcome;
use tokio::time::Instant;

use crate::reach::Reach;

/// One process of the register workload.
pub(crate) struct RegisterClient {
    reach: Reach<dyn Registers>,
    op_timeout: Duration,
}

impl RegisterClient {
    pub(super) fn new(reach: Reach<dyn Registers>, op_timeout: Duration) -> Self {
        Self { reach, op_timeout }
    }

    async fn call(&mut self, call: &RegisterCall) -> Result<RegisterReply, CallError> {
        let registers = self.reach.at_home()?;
        let deadline = Instant::now() + self.op_timeout;
        Ok(match *call {
            RegisterCall::Read { key } => {
                // A read has no effect: it may fail, but is never indeterminate.
                let value = registers.read(key, deadline).await.map_err(CallError::of_a_read)?;
                RegisterReply::Read { value }
            }
            RegisterCall::Write { key, value } => {
                registers.write(key, value, deadline).await?;
                RegisterReply::Write
            }
            RegisterCall::Cas { key, from, to } => {
                let swapped = registers.compare_and_set(key, from, to, deadline).await?;
                RegisterReply::Cas { swapped }
            }
        })
    }
}

impl Client for RegisterClient {
    type Call = RegisterCall;
    type Reply = RegisterReply;

    async fn invoke(&mut self, call: &RegisterCall) -> Outcome<RegisterReply> {
        self.call(call).await.map_or_else(Outcome::from, Outcome::Ok)
    }
}
