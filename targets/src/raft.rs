//! The system `raft`: a service of our own on openraft: locks with leases and fencing tokens, a counter, registers. Right by design, and with
//! planted flaws by which the harness proves that it finds what it looks for.

mod database;
mod expiry;
mod log_store;
mod machine;
mod node;
mod peers;
mod service;
mod state;
#[cfg(test)]
mod storage_tests;
mod types;

use std::sync::Arc;

use async_trait::async_trait;
use dsjepsen_engine::api::{Abilities, Access, AccessError};
use dsjepsen_engine::target::{Control, Exposure, Launch, NodeContext, Target, Unavailable, Variant, Variants};
use dsjepsen_history::{NodeId, Promises};

use self::types::Flaw;
use crate::NodeProgram;
use crate::contract::{ContractClient, Style, leader_by_views};
use crate::node_program::{launch, peers};

/// The one port of a node, for clients and for peers.
const PORT: u16 = 7101;

const TARGET_NAME: &str = "raft";

/// The option under which the guarded resource does not look at tokens.
const UNFENCED: &str = "unfenced";

/// The option under which snapshots are taken often; it changes no promise.
const SMALL_SNAPSHOTS: &str = "small-snapshots";

pub(crate) const PROGRAM: NodeProgram =
    NodeProgram { name: TARGET_NAME, about: "a node of raft: locks, a counter and registers, replicated by openraft", run: node::run };

/// The system.
#[derive(Debug)]
pub(crate) struct Raft;

pub(crate) const TARGET: Raft = Raft;

#[async_trait]
impl Target for Raft {
    fn name(&self) -> &str {
        TARGET_NAME
    }

    fn about(&self) -> &str {
        "our own service on openraft: locks with leases and fencing tokens, a counter, registers; idempotency keys throughout"
    }

    fn variants(&self) -> &[Variant] {
        &[
            Variant {
                name: UNFENCED,
                about: "the guarded resource does not look at fencing tokens; the nodes are the same",
            },
            Variant { name: "volatile-vote", about: "a node keeps its vote in memory only" },
            Variant { name: "stale-reads", about: "reads are answered from the local state of the node asked" },
            Variant { name: "no-dedupe", about: "idempotency keys are ignored" },
            Variant { name: SMALL_SNAPSHOTS, about: "a node takes a snapshot every 50 entries, and cuts its log" },
        ]
    }

    fn expectation(&self) -> &str {
        "none, pause, partition, kill, restart: valid, for every workload. What is acknowledged is an entry of one replicated log, on \
         disk at a majority; an entry is carried out once for its idempotency key; a read waits until a majority has \
         confirmed that its leader still leads; a vote is on disk before it is given.\n\
         Locks: a lease ends only by an entry that a renewal before it makes void. A holder that is stopped or cut off for \
         longer than its lease still outlives it; the guarded resource refuses its old token, and the report counts what \
         was refused.\n\
         raft:unfenced under pause, partition or kill: invalid (lock.belief, lock.stale-write) with naive holders: a \
         lock service alone cannot stop a holder that does not know that its lease has ended. Careful holders stop in \
         time, unless they are stopped themselves between their look at the lease and their write (pause(holder)). \
         Under none: valid, for renewals get through in time.\n\
         raft:volatile-vote under kill(all): invalid (election.two-leaders-in-term, election.term-regression). When all \
         nodes have forgotten what they voted, the terms begin at 1 again, and mostly another node leads term 1. Its log \
         may then begin a term that is smaller than that of its last entry, at which the consensus library breaks down; \
         what the node said before convicts it all the same. Under kill, which leaves a majority that remembers, the \
         terms of the killed nodes fall, and two leaders of one term are rare.\n\
         raft:stale-reads with the workload register: invalid (register.linearizable) even under none. A majority suffices \
         for an acknowledgement, and the other nodes show the old value for some milliseconds more; under partition, for \
         seconds."
    }

    fn exposures(&self) -> &[Exposure] {
        &[
            Exposure {
                variant: Some(UNFENCED),
                workload: "lock",
                nemesis: "pause",
                arguments: &[],
                rules: &["lock.belief", "lock.stale-write"],
                why: "a holder whose node is stopped cannot renew, and writes on when another holds the lock",
            },
            Exposure {
                variant: Some("volatile-vote"),
                workload: "election",
                nemesis: "kill(all)",
                arguments: &[],
                rules: &["election.two-leaders-in-term"],
                why: "nodes that have all forgotten their votes begin with term 1 again, and elect another leader of it",
            },
            Exposure {
                variant: Some("stale-reads"),
                workload: "register",
                nemesis: "none",
                arguments: &[],
                rules: &["register.linearizable"],
                why: "a node learns of a write after its leader has acknowledged it, and shows the past until then",
            },
            Exposure {
                variant: Some("no-dedupe"),
                workload: "counter",
                nemesis: "partition",
                arguments: &[],
                rules: &["counter.extra"],
                why: "a repeated request takes effect twice",
            },
        ]
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok(format!("raft {} (openraft 0.9)", env!("CARGO_PKG_VERSION")))
    }

    fn promises(&self, variants: &Variants) -> Promises {
        Promises {
            leases: true,
            fencing_tokens: true,
            enforcing_guard: !variants.has(UNFENCED),
            idempotency_keys: true,
            linearizable_reads: true,
            one_leader_at_a_time: false,
        }
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let config = node::Config {
            node: node.node,
            listen: (node.address, PORT).into(),
            peers: peers(node, PORT),
            data: node.data.to_owned(),
            flaws: Flaw::ALL.into_iter().filter(|flaw| node.variants.has(flaw.name())).collect(),
            snapshot_every: match node.variants.has(SMALL_SNAPSHOTS) {
                true => 50,
                false => node::Config::default_snapshot_every(),
            },
        };
        launch(node, TARGET_NAME, &config, PORT)
    }

    async fn leader(&self, control: &Control) -> Option<NodeId> {
        leader_by_views(control, PORT).await
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities {
            locks: Some(Arc::new(|access| Ok(client(access)?))),
            counter: Some(Arc::new(|access| Ok(client(access)?))),
            registers: Some(Arc::new(|access| Ok(client(access)?))),
            views: Some(Arc::new(|access| Ok(client(access)?))),
            leader_writes: Some(Arc::new(|access| Ok(client(access)?))),
        }
    }
}

fn client(access: &Access) -> Result<Arc<ContractClient>, AccessError> {
    ContractClient::over_http(access, PORT, Style::KEYED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_is_a_variant_that_reaches_the_node() {
        let variants = TARGET.variants();
        for flaw in Flaw::ALL {
            let variant = variants.iter().find(|variant| variant.name == flaw.name()).unwrap();
            assert!(TARGET.exposures().iter().any(|exposure| exposure.variant == Some(variant.name)));
            assert_eq!(serde_json::to_value(flaw).unwrap(), flaw.name());
        }
        assert_eq!(variants.len(), Flaw::ALL.len() + 2);
    }

    #[test]
    fn a_node_is_told_its_own_links_and_the_same_again_at_a_restart() {
        let nodes: Vec<_> = (0..3).map(NodeId::at).collect();
        let peers = nodes.iter().skip(1).map(|node| (*node, [127, 9, 1, node.number() as u8].into())).collect();
        let variants = Variants(vec!["stale-reads".to_owned(), UNFENCED.to_owned()]);
        let context = NodeContext {
            node: nodes[0],
            nodes: &nodes,
            data: "/data/n1".as_ref(),
            address: [127, 9, 1, 1].into(),
            peers: &peers,
            shared: &[].into(),
            variants: &variants,
            executable: "/bin/dsjepsen".as_ref(),
        };
        let launch = TARGET.launch(&context);
        assert_eq!(launch, TARGET.launch(&context));
        assert_eq!(launch.arguments[..2], ["node", "raft"]);
        let config: node::Config = serde_json::from_str(&launch.arguments[2]).unwrap();
        assert_eq!(config.peers[&nodes[2]], "127.9.1.3:7101".parse().unwrap());
        assert_eq!(config.flaws, [Flaw::StaleReads]);
        assert!(!TARGET.promises(&variants).enforcing_guard && TARGET.promises(&Variants::default()).enforcing_guard);
    }
}
