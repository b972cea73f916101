//! Latency, quantiles and rate in one drawing on one time axis; the series are drawn by plotters.

use dsjepsen_history::Nanos;
use maud::Markup;
use plotters::prelude::{ChartBuilder, Circle, Cross, EmptyElement, IntoLogRange, PathElement};

use super::axis::{TimeAxis, count_ticks};
use super::bands::{self, BandLabels, DrawnFault};
use super::ink::{self, Ink, PlotError, Sheet, tenths};
use super::labels::{spread, text_width};
use super::rate::Step;
use super::scatter::{LatencyScale, Point, Sample, Scatter};
use super::svg::{Anchor, Area, Canvas};
use super::{GUTTER, WIDTH};

/// What is drawn.
pub(crate) struct LatencyPlot<'a> {
    /// The axis of the run.
    pub(crate) axis: TimeAxis,
    /// Completed operations; at least one.
    pub(crate) samples: &'a [Sample],
    /// The same by steps.
    pub(crate) steps: &'a [Step],
    /// The faults behind.
    pub(crate) faults: &'a [DrawnFault],
    /// The interval in which a rule is broken, in ns.
    pub(crate) conflict: Option<(Nanos, Nanos)>,
}

/// The three panels, from top to bottom.
struct Panels {
    scatter: Area,
    quantiles: Area,
    rate: Area,
}

impl LatencyPlot<'_> {
    /// The drawing, and what the scatter does not show one by one.
    ///
    /// # Errors
    /// [`PlotError`] where plotters fails.
    pub(crate) fn draw(&self) -> Result<(Markup, Option<String>), PlotError> {
        let labels = BandLabels::new(&self.axis, self.faults);
        let panel = |y, height| Area::between(self.axis.left, self.axis.right, 1.0, y, height);
        let scatter = panel(labels.height() + 12.0, 214.0);
        let quantiles = panel(scatter.bottom() + 34.0, 100.0);
        let panels = Panels { scatter, quantiles, rate: panel(quantiles.bottom() + 32.0, 60.0) };
        let height = panels.rate.bottom() + 26.0;

        let scale = LatencyScale::of(self.samples);
        let marks = Scatter::new(self.samples, &self.axis, &scale, panels.scatter.height);
        let rates = count_ticks(self.highest_rate());
        let dots = ink::draw(WIDTH, height, |sheet| self.scatter(sheet, panels.scatter, &scale, &marks))?;
        let lines = ink::draw(WIDTH, height, |sheet| self.quantiles(sheet, panels.quantiles, &scale))?;
        let steps = ink::draw(WIDTH, height, |sheet| self.rates(sheet, panels.rate, top_of(&rates)))?;

        let mut canvas = Canvas::default();
        for area in [panels.scatter, panels.quantiles, panels.rate] {
            bands::draw_conflict(&mut canvas, &self.axis, self.conflict, area.y, area.bottom());
            bands::draw(&mut canvas, &self.axis, self.faults, area.y, area.bottom());
        }
        labels.draw(&mut canvas, &self.axis, self.faults, panels.scatter.y - 4.0);
        latency_grid(&mut canvas, panels.scatter, "Latency", &scale);
        latency_grid(&mut canvas, panels.quantiles, "Quantiles", &scale);
        canvas.text((0.0, panels.rate.y + 4.0), Anchor::Start, "strong", "Rate");
        let ends = [("low", scale.low), ("high", scale.high)];
        canvas.open_panel("scatter", panels.scatter, &ends);
        canvas.raw(&dots);
        canvas.close_group();
        canvas.open_panel("quantiles", panels.quantiles, &ends);
        canvas.raw(&lines);
        self.name_quantiles(&mut canvas, panels.quantiles, &scale);
        canvas.close_group();
        canvas.open_panel("rates", panels.rate, &[]);
        rate_grid(&mut canvas, panels.rate, &rates);
        canvas.raw(&steps);
        self.name_rates(&mut canvas, panels.rate, top_of(&rates));
        canvas.close_group();
        self.axis.draw(&mut canvas, panels.rate.bottom() + 4.0);
        let name =
            "Latency of every completed operation by outcome, its quantiles and the rate of completions over time";
        Ok((canvas.finish_on_run(&self.axis, height, "img", name), marks.note))
    }

    fn highest_rate(&self) -> u64 {
        self.steps.iter().flat_map(|step| [0, 1, 2].map(|outcome| step.rate(outcome))).fold(0.0, f64::max).ceil() as u64
    }

    fn time(&self) -> std::ops::Range<f64> {
        self.axis.from as f64 / 1e9..self.axis.to as f64 / 1e9
    }

    fn scatter(&self, sheet: &Sheet<'_>, area: Area, scale: &LatencyScale, scatter: &Scatter) -> Result<(), PlotError> {
        let panel = panel(sheet, area);
        let mut chart =
            ChartBuilder::on(&panel).build_cartesian_2d(self.time(), (scale.low..scale.high).log_scale())?;
        let dot = |at: Point, ink: Ink| Circle::new(at, 1, ink.style());
        let cross = |at: Point, ink: Ink| Cross::new(at, 19, ink.style());
        let [ok, fail, info] = &scatter.marks;
        let [ok_cells, fail_cells] = &scatter.cells;
        chart.draw_series(fail_cells.iter().map(|(at, shade)| cross(*at, Ink::FailCell(*shade))))?;
        chart.draw_series(ok_cells.iter().map(|(at, shade)| dot(*at, Ink::OkCell(*shade))))?;
        chart.draw_series(fail.iter().map(|at| cross(*at, Ink::Fail)))?;
        chart.draw_series(ok.iter().map(|at| dot(*at, Ink::Ok)))?;
        chart.draw_series(info.iter().map(|at| {
            let corners = vec![(0, -40), (40, 30), (-40, 30), (0, -40)];
            EmptyElement::at(*at) + PathElement::new(corners, Ink::Info.style())
        }))?;
        Ok(())
    }

    fn quantiles(&self, sheet: &Sheet<'_>, area: Area, scale: &LatencyScale) -> Result<(), PlotError> {
        let panel = panel(sheet, area);
        let mut chart =
            ChartBuilder::on(&panel).build_cartesian_2d(self.time(), (scale.low..scale.high).log_scale())?;
        for (which, ink) in [(3, Ink::Highest), (2, Ink::High), (1, Ink::Higher), (0, Ink::Median)] {
            let lines = self.lines(|step| step.quantiles.map(|quantiles| scale.ms(quantiles[which])));
            chart.draw_series(lines.into_iter().map(|line| PathElement::new(line, ink.style())))?;
        }
        Ok(())
    }

    fn rates(&self, sheet: &Sheet<'_>, area: Area, top: u64) -> Result<(), PlotError> {
        let panel = panel(sheet, area);
        let mut chart = ChartBuilder::on(&panel).build_cartesian_2d(self.time(), 0.0..top as f64)?;
        for (outcome, ink) in [(1, Ink::FailRate), (0, Ink::OkRate), (2, Ink::InfoRate)] {
            let lines = self.lines(|step| Some(step.rate(outcome)));
            chart.draw_series(lines.into_iter().map(|line| PathElement::new(line, ink.style())))?;
        }
        Ok(())
    }

    /// Step lines through the values, broken where there is none.
    fn lines(&self, value: impl Fn(&Step) -> Option<f64>) -> Vec<Vec<Point>> {
        let mut lines: Vec<Vec<Point>> = vec![Vec::new()];
        for step in self.steps {
            match (value(step), lines.last_mut()) {
                (Some(value), Some(line)) => {
                    line.extend([(step.from as f64 / 1e9, value), (step.to as f64 / 1e9, value)]);
                }
                _ => lines.push(Vec::new()),
            }
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// Writes each quantile's name at the right end of its line.
    fn name_quantiles(&self, canvas: &mut Canvas, area: Area, scale: &LatencyScale) {
        let Some(ends) = self.steps.iter().rev().find_map(|step| step.quantiles) else { return };
        // Where lines meet, the longest is the uppermost name.
        let [p50, p95, p99, max] = ends.map(|end| area.bottom() - scale.fraction(scale.ms(end)) * area.height + 4.0);
        name_lines(canvas, area, &[max, p99, p95, p50], &["max", "p99", "p95", "p50"]);
    }

    /// Writes each rate's outcome at the right end of its line.
    fn name_rates(&self, canvas: &mut Canvas, area: Area, top: u64) {
        let Some(last) = self.steps.last() else { return };
        let wanted = [0, 1, 2].map(|outcome| area.bottom() - last.rate(outcome) / top as f64 * area.height + 4.0);
        name_lines(canvas, area, &wanted, &["ok", "fail", "info"]);
    }
}

/// Writes names right of a panel, each next to the end of its line.
fn name_lines(canvas: &mut Canvas, area: Area, wanted: &[f64], names: &[&str]) {
    let placed = spread(wanted, 13.0, area.y + 4.0, area.bottom() + 4.0);
    for (name, y) in names.iter().zip(placed) {
        canvas.text((WIDTH - GUTTER + 8.0, y), Anchor::Start, "t11 strong", name);
    }
}

fn top_of(ticks: &[u64]) -> u64 {
    ticks.last().copied().unwrap_or(1)
}

fn panel<'a>(sheet: &Sheet<'a>, area: Area) -> Sheet<'a> {
    sheet.clone().shrink((tenths(area.x), tenths(area.y)), (tenths(area.width), tenths(area.height)))
}

fn latency_grid(canvas: &mut Canvas, area: Area, name: &str, scale: &LatencyScale) {
    canvas.text((0.0, area.y + 4.0), Anchor::Start, "strong", name);
    for (ms, label) in scale.ticks() {
        let y = area.bottom() - scale.fraction(ms) * area.height;
        canvas.line((area.x, y), (area.x + area.width, y), "grid");
        let beside_name = y - area.y < 14.0;
        let room = area.x - 8.0 - text_width(name, 12.0) - text_width(&label, 11.0);
        if !beside_name || room > 0.0 {
            canvas.text((area.x - 8.0, y + 4.0), Anchor::End, "t11", &label);
        }
    }
}

fn rate_grid(canvas: &mut Canvas, area: Area, ticks: &[u64]) {
    let top = top_of(ticks);
    for tick in ticks {
        let y = area.bottom() - *tick as f64 / top as f64 * area.height;
        canvas.line((area.x, y), (area.x + area.width, y), "grid");
        let unit = if *tick == top { " /s" } else { "" };
        let label = crate::text::thousands(*tick) + unit;
        canvas.text((area.x - 8.0, y + 4.0), Anchor::End, "t11", &label);
    }
}

#[cfg(test)]
mod tests {
    use super::super::rate::steps;
    use super::*;
    use crate::marks::OutcomeKind;

    #[test]
    fn plotters_and_the_axis_agree() {
        let axis = TimeAxis::of_run(10_000_000_000);
        let samples: Vec<_> = (0..=10_u64)
            .map(|at| Sample { at: at * 1_000_000_000, latency: 10_000_000, outcome: OutcomeKind::Ok })
            .collect();
        let steps = steps(&samples, 10_000_000_000);
        let plot = LatencyPlot { axis, samples: &samples, steps: &steps, faults: &[], conflict: None };
        let (page, note) = plot.draw().unwrap();
        assert!(note.is_none());
        let page = page.into_string();
        let path = page.split(r#"class="pt-ok" d=""#).nth(1).unwrap().split('"').next().unwrap();
        let drawn: Vec<f64> =
            path.split('M').skip(1).map(|point| point.split(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!(drawn.len(), 11);
        for (at, x) in drawn.iter().enumerate() {
            let expected = axis.x(at as u64 * 1_000_000_000);
            assert!((x - expected).abs() <= 0.2, "{x} is not {expected}");
        }
    }
}
