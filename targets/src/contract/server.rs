//! The node's side of the contract: routes and refusals.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::{Call, RefusalBody, View};

/// The header by which a node marks what it forwards: it is not forwarded again.
pub(super) const FORWARDED: &str = "x-forwarded-by-node";

/// Where a request came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client.
    Client,
    /// Another node, on behalf of a client.
    Node,
}

impl Origin {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(FORWARDED) { Self::Node } else { Self::Client }
    }
}

/// A request has no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{error}")]
pub(crate) struct Refusal {
    /// `kind: detail`.
    error: String,
    definite: bool,
    status: StatusCode,
}

impl Refusal {
    /// It surely had no effect and never will have one.
    pub(crate) fn definite(error: impl Into<String>) -> Self {
        Self { error: error.into(), definite: true, status: StatusCode::SERVICE_UNAVAILABLE }
    }

    /// It may have had an effect, or have one later.
    pub(crate) fn indefinite(error: impl Into<String>) -> Self {
        Self { error: error.into(), definite: false, status: StatusCode::GATEWAY_TIMEOUT }
    }

    /// It is none of the contract's, and nothing was done.
    fn unreadable(status: StatusCode, detail: &str) -> Self {
        Self { error: format!("bad-request: {detail}"), definite: true, status }
    }

    /// Another node refused it, with these words.
    pub(super) fn passed_on(status: StatusCode, body: RefusalBody) -> Self {
        Self { error: body.error, definite: body.definite, status }
    }

    /// Whether it surely had no effect and never will have one.
    #[cfg(test)]
    pub(crate) fn is_definite(&self) -> bool {
        self.definite
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(RefusalBody { error: self.error, definite: self.definite })).into_response()
    }
}

/// A node that serves the contract.
#[async_trait]
pub(crate) trait LockNode: Send + Sync + 'static {
    /// Serves one request.
    async fn serve(&self, call: Call, origin: Origin) -> Result<Value, Refusal>;

    /// Says who holds a lock.
    async fn holder(&self, lock: u32, origin: Origin) -> Result<Value, Refusal>;

    /// How this node sees the cluster.
    fn view(&self) -> View;
}

type Shared = State<Arc<dyn LockNode>>;

/// The routes of the contract.
pub(crate) fn router(node: Arc<dyn LockNode>) -> Router {
    Router::new()
        .route("/lock/lease", operation(Call::Lease))
        .route("/lock/acquire", operation(Call::Acquire))
        .route("/lock/renew", operation(Call::Renew))
        .route("/lock/release", operation(Call::Release))
        .route("/lock/revoke", operation(Call::Revoke))
        .route("/lock/holder", get(holder))
        .route("/health", get(async || StatusCode::OK))
        .route("/view", get(view))
        .fallback(unknown)
        .with_state(node)
}

fn operation<B: DeserializeOwned + Send + 'static>(call: fn(B) -> Call) -> MethodRouter<Arc<dyn LockNode>> {
    post(async move |State(node): Shared, headers: HeaderMap, body: Result<Json<B>, JsonRejection>| match body {
        Ok(Json(body)) => reply(node.serve(call(body), Origin::of(&headers)).await),
        Err(rejection) => Refusal::unreadable(rejection.status(), &rejection.body_text()).into_response(),
    })
}

#[derive(Deserialize)]
struct HolderQuery {
    lock: u32,
}

async fn holder(State(node): Shared, headers: HeaderMap, Query(query): Query<HolderQuery>) -> Response {
    reply(node.holder(query.lock, Origin::of(&headers)).await)
}

async fn view(State(node): Shared) -> Json<View> {
    Json(node.view())
}

async fn unknown(request: Request) -> Response {
    let detail = format!("{} {}", request.method(), request.uri().path());
    Refusal::unreadable(StatusCode::NOT_FOUND, &detail).into_response()
}

fn reply(result: Result<Value, Refusal>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
