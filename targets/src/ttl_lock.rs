//! The system `ttl-lock`: the lock that most people write first. A key with a time to live on one server, no owner check,
//! no token. It is right as long as nothing goes wrong, and here to show what happens when something does.

mod node;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::target::{Control, Exposure, Launch, NodeContext, Target, Unavailable, Variant, Variants};
use dsjepsen_history::{NodeId, Promises};

use crate::NodeProgram;
use crate::contract::{ContractClient, Style};
use crate::node_program::launch;

/// The one port of a node, for clients and for other nodes.
const PORT: u16 = 7101;

/// The position of the node that keeps the locks.
const SERVER: usize = 0;

pub(crate) const PROGRAM: NodeProgram = NodeProgram {
    name: TARGET_NAME,
    about: "a node of ttl-lock: n1 keeps the locks, the others pass requests on to it",
    run: node::run,
};

const TARGET_NAME: &str = "ttl-lock";

/// The system.
#[derive(Debug)]
pub(crate) struct TtlLock;

pub(crate) const TARGET: TtlLock = TtlLock;

#[async_trait]
impl Target for TtlLock {
    fn name(&self) -> &str {
        TARGET_NAME
    }

    fn about(&self) -> &str {
        "set-if-not-exists with a time to live on one server (n1); release deletes without looking at the owner"
    }

    fn variants(&self) -> &[Variant] {
        &[]
    }

    fn expectation(&self) -> &str {
        "none: valid, as long as no request times out. Renewals arrive in time, so no lock expires under its holder and no \
         release meets another's lock. (Under overload a client that does not know whether it got the lock gives it back, \
         and so frees another's.)\n\
         pause, partition: invalid (lock.exclusion). A holder that is cut off from n1, or whose gateway is stopped, \
         outlives its lock; the next client acquires it; then the late release of the first deletes the lock of the \
         second, for nobody looks at the owner, and a third is granted what the second still holds.\n\
         kill: invalid when it hits n1, which keeps its locks in memory alone: after the restart all locks are free \
         while their holders' leases still run. Killing a gateway does what a partition does.\n\
         clock: invalid when it sets n1 ahead. Deadlines are wall-clock times, so a jump ahead ends every lock at once. Other \
         nodes' clocks decide nothing."
    }

    fn exposures(&self) -> &[Exposure] {
        const EXCLUSION: Exposure = Exposure {
            variant: None,
            workload: "lock",
            nemesis: "partition",
            arguments: &[],
            rules: &["lock.exclusion"],
            why: "a holder that is cut off outlives its lock, and its late release deletes the next holder's",
        };
        &[
            EXCLUSION,
            Exposure {
                nemesis: "pause",
                why: "a holder whose gateway is stopped outlives its lock, and its late release deletes the next holder's",
                ..EXCLUSION
            },
            Exposure {
                nemesis: "clock(n1, +60s)",
                why: "deadlines are wall-clock times, so when the server's clock jumps ahead every lock ends at once",
                ..EXCLUSION
            },
        ]
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok(format!("ttl-lock {}", env!("CARGO_PKG_VERSION")))
    }

    fn promises(&self, _variants: &Variants) -> Promises {
        Promises { leases: true, ..Promises::default() }
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let config = node::Config {
            node: node.node,
            listen: (node.address, PORT).into(),
            server: node.peers.get(&NodeId::at(SERVER)).map(|address| (*address, PORT).into()),
        };
        launch(node, TARGET_NAME, &config, PORT)
    }

    /// Nobody is elected; but the node that decides is the one that a fault on the leader should hit.
    async fn leader(&self, _control: &Control) -> Option<NodeId> {
        Some(NodeId::at(SERVER))
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities {
            locks: Some(Arc::new(|access| Ok(ContractClient::over_http(access, PORT, Style::PLAIN)?))),
            ..Abilities::default()
        }
    }
}
