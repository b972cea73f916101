//! Quantiles and rates at every level of detail, as columns.
//!
//! The first level has the steps of the drawing as it is read without a script; each further one has steps an eighth as long.
//! The levels end where a step would hold too few completions to say anything.
//!
//! ```text
//! how many levels; then, for each:
//!   the length of a step in ns, how many steps there are, n (the last one ends with the run)
//!   ok, fail, info           completions: three columns of n numbers
//!   p50, p95, p99, longest   ns: four columns of n numbers, each 0 where there were too few, else 1 + it
//! ```

use dsjepsen_history::Nanos;

use super::bytes::Columns;
use crate::load::RunRecord;
use crate::plot::rate::{Step, step_length, steps_of};
use crate::plot::scatter::{Sample, samples};

/// How many steps of a level lie in one of the level before.
const FINER: Nanos = 8;
/// A level's steps hold at least so many completions on average.
const LEAST_COMPLETIONS: usize = 8;

/// One level of detail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// The length of a step, in ns.
    pub(crate) length: Nanos,
    /// The steps.
    pub(crate) steps: Vec<Step>,
}

/// All levels of a run.
pub(crate) fn levels(record: &RunRecord) -> Vec<Level> {
    of_samples(&samples(record), record.end())
}

fn of_samples(samples: &[Sample], end: Nanos) -> Vec<Level> {
    let mut length = step_length(end);
    let mut levels = vec![Level { length, steps: steps_of(samples, end, length) }];
    loop {
        length /= FINER;
        let steps = end.checked_div(length).and_then(|steps| usize::try_from(steps).ok());
        match steps.and_then(|steps| samples.len().checked_div(steps)) {
            Some(each) if each >= LEAST_COMPLETIONS => {
                levels.push(Level { length, steps: steps_of(samples, end, length) });
            }
            _ => return levels,
        }
    }
}

/// The levels as columns.
pub(crate) fn encoded(levels: &[Level]) -> Vec<u8> {
    let mut columns = Columns::default();
    columns.number(levels.len() as u64);
    for level in levels {
        columns.number(level.length);
        columns.number(level.steps.len() as u64);
        for outcome in 0..3 {
            for step in &level.steps {
                columns.number(step.counts[outcome]);
            }
        }
        for which in 0..4 {
            for step in &level.steps {
                columns.optional(step.quantiles.map(|quantiles| quantiles[which]));
            }
        }
    }
    columns.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::OutcomeKind;

    #[test]
    fn levels_get_finer_while_they_say_something() {
        let samples: Vec<_> = (0..10_000_u64)
            .map(|at| Sample { at: at * 1_000_000, latency: at % 7, outcome: OutcomeKind::Ok })
            .collect();
        let levels = of_samples(&samples, 10_000_000_000);
        let lengths: Vec<_> = levels.iter().map(|level| level.length).collect();
        assert_eq!(lengths, [1_000_000_000, 125_000_000, 15_625_000]);
        for level in &levels {
            assert_eq!(level.steps.iter().map(|step| step.counts[0]).sum::<u64>(), 10_000);
            assert_eq!(level.steps.last().unwrap().to, 10_000_000_000);
        }
        assert_eq!(of_samples(&[], 0).len(), 1);
        assert_eq!(of_samples(&samples[..1], u64::MAX).len(), 1);
    }
}
