//! The schedule: from `partition,pause(leader)` and a seed to the list of faults with their times.

use std::time::Duration;

use dsjepsen_history::{NodeId, PlannedFault};
use rand::seq::SliceRandom;
use thiserror::Error;

use super::{Fault, faults, find_fault};
use crate::clock::nanos;
use crate::random::{Purpose, stream};

/// A fault that was asked for.
#[derive(Clone)]
pub struct Asked {
    /// The fault.
    pub fault: &'static dyn Fault,
    /// What stood in brackets.
    pub argument: Option<String>,
}

/// Why a schedule cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// There is no such fault.
    #[error("there is no fault `{name}`: use {}", .known.join(", "))]
    UnknownFault {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The text cannot be read.
    #[error("the nemesis `{text}` cannot be read: {problem}")]
    Unreadable {
        /// The text.
        text: String,
        /// Why.
        problem: String,
    },
    /// An argument means nothing.
    #[error("{fault}: {problem}")]
    BadArgument {
        /// The fault.
        fault: String,
        /// Why.
        problem: String,
    },
    /// Not every fault asked for fits in.
    #[error(
        "a time limit of {} s is too short for {kinds} kind(s) of fault at an interval of {} s: it must be at least {} s \
         (or lower --nemesis-interval)",
        .limit.as_secs_f64(), .interval.as_secs_f64(), .minimum.as_secs_f64()
    )]
    TooShort {
        /// The limit asked for.
        limit: Duration,
        /// The interval.
        interval: Duration,
        /// The kinds asked for.
        kinds: usize,
        /// The least limit that would do.
        minimum: Duration,
    },
}

/// Reads `none`, or names of faults with arguments in brackets, separated by commas.
///
/// # Errors
/// [`ScheduleError::UnknownFault`] with the nearest names, [`ScheduleError::Unreadable`].
pub fn parse_nemesis(text: &str) -> Result<Vec<Asked>, ScheduleError> {
    let unreadable = |problem: &str| ScheduleError::Unreadable { text: text.to_owned(), problem: problem.to_owned() };
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let mut asked = Vec::new();
    for part in split_outside_brackets(text).ok_or_else(|| unreadable("its brackets do not match"))? {
        let part = part.trim();
        let (name, argument) = match part.split_once('(') {
            Some((name, rest)) => {
                let argument = rest.strip_suffix(')').ok_or_else(|| unreadable("something follows a bracket"))?;
                (name.trim(), Some(argument.trim().to_owned()))
            }
            None => (part, None),
        };
        match find_fault(name) {
            Some(fault) => asked.push(Asked { fault, argument }),
            None if name == "none" => return Err(unreadable("`none` stands alone")),
            None if name.is_empty() => return Err(unreadable("a name is missing")),
            None => {
                let known = faults().iter().map(|fault| fault.name().to_owned()).chain(["none".to_owned()]).collect();
                return Err(ScheduleError::UnknownFault { name: name.to_owned(), known });
            }
        }
    }
    Ok(asked)
}

fn split_outside_brackets(text: &str) -> Option<Vec<&str>> {
    let (mut depth, mut begin, mut parts) = (0_u32, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (depth == 0).then_some(parts)
}

/// The share of the time limit in which all faults are healed.
const HEALED_BY: f64 = 0.8;

/// The least time limit in which every one of `kinds` faults starts once and is healed by 80 % of it.
pub fn minimum_time_limit(kinds: usize, interval: Duration) -> Duration {
    interval.mul_f64(2.0 * kinds as f64 / HEALED_BY)
}

/// Plans the faults of a run. Each starts one interval after the heal before it (the first, one interval after the start)
/// and lasts one interval. All kinds come once, in an order by the seed, then again, until 80 % of the limit is full.
///
/// # Errors
/// [`ScheduleError::TooShort`] where not every kind fits in, [`ScheduleError::BadArgument`].
pub fn plan_faults(
    asked: &[Asked],
    nodes: &[NodeId],
    seed: u64,
    limit: Duration,
    interval: Duration,
) -> Result<Vec<PlannedFault>, ScheduleError> {
    let mut random = stream(seed, Purpose::Schedule, 0);
    let healed_by = nanos(limit.mul_f64(HEALED_BY));
    let interval_ns = nanos(interval).max(1);
    let mut planned = Vec::new();
    let mut round: Vec<&Asked> = Vec::new();
    let mut start_ns = interval_ns;
    // Rounding must not lose the last fault of a limit that just suffices.
    while !asked.is_empty() && start_ns + interval_ns <= healed_by.saturating_add(1_000) {
        if round.is_empty() {
            round = asked.iter().collect();
            round.shuffle(&mut random);
        }
        let Some(next) = round.pop() else { break };
        let aim = next
            .fault
            .resolve(next.argument.as_deref(), nodes, &mut random)
            .map_err(|problem| ScheduleError::BadArgument { fault: next.fault.name().to_owned(), problem })?;
        planned.push(PlannedFault {
            id: planned.len() as u32 + 1,
            fault: next.fault.name().to_owned(),
            start_ns,
            heal_ns: start_ns + interval_ns,
            target: aim.target,
            params: aim.params,
        });
        start_ns += 2 * interval_ns;
    }
    if planned.len() < asked.len() {
        let minimum = minimum_time_limit(asked.len(), interval);
        return Err(ScheduleError::TooShort { limit, interval, kinds: asked.len(), minimum });
    }
    Ok(planned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<NodeId> {
        (0..5).map(NodeId::at).collect()
    }

    fn plan(text: &str, seed: u64, limit: f64, interval: f64) -> Result<Vec<PlannedFault>, ScheduleError> {
        let seconds = Duration::from_secs_f64;
        plan_faults(&parse_nemesis(text).unwrap(), &nodes(), seed, seconds(limit), seconds(interval))
    }

    #[test]
    fn every_kind_starts_and_all_is_healed_by_four_fifths() {
        for seed in 0..50 {
            let faults = plan("partition,pause(leader),kill", seed, 10.0, 10.0 * 0.8 / 6.0).unwrap();
            let kinds: std::collections::BTreeSet<_> = faults.iter().map(|fault| fault.fault.as_str()).collect();
            assert_eq!(kinds.len(), 3);
            assert!(faults.iter().all(|fault| fault.heal_ns <= 8_000_001_000 && fault.start_ns < fault.heal_ns));
            assert!(faults.windows(2).all(|pair| pair[0].heal_ns < pair[1].start_ns));
        }
    }

    #[test]
    fn a_seed_fixes_the_schedule() {
        assert_eq!(plan("partition,kill", 4, 60.0, 3.0), plan("partition,kill", 4, 60.0, 3.0));
        assert_ne!(plan("partition,kill", 4, 60.0, 3.0), plan("partition,kill", 5, 60.0, 3.0));
    }

    #[test]
    fn too_short_a_limit_names_the_minimum() {
        let error = plan("partition,pause", 1, 5.0, 3.0).unwrap_err();
        assert!(error.to_string().contains("at least 15 s"), "{error}");
        assert!(plan("partition,pause", 1, 15.0, 3.0).is_ok());
        assert!(plan("partition,pause", 1, 14.9, 3.0).is_err());
    }

    #[test]
    fn texts_are_read_or_refused_with_a_reason() {
        assert!(parse_nemesis("none").unwrap().is_empty());
        let two = parse_nemesis(" partition(one) , pause( n1 n2 )").unwrap();
        assert_eq!(two[1].argument.as_deref(), Some("n1 n2"));
        let problem = |text: &str| parse_nemesis(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(problem("partitoin").contains("partition, pause, kill, clock"));
        assert!(problem("none,kill").contains("stands alone"));
        assert!(problem("kill,").contains("missing"));
        assert!(problem("kill(one").contains("brackets"));
        assert!(problem("kill(one)x").contains("follows"));
    }
}
