//! One process's HTTP connection to its home node: no retries, redirects or proxies of the library's own, and an exact
//! answer to the question whether a failed request can have reached the node.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsjepsen_history::{Process, Reason, RunEvent};
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::attempts::{Effort, fresh_key};
use super::{CallError, Deadline, Repeat, Route};
use crate::events::Events;
use crate::network::Network;

/// How responses are read: what a status with a body means.
pub type Dialect = fn(StatusCode, &[u8]) -> Result<Value, CallError>;

/// A request with JSON in both directions.
#[derive(Debug, Clone)]
pub struct Request {
    name: &'static str,
    port: u16,
    path: Cow<'static, str>,
    body: Option<Value>,
    repeat: Repeat,
    dialect: Dialect,
}

impl Request {
    /// A POST of `body` to this port and path (with its leading slash), in the dialect of the HTTP/JSON contract. `name` is
    /// its name in events.
    pub fn post(
        name: &'static str,
        port: u16,
        path: impl Into<Cow<'static, str>>,
        body: Value,
        repeat: Repeat,
    ) -> Self {
        Self { name, port, path: path.into(), body: Some(body), repeat, dialect: read_contract }
    }

    /// A GET: it only reads, so it may be repeated, and a failure is definite.
    pub fn get(name: &'static str, port: u16, path: impl Into<Cow<'static, str>>) -> Self {
        Self { name, port, path: path.into(), body: None, repeat: Repeat::Keyed, dialect: read_contract }
    }

    /// The same, with responses in another dialect.
    #[must_use]
    pub fn in_dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }
}

/// The body of an error response: `{"error": "no-leader", "definite": true}`.
#[derive(Debug, Deserialize)]
struct ErrorBody {
    error: String,
    /// Whether the request surely had no effect and will have none.
    definite: bool,
}

/// One process's connection.
#[derive(Debug)]
pub struct Connection {
    process: Process,
    route: Route,
    attempt_timeout: Duration,
    events: Events,
    wire: Mutex<Wire>,
}

/// An HTTP client that dials from an address of its own, by which the links know it.
#[derive(Debug, Clone)]
struct Wire {
    http: reqwest::Client,
    dialler: Ipv4Addr,
}

impl Wire {
    fn new(network: &Network) -> Result<Self, reqwest::Error> {
        let dialler = network.fresh_dialler();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .local_address(IpAddr::V4(dialler))
            .build()?;
        Ok(Self { http, dialler })
    }
}

impl Connection {
    /// A connection of `process`; an attempt that may be repeated is given up after `attempt_timeout`. Nothing is dialled yet.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(
        process: Process,
        route: Route,
        attempt_timeout: Duration,
        events: Events,
    ) -> Result<Arc<Self>, reqwest::Error> {
        let wire = Mutex::new(Wire::new(&route.network)?);
        Ok(Arc::new(Self { process, route, attempt_timeout, events, wire }))
    }

    /// An idempotency key that no other connection of this program has had or will have.
    pub fn fresh_key(&self) -> String {
        fresh_key(self.process)
    }

    /// The process.
    pub fn process(&self) -> Process {
        self.process
    }

    /// Sends a request until it is answered, definitely refused for good, or the deadline is reached.
    ///
    /// # Errors
    /// [`CallError::Definite`] only if no attempt can have had, or ever have, an effect.
    pub async fn call(&self, request: &Request, deadline: Deadline) -> Result<Value, CallError> {
        let result = self.repeat(request, deadline).await;
        if request.body.is_none() { result.map_err(CallError::of_a_read) } else { result }
    }

    async fn repeat(&self, request: &Request, deadline: Deadline) -> Result<Value, CallError> {
        let mut effort = Effort::new(self.process, request.name, request.repeat, deadline);
        loop {
            match self.attempt(request, deadline).await {
                Ok(value) => return Ok(value),
                Err(error) => effort.go_on(&self.events, error).await?,
            }
        }
    }

    async fn attempt(&self, request: &Request, deadline: Deadline) -> Result<Value, CallError> {
        let wire = self.wire();
        let mark = self.route.network.delivered(wire.dialler);
        let url = format!("http://{}:{}{}", self.route.address, request.port, request.path);
        // What may not be repeated gets all the time there is.
        let limit = match request.repeat {
            Repeat::Keyed => deadline.min(Instant::now() + self.attempt_timeout),
            Repeat::OnlyUnsent => deadline,
        };
        let exchange = async {
            let request = match &request.body {
                Some(body) => wire.http.post(url).json(body),
                None => wire.http.get(url),
            };
            let response = request.send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        };
        match tokio::time::timeout_at(limit, exchange).await {
            Ok(Ok((status, body))) => (request.dialect)(status, &body),
            Ok(Err(error)) => Err(self.settle(wire.dialler, mark, &describe(&error))),
            Err(_) => Err(self.settle(wire.dialler, mark, "timeout: no reply in time")),
        }
    }

    /// The attempt broke off: closes its connection for good, then asks the link whether a byte of it got through.
    fn settle(&self, dialler: Ipv4Addr, mark: u64, reason: &str) -> CallError {
        let delivery = self.route.network.settle(dialler);
        match Wire::new(&self.route.network) {
            Ok(wire) => *self.wire.lock().unwrap_or_else(PoisonError::into_inner) = wire,
            Err(error) => self.events.emit(RunEvent::Warning { text: format!("no HTTP client: {error}") }),
        }
        if delivery.is_nothing_since(mark) {
            CallError::Definite(Reason::new(format!("unsent: {reason}")))
        } else {
            CallError::Indefinite(Reason::new(reason))
        }
    }

    fn wire(&self) -> Wire {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A response that is none of the contract's says nothing about the effect.
fn read_contract(status: StatusCode, body: &[u8]) -> Result<Value, CallError> {
    if status.is_success() {
        return serde_json::from_slice(body)
            .map_err(|error| CallError::Indefinite(Reason::new(format!("bad-response: {error}"))));
    }
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error, definite: true }) => Err(CallError::Definite(Reason::new(error))),
        Ok(ErrorBody { error, definite: false }) => Err(CallError::Indefinite(Reason::new(error))),
        Err(_) => Err(CallError::Indefinite(Reason::new(format!("bad-response: HTTP status {status}")))),
    }
}

/// The innermost cause says more than reqwest's own words.
fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_connect() { format!("refused: {cause}") } else { format!("broken: {cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_outside_the_contract_is_never_definite() {
        let definite = read_contract(StatusCode::SERVICE_UNAVAILABLE, br#"{"error":"no-leader","definite":true}"#);
        assert_eq!(definite, Err(CallError::Definite(Reason::new("no-leader"))));
        for body in [&br#"{"error":"x","definite":false}"#[..], b"<html>", b"", br#"{"error":"x"}"#] {
            let read = read_contract(StatusCode::BAD_GATEWAY, body);
            assert!(matches!(read, Err(CallError::Indefinite(_))), "{read:?}");
        }
        assert!(matches!(read_contract(StatusCode::OK, b"not json"), Err(CallError::Indefinite(_))));
    }
}
