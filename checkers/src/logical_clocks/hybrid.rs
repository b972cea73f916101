//! Hybrid logical clocks: Lamport's order with stamps near the physical time (Kulkarni and others, Logical physical clocks, OPODIS 2014).

use std::fmt;

use dsjepsen_history::{Finding, Judgement, Nanos};

use super::ClockEvent;
use super::lamport::{Names, condition, judgement};
use super::log::Log;
use crate::argument::step;
use crate::broken::{Broken, malformed, proven};

const BEHIND: &str = "hybrid-clock.behind";
const AHEAD: &str = "hybrid-clock.ahead";
const COUNTER: &str = "hybrid-clock.counter";

const NAMES: Names =
    Names { checker: "hybrid-clock", process: "hybrid-clock.process-order", message: "hybrid-clock.message-order" };

/// What a hybrid clock said, and what the node's physical clock said then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HybridStamp {
    /// The logical part: the largest physical time heard of, in the unit of the physical clock.
    pub wall: u64,
    /// What tells apart stamps of one wall part.
    pub counter: u32,
    /// The node's own physical clock. It is no part of the stamp.
    pub physical: Nanos,
}

/// How near a hybrid clock is promised to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HybridOptions {
    /// By how much the wall part may be ahead of the node's physical clock: as far as clocks are apart.
    pub ahead: Option<u64>,
    /// The largest counter.
    pub counter: Option<u32>,
}

impl PartialOrd for HybridStamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HybridStamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.wall, self.counter).cmp(&(other.wall, other.counter))
    }
}

impl fmt::Display for HybridStamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.wall, self.counter)
    }
}

/// Judges Lamport's condition as `hybrid-clock.process-order` and `hybrid-clock.message-order`, `hybrid-clock.behind` (a wall part is no
/// smaller than the node's physical clock) and, where a bound is promised, `hybrid-clock.ahead` and `hybrid-clock.counter`. O(n log n).
pub fn check_hybrid(events: &[ClockEvent<HybridStamp>], options: HybridOptions) -> Judgement {
    let log = match Log::of(events) {
        Ok(log) => log,
        Err(problem) => return malformed(NAMES.checker, problem),
    };
    let mut broken = Broken::default();
    let judged = condition(&log, &NAMES, &mut broken);
    for event in &log.events {
        let HybridStamp { wall, counter, physical } = event.stamp;
        if wall < physical {
            broken.note(BEHIND, event.at, || log.complete(tell_behind(event)));
        }
        if let Some(most) = options.ahead.filter(|&most| wall.saturating_sub(physical) > most) {
            broken.note(AHEAD, event.at, || log.complete(tell_ahead(event, most)));
        }
        if let Some(most) = options.counter.filter(|&most| counter > most) {
            broken.note(COUNTER, event.at, || log.complete(tell_counter(event, most)));
        }
    }
    // Each event is judged by itself too.
    judgement(broken, &NAMES, &log, judged + log.events.len() as u64)
}

fn tell_behind(event: &ClockEvent<HybridStamp>) -> Finding {
    let HybridStamp { wall, physical, .. } = event.stamp;
    let by = physical - wall;
    let sentence = format!("A hybrid clock of process {} was {by} behind its physical clock.", event.process);
    one(BEHIND, sentence, event, format!("its stamp is at least {physical}."))
}

fn tell_ahead(event: &ClockEvent<HybridStamp>, most: u64) -> Finding {
    let HybridStamp { wall, physical, .. } = event.stamp;
    let by = wall - physical;
    let sentence = format!(
        "A hybrid clock of process {} was {by} ahead of its physical clock, where {most} are allowed.",
        event.process
    );
    one(AHEAD, sentence, event, format!("its stamp is at most {}.", physical.saturating_add(most)))
}

fn tell_counter(event: &ClockEvent<HybridStamp>, most: u32) -> Finding {
    let sentence = format!(
        "The counter of the hybrid clock of process {} reached {}, where {most} are allowed.",
        event.process, event.stamp.counter
    );
    one(COUNTER, sentence, event, format!("its counter is at most {most}."))
}

fn one(rule: &'static str, sentence: String, event: &ClockEvent<HybridStamp>, then: String) -> Finding {
    let physical = format!("the physical clock of process {} say {}.", event.process, event.stamp.physical);
    let steps = vec![
        step("Let", physical, Some(event.at)),
        step("Then", then, None),
        step("However", format!("the stamp was {}.", event.stamp), Some(event.at)),
    ];
    proven(rule, sentence, String::new(), steps)
}
