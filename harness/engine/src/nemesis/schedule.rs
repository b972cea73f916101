//! The schedule: from `partition(leader) for 3s every 8s; pause` and a seed to the list of faults with their times.

mod error;
mod language;

use std::collections::BTreeMap;
use std::time::Duration;

use dsjepsen_history::{Nanos, NodeId, PlannedFault};
use rand::seq::SliceRandom;

use super::Fault;
use crate::clock::nanos;
use crate::random::{Purpose, Random, stream};
use crate::target::Target;

pub use error::{Problem, ScheduleError};
pub use language::parse_nemesis;

/// Faults as they were asked for.
#[derive(Clone)]
pub struct Schedule {
    text: String,
    asked: Vec<Asked>,
}

impl Schedule {
    /// The faults, in the order in which they were named.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// How many of them take turns, by the interval, because nothing says when they start.
    pub fn takes_turns(&self) -> usize {
        self.asked.iter().filter(|asked| asked.takes_turns()).count()
    }

    /// Whether each of them can act on this target with these nodes.
    ///
    /// # Errors
    /// [`ScheduleError::At`] for an argument that asks for what the target does not have.
    pub fn check_target(&self, target: &dyn Target, nodes: &[NodeId]) -> Result<(), ScheduleError> {
        for asked in &self.asked {
            // Whom it hits does not matter here.
            let aim = resolve(self, asked, nodes, &mut stream(0, Purpose::Schedule, 0), (0, 0))?;
            if let Err(why) = asked.fault.check_target(&aim.params, target) {
                return Err(self.error(asked.column, Problem::BadArgument { fault: aim.fault, why }));
            }
        }
        Ok(())
    }

    fn error(&self, column: usize, problem: Problem) -> ScheduleError {
        ScheduleError::At { text: self.text.clone(), column, problem }
    }

    fn bad_time<T>(&self, asked: &Asked, time: Time, why: String) -> Result<T, ScheduleError> {
        let fault = asked.fault.name().to_owned();
        Err(self.error(time.column, Problem::BadTime { fault, why }))
    }
}

/// A fault that was asked for.
#[derive(Clone)]
pub struct Asked {
    /// The fault.
    pub fault: &'static dyn Fault,
    /// What stood in brackets.
    pub argument: Option<String>,
    times: Times,
    /// Where what stood in brackets begins, or else the name.
    column: usize,
}

impl Asked {
    fn takes_turns(&self) -> bool {
        self.times.every.is_none() && self.times.at.is_none()
    }
}

/// What was said about when a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Times {
    lasts: Option<Time>,
    every: Option<Time>,
    at: Option<Time>,
}

/// A time, and where it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Time {
    ns: Nanos,
    column: usize,
}

/// The share of the time limit in which all faults that take turns are healed.
const HEALED_BY: f64 = 0.8;

/// The most that one fault may occur: each is told, journaled and drawn.
const MOST_OCCURRENCES: u64 = 10_000;

/// The least time limit in which every one of `kinds` faults starts once and is healed by 80 % of it.
pub fn minimum_time_limit(kinds: usize, interval: Duration) -> Duration {
    interval.mul_f64(2.0 * kinds as f64 / HEALED_BY)
}

/// Plans the faults of a run, in the order of their starts.
///
/// Those without `every` and `at` take turns: each starts one interval after the heal before it (the first, one interval
/// after the start) and lasts one interval, or as long as its `for` says. All come once, in an order by the seed, then again,
/// until 80 % of the limit is full. The others keep their own times, and none outlasts the limit. Whom they hit is drawn for
/// each by its name and argument alone: neither another fault nor another time changes it.
///
/// # Errors
/// [`ScheduleError::TooShort`] where not every one that takes turns fits in; [`ScheduleError::At`] for an argument that
/// means nothing for these nodes, and for times that do not fit.
pub fn plan_faults(
    schedule: &Schedule,
    nodes: &[NodeId],
    seed: u64,
    limit: Duration,
    interval: Duration,
) -> Result<Vec<PlannedFault>, ScheduleError> {
    let mut planned = plan_turns(schedule, nodes, seed, limit, interval)?;
    let mut same: BTreeMap<(&str, Option<&str>), u32> = BTreeMap::new();
    for asked in schedule.asked.iter().filter(|asked| !asked.takes_turns()) {
        let identity = (asked.fault.name(), asked.argument.as_deref());
        let earlier = same.entry(identity).or_default();
        let mut random = stream(seed, Purpose::TimedFault, stream_number(identity, *earlier) as usize);
        *earlier += 1;
        for (start_ns, heal_ns) in occurrences(schedule, asked, nanos(limit))? {
            planned.push(resolve(schedule, asked, nodes, &mut random, (start_ns, heal_ns))?);
        }
    }
    planned.sort_by_key(|fault| fault.start_ns);
    for (fault, id) in planned.iter_mut().zip(1..) {
        fault.id = id;
    }
    Ok(planned)
}

/// The number of a fault's own stream: a hash (FNV-1a) of its name and argument, and its number among equal ones.
fn stream_number((name, argument): (&str, Option<&str>), earlier: u32) -> u32 {
    let text = format!("{name}({})", argument.unwrap_or_default());
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.wrapping_add(earlier)
}

/// Start and heal of every occurrence of a fault with a time of its own.
fn occurrences(schedule: &Schedule, asked: &Asked, limit: Nanos) -> Result<Vec<(Nanos, Nanos)>, ScheduleError> {
    let Times { lasts, every, at } = asked.times;
    let seconds = |ns: Nanos| Duration::from_nanos(ns).as_secs_f64();
    let first = at.map_or_else(|| every.map_or(0, |every| every.ns / 2), |at| at.ns);
    if let Some(time) = at.or(every).filter(|_| first >= limit) {
        let why = format!(
            "it would start at {} s, and the time limit is {} s: start it earlier, or raise --time-limit",
            seconds(first),
            seconds(limit)
        );
        return schedule.bad_time(asked, time, why);
    }
    let Some(every) = every else {
        let heal = lasts.map_or(limit, |lasts| limit.min(first + lasts.ns));
        return Ok(vec![(first, heal)]);
    };
    if let Some(lasts) = lasts.filter(|lasts| lasts.ns >= every.ns) {
        let why = format!(
            "it would last {} s and start every {} s: `for` must be less than `every`",
            seconds(lasts.ns),
            seconds(every.ns)
        );
        return schedule.bad_time(asked, lasts, why);
    }
    let count = (limit - first).div_ceil(every.ns);
    if count > MOST_OCCURRENCES {
        let why = format!("it would start {count} times: the most is {MOST_OCCURRENCES}");
        return schedule.bad_time(asked, every, why);
    }
    let lasts = lasts.map_or(every.ns / 2, |lasts| lasts.ns).max(1);
    let starts = (0..count).map(|number| first + number * every.ns);
    Ok(starts.map(|start| (start, limit.min(start + lasts))).collect())
}

/// The faults that take turns.
fn plan_turns(
    schedule: &Schedule,
    nodes: &[NodeId],
    seed: u64,
    limit: Duration,
    interval: Duration,
) -> Result<Vec<PlannedFault>, ScheduleError> {
    let asked: Vec<&Asked> = schedule.asked.iter().filter(|asked| asked.takes_turns()).collect();
    let mut random = stream(seed, Purpose::Schedule, 0);
    let healed_by = nanos(limit.mul_f64(HEALED_BY));
    let interval_ns = nanos(interval).max(1);
    for one in &asked {
        if let Some(lasts) = one.times.lasts.filter(|lasts| lasts.ns > interval_ns) {
            let why = format!(
                "it would last longer than its turn, the interval of {} s: raise --nemesis-interval, or say `every` or `at`",
                interval.as_secs_f64()
            );
            return schedule.bad_time(one, lasts, why);
        }
    }
    let mut planned = Vec::new();
    let mut round: Vec<&Asked> = Vec::new();
    let mut start_ns = interval_ns;
    // Rounding must not lose the last fault of a limit that just suffices.
    while !asked.is_empty() && start_ns + interval_ns <= healed_by.saturating_add(1_000) {
        if round.is_empty() {
            round.clone_from(&asked);
            round.shuffle(&mut random);
        }
        let Some(next) = round.pop() else { break };
        let lasts = next.times.lasts.map_or(interval_ns, |lasts| lasts.ns);
        planned.push(resolve(schedule, next, nodes, &mut random, (start_ns, start_ns + lasts))?);
        start_ns += 2 * interval_ns;
    }
    if planned.len() < asked.len() {
        let minimum = minimum_time_limit(asked.len(), interval);
        return Err(ScheduleError::TooShort { limit, interval, kinds: asked.len(), minimum });
    }
    Ok(planned)
}

/// One occurrence, its target drawn; numbered later.
fn resolve(
    schedule: &Schedule,
    asked: &Asked,
    nodes: &[NodeId],
    random: &mut Random,
    (start_ns, heal_ns): (Nanos, Nanos),
) -> Result<PlannedFault, ScheduleError> {
    let fault = asked.fault.name().to_owned();
    match asked.fault.resolve(asked.argument.as_deref(), nodes, random) {
        Ok(aim) => Ok(PlannedFault { id: 0, fault, start_ns, heal_ns, target: aim.target, params: aim.params }),
        Err(why) => Err(schedule.error(asked.column, Problem::BadArgument { fault, why })),
    }
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

    /// Name, start and heal in ms.
    fn times(planned: &[PlannedFault]) -> Vec<(&str, u64, u64)> {
        planned
            .iter()
            .map(|fault| (fault.fault.as_str(), fault.start_ns / 1_000_000, fault.heal_ns / 1_000_000))
            .collect()
    }

    #[test]
    fn faults_with_times_of_their_own_keep_them() {
        let text = "partition(leader) for 3s every 8s; pause(one) at 5s for 2s; kill every 9s at 1s; pause at 7s";
        let planned = plan(text, 3, 20.0, 3.0).unwrap();
        let expected = [
            ("kill", 1000, 5500),
            ("partition", 4000, 7000),
            ("pause", 5000, 7000),
            ("pause", 7000, 20_000),
            ("kill", 10_000, 14_500),
            ("partition", 12_000, 15_000),
            ("kill", 19_000, 20_000),
        ];
        assert_eq!(times(&planned), expected);
        assert_eq!(planned.iter().map(|fault| fault.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_time_of_its_own_changes_no_turn_and_is_changed_by_none() {
        let turns = plan("pause(one),kill", 7, 30.0, 2.0).unwrap();
        let both =
            plan("pause(one) at 6s; pause(one); kill for 1500ms; kill(minority) every 7s", 7, 30.0, 2.0).unwrap();
        let of = |planned: &[PlannedFault], starts: &dyn Fn(u64) -> bool| -> Vec<_> {
            let chosen = planned.iter().filter(|fault| starts(fault.start_ns / 1_000_000));
            chosen.map(|fault| (fault.fault.clone(), fault.start_ns, fault.target.clone())).collect()
        };
        // Turns start at 2, 6, 10 s, …; and there is one fault more at 6 s.
        let turn = |ms: u64| ms % 4000 == 2000 && ms != 6000;
        assert_eq!(of(&both, &turn), of(&turns, &turn));
        assert!(both.iter().any(|fault| fault.fault == "kill" && fault.heal_ns - fault.start_ns == 1_500_000_000));
        let alone = plan("kill(minority) every 7s", 7, 30.0, 2.0).unwrap();
        let own = |ms: u64| ms % 7000 == 3500;
        assert_eq!(of(&both, &own), of(&alone, &own));
        let moved = plan("partition at 1s; kill(minority) every 7s at 1s", 7, 30.0, 2.0).unwrap();
        let targets = |planned: &[PlannedFault]| -> Vec<_> {
            planned.iter().filter(|fault| fault.fault == "kill").map(|fault| fault.target.clone()).take(4).collect()
        };
        assert_eq!(targets(&moved), targets(&alone));
        assert_ne!(plan("kill(minority) every 2s", 7, 60.0, 2.0), plan("kill(minority) every 2s", 8, 60.0, 2.0));
        let twins = plan("kill(minority) every 2s; kill(minority) every 2s at 1001ms", 7, 60.0, 2.0).unwrap();
        let (one, other): (Vec<_>, Vec<_>) = twins.iter().partition(|fault| fault.start_ns % 1_000_000_000 == 0);
        assert_ne!(
            one.iter().map(|fault| &fault.target).collect::<Vec<_>>(),
            other.iter().map(|fault| &fault.target).collect::<Vec<_>>(),
            "equal faults are drawn apart"
        );
    }

    #[test]
    fn times_and_arguments_that_do_not_fit_are_refused_at_their_column() {
        for (text, column, says) in [
            ("pause; kill at 10s", 16, "the time limit is 10 s"),
            ("pause every 20s", 13, "would start at 10 s"),
            ("pause for 8s every 8s", 11, "`for` must be less than `every`"),
            ("pause every 1ms for 10ms", 21, "`for` must be less than `every`"),
            ("pause every 0.9ms", 13, "the most is 10000"),
            ("kill; pause(one) for 2500ms", 22, "raise --nemesis-interval"),
            ("kill; pause( n9 ) at 1s", 14, "no node n9"),
            ("partition(thirds),kill", 11, "majorities-ring"),
        ] {
            let error = plan(text, 1, 10.0, 2.0).unwrap_err();
            assert_eq!(error.column(), Some(column), "`{text}`: {error}");
            assert!(error.to_string().contains(says), "`{text}`: {error}");
        }
    }

    #[test]
    fn the_short_form_makes_the_plans_that_it_always_made() {
        let planned = plan("partition,pause(one),kill", 42, 30.0, 1.5).unwrap();
        let seen: Vec<_> = planned.iter().map(|fault| format!("{} {}", fault.fault, fault.target)).collect();
        let expected = [
            "kill n1 n4",
            "partition halves: n3 n5 | n1 n2 n4",
            "pause n5",
            "pause n3",
            "partition majorities-ring: n2-n4-n5-n1-n3",
            "kill n1 n2",
            "partition majorities-ring: n3-n1-n5-n4-n2",
            "kill n4 n5",
        ];
        assert_eq!(seen, expected);
    }
}
