//! The lanes of a workload over the whole run: intervals and moments, a lane each for clients, nodes, keys, ….

use std::collections::BTreeSet;

use dsjepsen_history::{Index, Lane, MOST_LANES, Mark, Nanos, Span, SpanStyle};

use super::GUTTER;
use super::axis::TimeAxis;
use super::bands::{self, BandLabels, DrawnFault};
use super::detail::{Piece, Tick, pieces};
use super::labels::text_width;
use super::svg::{Anchor, Canvas};
use crate::text::{counted, harmless, seconds, span as length};

/// The height of a lane with one row.
const LANE: f64 = 20.0;
/// The height of each row where spans of a lane overlap.
const ROW: f64 = 13.0;
/// The most rows of a lane; what overlaps still more lies over one another in the last.
const MOST_ROWS: usize = 8;
/// The most pieces that a panel is drawn with before its cells become wider.
const MOST_PIECES: usize = 5_000;
/// The widest cell, in px.
const WIDEST: u32 = 16;
/// The most marks in a cell's width of one lane, and the most spans, whose labels wait for a zoom.
const MOST_LABELS: usize = 1_500;

/// Where a finding's rule is broken, in ns, and by what.
pub(crate) type Conflict<'a> = ((Nanos, Nanos), &'a [Index]);

/// What all panels of the lanes have in common.
pub(crate) struct Ground<'a> {
    /// The axis of the run.
    pub(crate) axis: TimeAxis,
    /// The faults behind.
    pub(crate) faults: &'a [DrawnFault],
    /// The interval in which the rule of the verdict is broken, in ns.
    pub(crate) conflict: Option<(Nanos, Nanos)>,
    /// The same of every finding, with the operations that prove it.
    pub(crate) conflicts: &'a [Conflict<'a>],
    /// The operations that prove the verdict.
    pub(crate) proof: &'a BTreeSet<Index>,
}

impl Ground<'_> {
    /// Draws what lies behind a panel.
    pub(crate) fn draw(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        bands::draw_conflict(canvas, &self.axis, self.conflict, top, bottom);
        bands::draw(canvas, &self.axis, self.faults, top, bottom);
    }

    pub(crate) fn proves(&self, operation: Option<Index>) -> bool {
        operation.is_some_and(|operation| self.proof.contains(&operation))
    }

    /// The labels of the faults above a panel; the height that they take.
    pub(crate) fn draw_labels(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let labels = BandLabels::new(&self.axis, self.faults);
        let bottom = top + labels.height() + 10.0;
        labels.draw(canvas, &self.axis, self.faults, bottom - 6.0);
        bottom
    }
}

/// A lane, laid out.
struct Layout<'a> {
    lane: &'a Lane,
    pieces: Vec<(Piece<'a>, usize)>,
    rows: usize,
}

impl<'a> Layout<'a> {
    fn new(lane: &'a Lane, pieces: Vec<Piece<'a>>) -> Self {
        let mut ends: Vec<Nanos> = Vec::new();
        let placed = pieces.into_iter().map(|piece| {
            let (from, to) = match &piece {
                Piece::Whole(span) => (span.from_ns, span.to_ns),
                Piece::Tick(tick) => tick.cell,
            };
            // A tick's cell may reach over the start of what follows; that is no overlap.
            let to = if matches!(piece, Piece::Tick(_)) { from } else { to };
            let row = ends.iter().position(|end| *end <= from).unwrap_or(ends.len()).min(MOST_ROWS - 1);
            match ends.get_mut(row) {
                Some(end) => *end = to.max(*end),
                None => ends.push(to),
            }
            (piece, row)
        });
        let pieces: Vec<_> = placed.collect();
        Self { lane, rows: ends.len().max(1), pieces }
    }

    fn bars(&self) -> f64 {
        if self.rows == 1 { LANE } else { ROW * self.rows as f64 + 6.0 }
    }

    fn height(&self) -> f64 {
        let marks = if self.lane.marks.is_empty() || self.lane.spans.is_empty() { 0.0 } else { ROW };
        self.bars() + marks
    }

    /// Top and height of the bars of a row.
    fn row(&self, row: usize) -> (f64, f64) {
        if self.rows == 1 { (3.0, LANE - 6.0) } else { (4.0 + ROW * row as f64, ROW - 3.0) }
    }
}

/// Draws the lanes of a panel from `top` on, under their name, and returns where they end.
pub(crate) fn draw(canvas: &mut Canvas, ground: &Ground<'_>, lanes: &[Lane], top: f64) -> f64 {
    let lanes = &lanes[..lanes.len().min(MOST_LANES)];
    let layouts = layouts(lanes, ground);
    let bottom = top + layouts.iter().map(Layout::height).sum::<f64>();
    ground.draw(canvas, top, bottom);
    let labelled = lanes.iter().map(|lane| lane.spans.len() + lane.marks.len()).sum::<usize>() <= MOST_LABELS;
    let mut y = top;
    for layout in &layouts {
        draw_lane(canvas, ground, layout, y, labelled);
        y += layout.height();
        canvas.line((0.0, y), (ground.axis.right, y), "grid");
    }
    bottom
}

/// Lays all lanes out, with cells as wide as it takes to keep the drawing small.
fn layouts<'a>(lanes: &'a [Lane], ground: &Ground<'_>) -> Vec<Layout<'a>> {
    let mut cell = 1;
    loop {
        let drawn: Vec<Vec<Piece<'a>>> =
            lanes.iter().map(|lane| pieces(&lane.spans, &ground.axis, cell, ground.proof)).collect();
        if cell >= WIDEST || drawn.iter().map(Vec::len).sum::<usize>() <= MOST_PIECES {
            return lanes.iter().zip(drawn).map(|(lane, pieces)| Layout::new(lane, pieces)).collect();
        }
        cell *= 2;
    }
}

fn draw_lane(canvas: &mut Canvas, ground: &Ground<'_>, layout: &Layout<'_>, top: f64, labelled: bool) {
    draw_name(canvas, &layout.lane.label, top + 14.0);
    let mut next: Vec<Nanos> = vec![ground.axis.to; layout.rows];
    // From the last to the first, so that each knows how much room there is behind it.
    let mut room = vec![0; layout.pieces.len()];
    for (at, (piece, row)) in layout.pieces.iter().enumerate().rev() {
        room[at] = next[*row];
        next[*row] = match piece {
            Piece::Whole(span) => span.from_ns,
            Piece::Tick(tick) => tick.cell.0,
        };
    }
    for ((piece, row), room) in layout.pieces.iter().zip(room) {
        let (y, height) = layout.row(*row);
        let bar = (top + y, height);
        match piece {
            Piece::Whole(span) => draw_span(canvas, ground, (layout.lane, span), bar, labelled.then_some(room)),
            Piece::Tick(tick) => draw_tick(canvas, ground, (layout.lane, tick), bar),
        }
    }
    let marks = if layout.lane.spans.is_empty() { top } else { top + layout.bars() - 4.0 };
    draw_marks(canvas, ground, layout.lane, marks, labelled);
}

/// `client 3 on n4` in two columns.
fn draw_name(canvas: &mut Canvas, label: &str, y: f64) {
    let label = harmless(label, 40);
    match label.split_once(" on ") {
        Some((name, node)) => {
            canvas.text((0.0, y), Anchor::Start, "", name);
            canvas.text((GUTTER - 8.0, y), Anchor::End, "t11", node);
        }
        None => canvas.text((0.0, y), Anchor::Start, "", &label),
    }
}

fn class(style: SpanStyle) -> &'static str {
    match style {
        SpanStyle::Ok => "span-ok",
        SpanStyle::Fail => "span-fail",
        SpanStyle::Info => "span-info",
        SpanStyle::Definite => "definite",
        SpanStyle::Possible => "possible",
        SpanStyle::Belief => "belief",
    }
}

fn words(style: SpanStyle) -> &'static str {
    match style {
        SpanStyle::Ok => "ok",
        SpanStyle::Fail => "fail",
        SpanStyle::Info => "info",
        SpanStyle::Definite => "sure",
        SpanStyle::Possible => "possible",
        SpanStyle::Belief => "believed",
    }
}

fn draw_span(
    canvas: &mut Canvas,
    ground: &Ground<'_>,
    (lane, span): (&Lane, &Span),
    (y, height): (f64, f64),
    room: Option<Nanos>,
) {
    let axis = &ground.axis;
    let (from, to) = (span.from_ns, span.to_ns.max(span.from_ns));
    if !axis.shows(from, to) {
        return;
    }
    let label = harmless(&span.label, 40);
    let times = format!("{}–{} s", seconds(from, 3), seconds(to, 3));
    let title = [lane.label.as_str(), label.as_str(), words(span.style), times.as_str()];
    let title = title.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let proves = ground.proves(span.operation);
    canvas.open_mark(span.operation, proves, &title);
    let inset = if span.style == SpanStyle::Possible { 1.5 } else { 0.0 };
    canvas.interval(axis, (from, to), (y + inset, height - 2.0 * inset), 1.0, class(span.style));
    let held = matches!(span.style, SpanStyle::Definite | SpanStyle::Belief);
    let meant = |conflict: &&Conflict<'_>| held && span.operation.is_some_and(|index| conflict.1.contains(&index));
    let broken = ground.conflicts.iter().filter(meant).map(|((start, end), _)| ((*start).max(from), (*end).min(to)));
    for broken in broken.filter(|(start, end)| end > start) {
        canvas.interval(axis, broken, (y, height), 1.5, "paper-fill");
        canvas.interval(axis, broken, (y, height), 1.5, "hot");
    }
    draw_label(canvas, ground, span, &label, (y + height / 2.0 + 4.0, room));
    canvas.close_operation(span.operation);
}

/// Writes a label behind its span, or in it, where there is room; else it waits for a zoom.
fn draw_label(canvas: &mut Canvas, ground: &Ground<'_>, span: &Span, label: &str, (y, room): (f64, Option<Nanos>)) {
    let (axis, proves) = (&ground.axis, ground.proves(span.operation));
    let room = match room {
        Some(room) => room,
        None if proves => axis.to,
        None => return,
    };
    if label.is_empty() {
        return;
    }
    let (from, to) = (span.from_ns, span.to_ns.max(span.from_ns));
    let need = text_width(label, 11.0) + 8.0;
    let (behind, within) = ((to, room.max(to)), (from, to));
    let width = |(from, to): (Nanos, Nanos)| axis.x(to) - axis.x(from);
    let on_paper = if proves { "t11 strong halo" } else { "t11 halo" };
    if width(behind) >= need || (width(within) < need && width(behind) >= width(within)) {
        canvas.interval_label(axis, behind, (4.0, y), need, on_paper, label);
    } else {
        // What proves the verdict is hatched in part, where text needs its halo.
        let on_bar = if span.style == SpanStyle::Definite && !proves { "t11 on-hold" } else { on_paper };
        canvas.interval_label(axis, within, (4.0, y), need, on_bar, label);
    }
}

fn draw_tick(canvas: &mut Canvas, ground: &Ground<'_>, (lane, tick): (&Lane, &Tick), (y, height): (f64, f64)) {
    let share = (tick.share() * height).max(height * 0.3);
    let title = format!(
        "{}, {}, {} of {} at {} s",
        lane.label,
        counted(tick.count, "interval", "intervals"),
        length(tick.held),
        length(tick.cell.1 - tick.cell.0),
        seconds(tick.cell.0, 3)
    );
    canvas.open_mark(tick.first, false, &title);
    let bar = (y + (height - share) / 2.0, share);
    canvas.interval(&ground.axis, tick.cell, bar, 1.0, class(tick.style));
    canvas.close_operation(tick.first);
}

/// Draws the moments of a lane; those that would lie on one another are one.
fn draw_marks(canvas: &mut Canvas, ground: &Ground<'_>, lane: &Lane, top: f64, labelled: bool) {
    let axis = &ground.axis;
    let mut marks: Vec<&Mark> = lane.marks.iter().filter(|mark| axis.shows(mark.at_ns, mark.at_ns)).collect();
    marks.sort_by_key(|mark| mark.at_ns);
    let mut before = f64::NEG_INFINITY;
    for (at, mark) in marks.iter().enumerate() {
        let proves = ground.proves(mark.operation);
        if axis.x(mark.at_ns) - before < 1.0 && !proves && !labelled {
            continue;
        }
        before = axis.x(mark.at_ns);
        let label = harmless(&mark.label, 40);
        let title = format!("{}, {label}, {} s", lane.label, seconds(mark.at_ns, 3));
        canvas.open_mark(mark.operation, proves, &title);
        let x = canvas.open_moment(axis, mark.at_ns);
        canvas.line((x, top + 4.0), (x, top + 14.0), if proves { "moment moment-proof" } else { "reading" });
        canvas.close_group();
        if labelled || proves {
            let next = marks.get(at + 1).map_or(axis.to, |next| next.at_ns);
            let need = if proves { 0.0 } else { text_width(&label, 11.0) + 6.0 };
            let class = if proves { "t11 strong halo" } else { "t11 halo" };
            canvas.interval_label(axis, (mark.at_ns, next), (3.0, top + 13.0), need, class, &label);
        }
        canvas.close_operation(mark.operation);
    }
}
