//! Values over the whole run: lines of steps with observations against them.

use dsjepsen_history::{Curve, Nanos, Point, PointStyle};

use super::axis::{TimeAxis, round_step};
use super::labels::{spread, text_width};
use super::lanes::Ground;
use super::outstanding::{Standing, outstanding, stands_out};
use super::svg::{Anchor, Area, Canvas};
use super::{GUTTER, WIDTH};
use crate::text::{harmless, seconds, thousands};

/// The height of a panel of values.
const HEIGHT: f64 = 96.0;
/// Of more observations, only their range in each pixel is drawn.
const MOST_POINTS: usize = 1_500;
/// The most lines.
pub(crate) const MOST_CURVES: usize = 12;

/// One panel of values.
pub(crate) struct Values<'a> {
    /// What the values are.
    pub(crate) name: &'a str,
    /// Lines.
    pub(crate) curves: &'a [Curve],
    /// Observations.
    pub(crate) points: &'a [Point],
}

/// A linear map from values to ordinates.
struct Scale {
    least: i64,
    most: i64,
    bottom: f64,
}

impl Scale {
    fn y(&self, value: i64) -> f64 {
        let range = (self.most as f64 - self.least as f64).max(1.0);
        self.bottom - (value as f64 - self.least as f64) / range * HEIGHT
    }

    /// Round values between the least and the most, about four of them.
    fn ticks(&self) -> Vec<i64> {
        let step = i128::from(round_step(self.most.abs_diff(self.least).div_ceil(4)));
        let first = i128::from(self.least).div_euclid(step) + i128::from(i128::from(self.least).rem_euclid(step) > 0);
        let multiples = (0..6).map(|more| (first + more) * step).take_while(|tick| *tick <= i128::from(self.most));
        multiples.filter_map(|tick| i64::try_from(tick).ok()).collect()
    }
}

impl Values<'_> {
    /// Whether observations are drawn as ranges.
    pub(crate) fn is_crowded(&self) -> bool {
        self.points.len() > MOST_POINTS
    }

    /// Draws the panel from `top` on, and returns where it ends.
    pub(crate) fn draw(&self, canvas: &mut Canvas, ground: &Ground<'_>, top: f64) -> f64 {
        let bottom = top + HEIGHT;
        let curves = &self.curves[..self.curves.len().min(MOST_CURVES)];
        let of_curves = curves.iter().flat_map(|curve| curve.steps.iter().map(|step| step.1));
        let values: Vec<i64> = of_curves.chain(self.points.iter().map(|point| point.value)).collect();
        let (Some(least), Some(most)) = (values.iter().min(), values.iter().max()) else { return top };
        // Values that begin near 0 are seen against it.
        let least = if *least > 0 && *least <= most / 4 { 0 } else { *least };
        let scale = Scale { least, most: (*most).max(least.saturating_add(1)), bottom };
        ground.draw(canvas, top, bottom);
        self.grid(canvas, &ground.axis, &scale, top);
        for curve in curves {
            canvas.curve(&ground.axis, step_line(curve, &ground.axis, &scale), "value-line");
        }
        self.name_curves(canvas, curves, &scale, top);
        self.observations(canvas, ground, &scale);
        bottom
    }

    fn grid(&self, canvas: &mut Canvas, axis: &TimeAxis, scale: &Scale, top: f64) {
        let mut name: Vec<String> = Vec::new();
        for word in harmless(self.name, 30).split_whitespace() {
            match name.last_mut() {
                Some(line) if text_width(&format!("{line} {word}"), 12.0) < GUTTER - 8.0 => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => name.push(word.to_owned()),
            }
        }
        for (row, word) in name.iter().enumerate() {
            canvas.text((0.0, top + 8.0 + 14.0 * row as f64), Anchor::Start, "strong", word);
        }
        for tick in scale.ticks() {
            let y = scale.y(tick);
            canvas.line((axis.left, y), (axis.right, y), "grid");
            let text = figure(tick);
            let beside = y - top > 14.0 * name.len() as f64;
            let room = axis.left - 8.0 - text_width(&text, 11.0);
            if beside || name.iter().all(|word| text_width(word, 12.0) + 4.0 < room) {
                canvas.text((axis.left - 8.0, y + 4.0), Anchor::End, "t11", &text);
            }
        }
    }

    fn name_curves(&self, canvas: &mut Canvas, curves: &[Curve], scale: &Scale, top: f64) {
        let named: Vec<&Curve> = curves.iter().filter(|curve| !curve.label.is_empty()).collect();
        let wanted: Vec<f64> =
            named.iter().map(|curve| scale.y(curve.steps.last().map_or(0, |step| step.1)) + 4.0).collect();
        for (curve, y) in named.iter().zip(spread(&wanted, 13.0, top + 4.0, scale.bottom + 4.0)) {
            let text = harmless(&curve.label, 12);
            canvas.text((WIDTH - GUTTER + 6.0, y), Anchor::Start, "t11 strong", &text);
        }
    }

    fn observations(&self, canvas: &mut Canvas, ground: &Ground<'_>, scale: &Scale) {
        let axis = &ground.axis;
        if self.is_crowded() {
            canvas.curve(axis, ranges(self.points, axis, scale), "value-range");
        } else {
            for point in self.points.iter().filter(|point| !stands_out(point, ground.proof)) {
                self.open(canvas, point, (false, 1));
                let x = canvas.open_moment(axis, point.at_ns);
                let y = scale.y(point.value);
                canvas.path(format_args!("M{x:.1} {y:.1}h0"), "value-point");
                canvas.close_group();
                canvas.close_operation(point.operation);
            }
        }
        let outstanding = outstanding(self.points, axis, ground.proof);
        let near = |one: &Standing<'_>, next: &Standing<'_>| is_near(one.point, next.point, axis, scale);
        let groups: Vec<&[Standing<'_>]> = outstanding.chunk_by(near).collect();
        for group in &groups {
            self.crosses(canvas, ground, scale, group);
        }
        let mut taken: Vec<Area> = groups.iter().filter_map(|group| ground_of(group, axis, scale)).collect();
        // What proves the verdict is named first, and so surely.
        let proves = |group: &&&[Standing<'_>]| group.iter().any(|standing| ground.proves(standing.point.operation));
        for group in groups.iter().filter(proves).chain(groups.iter().filter(|group| !proves(group))) {
            self.name(canvas, ground, scale, (group, &mut taken));
        }
    }

    /// Links to the operation and describes it, with how many it stands for.
    fn open(&self, canvas: &mut Canvas, point: &Point, (proves, stands_for): (bool, usize)) {
        let what = if point.label.is_empty() { figure(point.value) } else { point.label.clone() };
        let more =
            if stands_for > 1 { format!(", and {} more", thousands(stands_for as u64 - 1)) } else { String::new() };
        canvas.open_mark(
            point.operation,
            proves,
            &format!("{} {what}, {} s{more}", self.name, seconds(point.at_ns, 3)),
        );
    }

    /// Draws what stands out at one place.
    fn crosses(&self, canvas: &mut Canvas, ground: &Ground<'_>, scale: &Scale, group: &[Standing<'_>]) {
        for Standing { point, stands_for } in group {
            self.open(canvas, point, (ground.proves(point.operation), *stands_for));
            let x = canvas.open_moment(&ground.axis, point.at_ns);
            let class = match point.style {
                PointStyle::Refused => "value-refused",
                PointStyle::Broken => "value-broken",
                PointStyle::Plain => "value-proof",
            };
            canvas.path(format_args!("M{:.1} {:.1}l7 7m0-7l-7 7", x - 3.5, scale.y(point.value) - 3.5), class);
            canvas.close_group();
            canvas.close_operation(point.operation);
        }
    }

    /// Names one of what stands out at one place, where there is room: what proves the verdict, else the last.
    fn name(
        &self,
        canvas: &mut Canvas,
        ground: &Ground<'_>,
        scale: &Scale,
        (group, taken): (&[Standing<'_>], &mut Vec<Area>),
    ) {
        let points = || group.iter().map(|standing| standing.point);
        let proof = points().find(|point| ground.proves(point.operation));
        let Some(last) = points().next_back() else { return };
        let named = proof.unwrap_or(last);
        let mut label = harmless(&named.label, 60);
        if label.is_empty() {
            return;
        }
        let all: usize = group.iter().map(|standing| standing.stands_for).sum();
        if all > 1 {
            label += &format!(" (and {} more)", thousands(all as u64 - 1));
        }
        let width = text_width(&label, 11.0);
        let at = ground.axis.x(last.at_ns);
        let fits_behind = at + 8.0 + width <= WIDTH - 4.0;
        let (anchor, left) = if fits_behind { (Anchor::Start, at - 3.0) } else { (Anchor::End, at - 3.0 - width) };
        // Above the line, so that it does not lie on what comes after; else below it.
        let rows = [scale.y(last.value) - 8.0, scale.y(last.value) + 16.0];
        let area = |row: f64| Area { x: left, y: row - 10.0, width, height: 12.0 };
        let is_free = |row: &f64| {
            let area = area(*row);
            area.y >= scale.bottom - HEIGHT
                && area.bottom() <= scale.bottom
                && !taken.iter().any(|other| other.meets(area))
        };
        let Some(row) = rows.into_iter().find(is_free).or(proof.map(|_| rows[0])) else { return };
        taken.push(area(row));
        let class = if proof.is_some() { "t11 strong halo" } else { "t11 halo" };
        let x = canvas.open_moment(&ground.axis, last.at_ns);
        canvas.text((x - 3.0, row), anchor, class, &label);
        canvas.close_group();
    }
}

/// The place that the crosses of a group take.
fn ground_of(group: &[Standing<'_>], axis: &TimeAxis, scale: &Scale) -> Option<Area> {
    let (first, last) = (group.first()?.point, group.last()?.point);
    let heights = || group.iter().map(|standing| scale.y(standing.point.value));
    let (top, bottom) = (heights().fold(f64::MAX, f64::min), heights().fold(f64::MIN, f64::max));
    let (from, to) = (axis.x(first.at_ns) - 3.5, axis.x(last.at_ns) + 3.5);
    Some(Area { x: from, y: top - 3.5, width: to - from, height: bottom - top + 7.0 })
}

/// Whether two points lie so near that one label must do.
fn is_near(one: &Point, next: &Point, axis: &TimeAxis, scale: &Scale) -> bool {
    axis.x(next.at_ns) - axis.x(one.at_ns) < 60.0 && (scale.y(one.value) - scale.y(next.value)).abs() < 14.0
}

/// A value with its sign and commas.
fn figure(value: i64) -> String {
    format!("{}{}", if value < 0 { "−" } else { "" }, thousands(value.unsigned_abs()))
}

/// The column of px that a time lies in.
fn column(time: Nanos, axis: &TimeAxis) -> i64 {
    axis.x(time) as i64
}

/// A line of steps, with what a pixel shows of each of its columns: first, least, most and last.
fn step_line(curve: &Curve, axis: &TimeAxis, scale: &Scale) -> Vec<Option<(Nanos, f64)>> {
    const MOST_STEPS: usize = 1_500;
    let mut line = Vec::new();
    let mut before: Option<i64> = None;
    let mut step = |time: Nanos, value: i64| {
        if let Some(before) = before {
            line.push(Some((time, scale.y(before))));
        }
        line.push(Some((time, scale.y(value))));
        before = Some(value);
    };
    if curve.steps.len() <= MOST_STEPS {
        for &(time, value) in &curve.steps {
            step(time, value);
        }
    } else {
        for group in curve.steps.chunk_by(|one, next| column(one.0, axis) == column(next.0, axis)) {
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let values = || group.iter().map(|step| step.1);
            let (least, most) = (values().min().unwrap_or(first.1), values().max().unwrap_or(first.1));
            step(first.0, first.1);
            if least < first.1.min(last.1) || most > first.1.max(last.1) {
                step(first.0, least);
                step(first.0, most);
            }
            step(last.0, last.1);
        }
    }
    if let Some(last) = curve.steps.last() {
        line.push(Some((axis.to.max(last.0), scale.y(last.1))));
    }
    line
}

/// The range of the observations in each column, as upright lines.
fn ranges(points: &[Point], axis: &TimeAxis, scale: &Scale) -> Vec<Option<(Nanos, f64)>> {
    let mut line = Vec::new();
    for group in points.chunk_by(|one, next| column(one.at_ns, axis) == column(next.at_ns, axis)) {
        let values = || group.iter().map(|point| point.value);
        if let (Some(least), Some(most), Some(first)) = (values().min(), values().max(), group.first()) {
            // A single value has a height too.
            let (low, high) = (scale.y(least) + 0.8, scale.y(most) - 0.8);
            line.extend([Some((first.at_ns, low)), Some((first.at_ns, high)), None]);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside_whatever_the_values() {
        let ticks = |least, most| Scale { least, most, bottom: 0.0 }.ticks();
        assert_eq!(ticks(0, 805), [0, 500]);
        assert_eq!(ticks(-70, 25), [-50, 0]);
        assert_eq!(ticks(100_000, 100_090), [100_000, 100_050]);
        assert!(!ticks(i64::MIN, i64::MAX).is_empty());
    }

    #[test]
    fn a_long_curve_keeps_its_extremes_in_few_points() {
        let axis = TimeAxis::of_run(1_000_000_000);
        let mut steps: Vec<(Nanos, i64)> = (0..1_000_000).map(|at| (at * 1_000, at as i64 / 1_000)).collect();
        steps[500_123].1 = -5;
        let curve = Curve { label: String::new(), steps };
        let scale = Scale { least: -5, most: 1_000, bottom: 100.0 };
        let line: Vec<_> = step_line(&curve, &axis, &scale).into_iter().flatten().collect();
        assert!(line.len() < 10_000, "{}", line.len());
        let lowest = line.iter().map(|point| point.1).fold(f64::MIN, f64::max);
        assert!((lowest - scale.y(-5)).abs() < 1e-9);
        assert!(line.is_sorted_by_key(|point| point.0));
    }
}
