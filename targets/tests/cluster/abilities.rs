//! Every system through the engine's own eyes: started as its `launch` says, reached over the engine's links, used through
//! the abilities that it offers.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::api::{Access, Attempt, CallError, HoldId, LeaseId, Locks, Presence, Route};
use dsjepsen_engine::network::{Effect, LinkRule, Network, RuleId, Source, Subnet};
use dsjepsen_engine::target::{Control, Launch, NodeContext, Readiness, Target, Variants};
use dsjepsen_engine::{Events, RunClock};
use dsjepsen_history::{NodeId, Process};
use tokio::time::Instant;

use crate::nodes::{TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("abilities::raft_serves_locks", |_| Box::pin(serves_locks("raft"))),
    ("abilities::ttl_lock_serves_locks", |_| Box::pin(serves_locks("ttl-lock"))),
    ("abilities::raft_goes_on_around_a_partition", |_| Box::pin(partition())),
    ("abilities::giving_up_a_doubtful_key_deletes_the_holders", |_| Box::pin(give_up())),
];

const TTL: Duration = Duration::from_secs(30);

/// A system on links.
struct System {
    target: &'static dyn Target,
    network: Network,
    nodes: Vec<NodeId>,
    children: Vec<Child>,
    directory: tempfile::TempDir,
}

impl System {
    async fn start(name: &str, size: usize) -> Self {
        let target = *dsjepsen_targets::targets().iter().find(|target| target.name() == name).unwrap();
        let nodes: Vec<NodeId> = (0..size).map(NodeId::at).collect();
        let network = Network::start(Subnet::claim().unwrap(), &nodes, target.ports()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut system = Self { target, network, nodes, children: Vec::new(), directory };
        for node in system.nodes.clone() {
            system.launch(node);
        }
        for node in system.nodes.clone() {
            let Readiness::Http { port, path } = system.launch_of(node).readiness else { panic!("no path to ask") };
            let control = system.control();
            eventually("the node is ready", async || control.answers(node, port, &path).await.then_some(())).await;
        }
        system
    }

    fn launch_of(&self, node: NodeId) -> Launch {
        let subnet = self.network.subnet();
        let others = self.nodes.iter().filter(|other| **other != node);
        let peers: BTreeMap<_, _> = others.map(|other| (*other, subnet.link(Source::Node(node), *other))).collect();
        let data = self.directory.path().join(node.to_string());
        std::fs::create_dir_all(&data).unwrap();
        self.target.launch(&NodeContext {
            node,
            nodes: &self.nodes,
            data: &data,
            address: subnet.node(node),
            peers: &peers,
            variants: &Variants::default(),
            shared: &BTreeMap::new(),
            executable: &std::env::current_exe().unwrap(),
        })
    }

    fn launch(&mut self, node: NodeId) {
        let launch = self.launch_of(node);
        let log = std::fs::File::create(self.directory.path().join(format!("{node}.log"))).unwrap();
        let child = Command::new(launch.program)
            .args(launch.arguments)
            .env_clear()
            .envs(launch.environment)
            .stderr(log)
            .spawn()
            .unwrap();
        self.children.push(child);
    }

    fn control(&self) -> Control {
        let subnet = self.network.subnet();
        Control::new(self.nodes.iter().map(|node| (*node, subnet.node(*node))).collect()).unwrap()
    }

    async fn leader(&self) -> NodeId {
        let control = self.control();
        eventually("a leader", async || self.target.leader(&control).await).await
    }

    /// The locks as a process sees them whose home is this node.
    fn locks(&self, home: NodeId, process: u32) -> Arc<dyn Locks> {
        let address = self.network.subnet().link(Source::Clients(home), home);
        let route = Route { node: home, address, network: self.network.clone() };
        let access = Access {
            process: Process(process),
            route,
            attempt_timeout: Duration::from_millis(300),
            events: Events::new(RunClock::start(), Vec::new()),
            log: self.directory.path().join(format!("{home}.log")),
        };
        let serve = self.target.abilities(&Variants::default()).locks.expect("the system offers locks");
        serve(&access).unwrap()
    }

    fn isolate(&self, node: NodeId) -> RuleId {
        let others = self.nodes.iter().filter(|other| **other != node);
        let rules: Vec<_> = others.flat_map(|other| LinkRule::both_ways(node, *other, Effect::Blackhole)).collect();
        self.network.install(&rules)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

async fn hold(locks: &dyn Locks, lock: u32, owner: &str) -> HoldId {
    let lease = locks.start_lease(TTL, soon()).await.unwrap();
    HoldId { lock, lease: lease.unwrap_or_else(|| LeaseId(owner.to_owned())), ttl: TTL }
}

async fn serves_locks(name: &str) {
    let system = System::start(name, 3).await;
    let promises = system.target.promises(&Variants::default());
    let leader = system.leader().await;
    let follower = system.nodes[(leader.position() + 1) % 3];
    let (mine, rivals) = (system.locks(leader, 1), system.locks(follower, 2));
    // A second connection of the same process, as renewals use one: its keys must not meet those of the first.
    let renewals = system.locks(leader, 1);

    let first = hold(&*mine, 1, "first").await;
    let second = hold(&*rivals, 1, "second").await;
    let granted = mine.try_acquire(&first, soon()).await.unwrap();
    let Attempt::Granted { token: first_token } = granted else { panic!("{granted:?}") };
    assert_eq!(first_token.is_some(), promises.fencing_tokens);
    assert_eq!(rivals.try_acquire(&second, soon()).await, Ok(Attempt::Held));
    assert_eq!(renewals.renew(&first, soon()).await, Ok(Presence::Held));
    assert_eq!(renewals.renew(&first, soon()).await, Ok(Presence::Held));
    assert_eq!(mine.release(&first, soon()).await, Ok(Presence::Held));
    assert_eq!(renewals.renew(&first, soon()).await, Ok(Presence::Gone));

    let granted = rivals.try_acquire(&second, soon()).await.unwrap();
    let Attempt::Granted { token: second_token } = granted else { panic!("{granted:?}") };
    assert!(!promises.fencing_tokens || second_token > first_token);
    // A third is refused and gives its lease back: that must not touch the second's lock.
    let third = hold(&*mine, 1, "third").await;
    assert_eq!(mine.try_acquire(&third, soon()).await, Ok(Attempt::Held));
    if promises.fencing_tokens {
        assert_eq!(mine.give_up(&third, soon()).await, Ok(Presence::Held));
    }
    assert_eq!(rivals.renew(&second, soon()).await, Ok(Presence::Held));
}

async fn partition() {
    let system = System::start("raft", 5).await;
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
    let past = system.control().get_json(leader, 7101, "/lock/holder?lock=2").await;
    assert_eq!(past, None, "a leader of the past answers a read");
    let unanswered = cut_off.renew(&mine, Instant::now() + Duration::from_secs(1)).await;
    assert!(unanswered.is_err(), "a minority renewed a lease: {unanswered:?}");

    let healed = std::time::Instant::now();
    system.network.remove(rule);
    assert_eq!(cut_off.renew(&mine, soon()).await, Ok(Presence::Held));
    assert!(healed.elapsed() < Duration::from_secs(5), "{:?} until the healed link was of use", healed.elapsed());
    assert_eq!(others.release(&theirs, soon()).await, Ok(Presence::Held));
}

async fn give_up() {
    let system = System::start("ttl-lock", 2).await;
    let (server, gateway) = (system.nodes[0], system.nodes[1]);
    let (behind, beside) = (system.locks(gateway, 1), system.locks(server, 2));
    let mine = hold(&*behind, 1, "mine").await;
    let rivals = hold(&*beside, 1, "rivals").await;
    assert!(matches!(beside.try_acquire(&rivals, soon()).await, Ok(Attempt::Granted { .. })));

    let rule = system.isolate(gateway);
    let attempt = behind.try_acquire(&mine, Instant::now() + Duration::from_millis(500)).await;
    assert!(matches!(attempt, Err(CallError::Indefinite(_))), "{attempt:?}");
    system.network.remove(rule);
    // Nobody knows whether the key was set; so it is deleted, whoever has set it.
    assert_eq!(behind.give_up(&mine, soon()).await, Ok(Presence::Held));
    assert_eq!(beside.renew(&rivals, soon()).await, Ok(Presence::Gone));
}
