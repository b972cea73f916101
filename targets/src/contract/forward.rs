//! One node passes a client's request on to another: the same contract, and an exact answer to what a failure means.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::server::FORWARDED;
use super::{Call, Refusal, RefusalBody};

/// Passes requests on.
#[derive(Debug, Clone)]
pub(crate) struct Forwarder {
    http: Client,
    limit: Duration,
}

impl Forwarder {
    /// A forwarder that waits for an answer no longer than `limit`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub(crate) fn new(limit: Duration) -> Result<Self, reqwest::Error> {
        let http = node_client().build()?;
        Ok(Self { http, limit })
    }

    /// Passes a call on to the node at `address`.
    pub(crate) async fn pass_on(&self, address: SocketAddr, call: &Call) -> Result<Value, Refusal> {
        let url = format!("http://{address}{}", call.target());
        let request = if call.is_read() { self.http.get(url) } else { self.http.post(url).json(&call.body()) };
        self.exchange(request).await
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Value, Refusal> {
        let exchange = async {
            let response = request.header(FORWARDED, "1").send().await?;
            Ok::<_, reqwest::Error>((response.status(), response.bytes().await?))
        };
        match tokio::time::timeout(self.limit, exchange).await {
            Ok(Ok((status, body))) => read(status, &body),
            // No connection, no byte sent.
            Ok(Err(error)) if error.is_connect() => Err(Refusal::definite(format!("leader-unreachable: {error}"))),
            Ok(Err(error)) => Err(Refusal::indefinite(format!("forward-broken: {error}"))),
            Err(_) => Err(Refusal::indefinite("forward-timeout: the node that decides did not answer")),
        }
    }
}

/// A client from node to node: no system proxy, no redirects, no repeats of the library's own.
pub(crate) fn node_client() -> reqwest::ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .tcp_nodelay(true)
}

/// What is none of the contract's says nothing of the effect.
fn read(status: reqwest::StatusCode, body: &[u8]) -> Result<Value, Refusal> {
    let broken = |error| Refusal::indefinite(format!("forward-broken: {error}"));
    if status.is_success() {
        return serde_json::from_slice(body).map_err(broken);
    }
    let refusal: RefusalBody = serde_json::from_slice(body).map_err(broken)?;
    Err(Refusal::passed_on(StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY), refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_passed_on_as_it_is_and_noise_is_indefinite() {
        use reqwest::StatusCode;
        let read = |text: &str| read(StatusCode::SERVICE_UNAVAILABLE, text.as_bytes()).unwrap_err();
        assert!(read(r#"{"error":"no-leader","definite":true}"#).is_definite());
        assert!(!read(r#"{"error":"timeout","definite":false}"#).is_definite());
        assert!(!read(r#"{"error":"timeout"}"#).is_definite());
        assert!(!read("<html>").is_definite());
    }

    #[tokio::test]
    async fn only_a_connection_that_never_was_is_definite() {
        let call = Call::Count(super::super::Nothing {});
        use std::net::Ipv4Addr;
        let forwarder = Forwarder::new(Duration::from_millis(200)).unwrap();
        let silent = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = silent.local_addr().unwrap();
        assert!(!forwarder.pass_on(address, &call).await.unwrap_err().is_definite(), "a node that says nothing");
        drop(silent);
        assert!(forwarder.pass_on(address, &call).await.unwrap_err().is_definite(), "a node that is not there");
    }
}
