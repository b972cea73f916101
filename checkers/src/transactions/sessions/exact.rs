//! Decides for registers with sessions and times whether there is an order that a level allows: what Elle's anomalies leave open.

use dsjepsen_history::Finding;

use super::base::{Base, Older, Respect};
use super::circle::Inferred;
use super::clocks::Clocks;
use super::schedule::{Limits, Schedule, Searched};
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

/// How much memory the clocks of all transactions may take, in entries of 4 bytes; twice that where both directions are needed.
const CLOCK_ENTRIES_MAX: usize = 1 << 22;

/// How often a search may look whether a step can be taken, for each state that it may visit.
const LOOKS: usize = 100;

/// From how many states a first attempt may turn back, before and after something was inferred.
const ATTEMPTS: [usize; 2] = [1_000, 10_000];

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
    let target = Target::of(level)?;
    let mut judge = Judge { versions, known, target, states_max, interrupt, states: 0 };
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
}

impl Judge<'_> {
    fn decide(&mut self) -> Decided {
        let Target { snapshots, respect, .. } = self.target;
        let timed = Base::of(self.versions, Respect::RealTime);
        let mut inferred = Inferred::sessions_and_reads(&timed);
        inferred.take_known(self.known);
        let is_target = !snapshots && respect == Respect::RealTime;
        if let Some(decided) = self.attempt(&timed, &mut inferred, is_target) {
            return decided;
        }
        if is_target {
            self.saturate(&timed, &mut inferred, usize::MAX);
            return self.circle(&inferred).unwrap_or_else(|| self.search(&timed, &inferred));
        }
        let base = Base::of(self.versions, respect);
        let mut inferred = Inferred::sessions_and_reads(&base);
        inferred.take_known(self.known);
        if let Some(broken) = self.circle(&inferred) {
            return broken;
        }
        if !snapshots {
            self.saturate(&base, &mut inferred, usize::MAX);
        } else if Clocks::size(&base) <= CLOCK_ENTRIES_MAX {
            visible::causal(&base, &mut inferred);
        }
        self.circle(&inferred).unwrap_or_else(|| self.search(&base, &inferred))
    }

    /// Looks for an order in real time, but not far. What it does not find says nothing of other levels.
    fn attempt(&mut self, base: &Base<'_>, inferred: &mut Inferred<'_>, is_target: bool) -> Option<Decided> {
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
        if rounds > 0 && Clocks::size(base) <= CLOCK_ENTRIES_MAX && !self.interrupt.is_raised() {
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
        let (searched, states) = Schedule::new(base, inferred, snapshots).search(limits, self.interrupt);
        self.states += states;
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
            let text = "in every order one of them reads what it cannot have read: a contradiction.".to_owned();
            finding.steps.push(step("However", text, None));
            finding.timeline = draw(base.history, &shown);
        }
        Decided::Broken(Box::new(finding))
    }
}
