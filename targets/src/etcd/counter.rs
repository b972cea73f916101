//! A counter by transactions. etcd cannot add, so a client compares the value that it knows and sets the new one. In the same
//! transaction it makes a key of the addition's own, with the new value in it: so an addition takes effect once at most,
//! however often it is sent, and whoever sends it again finds the first one's value.

use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::{CallError, Counter, Deadline};
use dsjepsen_history::Reason;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::wire::{TransactionReply, Wire, encode};

/// The key of the counter.
const COUNTER: &str = "counter";

/// The pause after an attempt that broke off.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// One process's use of the counter.
pub(super) struct EtcdCounter {
    wire: Wire,
    attempt_timeout: Duration,
}

impl EtcdCounter {
    /// An attempt is given up after `attempt_timeout`, and made anew.
    pub(super) fn new(wire: Wire, attempt_timeout: Duration) -> Self {
        Self { wire, attempt_timeout }
    }

    /// One attempt on the grounds of a known value of the counter.
    async fn attempt(&self, addition: &Addition<'_>, known: Option<i64>, limit: Deadline) -> Result<Seen, CallError> {
        let Some(value) = known.unwrap_or(0).checked_add(addition.delta) else {
            return Err(CallError::Definite(Reason::new("overflow: the sum is beyond 64 bits")));
        };
        let reply = self.wire.transaction(addition.request(known, value), limit).await?;
        if reply.succeeded { Ok(Seen::Added(value)) } else { Seen::instead(reply) }
    }
}

/// What is to be added, under which key.
struct Addition<'a> {
    key: &'a str,
    delta: i64,
}

impl Addition<'_> {
    /// Sets the counter to `value` if it is `known` (`None`: not there yet) and the addition was not made before; else looks
    /// at both.
    fn request(&self, known: Option<i64>, value: i64) -> Value {
        let (own, counter, value) = (encode(&format!("add-{}", self.key)), encode(COUNTER), encode(&value.to_string()));
        let as_known = match known {
            Some(known) => {
                let known = encode(&known.to_string());
                json!({"target": "VALUE", "result": "EQUAL", "key": counter, "value": known})
            }
            None => absent(&counter),
        };
        let put = |key: &str| json!({"requestPut": {"key": key, "value": value}});
        let look = |key: &str| json!({"requestRange": {"key": key}});
        json!({
            "compare": [absent(&own), as_known],
            "success": [put(&counter), put(&own)],
            "failure": [look(&own), look(&counter)],
        })
    }
}

fn absent(key: &str) -> Value {
    json!({"target": "CREATE", "result": "EQUAL", "key": key, "create_revision": "0"})
}

/// What an answered attempt shows.
enum Seen {
    /// The addition was made, now or before, with this value.
    Added(i64),
    /// It was not made; the counter has this value instead.
    Instead(Option<i64>),
}

impl Seen {
    /// Reads the looks at the addition's own key and at the counter.
    fn instead(reply: TransactionReply) -> Result<Self, CallError> {
        let mut found = reply.ranges();
        let (Some(own), Some(counter)) = (found.next(), found.next()) else {
            return Err(CallError::Indefinite(Reason::new("bad-response: a transaction without its looks")));
        };
        match own {
            Some(own) => Ok(Self::Added(own.number()?)),
            None => Ok(Self::Instead(counter.map(|counter| counter.number()).transpose()?)),
        }
    }
}

#[async_trait]
impl Counter for EtcdCounter {
    async fn add(&self, key: &str, delta: i64, deadline: Deadline) -> Result<Option<i64>, CallError> {
        let addition = Addition { key, delta };
        let mut known = None;
        let mut doubt: Option<Reason> = None;
        loop {
            let limit = deadline.min(Instant::now() + self.attempt_timeout);
            let reason = match self.attempt(&addition, known, limit).await {
                Ok(Seen::Added(value)) => return Ok(Some(value)),
                Ok(Seen::Instead(value)) => {
                    known = value;
                    Reason::new("contended: others changed the counter each time")
                }
                Err(error) => {
                    // An attempt that broke off may take effect as long as no other has.
                    if let CallError::Indefinite(reason) = &error {
                        doubt.get_or_insert_with(|| reason.clone());
                    }
                    sleep(RETRY_PAUSE).await;
                    error.reason().clone()
                }
            };
            if Instant::now() >= deadline {
                return Err(doubt.map_or(CallError::Definite(reason), CallError::Indefinite));
            }
        }
    }

    async fn read(&self, deadline: Deadline) -> Result<i64, CallError> {
        let found = self.wire.range(COUNTER, false, deadline).await?;
        found.map_or(Ok(0), |pair| pair.number()).map_err(CallError::of_a_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that was held up may arrive when the counter has the value again that it expects; and the addition may
    /// have been made by a later one meanwhile.
    #[test]
    fn an_addition_always_asks_whether_it_was_made() {
        let addition = Addition { key: "p1-7", delta: 2 };
        for known in [None, Some(5)] {
            let request = addition.request(known, 7);
            let asks = |name: &str| absent(&encode(name));
            assert_eq!(request["compare"][0], asks("add-p1-7"), "{request}");
            assert_eq!(request["compare"][1] == asks(COUNTER), known.is_none(), "{request}");
            let [counter, own] = [0, 1].map(|at| request["success"][at]["requestPut"].clone());
            assert_eq!(counter, json!({"key": encode(COUNTER), "value": encode("7")}));
            assert_eq!(own, json!({"key": encode("add-p1-7"), "value": encode("7")}));
        }
    }
}
