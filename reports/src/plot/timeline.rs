//! The counterexample as a drawing: lanes of spans and marks on a true time axis, the run above it as an overview.

use std::collections::BTreeSet;

use dsjepsen_history::{Index, Lane, Nanos, SpanStyle, Timeline};
use maud::Markup;

use super::axis::TimeAxis;
use super::bands::{self, BandLabels, DrawnFault};
use super::labels::text_width;
use super::lane::{LaneLayout, PlacedMark, PlacedSpan};
use super::svg::{Anchor, Area, Canvas};
use super::{GUTTER, WIDTH};
use crate::text::{harmless, span};

/// Left edge of the lanes: room for their labels.
pub(super) const LEFT: f64 = 128.0;
/// The most lanes that are drawn.
pub(crate) const MOST_LANES: usize = 50;

/// What is drawn.
pub(crate) struct TimelinePlot<'a> {
    /// The checker's drawing.
    pub(crate) timeline: &'a Timeline,
    /// End of the run, in ns.
    pub(crate) end: Nanos,
    /// The faults behind.
    pub(crate) faults: &'a [DrawnFault],
    /// The operations that have a row on the page to link to.
    pub(crate) targets: &'a BTreeSet<Index>,
    /// Describes an operation for pointers and screen readers.
    pub(crate) describe: &'a dyn Fn(Index) -> String,
}

impl TimelinePlot<'_> {
    /// The drawing.
    pub(crate) fn draw(&self) -> Markup {
        let axis = TimeAxis::new(self.timeline.from_ns, self.timeline.to_ns, LEFT, WIDTH - GUTTER);
        let mut canvas = Canvas::default();
        let over = self.overview(&mut canvas, &axis);

        let labels = BandLabels::new(&axis, self.faults);
        let top = over + labels.height() + 4.0;
        let conflict_label = if self.timeline.conflict_ns.is_some() { 24.0 } else { 6.0 };
        let lanes: Vec<_> =
            self.lanes().iter().map(|lane| LaneLayout::new(lane, &axis, self.timeline.conflict_ns)).collect();
        let bottom = top + conflict_label + lanes.iter().map(LaneLayout::height).sum::<f64>();

        bands::draw(&mut canvas, &axis, self.faults, top, bottom);
        labels.draw(&mut canvas, &axis, self.faults, top);
        for (time, _) in axis.ticks(8) {
            canvas.line((axis.x(time), top), (axis.x(time), bottom), "grid");
        }
        self.conflict(&mut canvas, &axis, top, bottom);
        let mut y = top + conflict_label;
        for (position, layout) in lanes.iter().enumerate() {
            if position > 0 {
                canvas.line((0.0, y), (axis.right, y), "grid");
            }
            self.lane(&mut canvas, layout, &axis, y);
            y += layout.height();
        }
        axis.draw(&mut canvas, bottom);
        canvas.finish(WIDTH, bottom + 24.0, "group", "Timeline of the operations of this finding")
    }

    fn lanes(&self) -> &[Lane] {
        let lanes = &self.timeline.lanes;
        &lanes[..lanes.len().min(MOST_LANES)]
    }

    /// The whole run with the shown part framed, where that is a small part. Returns where the detail may begin.
    fn overview(&self, canvas: &mut Canvas, detail: &TimeAxis) -> f64 {
        let shown = detail.to - detail.from;
        if self.end < detail.to || shown > self.end / 5 * 3 {
            return 0.0;
        }
        let axis = TimeAxis::new(0, self.end, LEFT, WIDTH - GUTTER);
        let (top, bottom) = (8.0, 30.0);
        canvas.text((0.0, top + 15.0), Anchor::Start, "strong", "Whole run");
        bands::draw(canvas, &axis, self.faults, top, bottom);
        if let Some((from, to)) = self.timeline.conflict_ns {
            canvas.rect(Area::between(axis.x(from), axis.x(to), 2.0, top, bottom - top), "broken strong-broken");
        }
        axis.draw(canvas, bottom);
        let frame = Area::between(axis.x(detail.from), axis.x(detail.to), 3.0, top - 4.0, bottom - top + 4.0);
        canvas.rect(frame, "frame");
        let (foot, lens) = (bottom + 22.0, bottom + 36.0);
        canvas.path(
            format_args!(
                "M{:.1} {foot}L{:.1} {lens}M{:.1} {foot}L{:.1} {lens}",
                frame.x,
                detail.left,
                frame.x + frame.width,
                detail.right
            ),
            "lens",
        );
        lens + 4.0
    }

    fn conflict(&self, canvas: &mut Canvas, axis: &TimeAxis, top: f64, bottom: f64) {
        let Some((from, to)) = self.timeline.conflict_ns else {
            return;
        };
        let (left, right) = (axis.x(from), axis.x(to));
        let area = Area::between(left, right, 0.0, top, bottom - top);
        canvas.rect(area, "broken");
        canvas.line((left, top), (left, bottom), "broken-edge");
        canvas.line((right, top), (right, bottom), "broken-edge");
        // The difference of the two times as they are written elsewhere, in whole ms.
        let written = |time: Nanos| time.saturating_add(500_000) / 1_000_000 * 1_000_000;
        let length = written(to).saturating_sub(written(from));
        let text = if length > 0 { format!("rule broken: {}", span(length)) } else { "rule broken here".to_owned() };
        let half = text_width(&text, 13.0) / 2.0;
        let middle = ((left + right) / 2.0).clamp(LEFT + half, WIDTH - half - 4.0);
        canvas.text((middle, top + 16.0), Anchor::Middle, "broken-label halo", &text);
    }

    fn lane(&self, canvas: &mut Canvas, layout: &LaneLayout<'_>, axis: &TimeAxis, top: f64) {
        for (row, line) in wrap(&harmless(layout.label, 60)).iter().enumerate() {
            let class = if row == 0 { "strong" } else { "t11" };
            canvas.text((0.0, top + layout.label_y() + 15.0 * row as f64), Anchor::Start, class, line);
        }
        for mark in &layout.marks {
            self.mark(canvas, mark, top, top + layout.height());
        }
        for span in &layout.states {
            self.state(canvas, span, axis, top);
        }
        for span in &layout.operations {
            self.operation(canvas, span, top);
        }
    }

    fn mark(&self, canvas: &mut Canvas, mark: &PlacedMark<'_>, top: f64, bottom: f64) {
        let target = self.target(mark.mark.operation);
        canvas.open_operation(target, &self.title(mark.mark.operation, &mark.mark.label));
        canvas.line((mark.x, top + mark.y), (mark.x, bottom), "moment");
        canvas.path(format_args!("M{:.1} {:.1}h7l-3.5 6z", mark.x - 3.5, top + mark.y), "moment-head");
        if let Some(label) = &mark.label {
            canvas.text((label.x, top + mark.y + 8.0), label.anchor, "t11 strong halo", &label.text);
        }
        canvas.close_operation(target);
    }

    fn state(&self, canvas: &mut Canvas, placed: &PlacedSpan<'_>, axis: &TimeAxis, lane_top: f64) {
        let y = lane_top + placed.y;
        let target = self.target(placed.span.operation);
        canvas.open_operation(target, &self.title(placed.span.operation, &placed.span.label));
        let bar = |top: f64, height: f64| Area::between(placed.from, placed.to, 1.5, y + top, height);
        match placed.span.style {
            SpanStyle::Possible => canvas.rect(bar(0.0, 26.0), "possible"),
            SpanStyle::Belief => canvas.rect(bar(4.0, 18.0), "belief"),
            _ => {
                canvas.rect(bar(4.0, 18.0), "definite");
                if let Some((from, to)) = placed.broken {
                    canvas.rect(Area::between(from, to, 1.5, y + 4.0, 18.0), "paper-fill");
                    canvas.rect(Area::between(from, to, 1.5, y + 4.0, 18.0), "hot");
                }
            }
        }
        if placed.span.from_ns < axis.from {
            canvas.path(format_args!("M{:.1} {:.1}l-5 4.5 5 4.5", placed.from + 8.0, y + 8.5), "goes-on");
        }
        if let Some(label) = &placed.label {
            let class = match (label.inside, placed.span.style) {
                (true, SpanStyle::Definite) => "t11 on-hold",
                _ => "t11 halo",
            };
            canvas.text((label.x, y + 17.0), label.anchor, class, &label.text);
        }
        canvas.close_operation(target);
    }

    fn operation(&self, canvas: &mut Canvas, placed: &PlacedSpan<'_>, lane_top: f64) {
        let y = lane_top + placed.y;
        let target = self.target(placed.span.operation);
        canvas.open_operation(target, &self.title(placed.span.operation, &placed.span.label));
        let area = Area::between(placed.from, placed.to, 0.0, y, 12.0);
        match placed.span.style {
            SpanStyle::Fail => {
                canvas.rect(area, "span-fail");
                canvas.path(format_args!("M{:.1} {:.1}l8 10m0-10l-8 10", area.x - 1.0, y + 1.0), "span-cross");
            }
            SpanStyle::Info => {
                canvas.rect(area, "span-info");
                canvas.path(format_args!("M{:.1} {:.1}l4 7h-8z", area.x + 3.0, y + 2.0), "span-triangle");
            }
            _ => canvas.rect(area, "span-ok"),
        }
        if let Some(label) = &placed.label {
            canvas.text((label.x, y + 10.0), label.anchor, "t11 strong halo", &label.text);
        }
        canvas.close_operation(target);
    }

    fn target(&self, operation: Option<Index>) -> Option<Index> {
        operation.filter(|index| self.targets.contains(index))
    }

    fn title(&self, operation: Option<Index>, label: &str) -> String {
        match operation {
            Some(index) if label.is_empty() => (self.describe)(index),
            Some(index) => format!("{}. {}", harmless(label, 200), (self.describe)(index)),
            None => harmless(label, 200),
        }
    }
}

/// A lane's label in lines that fit before the lanes; at most three.
fn wrap(label: &str) -> Vec<String> {
    let fits = |text: &str| text_width(text, 12.0) <= LEFT - 10.0;
    let mut lines: Vec<String> = Vec::new();
    for word in label.split_whitespace() {
        match lines.last_mut() {
            Some(line) if fits(&format!("{line} {word}")) => {
                line.push(' ');
                line.push_str(word);
            }
            // A short word such as `on` belongs to what follows it.
            Some(line) => {
                let at = line.rfind(' ').map_or(line.len(), |at| if line.len() - at <= 4 { at } else { line.len() });
                let carried = line.split_off(at);
                lines.push(format!("{carried} {word}").trim_start().to_owned());
            }
            None => lines.push(word.to_owned()),
        }
    }
    let more = lines.len() > 3;
    lines.truncate(3);
    for line in &mut lines {
        while !fits(line) {
            line.pop();
        }
    }
    if more && let Some(last) = lines.last_mut() {
        last.push('…');
    }
    lines
}
