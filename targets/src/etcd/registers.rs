//! Registers: keys that are put, ranged over, and changed by transactions that compare their value. etcd has no idempotency
//! keys, so only what surely was not sent is sent again.

use async_trait::async_trait;
use dsjepsen_engine::api::{CallError, Deadline, Registers, Repeat};
use serde::Deserialize;
use serde_json::json;

use super::wire::{Wire, encode};

/// One process's registers.
pub(super) struct EtcdRegisters {
    wire: Wire,
    /// Whether the member answers reads from its own state.
    serializable: bool,
}

impl EtcdRegisters {
    pub(super) fn new(wire: Wire, serializable: bool) -> Self {
        Self { wire, serializable }
    }
}

fn name(key: u64) -> String {
    format!("register-{key}")
}

/// A reply that says no more than that it was done.
#[derive(Deserialize)]
struct Done {}

#[async_trait]
impl Registers for EtcdRegisters {
    async fn read(&self, key: u64, deadline: Deadline) -> Result<Option<u64>, CallError> {
        let found = self.wire.range(&name(key), self.serializable, deadline).await?;
        found.map(|pair| pair.number()).transpose().map_err(CallError::of_a_read)
    }

    async fn write(&self, key: u64, value: u64, deadline: Deadline) -> Result<(), CallError> {
        let body = json!({"key": encode(&name(key)), "value": encode(&value.to_string())});
        self.wire.call("/v3/kv/put", body, Repeat::OnlyUnsent, deadline).await.map(|Done {}| ())
    }

    async fn compare_and_set(&self, key: u64, from: u64, to: u64, deadline: Deadline) -> Result<bool, CallError> {
        let key = encode(&name(key));
        let (from, to) = (encode(&from.to_string()), encode(&to.to_string()));
        let body = json!({
            "compare": [{"target": "VALUE", "result": "EQUAL", "key": key, "value": from}],
            "success": [{"requestPut": {"key": key, "value": to}}],
        });
        self.wire.transaction(body, deadline).await.map(|reply| reply.succeeded)
    }
}
