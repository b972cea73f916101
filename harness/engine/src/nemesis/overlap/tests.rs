//! Random schedules against a model of the world: after every deed the world is what the faults in force ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dsjepsen_history::PlannedFault;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{BootDraw, Changed, Deed, deeds, parse_nemesis, plan_faults, started_anew};
use super::*;
use crate::clocks::Skew;
use crate::cluster::{Limit, Resource};

type Link = (NodeId, NodeId);

const WORKERS: usize = 4;
const LIMIT_MS: u64 = 20_000;
const INTERVAL_MS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Stopped,
    Down,
}

/// Nodes, links and gates, as deeds leave them.
struct World {
    nodes: BTreeMap<NodeId, State>,
    /// How many rules cut a link.
    cut: BTreeMap<Link, u32>,
    closed: [bool; WORKERS],
    /// How many skews a node's clock has.
    skewed: BTreeMap<NodeId, u32>,
    /// How many forms of its own a node was given.
    formed: BTreeMap<NodeId, u32>,
    /// How many limits a node has.
    limited: BTreeMap<NodeId, u32>,
}

impl World {
    fn whole(count: usize) -> Self {
        let nodes = (0..count).map(|at| (NodeId::at(at), State::Running)).collect();
        let none = BTreeMap::new;
        Self { nodes, cut: BTreeMap::new(), closed: [false; WORKERS], skewed: none(), formed: none(), limited: none() }
    }

    fn is_down(&self, node: NodeId) -> bool {
        self.nodes[&node] == State::Down
    }

    fn set(&mut self, node: NodeId, from: State, to: State) {
        let state = self.nodes.get_mut(&node).unwrap();
        if *state == from {
            *state = to;
        }
    }

    /// What a fault does that is undone so.
    fn inflict(&mut self, undo: &Undo) {
        match undo {
            Undo::Reconnect { cut, .. } => cut.iter().for_each(|link| *self.cut.entry(*link).or_default() += 1),
            Undo::Resume { node } => self.set(*node, State::Running, State::Stopped),
            Undo::Restart { node } | Undo::Boot { node, .. } => *self.nodes.get_mut(node).unwrap() = State::Down,
            Undo::Restore { node, .. } => {
                assert!(!self.is_down(*node), "a node that is down is passed over");
                self.nodes.insert(*node, State::Running);
                *self.formed.entry(*node).or_default() += 1;
            }
            Undo::Lift { node, .. } => *self.limited.entry(*node).or_default() += 1,
            Undo::OpenGate { worker } => self.closed[*worker] = true,
            Undo::Unskew { node, .. } => *self.skewed.entry(*node).or_default() += 1,
            // Nothing that others could hold.
            Undo::Clear { .. } | Undo::Unthrottle { .. } => {}
        }
    }

    fn undo(&mut self, undo: &Undo) {
        match undo {
            Undo::Reconnect { cut, .. } => {
                cut.iter().for_each(|link| take_one(&mut self.cut, *link));
            }
            Undo::Resume { node } => self.set(*node, State::Stopped, State::Running),
            Undo::Restart { node } | Undo::Boot { node, .. } => self.set(*node, State::Down, State::Running),
            Undo::Restore { node, stays_down, .. } => {
                take_one(&mut self.formed, *node);
                if !stays_down {
                    self.nodes.insert(*node, State::Running);
                }
            }
            Undo::Lift { node, .. } => take_one(&mut self.limited, *node),
            Undo::OpenGate { worker } => self.closed[*worker] = false,
            Undo::Unskew { node, .. } => take_one(&mut self.skewed, *node),
            Undo::Clear { .. } | Undo::Unthrottle { .. } => {}
        }
    }
}

fn count_each<T: Ord>(all: impl Iterator<Item = T>) -> BTreeMap<T, u32> {
    let mut counts = BTreeMap::new();
    all.for_each(|one| *counts.entry(one).or_default() += 1);
    counts
}

fn take_one<T: Ord>(counts: &mut BTreeMap<T, u32>, one: T) {
    let count = counts.get_mut(&one).expect("nothing is undone twice");
    *count -= 1;
    if *count == 0 {
        counts.remove(&one);
    }
}

/// What a fault in force asks for, told from its plan alone.
#[derive(Debug, Clone, Default)]
struct Asks {
    stopped: BTreeSet<NodeId>,
    down: BTreeSet<NodeId>,
    cut: BTreeSet<Link>,
    closed: BTreeSet<usize>,
    skewed: BTreeSet<NodeId>,
    formed: BTreeSet<NodeId>,
    limited: BTreeSet<NodeId>,
    /// Whether what is down is started and killed again.
    boots: bool,
}

/// What is decided only when a fault starts.
#[derive(Clone, Copy)]
struct Now {
    leader: NodeId,
    /// Worker w holds something iff bit w is set.
    holders: u8,
}

fn chosen(choice: &Value, now: Now) -> BTreeSet<NodeId> {
    if *choice == "leader" {
        return BTreeSet::from([now.leader]);
    }
    serde_json::from_value(choice["nodes"].clone()).unwrap()
}

impl Asks {
    fn of(planned: &PlannedFault, nodes: &[NodeId], now: Now) -> Self {
        let mut asks = Self::default();
        let leader = planned.params == "leader";
        match planned.fault.as_str() {
            "partition" if leader => {
                let others = nodes.iter().filter(|node| **node != now.leader);
                asks.cut = others.flat_map(|other| [(*other, now.leader), (now.leader, *other)]).collect();
            }
            "partition" => asks.cut = serde_json::from_value(planned.params["pairs"].clone()).unwrap(),
            "pause" if planned.params == "clients" => asks.closed = (0..WORKERS).collect(),
            "pause" if planned.params == "holder" => {
                asks.closed = (0..WORKERS).filter(|worker| now.holders >> worker & 1 == 1).collect();
            }
            "pause" => asks.stopped = chosen(&planned.params, now),
            "kill" if planned.params.get("boot").is_some() => {
                asks.down = chosen(&planned.params["whose"], now);
                asks.boots = true;
            }
            "kill" => asks.down = chosen(&planned.params, now),
            "restart" => asks.formed = chosen(&planned.params["whose"], now),
            "limit" => asks.limited = chosen(&planned.params["whose"], now),
            "clock" => asks.skewed = chosen(&planned.params["whose"], now),
            other => panic!("{other}"),
        }
        asks
    }

    fn aim(&self) -> Vec<Undo> {
        let mut undo: Vec<Undo> = self.stopped.iter().map(|node| Undo::Resume { node: *node }).collect();
        undo.extend(self.down.iter().map(|node| match self.boots {
            true => Undo::Boot { node: *node, draw: BootDraw::default() },
            false => Undo::Restart { node: *node },
        }));
        let restore = |node: &NodeId| Undo::Restore { node: *node, form: Changed::default(), stays_down: false };
        undo.extend(self.formed.iter().map(restore));
        let limit = Limit { resource: Resource::Files, most: 9, above_use: false };
        undo.extend(self.limited.iter().map(|node| Undo::Lift { node: *node, limit, id: None }));
        let skew: Skew = "+60s".parse().unwrap();
        undo.extend(self.skewed.iter().map(|node| Undo::Unskew { node: *node, skew, id: None, unreached: Vec::new() }));
        undo.extend(self.closed.iter().map(|worker| Undo::OpenGate { worker: *worker }));
        if !self.cut.is_empty() {
            undo.push(Undo::Reconnect { cut: self.cut.iter().copied().collect(), rule: None, probed: false });
        }
        undo
    }
}

/// What all faults in force ask for together, by the rules as a reader would say them.
#[derive(Default)]
struct Oracle {
    live: BTreeMap<u32, Asks>,
    /// Nodes that ended by themselves.
    crashed: BTreeSet<NodeId>,
}

impl Oracle {
    fn any(&self, asks: impl Fn(&Asks) -> bool) -> bool {
        self.live.values().any(asks)
    }

    fn state(&self, node: NodeId) -> State {
        if self.crashed.contains(&node) || self.any(|asks| asks.down.contains(&node)) {
            State::Down
        } else if self.any(|asks| asks.stopped.contains(&node)) {
            State::Stopped
        } else {
            State::Running
        }
    }

    fn start(&mut self, id: u32, mut asks: Asks) {
        asks.stopped.retain(|node| self.state(*node) != State::Down);
        asks.down.retain(|node| self.state(*node) != State::Down);
        asks.formed.retain(|node| self.state(*node) != State::Down);
        self.end_pauses(asks.down.union(&asks.formed).copied().collect());
        let nodes = [&asks.stopped, &asks.down, &asks.skewed, &asks.formed, &asks.limited];
        if nodes.iter().any(|nodes| !nodes.is_empty()) || asks.cut.len() + asks.closed.len() > 0 {
            self.live.insert(id, asks);
        }
    }

    /// Processes that are ended are stopped no more.
    fn end_pauses(&mut self, nodes: BTreeSet<NodeId>) {
        for asks in self.live.values_mut() {
            asks.stopped.retain(|node| !nodes.contains(node));
        }
    }

    /// A fault ends; what it had started anew is started as it was, unless another holds it down.
    fn heal(&mut self, id: u32) {
        let Some(asks) = self.live.remove(&id) else { return };
        let held = |node: &NodeId| self.live.values().any(|other| other.down.contains(node));
        let anew: BTreeSet<NodeId> = asks.formed.into_iter().filter(|node| !held(node)).collect();
        self.crashed.retain(|node| !anew.contains(node));
        self.end_pauses(anew);
    }

    fn agrees(&self, world: &World) -> Result<(), TestCaseError> {
        for (node, state) in &world.nodes {
            prop_assert_eq!(*state, self.state(*node), "{}", node);
        }
        prop_assert_eq!(&world.cut, &count_each(self.live.values().flat_map(|asks| asks.cut.iter().copied())));
        prop_assert_eq!(&world.skewed, &count_each(self.live.values().flat_map(|asks| asks.skewed.iter().copied())));
        prop_assert_eq!(&world.formed, &count_each(self.live.values().flat_map(|asks| asks.formed.iter().copied())));
        prop_assert_eq!(&world.limited, &count_each(self.live.values().flat_map(|asks| asks.limited.iter().copied())));
        for worker in 0..WORKERS {
            prop_assert_eq!(world.closed[worker], self.any(|asks| asks.closed.contains(&worker)), "worker {}", worker);
        }
        Ok(())
    }
}

/// The world, with the decisions under test, and the oracle beside it.
struct Trial {
    world: World,
    in_force: InForce,
    oracle: Oracle,
}

impl Trial {
    fn start(&mut self, planned: &PlannedFault, asks: Asks) -> Result<(), TestCaseError> {
        let (aimed, passed_over) = without_down(asks.aim(), |node| self.world.is_down(node));
        prop_assert!(passed_over.iter().all(|node| self.oracle.state(*node) == State::Down));
        self.oracle.start(planned.id, asks);
        prop_assert_eq!(self.oracle.live.contains_key(&planned.id), !aimed.is_empty());
        if !aimed.is_empty() {
            let live = LiveFault::new(planned.id, planned.fault.clone(), planned.target.clone(), aimed);
            let aimed = self.in_force.begin(live);
            aimed.iter().for_each(|undo| self.world.inflict(undo));
            self.in_force.acted(planned.id, |node| self.world.is_down(node));
        }
        Ok(())
    }

    fn heal(&mut self, id: u32) {
        if let Some((_, release)) = self.in_force.release(id) {
            release.now.iter().for_each(|undo| self.world.undo(undo));
            let anew = started_anew(&release.now);
            self.in_force.end(id, &anew);
        }
        self.oracle.heal(id);
    }

    fn crash(&mut self, node: NodeId) {
        if !self.world.is_down(node) {
            self.world.nodes.insert(node, State::Down);
            self.oracle.crashed.insert(node);
        }
    }

    /// Everything is whole, but for what ended by itself and is started again only now.
    fn heal_all(mut self) -> Result<(), TestCaseError> {
        for id in self.in_force.healing_order(self.in_force.all()) {
            self.heal(id);
            self.oracle.agrees(&self.world)?;
        }
        prop_assert!(self.oracle.live.is_empty());
        for node in std::mem::take(&mut self.oracle.crashed) {
            self.world.set(node, State::Down, State::Running);
        }
        self.oracle.agrees(&self.world)?;
        prop_assert!(self.world.nodes.values().all(|state| *state == State::Running));
        prop_assert!(self.world.formed.is_empty() && self.world.limited.is_empty());
        prop_assert!(
            self.world.cut.is_empty() && self.world.skewed.is_empty() && self.world.closed == [false; WORKERS]
        );
        Ok(())
    }
}

fn fault() -> impl Strategy<Value = &'static str> {
    let partitions = prop::sample::select(vec![
        "partition",
        "partition(one)",
        "partition(halves)",
        "partition(bridge)",
        "partition(one-way)",
        "partition(leader)",
    ]);
    let pauses = prop::sample::select(vec![
        "pause",
        "pause(one)",
        "pause(majority)",
        "pause(all)",
        "pause(leader)",
        "pause(n1 n2)",
        "pause(holder)",
        "pause(clients)",
    ]);
    let kills =
        prop::sample::select(vec!["kill", "kill(one)", "kill(majority)", "kill(all)", "kill(leader)", "kill(n2, n3)"]);
    let boots = prop::sample::select(vec!["kill(boot)", "kill(all, boot)", "kill(n1 n2, boot)", "kill(leader, boot)"]);
    let restarts = prop::sample::select(vec![
        "restart",
        "restart(all)",
        "restart(n1 n2, elsewhere)",
        "restart(one, elsewhere)",
        "restart(leader, with slow)",
    ]);
    let limits = prop::sample::select(vec!["limit(files 64)", "limit(all, memory +16MiB)", "limit(leader, files 9)"]);
    let clocks = prop::sample::select(vec!["clock", "clock(one, +60s)", "clock(all, drift +10%)", "clock(leader)"]);
    prop_oneof![partitions, pauses, kills, boots, restarts, limits, clocks]
}

/// A clause with times that fit.
fn clause() -> impl Strategy<Value = String> {
    let at = prop_oneof![Just(0), Just(5000), 0..LIMIT_MS];
    let lasts = prop::option::of(1..LIMIT_MS);
    prop_oneof![
        (fault(), prop::option::of(1..=INTERVAL_MS)).prop_map(|(fault, lasts)| match lasts {
            Some(lasts) => format!("{fault} for {lasts}ms"),
            None => fault.to_owned(),
        }),
        (fault(), at.clone(), lasts.clone()).prop_map(|(fault, at, lasts)| match lasts {
            Some(lasts) => format!("{fault} at {at}ms for {lasts}ms"),
            None => format!("{fault} at {at}ms"),
        }),
        (fault(), 1000..15_000_u64, prop::option::of(at), lasts).prop_map(|(fault, every, at, lasts)| {
            let at = at.map(|at| format!(" at {at}ms")).unwrap_or_default();
            let lasts = lasts.map(|lasts| format!(" for {}ms", 1 + lasts % (every - 1))).unwrap_or_default();
            format!("{fault}{at} every {every}ms{lasts}")
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_world_is_what_the_faults_in_force_ask_for(
        clauses in prop::collection::vec(clause(), 1..6),
        count in 3..=5_usize,
        seed: u64,
        chances in prop::collection::vec(any::<(u8, u8, u8)>(), 64),
        broken_off in prop::option::weighted(0.3, 0..60_usize),
    ) {
        let schedule = parse_nemesis(&clauses.join("; ")).unwrap();
        let nodes: Vec<NodeId> = (0..count).map(NodeId::at).collect();
        let (limit, interval) = (Duration::from_millis(LIMIT_MS), Duration::from_millis(INTERVAL_MS));
        let planned = plan_faults(&schedule, &nodes, seed, limit, interval).unwrap();
        let mut trial = Trial { world: World::whole(count), in_force: InForce::default(), oracle: Oracle::default() };
        for (number, (time, deed)) in deeds(&planned).into_iter().enumerate() {
            if broken_off == Some(number) {
                break;
            }
            prop_assert!(time <= LIMIT_MS * 1_000_000);
            let (leader, holders, crash) = chances[number % chances.len()];
            if crash < 4 {
                trial.crash(nodes[usize::from(crash) % count]);
            }
            match deed {
                Deed::Start(planned) | Deed::LookAgain(planned) => {
                    let now = Now { leader: nodes[usize::from(leader) % count], holders };
                    let asks = Asks::of(planned, &nodes, now);
                    trial.start(planned, asks)?;
                }
                Deed::Heal(ids) => {
                    for id in trial.in_force.healing_order(ids) {
                        trial.heal(id);
                        trial.oracle.agrees(&trial.world)?;
                    }
                }
            }
            trial.oracle.agrees(&trial.world)?;
        }
        if broken_off.is_none() {
            prop_assert!(trial.in_force.all().is_empty(), "every fault was healed by its own deed");
        }
        trial.heal_all()?;
    }
}

#[test]
fn who_ended_or_holds_a_part_is_told() {
    let node = NodeId::at(0);
    let mut in_force = InForce::default();
    for (id, undo) in [(1, Undo::Resume { node }), (2, Undo::Resume { node })] {
        in_force.begin(LiveFault::new(id, "pause".to_owned(), "n1".to_owned(), vec![undo]));
        in_force.acted(id, |_| false);
    }
    let left = |in_force: &InForce, id| in_force.release(id).unwrap().1.left.first().map(|(_, why)| *why);
    assert_eq!(left(&in_force, 1), Some(Left::HeldBy(2)));
    let kill = LiveFault::new(3, "kill".to_owned(), "n1".to_owned(), vec![Undo::Restart { node }]);
    in_force.begin(kill);
    // The kill did not come through: the node is stopped still.
    in_force.acted(3, |_| false);
    assert_eq!(left(&in_force, 1), Some(Left::HeldBy(2)));
    in_force.acted(3, |_| true);
    assert_eq!((left(&in_force, 1), left(&in_force, 2)), (Some(Left::EndedBy(3)), Some(Left::EndedBy(3))));
    assert_eq!(in_force.release(3).unwrap().1.now, [Undo::Restart { node }]);
}

#[test]
fn at_one_time_heals_come_before_starts() {
    let planned = |id, start_ns, heal_ns| PlannedFault {
        id,
        fault: "kill".to_owned(),
        start_ns,
        heal_ns,
        target: String::new(),
        params: Value::Null,
    };
    let schedule = [planned(1, 5, 9), planned(2, 1, 5), planned(3, 5, 7), planned(4, 2, 5)];
    let order: Vec<_> = deeds(&schedule)
        .into_iter()
        .map(|(time, deed)| match deed {
            Deed::Start(planned) | Deed::LookAgain(planned) => (time, "start", vec![planned.id]),
            Deed::Heal(ids) => (time, "heal", ids),
        })
        .collect();
    let expected = [
        (1, "start", vec![2]),
        (2, "start", vec![4]),
        (5, "heal", vec![2, 4]),
        (5, "start", vec![1]),
        (5, "start", vec![3]),
        (7, "heal", vec![3]),
        (9, "heal", vec![1]),
    ];
    assert_eq!(order, expected);
}

#[test]
fn nodes_are_started_again_when_everything_else_is_healed() {
    let node = NodeId::at(0);
    let mut in_force = InForce::default();
    let cut = Undo::Reconnect { cut: Vec::new(), rule: None, probed: false };
    let kill = || Undo::Restart { node };
    for (id, undo) in [(1, kill()), (2, cut), (3, kill()), (4, Undo::Resume { node })] {
        in_force.begin(LiveFault::new(id, String::new(), String::new(), vec![undo]));
    }
    assert_eq!(in_force.healing_order(vec![1, 2, 3, 4]), [2, 4, 1, 3]);
    assert_eq!(in_force.healing_order(in_force.all()), [4, 2, 3, 1]);
}

#[test]
fn a_restart_that_ends_leaves_a_node_down_that_another_fault_has_killed() {
    let node = NodeId::at(0);
    let restore = |stays_down| Undo::Restore { node, form: Changed::default(), stays_down };
    let mut in_force = InForce::default();
    in_force.begin(LiveFault::new(1, "restart".to_owned(), "n1".to_owned(), vec![restore(false)]));
    assert_eq!(in_force.release(1).unwrap().1.now, [restore(false)]);
    for undo in [Undo::Restart { node }, Undo::Boot { node, draw: BootDraw::default() }] {
        in_force.begin(LiveFault::new(2, "kill".to_owned(), "n1".to_owned(), vec![undo]));
        assert_eq!(in_force.release(1).unwrap().1.now, [restore(true)]);
        in_force.end(2, &[]);
    }
    // A pause that began meanwhile does not outlast the process that it stopped.
    in_force.begin(LiveFault::new(3, "pause".to_owned(), "n1".to_owned(), vec![Undo::Resume { node }]));
    in_force.end(1, &[node]);
    assert_eq!(in_force.release(3).unwrap().1.left, [(Undo::Resume { node }, Left::EndedBy(1))]);
}
