//! How the calls of the contract reach a node: over HTTP, or by way of a client program.

use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::{CallError, ClientProgram, Connection, Deadline, Repeat, Request};
use serde_json::Value;

use super::Call;

/// One process's way to carry calls to its node.
#[async_trait]
pub(crate) trait Transport: Send + Sync {
    /// Carries out a call.
    async fn call(&self, call: &Call, repeat: Repeat, deadline: Deadline) -> Result<Value, CallError>;

    /// An idempotency key that no other process has had or will have.
    fn fresh_key(&self) -> String;

    /// A result was none of the contract's.
    fn distrust(&self, _problem: &str) {}
}

/// Over HTTP.
pub(crate) struct HttpTransport {
    connection: Arc<Connection>,
    port: u16,
}

impl HttpTransport {
    /// To the node at the other end of this connection, on this port.
    pub(crate) fn new(connection: Arc<Connection>, port: u16) -> Self {
        Self { connection, port }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn call(&self, call: &Call, repeat: Repeat, deadline: Deadline) -> Result<Value, CallError> {
        let request = if call.is_read() {
            Request::get(call.name(), self.port, call.target())
        } else {
            Request::post(call.name(), self.port, call.path(), call.body(), repeat)
        };
        self.connection.call(&request, deadline).await
    }

    fn fresh_key(&self) -> String {
        self.connection.fresh_key()
    }
}

/// By way of a client program, in lines.
pub(crate) struct ProgramTransport {
    program: Arc<ClientProgram>,
}

impl ProgramTransport {
    /// By way of this program.
    pub(crate) fn new(program: Arc<ClientProgram>) -> Self {
        Self { program }
    }
}

#[async_trait]
impl Transport for ProgramTransport {
    async fn call(&self, call: &Call, repeat: Repeat, deadline: Deadline) -> Result<Value, CallError> {
        self.program.call(call.name(), call.body(), call.is_read(), repeat, deadline).await
    }

    fn fresh_key(&self) -> String {
        self.program.fresh_key()
    }

    fn distrust(&self, problem: &str) {
        self.program.distrust(problem);
    }
}
