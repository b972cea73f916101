//! The node's side of the contract: routes and refusals.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::{Call, RefusalBody};

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

    /// The node does not offer it.
    pub(crate) fn unsupported(call: &Call) -> Self {
        let error = format!("unsupported: {} is not offered here", call.name());
        Self { error, definite: true, status: StatusCode::NOT_IMPLEMENTED }
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

/// A node that serves the contract, or a part of it.
#[async_trait]
pub(crate) trait ContractNode: Send + Sync + 'static {
    /// Serves one request; refuses what it does not offer with [`Refusal::unsupported`].
    async fn serve(&self, call: Call, origin: Origin) -> Result<Value, Refusal>;
}

type Node = Arc<dyn ContractNode>;

/// The routes of the contract, as they are declared call by call.
pub(super) struct Routes(Router<Node>);

impl Routes {
    pub(super) fn new() -> Self {
        Self(Router::new())
    }

    /// An operation: its request is the body.
    pub(super) fn post<B: DeserializeOwned + Send + 'static>(self, path: &str, call: fn(B) -> Call) -> Self {
        let serve = async move |State(node): State<Node>, headers: HeaderMap, body: Result<Json<B>, JsonRejection>| {
            match body {
                Ok(Json(body)) => reply(node.serve(call(body), Origin::of(&headers)).await),
                Err(rejection) => Refusal::unreadable(rejection.status(), &rejection.body_text()).into_response(),
            }
        };
        Self(self.0.route(path, post(serve)))
    }

    /// A read: its request is the query.
    pub(super) fn get<B: DeserializeOwned + Send + 'static>(self, path: &str, call: fn(B) -> Call) -> Self {
        let serve =
            async move |State(node): State<Node>, headers: HeaderMap, query: Result<Query<B>, QueryRejection>| {
                match query {
                    Ok(Query(query)) => reply(node.serve(call(query), Origin::of(&headers)).await),
                    Err(rejection) => Refusal::unreadable(rejection.status(), &rejection.body_text()).into_response(),
                }
            };
        Self(self.0.route(path, get(serve)))
    }
}

/// Serves the contract.
pub(crate) fn router(node: Arc<dyn ContractNode>) -> Router {
    let Routes(routes) = Routes::all();
    routes.route("/health", get(async || StatusCode::OK)).fallback(unknown).with_state(node)
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
