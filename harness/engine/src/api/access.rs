//! A process's access to one node: everything of which an ability makes its connections.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_history::{NodeId, Process};
use thiserror::Error;

use super::{ClientProgram, Connection};
use crate::cluster::{ClientCommand, Programs};
use crate::events::Events;
use crate::network::Network;

/// Why a process has no access to its node.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
}

/// How a process reaches a node: over the link of its client group.
#[derive(Debug, Clone)]
pub struct Route {
    /// The node that it speaks to.
    pub node: NodeId,
    /// The address of the link to it.
    pub address: Ipv4Addr,
    /// The network that knows what reached the node.
    pub network: Network,
}

/// One process's access to one node.
#[derive(Debug, Clone)]
pub struct Access {
    /// The process.
    pub process: Process,
    /// The way to the node.
    pub route: Route,
    /// How long one attempt may take of a request that may be repeated.
    pub attempt_timeout: Duration,
    /// Where retries are told.
    pub events: Events,
    /// The node's log, for what a node says of itself nowhere else.
    pub log: PathBuf,
    /// Where client programs are started.
    pub programs: Programs,
}

impl Access {
    /// A client program that speaks to the node in our place. It is being started when this returns.
    pub fn start_program(&self, command: ClientCommand) -> Arc<ClientProgram> {
        ClientProgram::start(self, command)
    }

    /// A new HTTP connection to the node; nothing is dialled yet.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn connect(&self) -> Result<Arc<Connection>, AccessError> {
        Ok(Connection::new(self.process, self.route.clone(), self.attempt_timeout, self.events.clone())?)
    }
}
