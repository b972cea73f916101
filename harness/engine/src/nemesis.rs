//! The nemesis: breaks things by a schedule that was resolved before the run, and heals them again.
//!
//! A fault is one file with one [`Fault`]; it says whom it hits and how it is put in force. Its cure is data ([`Undo`]),
//! journaled before anything acts, so that healing needs no knowledge of the fault, and can be repeated without harm.

mod clock;
mod delay;
mod drop;
mod flap;
mod half_close;
mod journal;
mod kill;
mod limit;
mod links;
mod loss;
mod monotonic;
mod overlap;
mod partition;
mod pause;
mod rate;
mod reset;
mod restart;
mod schedule;
mod selector;
mod slice;
mod throttle;
mod undo;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_history::{
    Band, FaultAction, FaultDetail, FaultOutcome, FaultStage, Nanos, NodeId, PlannedFault, RunDirectory, RunEvent,
};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::clock::nanos;
use crate::cluster::Cluster;
use crate::events::Events;
use crate::gate::Gate;
use crate::random::Random;
use crate::recorder::FaultRecorder;
use crate::target::{Target, Unavailable};

use overlap::{InForce, LiveFault, Release, without_down};

pub use journal::{Journal, Journaled};
pub use kill::BootDraw;
pub use links::LinkRules;
pub use monotonic::{MONOTONIC_WARNING, monotonic_rate_error_ppm, skews_monotonic};
pub use restart::Changed;
pub use schedule::{Asked, Problem, Schedule, ScheduleError, minimum_time_limit, parse_nemesis, plan_faults};
pub use selector::Selector;
pub use throttle::Share;
pub use undo::Undo;
use undo::describe;

/// Every fault there is: a file each, and a word here.
macro_rules! faults {
    ($($fault:ident),* $(,)?) => {
        /// All faults, in the order in which they are listed.
        pub fn faults() -> &'static [&'static dyn Fault] {
            &[$(&$fault::FAULT),*]
        }
    };
}

faults![
    partition, pause, kill, restart, throttle, limit, clock, delay, drop, flap, half_close, loss, rate, reset, slice
];

/// Whether a fault of this plan needs nodes with clocks of their own.
pub fn needs_own_clocks(planned: &[PlannedFault]) -> bool {
    planned.iter().filter_map(|planned| find_fault(&planned.fault)).any(|fault| fault.needs_own_clocks())
}

/// The fault of this name.
pub fn find_fault(name: &str) -> Option<&'static dyn Fault> {
    faults().iter().copied().find(|fault| fault.name() == name)
}

/// What may be asked for in brackets behind a fault's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    /// On whom, in words.
    pub target: String,
    /// The fault's own parameters.
    pub params: Value,
}

/// A kind of fault.
#[async_trait]
pub trait Fault: Send + Sync {
    /// Its name, as on the command line.
    fn name(&self) -> &'static str;

    /// One line about it.
    fn about(&self) -> &'static str;

    /// What may stand in brackets behind the name, and what it means without.
    fn arguments(&self) -> Cow<'static, str>;

    /// How it is drawn.
    fn band(&self) -> Band;

    /// Whether it works on this machine.
    ///
    /// # Errors
    /// [`Unavailable`], with the reason.
    fn available(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    /// Whether the nodes must be started with clocks of their own for it.
    fn needs_own_clocks(&self) -> bool {
        false
    }

    /// Decides by the seed whom it hits; who leads or holds is left to [`Fault::aim`].
    ///
    /// # Errors
    /// A sentence where the argument means nothing for these nodes.
    fn resolve(&self, argument: Option<&str>, nodes: &[NodeId], random: &mut Random) -> Result<Aim, String>;

    /// Whether it can act on what a stored plan, perhaps edited, holds for it.
    ///
    /// # Errors
    /// A sentence where the parameters mean nothing for these nodes.
    fn check(&self, params: &Value, nodes: &[NodeId]) -> Result<(), String>;

    /// Whether it can act so on this target.
    ///
    /// # Errors
    /// A sentence where the parameters ask for what the target does not have.
    fn check_target(&self, _params: &Value, _target: &dyn Target) -> Result<(), String> {
        Ok(())
    }

    /// What is to be done now, and so what is to be undone. Nothing is done yet. `None` where there is nothing to act on.
    async fn aim(&self, scene: &Scene, planned: &PlannedFault) -> Option<Vec<Undo>>;

    /// Puts it in force, as aimed, and says what was observed.
    async fn inject(&self, scene: &Scene, aimed: &mut [Undo]) -> Observed;
}

/// What a fault acts on.
pub struct Scene {
    /// The nodes and their network.
    pub cluster: Cluster,
    /// The workers' gates.
    pub gates: Vec<Gate>,
}

impl Scene {
    /// Whether a node is down, or is not let come up.
    fn is_down(&self, node: NodeId) -> bool {
        !self.cluster.is_running(node) || self.cluster.is_killed_at_boot(node)
    }
}

/// What was seen of a fault's effect.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Whether the effect was seen on everything that was aimed at.
    pub confirmed: bool,
    /// What was seen, by node (or by `clients`, `links`).
    pub evidence: BTreeMap<String, String>,
}

/// What was seen, by node (or by `clients`, `links`).
type Evidence = BTreeMap<String, String>;

/// A fault that is ready to act: what it will do, and what is passed over.
type Prepared = (&'static dyn Fault, Vec<Undo>, Evidence);

/// Why a fault is not ready to act.
enum Unprepared {
    /// Whom it is to hit is not there now: nobody leads, or nobody holds.
    Nobody,
    /// Those whom it is to hit are down.
    AllDown(Evidence),
    Failed(String),
}

impl Unprepared {
    fn told(self, planned: &PlannedFault) -> (FaultOutcome, String, Evidence) {
        let nothing = "there was nothing to act on".to_owned();
        match self {
            Self::Nobody => {
                (FaultOutcome::Skipped, format!("{nothing}: `{}` was not found", planned.target), Evidence::new())
            }
            Self::AllDown(who) => (FaultOutcome::Skipped, nothing, who),
            Self::Failed(why) => (FaultOutcome::Failed, why, Evidence::new()),
        }
    }
}

/// The nodes whose processes are ended and started anew when this is undone.
fn started_anew(undone: &[Undo]) -> Vec<NodeId> {
    let anew = undone.iter().filter(|undo| matches!(undo, Undo::Restore { stays_down: false, .. }));
    anew.flat_map(Undo::nodes).collect()
}

/// How long a fault that found nobody waits until it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What is done at a time.
enum Deed<'a> {
    Start(&'a PlannedFault),
    /// One that found nobody before.
    LookAgain(&'a PlannedFault),
    /// All that end at this time.
    Heal(Vec<u32>),
}

/// Everything that a schedule asks for, in the order of time; at one time heals come first.
fn deeds(schedule: &[PlannedFault]) -> Vec<(Nanos, Deed<'_>)> {
    let mut heals: BTreeMap<Nanos, Vec<u32>> = BTreeMap::new();
    for planned in schedule {
        heals.entry(planned.heal_ns).or_default().push(planned.id);
    }
    let starts = schedule.iter().map(|planned| (planned.start_ns, Deed::Start(planned)));
    let mut deeds: Vec<_> = heals.into_iter().map(|(time, ids)| (time, Deed::Heal(ids))).chain(starts).collect();
    deeds.sort_by_key(|(time, _)| *time);
    deeds
}

/// Carries out the schedule.
pub struct Nemesis {
    scene: Scene,
    schedule: Vec<PlannedFault>,
    recorder: Arc<dyn FaultRecorder>,
    events: Events,
    journal: Journal,
    in_force: InForce,
}

impl Nemesis {
    /// A nemesis that has done nothing yet.
    ///
    /// # Errors
    /// Where the journal cannot be made.
    pub fn new(
        scene: Scene,
        schedule: Vec<PlannedFault>,
        recorder: Arc<dyn FaultRecorder>,
        events: Events,
        directory: &RunDirectory,
    ) -> std::io::Result<Self> {
        let journal = Journal::create(&directory.journal_file())?;
        Ok(Self { scene, schedule, recorder, events, journal, in_force: InForce::default() })
    }

    /// Injects and heals by the schedule; times count from now. One thing is done after the other: a node that takes long to
    /// come up delays what comes next. A fault that finds nobody (no leader, say) looks again, as long as it was to last.
    pub async fn follow_schedule(&mut self) {
        let began = Instant::now();
        let schedule = std::mem::take(&mut self.schedule);
        let mut deeds = VecDeque::from(deeds(&schedule));
        while let Some((time, deed)) = deeds.pop_front() {
            sleep_until(began + Duration::from_nanos(time)).await;
            match deed {
                Deed::Start(planned) | Deed::LookAgain(planned) => {
                    let waited = matches!(deed, Deed::LookAgain(_));
                    if !waited {
                        self.ask(planned);
                    }
                    let again = nanos(began.elapsed() + LOOK_AGAIN);
                    if !self.start(planned, waited, again < planned.heal_ns).await {
                        let place = deeds.partition_point(|(time, _)| *time <= again);
                        deeds.insert(place, (again, Deed::LookAgain(planned)));
                    }
                }
                Deed::Heal(ids) => {
                    for id in self.in_force.healing_order(ids) {
                        self.heal(id).await;
                    }
                }
            }
        }
    }

    /// Tells how the nodes are while nothing is broken.
    pub async fn tell_health(&self, after_faults: bool) {
        let cluster = &self.scene.cluster;
        let health = cluster.nodes().into_iter().map(async |node| (node, cluster.health(node).await));
        let nodes = futures_util::future::join_all(health).await.into_iter().collect();
        self.events.emit(RunEvent::Health { after_faults, nodes });
    }

    /// Heals every fault in force, and starts nodes again that have ended by themselves.
    pub async fn heal_all(&mut self) {
        for id in self.in_force.healing_order(self.in_force.all()) {
            self.heal(id).await;
        }
        for node in self.scene.cluster.nodes() {
            if !self.scene.cluster.is_running(node)
                && let Err(error) = self.scene.cluster.restart(node).await
            {
                self.events.warn(format!("{node} stays down: {error}"));
            }
        }
    }

    /// Records that a fault is asked for.
    fn ask(&self, planned: &PlannedFault) {
        let request = self.detail(planned.id, FaultAction::Inject, &planned.target);
        self.record(&planned.fault, FaultDetail { params: planned.params.clone(), ..request });
    }

    /// `false` where nobody was found; then the fault is still to be started, if that is possible later. One that has waited is asked
    /// for once more, for until now it had no effect.
    async fn start(&mut self, planned: &PlannedFault, waited: bool, may_be_later: bool) -> bool {
        let request = self.detail(planned.id, FaultAction::Inject, &planned.target);
        let (fault, aimed, passed_over) = match self.prepare(planned).await {
            Ok(prepared) => prepared,
            Err(Unprepared::Nobody) if may_be_later => return false,
            Err(unprepared) => {
                let (outcome, why, mut evidence) = unprepared.told(planned);
                evidence.insert("nemesis".to_owned(), why);
                self.record(&planned.fault, FaultDetail { outcome: Some(outcome), evidence, ..request });
                return true;
            }
        };
        if waited {
            self.ask(planned);
        }
        let mut nodes: Vec<NodeId> = aimed.iter().flat_map(Undo::nodes).collect();
        nodes.sort_unstable();
        nodes.dedup();
        // It counts as in force before it is: whoever is interrupted in between still heals it.
        let live = LiveFault::new(planned.id, planned.fault.clone(), planned.target.clone(), aimed);
        let aimed = self.in_force.begin(live);
        let Observed { confirmed, mut evidence } = fault.inject(&self.scene, aimed).await;
        self.in_force.acted(planned.id, |node| self.scene.is_down(node));
        evidence.extend(passed_over);
        let outcome = Some(FaultOutcome::Installed);
        self.record(&planned.fault, FaultDetail { outcome, confirmed, evidence, nodes, ..request });
        true
    }

    /// Aims and journals; nothing is done yet. Also says what is passed over.
    async fn prepare(&mut self, planned: &PlannedFault) -> Result<Prepared, Unprepared> {
        let fault =
            find_fault(&planned.fault).ok_or_else(|| Unprepared::Failed("no such fault in this version".to_owned()))?;
        let aimed = fault.aim(&self.scene, planned).await.ok_or(Unprepared::Nobody)?;
        let (aimed, down) = without_down(aimed, |node| self.scene.is_down(node));
        let passed_over: Evidence = down.iter().map(|node| (node.to_string(), "was down already".to_owned())).collect();
        if aimed.is_empty() {
            return Err(Unprepared::AllDown(passed_over));
        }
        self.journal
            .note(planned, &aimed)
            .map_err(|error| Unprepared::Failed(format!("the journal cannot be written: {error}")))?;
        Ok((fault, aimed, passed_over))
    }

    async fn heal(&mut self, id: u32) {
        let Some((live, Release { now, left })) = self.in_force.release(id) else {
            return;
        };
        let name = live.name.clone();
        let request = self.detail(id, FaultAction::Heal, &live.target);
        self.record(&name, request.clone());
        let seen = futures_util::future::join_all(now.iter().map(|undo| self.scene.undo(undo))).await;
        let left: Vec<Observed> = left.iter().map(|(undo, why)| self.scene.leave(undo, *why)).collect();
        let undone = seen.iter().all(|(_, undone)| *undone);
        let seen: Vec<Observed> = seen.into_iter().map(|(observed, _)| observed).chain(left).collect();
        let confirmed = seen.iter().any(|observed| observed.confirmed);
        let evidence = seen.into_iter().flat_map(|observed| observed.evidence).collect();
        let outcome = Some(if undone { FaultOutcome::Installed } else { FaultOutcome::Failed });
        self.record(&name, FaultDetail { outcome, confirmed, evidence, ..request });
        self.in_force.end(id, &started_anew(&now));
        if undone {
            self.journal.healed(id);
        }
    }

    fn detail(&self, id: u32, action: FaultAction, target: &str) -> FaultDetail {
        FaultDetail {
            id,
            action,
            target: target.to_owned(),
            nodes: Vec::new(),
            outcome: None,
            confirmed: false,
            evidence: BTreeMap::new(),
            params: Value::Null,
        }
    }

    fn record(&self, fault: &str, detail: FaultDetail) {
        let evidence: Vec<String> = detail.evidence.iter().map(|(whose, seen)| format!("{whose}: {seen}")).collect();
        self.events.emit(RunEvent::Fault {
            id: detail.id,
            fault: fault.to_owned(),
            target: detail.target.clone(),
            action: detail.action,
            outcome: detail.outcome,
            evidence: evidence.join("; "),
        });
        self.recorder.record_fault(FaultStage { f: fault.to_owned(), value: detail });
    }
}
