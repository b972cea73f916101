//! etcd's JSON over HTTP: requests, replies, and what its errors say of a request's effect.
//!
//! Keys and values are base64; 64-bit numbers are strings; fields that are zero or false are absent.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dsjepsen_engine::api::{Access, AccessError, CallError, Connection, Deadline, Repeat, Request};
use dsjepsen_history::Reason;
use reqwest::StatusCode;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::CLIENT_PORT;

/// What etcd answers where a lease has ended or never was: a result, read as `null`.
const LEASE_NOT_FOUND: &str = "etcdserver: requested lease not found";

/// The errors after which a write never was, and never will be, proposed: etcd looks at the size of the request, and at how
/// far it lags behind, before it hands anything on; and Raft says of what it drops itself that it was dropped. Everything
/// else may come after the proposal: also `no leader`, which is what a proposal that timed out is called where nobody leads
/// at its end.
const NEVER_PROPOSED: [&str; 3] =
    ["etcdserver: too many requests", "etcdserver: request is too large", "raft proposal dropped"];

/// One process's way to its member.
pub(super) struct Wire(Arc<Connection>);

impl Wire {
    pub(super) fn open(access: &Access) -> Result<Self, AccessError> {
        Ok(Self(access.connect()?))
    }

    /// Sends what may change something.
    pub(super) async fn call<R: DeserializeOwned>(
        &self,
        path: &'static str,
        body: Value,
        repeat: Repeat,
        deadline: Deadline,
    ) -> Result<R, CallError> {
        let name = path.trim_start_matches("/v3/");
        let request = Request::post(name, CLIENT_PORT, path, body, repeat).in_dialect(read_reply);
        let reply = self.0.call(&request, deadline).await?;
        serde_json::from_value(reply)
            .map_err(|error| CallError::Indefinite(Reason::new(format!("bad-response: {error}"))))
    }

    /// Sends what only reads.
    pub(super) async fn read<R: DeserializeOwned>(
        &self,
        path: &'static str,
        body: Value,
        deadline: Deadline,
    ) -> Result<R, CallError> {
        self.call(path, body, Repeat::Keyed, deadline).await.map_err(CallError::of_a_read)
    }

    /// Carries out a transaction, or not: nobody knows of one that broke off.
    pub(super) async fn transaction(&self, body: Value, deadline: Deadline) -> Result<TransactionReply, CallError> {
        self.call("/v3/kv/txn", body, Repeat::OnlyUnsent, deadline).await
    }

    /// The pair under a key.
    pub(super) async fn range(
        &self,
        key: &str,
        serializable: bool,
        deadline: Deadline,
    ) -> Result<Option<Pair>, CallError> {
        let body = json!({"key": encode(key), "serializable": serializable});
        let reply: RangeReply = self.read("/v3/kv/range", body, deadline).await?;
        Ok(reply.kvs.into_iter().next())
    }
}

/// Of a key or a value.
pub(super) fn encode(text: &str) -> String {
    BASE64.encode(text)
}

/// A key with its value.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    #[serde(default, deserialize_with = "base64_text")]
    pub(super) value: String,
    /// The revision at which the key was made.
    #[serde(deserialize_with = "number")]
    pub(super) create_revision: u64,
}

impl Pair {
    /// Its value as a number.
    pub(super) fn number<N: std::str::FromStr>(&self) -> Result<N, CallError> {
        self.value
            .parse()
            .map_err(|_| CallError::Indefinite(Reason::new(format!("bad-response: `{}` is no number", self.value))))
    }
}

/// What a range came to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RangeReply {
    kvs: Vec<Pair>,
}

/// What a transaction came to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TransactionReply {
    /// Whether all comparisons held.
    pub(super) succeeded: bool,
    responses: Vec<OperationReply>,
}

#[derive(Debug, Deserialize)]
struct OperationReply {
    response_range: Option<RangeReply>,
}

impl TransactionReply {
    /// The pairs that the ranges of the branch found, in their order.
    pub(super) fn ranges(self) -> impl Iterator<Item = Option<Pair>> {
        let ranges = self.responses.into_iter().map(|response| response.response_range.unwrap_or_default());
        ranges.map(|range| range.kvs.into_iter().next())
    }
}

/// Reads a 64-bit number.
pub(super) fn number<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    String::deserialize(input)?.parse().map_err(D::Error::custom)
}

fn base64_text<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let bytes = BASE64.decode(String::deserialize(input)?).map_err(D::Error::custom)?;
    String::from_utf8(bytes).map_err(D::Error::custom)
}

/// Reads a response: a result, or an error, which in a stream of results is an object of its own.
fn read_reply(status: StatusCode, body: &[u8]) -> Result<Value, CallError> {
    let bad = |detail: String| CallError::Indefinite(Reason::new(format!("bad-response: {detail}")));
    let reply: Value =
        serde_json::from_slice(body).map_err(|error| bad(format!("HTTP status {}, {error}", status.as_u16())))?;
    let message = match reply.get("error") {
        None if status.is_success() => return Ok(reply),
        Some(Value::String(message)) => message,
        Some(Value::Object(error)) => error.get("message").and_then(Value::as_str).unwrap_or_default(),
        _ => return Err(bad(format!("HTTP status {}", status.as_u16()))),
    };
    if message == LEASE_NOT_FOUND {
        return Ok(Value::Null);
    }
    let reason = Reason::new(format!("{}: {message}", kind(message)));
    Err(if NEVER_PROPOSED.contains(&message) { CallError::Definite(reason) } else { CallError::Indefinite(reason) })
}

/// The stable word for an error: `no-leader` for `etcdserver: no leader`.
fn kind(message: &str) -> String {
    let words = message.strip_prefix("etcdserver: ").unwrap_or(message);
    let first = words.split([',', ':']).next().unwrap_or_default().trim();
    if first.is_empty() { "refused".to_owned() } else { first.replace(' ', "-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<Value, CallError> {
        read_reply(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn only_what_was_never_proposed_is_definite() {
        let error = |message: &str| format!(r#"{{"error":"{message}","message":"{message}","code":14}}"#);
        for message in NEVER_PROPOSED {
            assert!(matches!(read(503, &error(message)), Err(CallError::Definite(_))), "{message}");
        }
        for message in ["etcdserver: no leader", "context deadline exceeded", "etcdserver: leader changed", ""] {
            assert!(matches!(read(503, &error(message)), Err(CallError::Indefinite(_))), "{message}");
        }
        for (status, body) in [(502, "<html>"), (200, ""), (200, "[1"), (500, "{}"), (404, "Not Found")] {
            assert!(matches!(read(status, body), Err(CallError::Indefinite(_))), "{status} {body}");
        }
        let late = read(503, &error("etcdserver: request timed out, possibly due to previous leader failure"));
        assert_eq!(late.unwrap_err().reason().kind(), "request-timed-out");
    }

    #[test]
    fn a_lease_that_has_ended_is_a_result() {
        let gone = r#"{"error":"etcdserver: requested lease not found","message":"m","code":5}"#;
        assert_eq!(read(404, gone), Ok(Value::Null));
        let in_a_stream = r#"{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}}"#;
        assert_eq!(read(200, in_a_stream).unwrap_err().reason().kind(), "no-leader");
    }

    #[test]
    fn what_is_absent_is_zero_or_false() {
        let reply: TransactionReply = serde_json::from_value(json!({
            "header": {"revision": "3"},
            "responses": [{"response_range": {"header": {}}}, {"response_range": {"count": "1", "kvs": [
                {"key": "aw==", "create_revision": "7", "mod_revision": "9", "version": "3", "value": "NDI="}]}}],
        }))
        .unwrap();
        assert!(!reply.succeeded);
        let found: Vec<_> = reply.ranges().collect();
        let Some(pair) = &found[1] else { panic!("{found:?}") };
        assert!(found[0].is_none() && pair.create_revision == 7);
        assert_eq!(pair.number::<i64>(), Ok(42));
    }
}
