//! Decides for registers with sessions and times whether there is an order that a level allows: what Elle's anomalies leave open.

use dsjepsen_history::Finding;

use super::base::{Base, Older, Respect};
use super::circle::Inferred;
use super::clocks::Clocks;
use super::relaxed::{Asked, find_order};
use super::schedule::{Limits, Schedule, Search, Searched};
use super::windows::Windows;
use super::zones::{Says, order_by_time};
use super::{saturation, visible};
use crate::interrupt::Interrupt;
use crate::transactions::drawing::draw;
use crate::transactions::explain::tell;
use crate::transactions::level::Level;
use crate::transactions::registers::versions::Versions;
use crate::transactions::text::{in_words, step};
use crate::words::{count, counted};

/// What was found of a level.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::transactions) enum Decided {
    /// An order was found.
    Holds,
    /// There is none.
    Broken(Box<Finding>),
    /// The search was given up.
    Open,
}

/// A level as a rule for orders.
#[derive(Debug, Clone, Copy)]
struct Target {
    level: Level,
    rule: &'static str,
    snapshots: bool,
    respect: Respect,
}

impl Target {
    fn of(level: Level) -> Option<Self> {
        let (rule, snapshots, respect) = match level {
            Level::Serializable => ("transactions.serializable", false, Respect::Nothing),
            Level::StrongSessionSerializable => ("transactions.strong-session-serializable", false, Respect::Sessions),
            Level::StrictSerializable => ("transactions.strict-serializable", false, Respect::RealTime),
            Level::SnapshotIsolation => ("transactions.snapshot-isolation", true, Respect::Nothing),
            Level::StrongSessionSnapshotIsolation => {
                ("transactions.strong-session-snapshot-isolation", true, Respect::Sessions)
            }
            Level::StrongSnapshotIsolation => ("transactions.strong-snapshot-isolation", true, Respect::RealTime),
            _ => return None,
        };
        Some(Self { level, rule, snapshots, respect })
    }
}

/// What is a large history, and how large its parts are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// How much memory the clocks of all transactions may take, in entries of 4 bytes; twice that where both directions are needed.
    pub(super) clock_entries_max: usize,
    /// How many transactions a part has at each side of the one that it is about, without those that they read from: in few all orders
    /// can be tried, among many more can be inferred.
    pub(super) reaches: [usize; 2],
}

impl Default for Scale {
    fn default() -> Self {
        Self { clock_entries_max: 1 << 22, reaches: [3, 150] }
    }
}

/// How often a search may look whether a step can be taken, for each state that it may visit.
const LOOKS: usize = 20;

/// From how many states a first attempt may turn back, before and after something was inferred.
const ATTEMPTS: [usize; 2] = [1_000, 10_000];

/// How many parts of a large history are looked at by themselves, and how many states are searched in each.
const PARTS: usize = 16;
const PART_STATES: usize = 50_000;

/// From how many states a search for an order that nearly keeps real time may turn back.
const RELAXED: usize = 10_000;

/// Decides a level; none where it is not one that is decided by orders. The reads must be sound: none that contradicts its own
/// transaction, or shows what failed or was a state inside of another, or that shows a second value that nobody wrote. What is known
/// of the order of writes holds in every order that is found.
///
/// Also tells how many states were searched. The work is first that of an order in real time, which nearly all sound histories
/// have, and which is good for every level.
pub(in crate::transactions) fn decide(
    versions: &Versions<'_>,
    known: &[Older],
    level: Level,
    states_max: usize,
    interrupt: &Interrupt,
) -> Option<(Decided, usize)> {
    decide_at(versions, known, level, (states_max, Scale::default()), interrupt)
}

/// As [`decide`], for histories that are called large where tests want them to be.
pub(super) fn decide_at(
    versions: &Versions<'_>,
    known: &[Older],
    level: Level,
    (states_max, scale): (usize, Scale),
    interrupt: &Interrupt,
) -> Option<(Decided, usize)> {
    let target = Target::of(level)?;
    let mut judge = Judge { scale, ..Judge::new(versions, known, target, states_max, interrupt) };
    let decided = judge.decide();
    Some((decided, judge.states))
}

struct Judge<'a> {
    versions: &'a Versions<'a>,
    known: &'a [Older],
    target: Target,
    states_max: usize,
    interrupt: &'a Interrupt,
    states: usize,
    /// At whom searches came no further.
    stuck: Vec<u32>,
    scale: Scale,
    /// Whether it is a part of a larger history.
    is_part: bool,
}

impl<'a> Judge<'a> {
    fn new(
        versions: &'a Versions<'a>,
        known: &'a [Older],
        target: Target,
        states_max: usize,
        interrupt: &'a Interrupt,
    ) -> Self {
        let (stuck, scale) = (Vec::new(), Scale::default());
        Self { versions, known, target, states_max, interrupt, states: 0, stuck, scale, is_part: false }
    }

    fn decide(&mut self) -> Decided {
        let Target { snapshots, respect, .. } = self.target;
        let timed = Base::of(self.versions, Respect::RealTime);
        let mut inferred = Inferred::sessions_and_reads(&timed);
        inferred.take_known(self.known);
        let is_target = !snapshots && respect == Respect::RealTime;
        if let Some(decided) = self.attempt(&timed, &mut inferred, is_target) {
            return decided;
        }
        let culprits = [inferred.culprits(), std::mem::take(&mut self.stuck)].concat();
        if is_target {
            self.saturate(&timed, &mut inferred, usize::MAX);
            let broken = self.circle(&inferred).or_else(|| self.broken_part(&timed, &timed, &culprits));
            return broken.unwrap_or_else(|| self.search(&timed, &inferred));
        }
        drop(inferred);
        if !self.is_part && self.relaxed() {
            return Decided::Holds;
        }
        let base = Base::of(self.versions, respect);
        let mut inferred = Inferred::sessions_and_reads(&base);
        inferred.take_known(self.known);
        if let Some(broken) = self.circle(&inferred).or_else(|| self.broken_part(&base, &timed, &culprits)) {
            return broken;
        }
        drop(timed);
        if !snapshots {
            self.saturate(&base, &mut inferred, usize::MAX);
        } else if !self.is_large(&base) {
            visible::causal(&base, &mut inferred);
        }
        self.circle(&inferred).unwrap_or_else(|| self.search(&base, &inferred))
    }

    /// Whether what is forced can only be inferred of parts of the history.
    fn is_large(&self, base: &Base<'_>) -> bool {
        Clocks::size(base) > self.scale.clock_entries_max
    }

    /// Looks in a large history for a part that has no order, around those who contradict real time or where a search came no further.
    fn broken_part(&mut self, base: &Base<'_>, timed: &Base<'_>, culprits: &[u32]) -> Option<Decided> {
        // Of lists the order of versions is known, and a part would not have it.
        if self.is_part || !self.known.is_empty() || !self.is_large(base) {
            return None;
        }
        let windows = Windows::of(timed);
        let around = |reach| culprits.iter().take(PARTS).map(move |&culprit| (culprit, reach));
        self.scale.reaches.into_iter().flat_map(around).find_map(|(culprit, reach)| {
            let part = windows.around(culprit, reach);
            let versions = Versions::of(&part).ok()?;
            let (target, interrupt) = (self.target, self.interrupt);
            let states_max = self.states_max.min(PART_STATES);
            let mut judge = Judge { is_part: true, ..Judge::new(&versions, &[], target, states_max, interrupt) };
            let decided = judge.decide();
            self.states += judge.states;
            matches!(decided, Decided::Broken(_)).then_some(decided)
        })
    }

    /// Looks for an order that keeps real time as far as can be; what it does not find says nothing.
    fn relaxed(&mut self) -> bool {
        let Target { snapshots, respect, .. } = self.target;
        let limits = Limits { returns: RELAXED, ..self.limits() };
        // One that puts each transaction at one moment is one of snapshot isolation too.
        let mut kinds =
            [false, true].into_iter().filter(|&kind| if kind { snapshots } else { respect != Respect::RealTime });
        kinds.any(|snapshots| {
            let (found, states) =
                find_order(self.versions, Asked { known: self.known, respect, snapshots }, limits, self.interrupt);
            self.states += states;
            found
        })
    }

    /// Looks for an order in real time, but not far. What it does not find says nothing of other levels.
    fn attempt(&mut self, base: &Base<'_>, inferred: &mut Inferred<'_>, is_target: bool) -> Option<Decided> {
        order_by_time(base, inferred, Says::All);
        for (rounds, returns) in (0..).zip(ATTEMPTS) {
            self.saturate(base, inferred, rounds);
            if let Some(broken) = self.circle(inferred) {
                return Some(broken).filter(|_| is_target);
            }
            let limits = Limits { returns, ..self.limits() };
            match self.search_within(base, inferred, limits, false) {
                Searched::Found => return Some(Decided::Holds),
                // What is inferred explains more than that all orders were tried.
                Searched::None if is_target && rounds > 0 => return Some(self.exhausted(base)),
                _ => {}
            }
        }
        None
    }

    fn saturate(&self, base: &Base<'_>, inferred: &mut Inferred<'_>, rounds: usize) {
        if rounds > 0 && Clocks::size(base) <= self.scale.clock_entries_max && !self.interrupt.is_raised() {
            saturation::saturate(base, inferred, rounds, self.interrupt);
        }
    }

    fn circle(&self, inferred: &Inferred<'_>) -> Option<Decided> {
        let circle = inferred.circle()?;
        let Target { level, rule, .. } = self.target;
        let premises = inferred.premises(&circle, self.interrupt);
        let sentence = |shown| format!("{} transactions cannot be put in any order that {level} allows.", count(shown));
        Some(Decided::Broken(Box::new(tell(inferred.history(), rule, sentence, &premises, &circle))))
    }

    fn search(&mut self, base: &Base<'_>, inferred: &Inferred<'_>) -> Decided {
        match self.search_within(base, inferred, self.limits(), self.target.snapshots) {
            Searched::Found => Decided::Holds,
            Searched::None => self.exhausted(base),
            Searched::GaveUp => Decided::Open,
        }
    }

    fn limits(&self) -> Limits {
        Limits { looks: self.states_max.saturating_mul(LOOKS), ..Limits::of_states(self.states_max) }
    }

    fn search_within(&mut self, base: &Base<'_>, inferred: &Inferred<'_>, limits: Limits, snapshots: bool) -> Searched {
        if self.interrupt.is_raised() {
            return Searched::GaveUp;
        }
        let Search { searched, states, stuck } =
            Schedule::new(base, inferred, snapshots).search(limits, self.interrupt);
        self.states += states;
        self.stuck.extend(stuck);
        searched
    }

    /// What is said where all orders were tried.
    fn exhausted(&self, base: &Base<'_>) -> Decided {
        /// How many transactions are written out.
        const SHOWN: usize = 12;
        let Target { level, rule, .. } = self.target;
        let transactions = base.transactions();
        let sentence =
            format!("The {} transactions cannot be put in any order that {level} allows.", count(transactions as u64));
        let mut finding = Finding::invalid(rule, sentence, base.invocations());
        finding.detail =
            format!("All orders that were left open were tried: {}.", counted(self.states as u64, "state"));
        if transactions <= SHOWN {
            let mut shown: Vec<u32> = base.all().collect();
            shown.sort_unstable();
            finding.steps = in_words(base.history, &shown);
            let or_at_once = if self.target.snapshots { ", or two write one key at once" } else { "" };
            let text =
                format!("in every order one of them reads what it cannot have read{or_at_once}: a contradiction.");
            finding.steps.push(step("However", text, None));
            finding.timeline = draw(base.history, &shown);
        }
        Decided::Broken(Box::new(finding))
    }
}
