//! The client's side of the contract: the engine's abilities over one process's transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::{
    Access, AccessError, Attempt, CallError, Counter, Deadline, HoldId, LeaderWrites, LeaseId, Locks, Presence,
    Registers, Repeat, View, Views,
};
use dsjepsen_history::Reason;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    AcquireReply, AddReply, AddRequest, Call, CompareAndSetReply, CompareAndSetRequest, CountReply, HoldRequest,
    HttpTransport, LeaderWriteReply, LeaderWriteRequest, LeaseReply, LeaseRequest, Nothing, PresenceReply, ReadReply,
    ReadRequest, Transport, ViewReply, WriteRequest,
};

/// How a system's clients go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether requests that may have had an effect are sent again under their idempotency key.
    pub(crate) repeat: Repeat,
    /// Whether locks hang on leases of their own; else a lock is a key with a time to live.
    pub(crate) leases: bool,
}

impl Style {
    /// Idempotency keys, and leases of their own.
    pub(crate) const KEYED: Self = Self { repeat: Repeat::Keyed, leases: true };
    /// No idempotency keys, and no leases apart from locks.
    pub(crate) const PLAIN: Self = Self { repeat: Repeat::OnlyUnsent, leases: false };
}

/// What a node that serves the contract offers, through one process's transport.
pub(crate) struct ContractClient {
    transport: Box<dyn Transport>,
    style: Style,
}

impl ContractClient {
    /// By this transport.
    pub(crate) fn new(transport: Box<dyn Transport>, style: Style) -> Arc<Self> {
        Arc::new(Self { transport, style })
    }

    /// Over HTTP, on this port. For [`Serve`](dsjepsen_engine::api::Serve).
    pub(crate) fn over_http(access: &Access, port: u16, style: Style) -> Result<Arc<Self>, AccessError> {
        Ok(Self::new(Box::new(HttpTransport::new(access.connect()?, port)), style))
    }

    async fn call<R: DeserializeOwned>(&self, call: Call, deadline: Deadline) -> Result<R, CallError> {
        let reply = self.transport.call(&call, self.style.repeat, deadline).await?;
        let read = read_reply(reply).map_err(|problem| {
            self.transport.distrust(&format!("`{}`: {problem}", call.name()));
            CallError::Indefinite(Reason::new(format!("bad-response: {problem}")))
        });
        if call.is_read() { read.map_err(CallError::of_a_read) } else { read }
    }

    fn hold_request(&self, hold: &HoldId) -> HoldRequest {
        HoldRequest {
            lock: hold.lock,
            lease: hold.lease.0.clone(),
            ttl_ms: millis(hold.ttl),
            request: self.transport.fresh_key(),
        }
    }
}

#[async_trait]
impl Locks for ContractClient {
    async fn start_lease(&self, ttl: Duration, deadline: Deadline) -> Result<Option<LeaseId>, CallError> {
        if !self.style.leases {
            return Ok(None);
        }
        let call = Call::Lease(LeaseRequest { ttl_ms: millis(ttl), request: self.transport.fresh_key() });
        let reply: LeaseReply = self.call(call, deadline).await?;
        Ok(Some(LeaseId(reply.lease)))
    }

    async fn try_acquire(&self, hold: &HoldId, deadline: Deadline) -> Result<Attempt, CallError> {
        let reply: AcquireReply = self.call(Call::Acquire(self.hold_request(hold)), deadline).await?;
        Ok(match reply {
            AcquireReply { granted: true, token, .. } => Attempt::Granted { token },
            AcquireReply { lease_gone: true, .. } => Attempt::LeaseGone,
            AcquireReply { .. } => Attempt::Held,
        })
    }

    async fn renew(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        presence(self.call(Call::Renew(self.hold_request(hold)), deadline).await)
    }

    async fn release(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        presence(self.call(Call::Release(self.hold_request(hold)), deadline).await)
    }

    async fn give_up(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        presence(self.call(Call::Revoke(self.hold_request(hold)), deadline).await)
    }
}

#[async_trait]
impl Counter for ContractClient {
    async fn add(&self, key: &str, delta: i64, deadline: Deadline) -> Result<Option<i64>, CallError> {
        let call = Call::Add(AddRequest { delta, request: key.to_owned() });
        self.call(call, deadline).await.map(|reply: AddReply| reply.value)
    }

    async fn read(&self, deadline: Deadline) -> Result<i64, CallError> {
        self.call(Call::Count(Nothing {}), deadline).await.map(|reply: CountReply| reply.value)
    }
}

#[async_trait]
impl Registers for ContractClient {
    async fn read(&self, key: u64, deadline: Deadline) -> Result<Option<u64>, CallError> {
        self.call(Call::Read(ReadRequest { key }), deadline).await.map(|reply: ReadReply| reply.value)
    }

    async fn write(&self, key: u64, value: u64, deadline: Deadline) -> Result<(), CallError> {
        let call = Call::Write(WriteRequest { key, value, request: self.transport.fresh_key() });
        self.call(call, deadline).await.map(|_: Nothing| ())
    }

    async fn compare_and_set(&self, key: u64, from: u64, to: u64, deadline: Deadline) -> Result<bool, CallError> {
        let call = Call::CompareAndSet(CompareAndSetRequest { key, from, to, request: self.transport.fresh_key() });
        self.call(call, deadline).await.map(|reply: CompareAndSetReply| reply.swapped)
    }
}

#[async_trait]
impl Views for ContractClient {
    async fn view(&self, deadline: Deadline) -> Result<View, CallError> {
        let reply: ViewReply = self.call(Call::View(Nothing {}), deadline).await?;
        let leader = reply.leader.map(|name| name.parse()).transpose();
        let leader = leader.map_err(|error| CallError::Definite(Reason::new(format!("bad-response: {error}"))))?;
        Ok(View {
            leader,
            believes_leader: reply.believes_leader,
            term: reply.term,
            incarnation: reply.incarnation,
            since: reply.since,
            claims: reply.term.filter(|_| reply.believes_leader).into_iter().collect(),
        })
    }
}

#[async_trait]
impl LeaderWrites for ContractClient {
    async fn write(&self, deadline: Deadline) -> Result<u64, CallError> {
        let call = Call::LeaderWrite(LeaderWriteRequest { request: self.transport.fresh_key() });
        self.call(call, deadline).await.map(|reply: LeaderWriteReply| reply.term)
    }
}

/// Reads a result. Some results need no member at all, and what names an error must not pass for one of them.
fn read_reply<R: DeserializeOwned>(reply: Value) -> Result<R, String> {
    match reply.get("error") {
        Some(error) => Err(format!("a result with an error: {error}")),
        None => serde_json::from_value(reply).map_err(|error| error.to_string()),
    }
}

fn presence(reply: Result<PresenceReply, CallError>) -> Result<Presence, CallError> {
    reply.map(|reply| if reply.held { Presence::Held } else { Presence::Gone })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_result_does_not_pass_for_one() {
        assert_eq!(read_reply::<ReadReply>(json!({"value": null})), Ok(ReadReply { value: None }));
        assert!(read_reply::<ReadReply>(json!({"val": 5})).unwrap_err().contains("missing field `value`"));
        assert_eq!(read_reply::<Nothing>(json!({"more": 1})), Ok(Nothing {}));
        assert!(read_reply::<Nothing>(json!({"error": "no-leader"})).is_err());
        assert!(read_reply::<AddReply>(json!({"error": "no-leader", "value": 1})).is_err());
        assert!(read_reply::<Nothing>(json!("done")).is_err());
    }
}
