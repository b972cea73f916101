//! The quality of service: how fast crashes are detected, how often and for how long the detector is wrong.

use dsjepsen_history::{Index, Nanos};

use super::pair::{Interval, Pair, Point, end, point};
use super::rules::mistakes;
use super::{DetectorHistory, Trouble, TroubleInterval};
use crate::words::{counted, duration};

/// Below so many samples a figure is said to rest on few.
const FEW: usize = 30;

const NANOS_PER_HOUR: f64 = 3_600e9;

/// Lengths of time, in ns, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples(Vec<Nanos>);

impl Samples {
    fn new(mut lengths: Vec<Nanos>) -> Self {
        lengths.sort_unstable();
        Self(lengths)
    }

    /// All of them, smallest first.
    pub fn all(&self) -> &[Nanos] {
        &self.0
    }

    /// The smallest that so many of a hundred do not exceed (nearest rank); none without samples.
    pub fn percentile(&self, percent: u32) -> Option<Nanos> {
        let rank = (self.0.len() * percent.min(100) as usize).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// Their mean; none without samples.
    pub fn mean(&self) -> Option<Nanos> {
        let sum: u128 = self.0.iter().map(|&length| u128::from(length)).sum();
        Some(sum.checked_div(self.0.len() as u128)? as Nanos)
    }

    /// `min 8 ms, median 10 ms, p99 12 ms, max 12 ms of 40`.
    pub(super) fn told(&self) -> String {
        let [Some(min), Some(median), Some(p99), Some(max)] = [0, 50, 99, 100].map(|percent| self.percentile(percent))
        else {
            return "no sample".to_owned();
        };
        let few = if self.0.len() < FEW { "only " } else { "" };
        format!(
            "min {}, median {}, p99 {}, max {} of {few}{}",
            duration(min),
            duration(median),
            duration(p99),
            duration(max),
            counted(self.0.len() as u64, "sample")
        )
    }
}

/// The figures of Chen, Toueg and Aguilera over all watched pairs, and how many suspicions were of which class.
///
/// Recurrence and good periods are measured between two mistakes with nothing wrong between them, durations where trust ended the
/// mistake: what a trouble or the end of the watch cut off is no sample. A monitor in trouble detects nothing, so crashes that it
/// might have missed for that are no samples either.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetectorQuality {
    /// T_D: from a crash to the last time that its suspicion began, 0 where it was suspected before; where it was at its end.
    pub detection: Samples,
    /// Crashes that were not suspected at their end, or at that of the watch.
    pub undetected: u64,
    /// T_MR: from the begin of a mistake to that of the next.
    pub recurrence: Samples,
    /// T_M: from the begin of a mistake until the monitor trusted.
    pub duration: Samples,
    /// T_G: from the end of a mistake to the begin of the next.
    pub good_period: Samples,
    /// How many mistakes there were.
    pub mistakes: u64,
    /// The time in ns that pairs were watched while all was well.
    pub well: Nanos,
    /// The part of it in which the node was suspected.
    pub mistaken: Nanos,
    /// Suspicions that began while the node was down.
    pub of_crashed: u64,
    /// Suspicions that began while the two could not reach each other.
    pub of_unreachable: u64,
    /// Suspicions that began while the node was slow.
    pub of_slow: u64,
    /// Suspicions that began shortly after a trouble of the node.
    pub in_wake: u64,
    /// Suspicions that began while the monitor itself was crashed or slow, or shortly after.
    pub by_troubled: u64,
}

impl DetectorQuality {
    /// λ_M: mistakes an hour of time in which all was well; none without such time.
    pub fn mistakes_per_hour(&self) -> Option<f64> {
        (self.well > 0).then(|| self.mistakes as f64 * NANOS_PER_HOUR / self.well as f64)
    }

    /// P_A: the part of the time in which all was well and the node was trusted; none without such time.
    pub fn query_accuracy(&self) -> Option<f64> {
        (self.well > 0).then(|| 1.0 - self.mistaken as f64 / self.well as f64)
    }

    pub(super) fn rate_told(&self) -> String {
        self.mistakes_per_hour().map_or_else(|| "no time".to_owned(), |rate| format!("{rate:.3} an hour"))
    }

    pub(super) fn accuracy_told(&self) -> String {
        self.query_accuracy().map_or_else(|| "no time".to_owned(), |part| format!("{part:.6}"))
    }
}

/// Measures a detector. `wake` is for how long after a trouble, in ns, a suspicion is put down to it.
pub fn detector_quality(history: &DetectorHistory<'_>, wake: Nanos) -> DetectorQuality {
    of(&Pair::all(history, wake))
}

pub(super) fn of(pairs: &[Pair<'_>]) -> DetectorQuality {
    let mut quality = DetectorQuality::default();
    let [mut detection, mut recurrence, mut duration, mut good_period] = [const { Vec::new() }; 4];
    for pair in pairs {
        quality.classify(pair);
        quality.well += pair.good.iter().map(|good| good.length()).sum::<Nanos>();
        let mistakes = mistakes(pair);
        quality.mistakes += mistakes.len() as u64;
        for mistake in &mistakes {
            quality.mistaken += mistake.interval.length();
            duration.extend(Some(mistake.interval.length()).filter(|_| mistake.fresh && mistake.corrected));
        }
        for two in mistakes.windows(2).filter(|two| two[0].stretch == two[1].stretch && two[0].fresh) {
            recurrence.push(two[1].interval.from.0 - two[0].interval.from.0);
            good_period.push(two[1].interval.from.0 - two[0].interval.to.0);
        }
        for (crash, interval) in pair.crashes() {
            let seen_whole = point(crash.from) == interval.from && pair.attended(interval).first() == Some(&interval);
            match detected(pair, interval) {
                _ if !seen_whole => {}
                Some(time) => detection.push(time),
                None => quality.undetected += 1,
            }
        }
    }
    quality.detection = Samples::new(detection);
    quality.recurrence = Samples::new(recurrence);
    quality.duration = Samples::new(duration);
    quality.good_period = Samples::new(good_period);
    quality
}

/// The time from a crash to the begin of the suspicion in force at its end.
fn detected(pair: &Pair<'_>, crash: Interval) -> Option<Nanos> {
    let before = pair.suspected.partition_point(|suspected| suspected.interval.from < crash.to);
    let last = pair.suspected.get(before.checked_sub(1)?)?;
    (last.interval.to >= crash.to).then(|| last.interval.from.0.saturating_sub(crash.from.0))
}

impl DetectorQuality {
    /// Counts the suspicions of a pair that began while something was wrong, by class; of several the gravest.
    fn classify(&mut self, pair: &Pair<'_>) {
        let kinds = [Trouble::Crashed, Trouble::Unreachable, Trouble::Slow].map(|kind| {
            let troubles = pair.troubles.iter().filter(move |trouble| trouble.trouble == kind);
            Covered::of(troubles.map(|trouble| span(trouble, 0)))
        });
        let monitor = Covered::of(pair.monitor.iter().map(|trouble| span(trouble, pair.wake)));
        let wake = Covered::of(pair.troubles.iter().map(|trouble| span(trouble, pair.wake)));
        for suspected in pair.suspected.iter().filter(|suspected| suspected.begun.is_some()) {
            let at = suspected.interval.from;
            let class = kinds.iter().position(|covered| covered.at(at));
            let counter = match class {
                _ if monitor.at(at) => &mut self.by_troubled,
                Some(0) => &mut self.of_crashed,
                Some(1) => &mut self.of_unreachable,
                Some(_) => &mut self.of_slow,
                None if wake.at(at) => &mut self.in_wake,
                None => continue,
            };
            *counter += 1;
        }
    }
}

fn span(trouble: &TroubleInterval, wake: Nanos) -> (Point, Point) {
    (point(trouble.from), end(trouble, wake))
}

/// Some intervals, sorted, with the latest end so far.
struct Covered(Vec<(Point, Point)>);

impl Covered {
    fn of(intervals: impl Iterator<Item = (Point, Point)>) -> Self {
        let mut latest = (0, Index::MIN);
        let ends = intervals.map(|(from, to)| {
            latest = latest.max(to);
            (from, latest)
        });
        Self(ends.collect())
    }

    fn at(&self, point: Point) -> bool {
        let before = self.0.partition_point(|&(from, _)| from <= point);
        before.checked_sub(1).is_some_and(|place| point < self.0[place].1)
    }
}
