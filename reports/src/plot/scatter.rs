//! The scatter of latencies: every completion as a mark while there are few, else as cells, with what matters kept.

use dsjepsen_history::Nanos;

use super::axis::TimeAxis;
use crate::load::RunRecord;
use crate::marks::OutcomeKind;
use crate::text::{counted, thousands};

/// Up to this many completions, each has its own mark.
const MOST_MARKS: usize = 20_000;
/// Side of a cell in px: large enough for a dot and a cross to differ by shape, not by colour alone.
const CELL: f64 = 4.0;
/// Shades of a cell.
const SHADES: u8 = 5;

/// A completed operation as it is plotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it completed, in ns.
    pub(crate) at: Nanos,
    /// From its scheduled time (or its invocation, where nothing was scheduled) to its completion, in ns.
    pub(crate) latency: Nanos,
    /// What came of it.
    pub(crate) outcome: OutcomeKind,
}

/// The completed operations of a run, in the order of their completion.
pub(crate) fn samples(record: &RunRecord) -> Vec<Sample> {
    let mut samples: Vec<_> = record
        .operations()
        .iter()
        .filter_map(|operation| {
            let at = operation.completed?.time;
            let began = operation.call.scheduled.unwrap_or(operation.invoked.time);
            Some(Sample { at, latency: at.saturating_sub(began), outcome: OutcomeKind::from(&operation.outcome) })
        })
        .collect();
    samples.sort_by_key(|sample| sample.at);
    samples
}

/// The logarithmic scale of latencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LatencyScale {
    /// Its foot, in ms.
    pub(crate) low: f64,
    /// Its top, in ms.
    pub(crate) high: f64,
}

impl LatencyScale {
    /// The scale from a round value under the shortest latency to one over the longest. Its foot is at least 1 µs.
    pub(crate) fn of(samples: &[Sample]) -> Self {
        let latencies = || samples.iter().map(|sample| sample.latency.max(1_000) as f64 / 1e6);
        let shortest = latencies().fold(f64::INFINITY, f64::min).min(1e9);
        let longest = latencies().fold(0.0, f64::max).max(shortest);
        let low = round_down(shortest);
        Self { low, high: round_up(longest).max(low * 10.0) }
    }

    /// A latency in ms, held within the scale.
    pub(crate) fn ms(&self, latency: Nanos) -> f64 {
        (latency as f64 / 1e6).clamp(self.low, self.high)
    }

    /// How far up the scale a latency lies, from 0 to 1.
    pub(crate) fn fraction(&self, ms: f64) -> f64 {
        (ms / self.low).ln() / (self.high / self.low).ln()
    }

    /// The latency in ms at this height.
    fn at(&self, fraction: f64) -> f64 {
        self.low * (self.high / self.low).powf(fraction)
    }

    /// The powers of ten on the scale in ms, with labels in the unit that suits each.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        (-3..=12)
            .map(|power| 10_f64.powi(power))
            .filter(|ms| *ms >= self.low * 0.999 && *ms <= self.high * 1.001)
            .map(|ms| {
                let label = match ms {
                    ms if ms < 0.9 => format!("{:.0} µs", ms * 1e3),
                    ms if ms < 900.0 => format!("{ms:.0} ms"),
                    _ => format!("{} s", thousands((ms / 1e3).round() as u64)),
                };
                (ms, label)
            })
            .collect()
    }
}

fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let factor = [5.0, 2.0].into_iter().find(|factor| power * factor <= value);
    power * factor.unwrap_or(1.0)
}

fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| power * factor >= value);
    power * factor.unwrap_or(10.0)
}

/// A point in the plot's own units: seconds and milliseconds.
pub(crate) type Point = (f64, f64);

/// What is drawn of the completions.
#[derive(Debug, Default)]
pub(crate) struct Scatter {
    /// Marks of ok, fail and info.
    pub(crate) marks: [Vec<Point>; 3],
    /// Centres of cells of ok and fail, with their shade from 1 to 5.
    pub(crate) cells: [Vec<(Point, u8)>; 2],
    /// What is not drawn one by one, in words.
    pub(crate) note: Option<String>,
}

impl Scatter {
    /// Decides how each completion is drawn in a panel of this height in px.
    pub(crate) fn new(samples: &[Sample], axis: &TimeAxis, scale: &LatencyScale, height: f64) -> Self {
        let mut scatter = Self::default();
        let point = |sample: &Sample| (sample.at as f64 / 1e9, scale.ms(sample.latency));
        if samples.len() <= MOST_MARKS {
            for sample in samples {
                scatter.marks[sample.outcome as usize].push(point(sample));
            }
            return scatter;
        }

        let (info, others): (Vec<&Sample>, Vec<&Sample>) =
            samples.iter().partition(|sample| sample.outcome == OutcomeKind::Info);
        scatter.marks[OutcomeKind::Info as usize] = once_a_pixel(&info, axis, scale, height, point);
        let mut grid = Grid::new(axis, scale, height);
        let mut kept = 0;
        for mut column in grid.columns(&others) {
            column.sort_unstable_by_key(|sample| std::cmp::Reverse(sample.latency));
            let slowest = column.len().div_ceil(100);
            for sample in &column[..slowest] {
                scatter.marks[sample.outcome as usize].push(point(sample));
            }
            for sample in &column[slowest..] {
                grid.count(sample);
            }
            kept += slowest;
        }
        scatter.cells = grid.shaded();
        scatter.note = Some(format!(
            "{} completed, too many to draw each. Every info operation has its mark (those on the same pixel share one), \
             and so has the slowest 1 % of every {CELL} px of time: {} in all. The other {} lie in cells of {CELL} × \
             {CELL} px, the stronger the more: 1 to {} in a cell.",
            counted(samples.len() as u64, "operation", "operations"),
            thousands((info.len() + kept) as u64),
            thousands((others.len() - kept) as u64),
            thousands(u64::from(grid.fullest())),
        ));
        scatter
    }
}

/// The points of these samples, without those that would cover another exactly.
fn once_a_pixel(
    samples: &[&Sample],
    axis: &TimeAxis,
    scale: &LatencyScale,
    height: f64,
    point: impl Fn(&Sample) -> Point,
) -> Vec<Point> {
    let mut placed: Vec<_> = samples
        .iter()
        .map(|sample| {
            let y = scale.fraction(scale.ms(sample.latency)) * height;
            (axis.x(sample.at) as i64, y as i64, *sample)
        })
        .collect();
    placed.sort_by_key(|(x, y, _)| (*x, *y));
    placed.dedup_by_key(|(x, y, _)| (*x, *y));
    placed.into_iter().map(|(_, _, sample)| point(sample)).collect()
}

/// Counts per cell, ok and fail apart.
struct Grid<'a> {
    axis: &'a TimeAxis,
    scale: &'a LatencyScale,
    width: usize,
    height: usize,
    counts: [Vec<u32>; 2],
}

impl<'a> Grid<'a> {
    fn new(axis: &'a TimeAxis, scale: &'a LatencyScale, height: f64) -> Self {
        let width = ((axis.right - axis.left) / CELL).ceil() as usize;
        let height = (height / CELL).ceil() as usize;
        Self { axis, scale, width, height, counts: [vec![0; width * height], vec![0; width * height]] }
    }

    fn column(&self, sample: &Sample) -> usize {
        let x = self.axis.x(sample.at) - self.axis.left;
        ((x / CELL) as usize).min(self.width - 1)
    }

    fn columns<'s>(&self, samples: &[&'s Sample]) -> Vec<Vec<&'s Sample>> {
        let mut columns = vec![Vec::new(); self.width];
        for sample in samples {
            columns[self.column(sample)].push(*sample);
        }
        columns
    }

    fn count(&mut self, sample: &Sample) {
        let fraction = self.scale.fraction(self.scale.ms(sample.latency));
        let row = ((fraction * self.height as f64) as usize).min(self.height - 1);
        let cell = row * self.width + self.column(sample);
        self.counts[usize::from(sample.outcome == OutcomeKind::Fail)][cell] += 1;
    }

    fn fullest(&self) -> u32 {
        self.counts.iter().flatten().copied().max().unwrap_or(0)
    }

    /// The cells that hold anything, shaded by the logarithm of their count.
    fn shaded(&self) -> [Vec<(Point, u8)>; 2] {
        let fullest = f64::from(self.fullest().max(2)).ln();
        let centre = |cell: usize| {
            let (row, column) = (cell / self.width, cell % self.width);
            let share = (column as f64 + 0.5) * CELL / (self.axis.right - self.axis.left);
            let time = self.axis.from as f64 + share.min(1.0) * (self.axis.to - self.axis.from) as f64;
            (time / 1e9, self.scale.at((row as f64 + 0.5) / self.height as f64))
        };
        [&self.counts[0], &self.counts[1]].map(|counts| {
            let mut cells: Vec<_> = counts
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0)
                .map(|(cell, count)| {
                    let share = f64::from(*count).ln() / fullest;
                    (centre(cell), 1 + (share * f64::from(SHADES - 1)).round() as u8)
                })
                .collect();
            // Cells of one shade become one path.
            cells.sort_by_key(|(_, shade)| *shade);
            cells
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: u64, latency: u64, outcome: OutcomeKind) -> Sample {
        Sample { at, latency, outcome }
    }

    #[test]
    fn the_scale_is_round_and_holds_everything() {
        let samples = [sample(0, 1_300_000, OutcomeKind::Ok), sample(0, 1_001_000_000, OutcomeKind::Info)];
        let scale = LatencyScale::of(&samples);
        assert!((scale.low - 1.0).abs() < 1e-9 && (scale.high - 2_000.0).abs() < 1e-9, "{scale:?}");
        let labels: Vec<_> = scale.ticks().into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["1 ms", "10 ms", "100 ms", "1 s"]);
        for latencies in [vec![], vec![0], vec![0, u64::MAX], vec![1_000]] {
            let samples: Vec<_> = latencies.into_iter().map(|latency| sample(0, latency, OutcomeKind::Ok)).collect();
            let scale = LatencyScale::of(&samples);
            assert!(scale.low > 0.0 && scale.high >= scale.low * 9.99, "{scale:?}");
        }
    }

    #[test]
    fn thinning_keeps_info_and_the_slowest_and_counts_the_rest() {
        let mut samples: Vec<_> = (0..30_000_u64)
            .map(|at| {
                let outcome = if at % 3 == 0 { OutcomeKind::Fail } else { OutcomeKind::Ok };
                sample(at * 1_000_000, 2_000_000 + at % 7 * 100_000, outcome)
            })
            .collect();
        samples.push(sample(15_000_000_000, 900_000_000, OutcomeKind::Ok));
        samples.push(sample(16_000_000_000, 1_000_000_000, OutcomeKind::Info));
        samples.push(sample(26_000_000_000, 1_000_000_000, OutcomeKind::Info));
        let axis = TimeAxis::of_run(30_000_000_000);
        let scale = LatencyScale::of(&samples);
        let scatter = Scatter::new(&samples, &axis, &scale, 214.0);
        let [ok, _, info] = &scatter.marks;
        assert_eq!(info.len(), 2);
        assert!(ok.iter().any(|(_, ms)| (*ms - 900.0).abs() < 1e-6), "the outlier is kept");
        assert!(scatter.cells.iter().all(|cells| !cells.is_empty()));
        assert!(scatter.cells.iter().flatten().all(|(_, shade)| (1..=SHADES).contains(shade)));
        let drawn = scatter.marks.iter().map(Vec::len).sum::<usize>();
        let note = scatter.note.unwrap();
        assert!(note.contains("30,003 operations"), "{note}");
        assert!(note.contains(&format!("{} in all", thousands(drawn as u64))), "{note}");
    }

    #[test]
    fn a_few_are_all_drawn() {
        let samples: Vec<_> = (0..100).map(|at| sample(at, at, OutcomeKind::Ok)).collect();
        let scale = LatencyScale::of(&samples);
        let scatter = Scatter::new(&samples, &TimeAxis::of_run(100), &scale, 214.0);
        assert_eq!((scatter.marks[0].len(), scatter.note), (100, None));
    }
}
