//! The time axis: one linear map from the run's clock to px, its ticks and their labels.

use dsjepsen_history::Nanos;

use super::svg::{Anchor, Canvas};
use super::{GUTTER, WIDTH};

/// A linear map from times to abscissae.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TimeAxis {
    /// First time shown, in ns.
    pub(crate) from: Nanos,
    /// Last time shown, in ns; always after the first.
    pub(crate) to: Nanos,
    /// Abscissa of the first, in px.
    pub(crate) left: f64,
    /// Abscissa of the last, in px.
    pub(crate) right: f64,
}

impl TimeAxis {
    /// An axis between two abscissae. An empty interval is widened to a millisecond.
    pub(crate) fn new(from: Nanos, to: Nanos, left: f64, right: f64) -> Self {
        let from = from.min(Nanos::MAX - 1_000_000);
        Self { from, to: to.max(from + 1_000_000), left, right }
    }

    /// The axis of the whole run, with the same gutters in every plot.
    pub(crate) fn of_run(end: Nanos) -> Self {
        Self::new(0, end, GUTTER, WIDTH - GUTTER)
    }

    /// The abscissa of a time; times outside lie on the edge.
    pub(crate) fn x(&self, time: Nanos) -> f64 {
        let time = time.clamp(self.from, self.to);
        self.left + (time - self.from) as f64 / (self.to - self.from) as f64 * (self.right - self.left)
    }

    /// Whether any of the interval is shown.
    pub(crate) fn shows(&self, from: Nanos, to: Nanos) -> bool {
        from <= self.to && to >= self.from
    }

    /// Round times, about `wanted` of them, with labels in seconds; the first carries the unit.
    pub(crate) fn ticks(&self, wanted: u64) -> Vec<(Nanos, String)> {
        let step = round_step((self.to - self.from) / wanted.max(1));
        let digits = (0..9).find(|digits| step.is_multiple_of(10_u64.pow(9 - digits))).unwrap_or(9);
        let first = self.from.div_ceil(step);
        (first..=self.to / step)
            .enumerate()
            .map(|(position, multiple)| {
                let unit = if position == 0 { " s" } else { "" };
                let label = format!("{:.*}{unit}", digits as usize, (multiple * step) as f64 / 1e9);
                (multiple * step, label)
            })
            .collect()
    }

    /// Draws the axis at this ordinate, with labels under it. On the run's axis the page's script makes the ticks anew when
    /// it is zoomed.
    pub(crate) fn draw(&self, canvas: &mut Canvas, y: f64) {
        canvas.open_ticks(y);
        for (time, label) in self.ticks(10) {
            let x = self.x(time);
            canvas.line((x, y), (x, y + 4.0), "axis");
            canvas.text((x, y + 17.0), Anchor::Middle, "t11", &label);
        }
        canvas.close_group();
        canvas.line((self.left, y), (self.right, y), "axis");
    }
}

/// The smallest of 1, 2, 5, 10, 20, … that is not under `least`.
pub(super) fn round_step(least: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Round values from 0 to a top that is not under `highest`, about four steps: the ticks of a count.
pub(crate) fn count_ticks(highest: u64) -> Vec<u64> {
    let step = round_step(highest.max(1).div_ceil(3));
    (0..=highest.max(1).div_ceil(step)).map(|multiple| multiple * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = TimeAxis::of_run(31_200_000_000);
        let labels: Vec<_> = axis.ticks(10).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["0 s", "5", "10", "15", "20", "25", "30"]);
        let axis = TimeAxis::new(14_200_000_000, 16_800_000_000, 100.0, 1000.0);
        let labels: Vec<_> = axis.ticks(6).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["14.5 s", "15.0", "15.5", "16.0", "16.5"]);
        assert!((axis.x(15_500_000_000) - 550.0).abs() < 1e-9);
        assert_eq!((axis.x(0), axis.x(u64::MAX)), (100.0, 1000.0));
    }

    #[test]
    fn an_empty_run_has_an_axis() {
        let axis = TimeAxis::of_run(0);
        assert!(axis.to > axis.from && !axis.ticks(10).is_empty());
        assert!(!TimeAxis::new(u64::MAX, u64::MAX, 0.0, 1.0).x(0).is_nan());
    }

    #[test]
    fn counts_end_above_the_highest() {
        assert_eq!(count_ticks(0), [0, 1]);
        assert_eq!(count_ticks(183), [0, 100, 200]);
        assert_eq!(count_ticks(200), [0, 100, 200]);
        assert_eq!(count_ticks(1), [0, 1]);
    }
}
