//! Registers in sessions, held against the axioms of a level.
//!
//! A level is a rule by which reads order writes: when a transaction reads a key from one writer although another writer of the
//! key was visible to it, the other came before. The history obeys the level iff sessions, reads and that order have no circle
//! (Biswas and Enea, OOPSLA 2019). For the weak levels the order is inferred once, by few enough edges to be fast (Moldrup and
//! Pavlogiannis, PLDI 2025). For the strong ones all that must hold is inferred, and then an order of all transactions is searched.

mod base;
mod chains;
mod circle;
mod clocks;
mod exact;
mod relaxed;
mod saturation;
mod schedule;
#[cfg(test)]
mod tests;
mod visible;
mod windows;
mod zones;

use std::fmt;
use std::str::FromStr;

use dsjepsen_history::{Figure, Finding, Gravity, Judgement, UnknownReason};

use super::explain::tell;
use super::history::TransactionHistory;
use super::registers::versions::Versions;
use super::verdict::Dependency;
use crate::interrupt::Interrupt;
use crate::words::{count, counted};
use base::Base;
pub(super) use base::{Older, Respect};
use circle::Inferred;
pub(super) use exact::{Decided, decide};
use schedule::{Limits, Schedule, Search, Searched};

/// A level that sessions can be held against. All of them include the order of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionLevel {
    /// Whoever has read from a transaction reads nothing older afterwards, within one transaction.
    ReadCommitted,
    /// Read committed, and a key read twice is read from the same writer.
    RepeatableRead,
    /// Of a transaction that is read from, or came earlier in the session, all writes are seen.
    ReadAtomic,
    /// Of all that is in the causal past, all writes are seen.
    Causal,
    /// Each transaction reads from one state, and none that wrote what it writes committed since.
    SnapshotIsolation,
    /// All transactions can be put in one order.
    Serializable,
}

impl SessionLevel {
    /// All levels, weakest first.
    pub const ALL: [Self; 6] = [
        Self::ReadCommitted,
        Self::RepeatableRead,
        Self::ReadAtomic,
        Self::Causal,
        Self::SnapshotIsolation,
        Self::Serializable,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read-committed",
            Self::RepeatableRead => "repeatable-read",
            Self::ReadAtomic => "read-atomic",
            Self::Causal => "causal",
            Self::SnapshotIsolation => "snapshot-isolation",
            Self::Serializable => "serializable",
        }
    }

    /// The id of its rule.
    pub fn rule(self) -> &'static str {
        match self {
            Self::ReadCommitted => "sessions.read-committed",
            Self::RepeatableRead => "sessions.repeatable-read",
            Self::ReadAtomic => "sessions.read-atomic",
            Self::Causal => "sessions.causal",
            Self::SnapshotIsolation => "sessions.snapshot-isolation",
            Self::Serializable => "sessions.serializable",
        }
    }
}

impl fmt::Display for SessionLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

/// There is no such level of sessions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no session level named {0}")]
pub struct UnknownSessionLevel(pub String);

impl FromStr for SessionLevel {
    type Err = UnknownSessionLevel;

    fn from_str(name: &str) -> Result<Self, UnknownSessionLevel> {
        let called = |level: &Self| level.name() == name;
        Self::ALL.into_iter().find(called).ok_or_else(|| UnknownSessionLevel(name.to_owned()))
    }
}

/// How far a search may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// How many states the search for an order may visit. One takes about 50 bytes.
    pub states_max: usize,
    /// Raised when there is no more time.
    pub interrupt: Interrupt,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { states_max: 1_000_000, interrupt: Interrupt::default() }
    }
}

/// How much memory the clocks of all transactions may take, in entries of 4 bytes.
const CLOCK_ENTRIES_MAX: usize = 1 << 28;

/// Judges a history of registers against a level.
///
/// The weak levels take time about `n^1.5` in the number of steps, causal consistency about steps times sessions. Snapshot isolation
/// and serializability are hard in general: what follows by force is decided fast, and the rest is a search with a budget. A valid
/// verdict of these two is backed by an order that was found.
pub fn check_sessions(history: &TransactionHistory, level: SessionLevel, options: &SessionOptions) -> Judgement {
    let versions = match Versions::of(history) {
        Ok(versions) => versions,
        Err(problem) => {
            return unknown(
                history,
                level,
                UnknownReason::CheckerError,
                format!("The history cannot be judged: {problem}."),
            );
        }
    };
    let base = Base::of(&versions, Respect::Sessions);
    if base.transactions() == 0 {
        let sentence = "No transaction is known to have taken effect.".to_owned();
        return unknown(history, level, UnknownReason::NoObservations, sentence);
    }
    if let Some(finding) = base.broken_reads(level) {
        return judged(history, level, vec![finding]);
    }
    let needs_clocks = level >= SessionLevel::Causal;
    if needs_clocks && base.chains.len().saturating_mul(history.len()) > CLOCK_ENTRIES_MAX {
        let sentence =
            "There are too many sessions and transactions for the memory that the clocks would take.".to_owned();
        return unknown(history, level, UnknownReason::Memory, sentence);
    }
    let mut inferred = Inferred::sessions_and_reads(&base);
    if let Some(circle) = inferred.circle() {
        return judged(history, level, vec![circular(&inferred, level, &circle, &options.interrupt)]);
    }
    if options.interrupt.is_raised() {
        let finding = options.interrupt.finding("What transactions had to see was not looked at");
        return judged(history, level, vec![finding]);
    }
    match level {
        SessionLevel::ReadCommitted | SessionLevel::RepeatableRead => visible::read_committed(&base, &mut inferred),
        SessionLevel::ReadAtomic => visible::read_atomic(&base, &mut inferred),
        SessionLevel::Causal | SessionLevel::SnapshotIsolation => visible::causal(&base, &mut inferred),
        SessionLevel::Serializable => saturation::saturate(&base, &mut inferred, usize::MAX, &options.interrupt),
    }
    if let Some(circle) = inferred.circle() {
        return judged(history, level, vec![circular(&inferred, level, &circle, &options.interrupt)]);
    }
    if level < SessionLevel::SnapshotIsolation {
        return judged(history, level, Vec::new());
    }
    ordered(&base, &inferred, level, options)
}

/// Decides the axioms of read atomic or causal consistency, with an order of sessions or without any. Reads must be sound, and what is
/// known of the order of writes is kept. Other levels, and causal consistency of too many transactions, remain open.
pub(super) fn decide_axioms(
    versions: &Versions<'_>,
    known: &[Older],
    level: SessionLevel,
    respect: Respect,
    interrupt: &Interrupt,
) -> Decided {
    /// How much memory the clocks may take, in entries of 4 bytes.
    const ENTRIES_MAX: usize = 1 << 26;
    let base = Base::of(versions, respect);
    let mut inferred = Inferred::sessions_and_reads(&base);
    let broken = |inferred: &Inferred<'_>| {
        let circle = inferred.circle()?;
        Some(Decided::Broken(Box::new(circular(inferred, level, &circle, interrupt))))
    };
    if let Some(broken) = broken(&inferred) {
        return broken;
    }
    match level {
        SessionLevel::ReadAtomic => visible::read_atomic(&base, &mut inferred),
        SessionLevel::Causal if clocks::Clocks::size(&base) <= ENTRIES_MAX => visible::causal(&base, &mut inferred),
        _ => return Decided::Open,
    }
    // It orders writes, and makes none visible.
    inferred.take_known(known);
    broken(&inferred).unwrap_or(Decided::Holds)
}

/// Whether sessions and reads alone lead from some transaction back to it.
pub(super) fn flow_in_circles(versions: &Versions<'_>) -> bool {
    Inferred::sessions_and_reads(&Base::of(versions, Respect::Sessions)).circle().is_some()
}

/// Searches for an order of all transactions.
fn ordered(base: &Base<'_>, inferred: &Inferred<'_>, level: SessionLevel, options: &SessionOptions) -> Judgement {
    let history = base.history;
    let snapshots = level == SessionLevel::SnapshotIsolation;
    if snapshots && let Some(finding) = base.lost_update(level) {
        return judged(history, level, vec![finding]);
    }
    let limits = Limits::of_states(options.states_max);
    let Search { searched, states, .. } = Schedule::new(base, inferred, snapshots).search(limits, &options.interrupt);
    let findings = match searched {
        Searched::Found => Vec::new(),
        Searched::None => {
            let sentence = format!(
                "The {} transactions cannot be put in any order that {level} allows.",
                count(base.transactions() as u64)
            );
            let mut finding = Finding::invalid(level.rule(), sentence, base.invocations());
            finding.detail = format!(
                "All orders that sessions and reads leave open were tried: {}.",
                counted(states as u64, "state")
            );
            vec![finding]
        }
        Searched::GaveUp => {
            let undecided = format!("The search for an order was given up after {}", counted(states as u64, "state"));
            vec![if options.interrupt.is_raised() {
                options.interrupt.finding(&undecided)
            } else {
                Finding::unknown(UnknownReason::Deadline, undecided + ".")
            }]
        }
    };
    let mut judgement = judged(history, level, findings);
    judgement.figures.push(Figure::new("states searched", count(states as u64)));
    judgement
}

fn circular(inferred: &Inferred<'_>, level: SessionLevel, circle: &[Dependency], interrupt: &Interrupt) -> Finding {
    let premises = inferred.premises(circle, interrupt);
    let sentence = |shown| format!("{} transactions cannot be put in any order that {level} allows.", count(shown));
    tell(inferred.history(), level.rule(), sentence, &premises, circle)
}

fn judged(history: &TransactionHistory, level: SessionLevel, findings: Vec<Finding>) -> Judgement {
    let mut judgement = Judgement::new(level.rule(), history.len() as u64, findings);
    judgement.figures.push(Figure::new("transactions", count(history.len() as u64)));
    if judgement.verdict == Gravity::Valid {
        judgement.assumptions.push("Sessions run one transaction at a time, in the order of the file.".to_owned());
    }
    judgement
}

fn unknown(history: &TransactionHistory, level: SessionLevel, reason: UnknownReason, sentence: String) -> Judgement {
    judged(history, level, vec![Finding::unknown(reason, sentence)])
}
