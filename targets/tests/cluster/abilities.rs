//! Every system through the engine's own eyes: started as its `launch` says, reached over the engine's links, used through
//! the abilities that it offers.

use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::Cluster;
use dsjepsen_engine::api::{Attempt, CallError, HoldId, LeaseId, Locks, Presence};
use dsjepsen_engine::network::{Effect, LinkRule, RuleId};
use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_history::{NodeId, Process};
use dsjepsen_targets::conformance::{Check, CheckResult, Subject, examine, start_cluster};
use tokio::time::Instant;

use crate::nodes::{TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("abilities::raft_keeps_the_contract", |_| Box::pin(keeps_the_contract("raft", 3))),
    ("abilities::ttl_lock_keeps_the_contract", |_| Box::pin(keeps_the_contract("ttl-lock", 2))),
    ("abilities::broken_promises_are_found", |_| Box::pin(broken_promises())),
    ("abilities::raft_goes_on_around_a_partition", |_| Box::pin(partition())),
    ("abilities::giving_up_a_doubtful_key_deletes_the_holders", |_| Box::pin(give_up())),
];

const TTL: Duration = Duration::from_secs(30);

/// A system on links.
struct System {
    target: &'static dyn Target,
    variants: Variants,
    cluster: Cluster,
    nodes: Vec<NodeId>,
    // Removed after the cluster has ended.
    _directory: tempfile::TempDir,
}

impl System {
    async fn start(name: &str, options: &[&str], size: u16) -> Self {
        let target = *dsjepsen_targets::targets().iter().find(|target| target.name() == name).unwrap();
        let variants = Variants(options.iter().map(|option| (*option).to_owned()).collect());
        let directory = tempfile::tempdir().unwrap();
        // The folder's name is drawn anew each time, and so is the run's.
        let run = directory.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned();
        let executable = std::env::current_exe().unwrap();
        let cluster = start_cluster(target, variants.clone(), size, directory.path(), &run, executable, Vec::new())
            .await
            .unwrap();
        Self { target, variants, nodes: cluster.nodes(), cluster, _directory: directory }
    }

    async fn leader(&self) -> NodeId {
        eventually("a leader", async || self.cluster.leader().await).await
    }

    async fn examine(&self) -> Vec<Check> {
        let contract_port = self.target.ports().first().copied();
        examine(Subject { target: self.target, variants: &self.variants, contract_port }, &self.cluster).await
    }

    /// The locks as a process sees them whose home is this node.
    fn locks(&self, home: NodeId, process: u32) -> Arc<dyn Locks> {
        let access = self.cluster.access(Process(process), home, home, Duration::from_millis(300));
        let serve = self.target.abilities(&self.variants).locks.expect("the system offers locks");
        serve(&access).unwrap()
    }

    fn isolate(&self, node: NodeId) -> RuleId {
        let others = self.nodes.iter().filter(|other| **other != node);
        let rules: Vec<_> = others.flat_map(|other| LinkRule::both_ways(node, *other, Effect::Blackhole)).collect();
        self.cluster.network().install(&rules)
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn hold(locks: &dyn Locks, lock: u32, owner: &str) -> HoldId {
    let lease = locks.start_lease(TTL, soon()).await.unwrap();
    HoldId { lock, lease: lease.unwrap_or_else(|| LeaseId(owner.to_owned())), ttl: TTL }
}

async fn keeps_the_contract(name: &str, size: u16) {
    let system = System::start(name, &[], size).await;
    let checks = system.examine().await;
    let failed: Vec<_> = checks.iter().filter(|check| check.failed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let passed = |ability: &str| {
        checks.iter().any(|check| check.ability == ability && matches!(check.result, CheckResult::Passed(_)))
    };
    let abilities = system.target.abilities(&system.variants);
    assert_eq!(passed("lock"), abilities.locks.is_some());
    assert_eq!(passed("counter"), abilities.counter.is_some());
    assert_eq!(passed("register"), abilities.registers.is_some());
    assert_eq!(passed("view"), abilities.views.is_some());
    assert_eq!(passed("leader-write"), abilities.leader_writes.is_some());
    assert!(passed("contract"));
}

async fn broken_promises() {
    let system = System::start("raft", &["no-dedupe"], 1).await;
    let checks = system.examine().await;
    let failed: Vec<_> = checks.iter().filter(|check| check.failed()).map(|check| check.step.as_str()).collect();
    assert!(failed.iter().any(|step| step.contains("again under the first key")), "{failed:?}");
}

async fn partition() {
    let system = System::start("raft", &[], 5).await;
    let leader = system.leader().await;
    let cut_off = system.locks(leader, 1);
    let mine = hold(&*cut_off, 1, "mine").await;
    assert!(matches!(cut_off.try_acquire(&mine, soon()).await, Ok(Attempt::Granted { .. })));

    let rule = system.isolate(leader);
    let other = system.nodes[(leader.position() + 1) % 5];
    let others = system.locks(other, 2);
    let theirs = hold(&*others, 2, "theirs").await;
    assert!(matches!(others.try_acquire(&theirs, soon()).await, Ok(Attempt::Granted { .. })));
    assert_ne!(system.leader().await, leader);
    assert_eq!(others.try_acquire(&HoldId { lock: 1, ..theirs.clone() }, soon()).await, Ok(Attempt::Held));
    let past = system.cluster.control().get_json(leader, 7101, "/lock/holder?lock=2").await;
    assert_eq!(past, None, "a leader of the past answers a read");
    let unanswered = cut_off.renew(&mine, Instant::now() + Duration::from_secs(1)).await;
    assert!(unanswered.is_err(), "a minority renewed a lease: {unanswered:?}");

    let healed = std::time::Instant::now();
    system.cluster.network().remove(rule);
    assert_eq!(cut_off.renew(&mine, soon()).await, Ok(Presence::Held));
    assert!(healed.elapsed() < Duration::from_secs(10), "{:?} until the healed link was of use", healed.elapsed());
    assert_eq!(others.release(&theirs, soon()).await, Ok(Presence::Held));
}

async fn give_up() {
    let system = System::start("ttl-lock", &[], 2).await;
    let (server, gateway) = (system.nodes[0], system.nodes[1]);
    let (behind, beside) = (system.locks(gateway, 1), system.locks(server, 2));
    let mine = hold(&*behind, 1, "mine").await;
    let rivals = hold(&*beside, 1, "rivals").await;
    assert!(matches!(beside.try_acquire(&rivals, soon()).await, Ok(Attempt::Granted { .. })));

    let rule = system.isolate(gateway);
    let attempt = behind.try_acquire(&mine, Instant::now() + Duration::from_millis(500)).await;
    assert!(matches!(attempt, Err(CallError::Indefinite(_))), "{attempt:?}");
    system.cluster.network().remove(rule);
    // Nobody knows whether the key was set; so it is deleted, whoever has set it.
    assert_eq!(behind.give_up(&mine, soon()).await, Ok(Presence::Held));
    // What was held back may arrive last of all, and set a key that is not the rival's.
    let holder = system.cluster.control().get_json(server, 7101, "/lock/holder?lock=1").await.unwrap();
    assert!(holder["lease"].is_null() || holder["lease"] == "mine", "{holder}");
}
