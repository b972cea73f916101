//! The system `rmw-counter`: the counter that most people write first. Every node reads its own copy, adds, writes it back and
//! sends the result to the others. It loses additions as soon as two of them meet. Its variant `retries` loses none, and counts
//! some twice.

mod keeper;
mod node;
mod replica;
mod value;

use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::{Abilities, Repeat};
use dsjepsen_engine::target::{Control, Exposure, Launch, NodeContext, Target, Unavailable, Variant, Variants};
use dsjepsen_history::{NodeId, Promises};

use crate::NodeProgram;
use crate::contract::{ContractClient, Style, leader_by_views};
use crate::node_program::{launch, peers};

/// The one port of a node, for clients and for other nodes.
const PORT: u16 = 7101;

/// The position of the node that keeps the counter in the variant `retries`.
const KEEPER: usize = 0;

const TARGET_NAME: &str = "rmw-counter";

/// The option under which one node keeps the counter, and clients repeat what was not answered.
const RETRIES: &str = "retries";

pub(crate) const PROGRAM: NodeProgram = NodeProgram {
    name: TARGET_NAME,
    about: "a node of rmw-counter: a copy of the counter, or with `retries` its keeper (n1) or a gateway to it",
    run: node::run,
};

/// The system.
#[derive(Debug)]
pub(crate) struct RmwCounter;

pub(crate) const TARGET: RmwCounter = RmwCounter;

#[async_trait]
impl Target for RmwCounter {
    fn name(&self) -> &str {
        TARGET_NAME
    }

    fn about(&self) -> &str {
        "a counter that is read, added to and written back on every node; the last writer wins"
    }

    fn variants(&self) -> &[Variant] {
        &[Variant {
            name: RETRIES,
            about: "n1 keeps the counter and adds atomically; clients repeat what was not answered, and n1 counts it again",
        }]
    }

    fn expectation(&self) -> &str {
        "none: invalid already (counter.lost, counter.return). Between the read and the write of one addition another one \
         reads the same value, on the same node or on another; the later write undoes the earlier.\n\
         pause, partition, kill: invalid for the same reason. Once a partition is healed the copies agree again, and \
         with them everything is gone that was added on the losing side.\n\
         rmw-counter:retries under none: valid, as long as no request times out: n1 adds one after another. Under \
         partition and pause: invalid (counter.extra). A request is stuck on its way or its answer is lost; the client \
         repeats it under the same key, n1 does not look at the key, and adds again. Under kill: invalid (counter.lost) \
         when it hits n1, which keeps the counter in memory alone. (Under overload requests time out without any fault.)"
    }

    fn exposures(&self) -> &[Exposure] {
        &[
            Exposure {
                variant: None,
                workload: "counter",
                nemesis: "none",
                arguments: &[],
                rules: &["counter.lost"],
                why: "two additions read the same value, and the later write undoes the earlier",
            },
            Exposure {
                variant: Some(RETRIES),
                workload: "counter",
                nemesis: "partition",
                arguments: &[],
                rules: &["counter.extra"],
                why: "a repeated request takes effect twice, for nobody looks at its key",
            },
        ]
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok(format!("rmw-counter {}", env!("CARGO_PKG_VERSION")))
    }

    fn promises(&self, variants: &Variants) -> Promises {
        Promises { idempotency_keys: variants.has(RETRIES), ..Promises::default() }
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let config = node::Config {
            node: node.node,
            listen: (node.address, PORT).into(),
            peers: peers(node, PORT),
            one_keeper: node.variants.has(RETRIES),
        };
        launch(node, TARGET_NAME, &config, PORT)
    }

    /// The keeper, where there is one; the copies have no leader.
    async fn leader(&self, control: &Control) -> Option<NodeId> {
        leader_by_views(control, PORT).await
    }

    fn abilities(&self, variants: &Variants) -> Abilities {
        let repeat = if variants.has(RETRIES) { Repeat::Keyed } else { Repeat::OnlyUnsent };
        let style = Style { repeat, ..Style::PLAIN };
        Abilities {
            counter: Some(Arc::new(move |access| Ok(ContractClient::over_http(access, PORT, style)?))),
            ..Abilities::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_promised_where_clients_repeat() {
        let retries = Variants(vec![RETRIES.to_owned()]);
        assert!(TARGET.promises(&retries).idempotency_keys);
        assert_eq!(TARGET.promises(&Variants::default()), Promises::default());
    }

    #[test]
    fn a_node_is_told_its_links_and_its_part() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let peers = nodes.iter().skip(1).map(|node| (*node, [127, 9, 1, node.number() as u8].into())).collect();
        let variants = Variants(vec![RETRIES.to_owned()]);
        let launch = TARGET.launch(&NodeContext {
            node: nodes[0],
            nodes: &nodes,
            data: "/data/n1".as_ref(),
            address: [127, 9, 1, 1].into(),
            peers: &peers,
            shared: &[].into(),
            variants: &variants,
            executable: "/bin/dsjepsen".as_ref(),
        });
        let config: node::Config = serde_json::from_str(&launch.arguments[2]).unwrap();
        assert!(config.one_keeper);
        assert_eq!(config.peers[&nodes[2]], "127.9.1.3:7101".parse().unwrap());
    }
}
