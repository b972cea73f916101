//! Locks by etcd's lock service: a lock is a queue of keys, each tied to the lease of who waits; the oldest key holds.

use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::{Attempt, CallError, Deadline, HoldId, LeaseId, Locks, Presence, Repeat};
use dsjepsen_history::Reason;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{Wire, encode, number};

/// One process's locks.
pub(super) struct EtcdLocks {
    wire: Wire,
    /// Whether a grant is believed only once its key was seen.
    checks_keys: bool,
}

impl EtcdLocks {
    pub(super) fn new(wire: Wire, checks_keys: bool) -> Self {
        Self { wire, checks_keys }
    }
}

#[derive(Deserialize)]
struct GrantReply {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "TTL", deserialize_with = "number")]
    ttl_seconds: u64,
}

#[derive(Deserialize)]
struct KeepAliveReply {
    result: KeptAlive,
}

#[derive(Deserialize)]
struct KeptAlive {
    /// Absent where the lease has ended.
    #[serde(rename = "TTL")]
    ttl_seconds: Option<String>,
}

/// A reply that says no more than that it was done.
#[derive(Deserialize)]
struct Done {}

#[async_trait]
impl Locks for EtcdLocks {
    /// Repeated, it may leave a lease behind that nobody knows; it ends by itself.
    async fn start_lease(&self, ttl: Duration, deadline: Deadline) -> Result<Option<LeaseId>, CallError> {
        let seconds = whole_seconds(ttl);
        let body = json!({"TTL": seconds.to_string()});
        let reply: GrantReply = self.wire.call("/v3/lease/grant", body, Repeat::Keyed, deadline).await?;
        // A longer one does no harm: the client believes in what it asked for.
        if reply.ttl_seconds < seconds {
            let reason = format!("bad-response: a lease of {} s where {seconds} were asked for", reply.ttl_seconds);
            return Err(CallError::Indefinite(Reason::new(reason)));
        }
        lease_number(&reply.id)?;
        Ok(Some(LeaseId(reply.id)))
    }

    fn waits_for_the_lock(&self) -> bool {
        true
    }

    async fn try_acquire(&self, hold: &HoldId, deadline: Deadline) -> Result<Attempt, CallError> {
        let key = key(hold)?;
        let body = json!({"name": encode(&name(hold)), "lease": hold.lease.0});
        let granted: Option<Done> = self.wire.call("/v3/lock/lock", body, Repeat::OnlyUnsent, deadline).await?;
        if granted.is_none() {
            return Ok(Attempt::LeaseGone);
        }
        if !self.checks_keys {
            return Ok(Attempt::Granted { token: None });
        }
        // The grant may come after the end of the lease, which took the key with it. And it has taken effect: where the key
        // cannot be seen, nobody knows of it.
        let found = self.wire.range(&key, false, deadline).await;
        Ok(match found.map_err(|error| CallError::Indefinite(error.reason().clone()))? {
            Some(pair) => Attempt::Granted { token: Some(pair.create_revision) },
            None => Attempt::LeaseGone,
        })
    }

    /// Repeated, it renews twice.
    async fn renew(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        let body = json!({"ID": hold.lease.0});
        let reply: KeepAliveReply = self.wire.call("/v3/lease/keepalive", body, Repeat::Keyed, deadline).await?;
        Ok(present(reply.result.ttl_seconds.is_some_and(|seconds| seconds != "0")))
    }

    /// Deletes the key, and says whether it was there; a repeated one would say that it was not.
    async fn release(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        let reply = self.wire.transaction(deletion(&key(hold)?), deadline).await?;
        // Nothing hangs on the lease any more. If it is not revoked, it ends by itself.
        let _ = self.give_up(hold, deadline).await;
        Ok(present(reply.succeeded))
    }

    /// Repeated, it finds nothing left to revoke.
    async fn give_up(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError> {
        let body = json!({"ID": hold.lease.0});
        let revoked: Option<Done> = self.wire.call("/v3/lease/revoke", body, Repeat::Keyed, deadline).await?;
        Ok(present(revoked.is_some()))
    }
}

fn present(is: bool) -> Presence {
    if is { Presence::Held } else { Presence::Gone }
}

/// etcd's leases last whole seconds.
fn whole_seconds(ttl: Duration) -> u64 {
    ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0)
}

fn name(hold: &HoldId) -> String {
    format!("lock-{}", hold.lock)
}

fn lease_number(id: &str) -> Result<i64, CallError> {
    id.parse().map_err(|_| CallError::Indefinite(Reason::new(format!("bad-response: `{id}` is no lease"))))
}

/// The key of a hold, as etcd's lock service names it: the lock, then the lease in hexadecimal digits.
fn key(hold: &HoldId) -> Result<String, CallError> {
    Ok(format!("{}/{:x}", name(hold), lease_number(&hold.lease.0)?))
}

/// Deletes a key that exists.
fn deletion(key: &str) -> Value {
    let key = encode(key);
    json!({
        "compare": [{"target": "CREATE", "result": "GREATER", "key": key, "create_revision": "0"}],
        "success": [{"requestDeleteRange": {"key": key}}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_last_whole_seconds_and_name_the_keys() {
        let seconds = |millis| whole_seconds(Duration::from_millis(millis));
        assert_eq!([seconds(1), seconds(1000), seconds(1001), seconds(2000)], [1, 1, 2, 2]);
        let lease = LeaseId("7587862094140385793".to_owned());
        let hold = HoldId { lock: 3, lease, ttl: Duration::from_secs(2) };
        assert_eq!(key(&hold).unwrap(), "lock-3/694d805f55e3aa01");
        assert!(key(&HoldId { lease: LeaseId("h1".to_owned()), ..hold }).is_err());
    }
}
