//! The system `bully`: the leader election that textbooks begin with. The node with the highest number that answers wins. It
//! elects one leader at a time as long as every message arrives in time, and here to show what happens when one does not.

mod election;
mod incarnation;
mod node;
mod peers;
mod state;

use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::target::{Control, Exposure, Launch, NodeContext, Target, Unavailable, Variant, Variants};
use dsjepsen_history::{NodeId, Promises};

use crate::NodeProgram;
use crate::contract::{ContractClient, Style, leader_by_views};
use crate::node_program::{launch, peers};

/// The one port of a node, for clients and for other nodes.
const PORT: u16 = 7101;

const TARGET_NAME: &str = "bully";

pub(crate) const PROGRAM: NodeProgram = NodeProgram {
    name: TARGET_NAME,
    about: "a node of bully: the highest number that answers leads",
    run: node::run,
};

/// The system.
#[derive(Debug)]
pub(crate) struct Bully;

pub(crate) const TARGET: Bully = Bully;

#[async_trait]
impl Target for Bully {
    fn name(&self) -> &str {
        TARGET_NAME
    }

    fn about(&self) -> &str {
        "the bully algorithm: whoever hears nothing from a node with a higher number leads; no terms, no majority"
    }

    fn variants(&self) -> &[Variant] {
        &[]
    }

    fn expectation(&self) -> &str {
        "none: valid. A node that wins tells all others, and leads only when each has answered that it follows.\n\
         partition: invalid (election.overlap). Nobody counts a majority, so both sides have a leader of their own, until the \
         heal lets them hear of one another.\n\
         pause(leader): invalid. A stopped leader is replaced after two seconds, and still believes that it leads when it \
         wakes up. (pause, which stops any two of five nodes, shows it only when one of them leads.)\n\
         kill: valid. A dead leader believes nothing, and a restarted node begins as nobody. But a node that takes over does \
         not wait longer than a second for the answer of another: on a machine so busy that a node needs as long, two lead."
    }

    fn exposures(&self) -> &[Exposure] {
        const OVERLAP: Exposure = Exposure {
            variant: None,
            workload: "election",
            nemesis: "partition",
            arguments: &[],
            rules: &["election.overlap"],
            why: "both sides of a partition have a leader, for nobody counts a majority",
        };
        &[
            OVERLAP,
            Exposure {
                nemesis: "pause(leader)",
                why: "a leader that was stopped and replaced still believes that it leads when it wakes up",
                ..OVERLAP
            },
        ]
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok(format!("bully {}", env!("CARGO_PKG_VERSION")))
    }

    fn promises(&self, _variants: &Variants) -> Promises {
        Promises { one_leader_at_a_time: true, ..Promises::default() }
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let config = node::Config {
            node: node.node,
            listen: (node.address, PORT).into(),
            peers: peers(node, PORT),
            data: node.data.to_owned(),
        };
        launch(node, TARGET_NAME, &config, PORT)
    }

    async fn leader(&self, control: &Control) -> Option<NodeId> {
        leader_by_views(control, PORT).await
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities {
            views: Some(Arc::new(|access| Ok(ContractClient::over_http(access, PORT, Style::PLAIN)?))),
            ..Abilities::default()
        }
    }
}
