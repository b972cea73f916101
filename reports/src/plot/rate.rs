//! Quantiles of latency and rates of completion, by steps of time.

use dsjepsen_history::Nanos;

use super::scatter::Sample;

/// The usual step: one second.
const SECOND: Nanos = 1_000_000_000;
/// The most steps that a plot has room for; a longer run has longer steps.
const MOST_STEPS: u64 = 600;
/// Under this many completions a step has no quantiles: they would be single operations.
const LEAST_FOR_QUANTILES: usize = 3;

/// Median, 95th and 99th percentile, and the longest.
const QUANTILES: [f64; 4] = [0.5, 0.95, 0.99, 1.0];

/// What completed in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// Its start, in ns.
    pub(crate) from: Nanos,
    /// Its end, in ns.
    pub(crate) to: Nanos,
    /// How many were ok, fail and info.
    pub(crate) counts: [u64; 3],
    /// The latencies' [`QUANTILES`], in ns.
    pub(crate) quantiles: Option<[Nanos; 4]>,
}

impl Step {
    /// Completions per second of one outcome.
    pub(crate) fn rate(&self, outcome: usize) -> f64 {
        self.counts[outcome] as f64 * 1e9 / (self.to - self.from).max(1) as f64
    }
}

/// The length of a step in a run of this length: a second, or a round multiple of it.
pub(crate) fn step_length(end: Nanos) -> Nanos {
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600]
        .map(|seconds| seconds * SECOND)
        .into_iter()
        .find(|step| end / step <= MOST_STEPS)
        .unwrap_or(end / MOST_STEPS)
}

/// Divides a run into steps of the usual length.
pub(crate) fn steps(samples: &[Sample], end: Nanos) -> Vec<Step> {
    steps_of(samples, end, step_length(end))
}

/// Divides a run into steps of this length, which is not 0. A rest of under a quarter of a step joins the last one, so that no rate is drawn from a
/// sliver. `samples` are in the order of their completion.
pub(crate) fn steps_of(samples: &[Sample], end: Nanos, length: Nanos) -> Vec<Step> {
    let whole = (end / length).max(1);
    let rest = end.saturating_sub(whole * length);
    let count = if rest * 4 >= length { whole + 1 } else { whole };
    let mut remaining = samples;
    (0..count)
        .map(|position| {
            let from = position * length;
            let to = if position + 1 == count { end.max(from + 1) } else { from + length };
            // The last step is closed: an operation may complete with the very last event.
            let inside = if position + 1 == count {
                remaining.len()
            } else {
                remaining.partition_point(|sample| sample.at < to)
            };
            let (now, later) = remaining.split_at(inside);
            remaining = later;
            step(from, to, now)
        })
        .collect()
}

fn step(from: Nanos, to: Nanos, samples: &[Sample]) -> Step {
    let mut counts = [0; 3];
    for sample in samples {
        counts[sample.outcome as usize] += 1;
    }
    let mut latencies: Vec<_> = samples.iter().map(|sample| sample.latency).collect();
    let quantiles =
        (latencies.len() >= LEAST_FOR_QUANTILES).then(|| QUANTILES.map(|share| quantile(&mut latencies, share)));
    Step { from, to, counts, quantiles }
}

/// The smallest value that at least this share of all values do not exceed (nearest rank); 0 of none.
pub(crate) fn quantile(values: &mut [Nanos], share: f64) -> Nanos {
    let rank = (share * values.len() as f64).ceil() as usize;
    match rank.clamp(1, values.len().max(1)) - 1 {
        position if position < values.len() => *values.select_nth_unstable(position).1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::OutcomeKind;

    fn sample(at: Nanos, latency: Nanos) -> Sample {
        Sample { at, latency, outcome: OutcomeKind::Ok }
    }

    #[test]
    fn every_completion_is_in_one_step() {
        let samples: Vec<_> = (0..=3_100).map(|ms| sample(ms * 1_000_000, ms)).collect();
        let steps = steps(&samples, 3_100_000_000);
        assert_eq!(steps.len(), 3, "the tenth of a second joins the last step");
        assert_eq!(steps.iter().map(|step| step.counts[0]).sum::<u64>(), 3_101);
        assert_eq!((steps[0].counts[0], steps[2].to), (1_000, 3_100_000_000));
        assert!((steps[2].rate(0) - 1_101.0 / 1.1).abs() < 1e-6);
        assert_eq!(steps[0].quantiles, Some([499, 949, 989, 999]));
    }

    #[test]
    fn an_empty_step_is_a_gap() {
        let steps = steps(&[sample(1, 1), sample(2_500_000_000, 1)], 3_000_000_000);
        assert_eq!(steps.iter().map(|step| step.quantiles).collect::<Vec<_>>(), [None, None, None]);
        assert_eq!(steps[1].counts, [0, 0, 0]);
    }

    #[test]
    fn long_runs_have_longer_steps() {
        assert_eq!(step_length(60 * SECOND), SECOND);
        assert_eq!(step_length(3_600 * SECOND), 10 * SECOND);
        assert_eq!(super::steps(&[], 0).len(), 1);
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        assert_eq!(quantile(&mut [3, 1, 2], 0.5), 2);
        assert_eq!(quantile(&mut (1..=100).rev().collect::<Vec<_>>(), 0.99), 99);
        assert_eq!(quantile(&mut [], 0.5), 0);
    }
}
