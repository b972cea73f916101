//! The client's side of the contract: the engine's [`Locks`] over one process's connection.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::{
    Attempt, CallError, Connection, Deadline, HoldId, LeaseId, Locks, Presence, Repeat, Request, Serve,
};
use dsjepsen_history::Reason;
use serde::de::DeserializeOwned;

use super::{AcquireReply, Call, HoldRequest, LeaseReply, LeaseRequest, PresenceReply};

/// How a system's clients go about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Leases of their own, idempotency keys; whatever was not granted is revoked.
    Leases,
    /// A key with a time to live: no lease, no idempotency key. Whoever does not know whether he set it deletes it.
    Keys,
}

impl Style {
    fn repeat(self) -> Repeat {
        match self {
            Self::Leases => Repeat::Keyed,
            Self::Keys => Repeat::OnlyUnsent,
        }
    }
}

/// The locks of a node that serves the contract.
pub(crate) struct ContractLocks {
    connection: Arc<Connection>,
    port: u16,
    style: Style,
}

impl ContractLocks {
    /// Serves the locks on this port.
    pub(crate) fn serve(port: u16, style: Style) -> Serve<dyn Locks> {
        Arc::new(move |connection| Arc::new(Self { connection, port, style }))
    }

    async fn call<R: DeserializeOwned>(&self, call: Call, deadline: Deadline) -> Result<R, CallError> {
        let request = Request {
            name: call.name(),
            port: self.port,
            path: call.path(),
            body: call.body(),
            repeat: self.style.repeat(),
        };
        let reply = self.connection.call(&request, deadline).await?;
        serde_json::from_value(reply)
            .map_err(|error| CallError::Indefinite(Reason::new(format!("bad-response: {error}"))))
    }

    fn hold_request(&self, hold: &HoldId) -> HoldRequest {
        HoldRequest {
            lock: hold.lock,
            lease: hold.lease.0.clone(),
            ttl_ms: millis(hold.ttl),
            request: self.connection.fresh_key(),
        }
    }
}

#[async_trait]
impl Locks for ContractLocks {
    async fn start_lease(&self, ttl: Duration, deadline: Deadline) -> Result<Option<LeaseId>, CallError> {
        if self.style == Style::Keys {
            return Ok(None);
        }
        let call = Call::Lease(LeaseRequest { ttl_ms: millis(ttl), request: self.connection.fresh_key() });
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

fn presence(reply: Result<PresenceReply, CallError>) -> Result<Presence, CallError> {
    reply.map(|reply| if reply.held { Presence::Held } else { Presence::Gone })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
