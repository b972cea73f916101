//! Three real members of etcd, in a cluster as runs use it: every ability, and what becomes of a member that is cut off.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::api::{Abilities, Access, Attempt, CallError, Counter, HoldId, Locks, Presence, Registers, Views};
use dsjepsen_engine::network::{Effect, LinkRule, RuleId, Source};
use dsjepsen_engine::target::{Target, Variants, runs_here};
use dsjepsen_engine::{Cluster, ClusterPlan, Events, RunClock};
use dsjepsen_history::{NodeId, Plan, Process, RunDirectory};
use tokio::time::{Instant, sleep};

use crate::nodes::{TrialFn, eventually};

pub(crate) const TRIALS: &[(&str, TrialFn)] = &[
    ("etcd::a_lock_waits_for_its_turn_and_its_tokens_rise", |network| Box::pin(locks(network))),
    ("etcd::a_grant_under_a_lease_that_has_ended_is_seen_by_its_key", |network| Box::pin(late_grant(network))),
    ("etcd::additions_count_once_and_registers_compare", |network| Box::pin(values(network))),
    ("etcd::a_member_that_is_cut_off_names_no_leader_and_shows_the_past", |network| Box::pin(cut_off(network))),
    ("etcd::a_member_comes_back_once_it_is_let_in", |network| Box::pin(restart(network))),
];

fn target() -> &'static dyn Target {
    *dsjepsen_targets::targets().iter().find(|target| target.name() == "etcd").unwrap()
}

/// Whether etcd cannot be run here.
pub(crate) fn is_missing() -> bool {
    runs_here(target()).is_err()
}

/// Three members.
struct System {
    cluster: Cluster,
    _folder: tempfile::TempDir,
}

impl System {
    async fn start(network: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::of_nodes(format!("etcd-{network}-{}", std::process::id()), "etcd", 3);
        let clock = RunClock::start();
        let cluster = Cluster::start(ClusterPlan {
            run: plan.run.clone(),
            target: target(),
            variants: Variants::default(),
            nodes: (0..3).map(NodeId::at).collect(),
            directory: RunDirectory::create(folder.path(), &plan).unwrap(),
            executable: std::env::current_exe().unwrap(),
            own_clocks: false,
            ready_time: Duration::from_secs(30),
            clock,
            events: Events::new(clock, Vec::new()),
        });
        Self { cluster: cluster.await.unwrap(), _folder: folder }
    }

    async fn leader(&self) -> NodeId {
        eventually("a leader", async || self.cluster.leader().await).await
    }

    /// The access of a process of its own, at home on this node.
    fn access(&self, node: NodeId) -> Access {
        self.cluster.access(Process(1), node, node, Duration::from_secs(1))
    }

    fn locks(&self, node: usize, variant: &[&str]) -> Arc<dyn Locks> {
        abilities(variant).locks.unwrap()(&self.access(NodeId::at(node))).unwrap()
    }

    fn counter(&self, node: NodeId) -> Arc<dyn Counter> {
        abilities(&[]).counter.unwrap()(&self.access(node)).unwrap()
    }

    fn registers(&self, node: NodeId, variant: &[&str]) -> Arc<dyn Registers> {
        abilities(variant).registers.unwrap()(&self.access(node)).unwrap()
    }

    fn views(&self, node: NodeId) -> Arc<dyn Views> {
        abilities(&[]).views.unwrap()(&self.access(node)).unwrap()
    }

    fn isolate(&self, node: NodeId) -> RuleId {
        let others = self.cluster.nodes().into_iter().filter(|other| *other != node);
        let rules: Vec<_> = others.flat_map(|other| LinkRule::both_ways(node, other, Effect::Blackhole)).collect();
        self.cluster.network().install(&rules)
    }
}

fn abilities(variants: &[&str]) -> Abilities {
    target().abilities(&Variants(variants.iter().map(|&name| name.to_owned()).collect()))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn hold(locks: &dyn Locks, ttl: Duration) -> HoldId {
    let lease = locks.start_lease(ttl, soon()).await.unwrap().expect("etcd has leases");
    HoldId { lock: 1, lease, ttl }
}

fn token(attempt: Result<Attempt, CallError>) -> u64 {
    match attempt {
        Ok(Attempt::Granted { token: Some(token) }) => token,
        other => panic!("{other:?}"),
    }
}

const LONG: Duration = Duration::from_secs(60);

async fn locks(network: u8) {
    let system = System::start(network).await;
    let (mine, rivals, renewals) = (system.locks(0, &[]), system.locks(1, &[]), system.locks(0, &[]));
    assert!(mine.waits_for_the_lock());
    let (first, second, third) = (hold(&*mine, LONG).await, hold(&*rivals, LONG).await, hold(&*rivals, LONG).await);
    let first_token = token(mine.try_acquire(&first, soon()).await);
    assert_eq!(renewals.renew(&first, soon()).await, Ok(Presence::Held));

    // What has waited in vain may be granted later; with its lease gone it is not.
    let in_vain = rivals.try_acquire(&third, Instant::now() + Duration::from_millis(400)).await;
    assert!(matches!(in_vain, Err(CallError::Indefinite(_))), "{in_vain:?}");
    assert_eq!(rivals.give_up(&third, soon()).await, Ok(Presence::Held));
    assert_eq!(rivals.give_up(&third, soon()).await, Ok(Presence::Gone));
    assert_eq!(rivals.try_acquire(&third, soon()).await, Ok(Attempt::LeaseGone));

    let released = async {
        sleep(Duration::from_millis(300)).await;
        let asked = Instant::now();
        assert_eq!(mine.release(&first, soon()).await, Ok(Presence::Held));
        asked
    };
    let (granted, released) =
        tokio::join!(async { (rivals.try_acquire(&second, soon()).await, Instant::now()) }, released);
    assert!(granted.1 > released, "granted before the release was asked for");
    assert!(token(granted.0) > first_token);
    assert_eq!(renewals.renew(&first, soon()).await, Ok(Presence::Gone));
    assert_eq!(mine.release(&first, soon()).await, Ok(Presence::Gone));

    // Without renewals a lease ends, and the lock with it.
    let short = HoldId { lock: 2, ..hold(&*mine, Duration::from_secs(3)).await };
    token(mine.try_acquire(&short, soon()).await);
    sleep(Duration::from_secs(3)).await;
    eventually("the lease ends", async || {
        let next = HoldId { lock: 2, ..hold(&*rivals, LONG).await };
        rivals.try_acquire(&next, soon()).await.ok()
    })
    .await;
    assert_eq!(mine.renew(&short, soon()).await, Ok(Presence::Gone));
    assert_eq!(mine.release(&short, soon()).await, Ok(Presence::Gone));
}

/// While a client waits, its lease is revoked; then the lock becomes free. etcd 3.4 grants it to that client, whose key is
/// gone, and to the next one, too; later versions refuse.
async fn late_grant(network: u8) {
    let system = System::start(network).await;
    let is_3_4 = target().available().unwrap().starts_with("etcd 3.4.");
    for (lock, variant) in [(1, &[][..]), (2, &["unchecked"][..])] {
        let (holder, waiter, beside) = (system.locks(0, &[]), system.locks(1, variant), system.locks(1, &[]));
        let first = HoldId { lock, ..hold(&*holder, LONG).await };
        let second = HoldId { lock, ..hold(&*waiter, LONG).await };
        token(holder.try_acquire(&first, soon()).await);
        let revoked = async {
            // Until it waits: nobody can be asked whether it does.
            sleep(Duration::from_secs(1)).await;
            assert_eq!(beside.give_up(&second, soon()).await, Ok(Presence::Held));
            assert_eq!(holder.release(&first, soon()).await, Ok(Presence::Held));
        };
        let (attempt, ()) = tokio::join!(waiter.try_acquire(&second, soon()), revoked);
        match variant {
            _ if !is_3_4 => assert!(attempt.is_err(), "{attempt:?}"),
            [] => assert_eq!(attempt, Ok(Attempt::LeaseGone)),
            _ => assert_eq!(attempt, Ok(Attempt::Granted { token: None })),
        }
        assert_eq!(waiter.renew(&second, soon()).await, Ok(Presence::Gone));
    }
}

async fn values(network: u8) {
    let system = System::start(network).await;
    let nodes = system.cluster.nodes();
    let counters: Vec<_> = nodes.iter().map(|node| system.counter(*node)).collect();
    assert_eq!(counters[0].read(soon()).await, Ok(0));
    assert_eq!(counters[0].add("a", 5, soon()).await, Ok(Some(5)));
    assert_eq!(counters[1].add("b", -2, soon()).await, Ok(Some(3)));
    assert_eq!(counters[2].add("a", 5, soon()).await, Ok(Some(5)), "a repeated addition is answered as the first time");
    assert_eq!(counters[2].read(soon()).await, Ok(3));
    let each = counters.iter().enumerate().map(|(process, counter)| async move {
        let mut values = Vec::new();
        for round in 0..20 {
            values.push(counter.add(&format!("p{process}-{round}"), 1, soon()).await.unwrap().unwrap());
        }
        values
    });
    let values: Vec<i64> = futures_util::future::join_all(each).await.concat();
    let distinct: BTreeSet<i64> = values.iter().copied().collect();
    assert_eq!(distinct, (4..=63).collect(), "every addition saw a value of its own");
    assert_eq!(counters[1].read(soon()).await, Ok(63));

    let (one, other) = (system.registers(nodes[0], &[]), system.registers(nodes[2], &[]));
    assert_eq!(one.read(7, soon()).await, Ok(None));
    assert_eq!(other.compare_and_set(7, 0, 1, soon()).await, Ok(false), "nothing was written");
    assert_eq!(one.write(7, 4, soon()).await, Ok(()));
    assert_eq!(other.read(7, soon()).await, Ok(Some(4)));
    assert_eq!(other.compare_and_set(7, 3, 5, soon()).await, Ok(false));
    assert_eq!(other.compare_and_set(7, 4, 5, soon()).await, Ok(true));
    assert_eq!(one.read(7, soon()).await, Ok(Some(5)));
    assert_eq!(one.read(8, soon()).await, Ok(None));
}

async fn cut_off(network: u8) {
    let system = System::start(network).await;
    let leader = system.leader().await;
    let other = system.cluster.nodes()[(leader.position() + 1) % 3];
    let (views, past, counter) =
        (system.views(leader), system.registers(leader, &["serializable"]), system.counter(leader));
    let first = views.view(soon()).await.unwrap();
    assert!(first.leader == Some(leader) && first.believes_leader && first.term.is_none(), "{first:?}");
    assert!(!first.claims.is_empty(), "a leader has claimed its term");
    assert!(views.view(soon()).await.unwrap().claims.is_empty(), "a claim is told once");
    assert!(!system.views(other).view(soon()).await.unwrap().believes_leader);
    assert_eq!(system.registers(other, &[]).write(1, 1, soon()).await, Ok(()));
    assert_eq!(system.registers(leader, &[]).read(1, soon()).await, Ok(Some(1)));
    for traffic in system.cluster.network().traffic() {
        let between_nodes = matches!(traffic.link.from, Source::Node(_));
        assert!(!between_nodes || traffic.bytes_back > 0, "{} is not used: the members go past it", traffic.link);
    }

    let rule = system.isolate(leader);
    let in_doubt = counter.add("in-doubt", 1, Instant::now() + Duration::from_secs(1)).await;
    assert!(matches!(in_doubt, Err(CallError::Indefinite(_))), "{in_doubt:?}");
    eventually("the member that is cut off notices", async || {
        let view = views.view(soon()).await.ok()?;
        (view.leader.is_none() && !view.believes_leader).then_some(())
    })
    .await;
    let (new, claims) = eventually("another leads", async || {
        let view = system.views(other).view(soon()).await.ok()?;
        let new = view.leader.filter(|new| *new != leader)?;
        Some((new, system.views(new).view(soon()).await.ok()?.claims))
    })
    .await;
    assert!(claims.iter().max() > first.claims.iter().max(), "{claims:?} of {new} after {:?}", first.claims);
    let here = system.registers(other, &[]);
    eventually("a write of the others", async || here.write(1, 2, soon()).await.ok()).await;
    assert_eq!(past.read(1, soon()).await, Ok(Some(1)), "the member itself knows no better");
    let sound = system.registers(leader, &[]).read(1, Instant::now() + Duration::from_secs(1)).await;
    assert!(matches!(sound, Err(CallError::Definite(_))), "a read of a minority: {sound:?}");

    assert!(system.cluster.network().remove(rule).met_traffic());
    let settled = eventually("the addition", async || counter.add("in-doubt", 1, soon()).await.ok()).await;
    assert_eq!(settled, Some(1));
    assert_eq!(counter.read(soon()).await, Ok(1), "however often it was sent");
}

async fn restart(network: u8) {
    let system = System::start(network).await;
    let leader = system.leader().await;
    let (member, counter) = (system.cluster.nodes()[(leader.position() + 1) % 3], system.counter(leader));
    system.cluster.kill(member).await.unwrap();
    assert_eq!(counter.add("a", 1, soon()).await, Ok(Some(1)));
    let rule = system.isolate(member);
    // Nobody answers it, so it does not serve; the program runs all the same.
    let healed = async {
        sleep(Duration::from_secs(2)).await;
        assert!(system.cluster.is_running(member));
        system.cluster.network().remove(rule);
    };
    let (restarted, ()) = tokio::join!(system.cluster.restart(member), healed);
    assert!(restarted.unwrap() >= Duration::from_secs(2), "it served while it was cut off");
    assert_eq!(system.counter(member).read(soon()).await, Ok(1));
}
