//! The lanes of a workload over the whole run: intervals and moments, a lane each for clients, nodes, keys, ….

use std::collections::BTreeSet;

use dsjepsen_history::{Crowd, Gathered, Index, Lane, MOST_LANES, Mark, Nanos, Span, SpanStyle};

use super::GUTTER;
use super::axis::TimeAxis;
use super::bands::{self, BandLabels, DrawnFault};
use super::detail::{Piece, gathered, pieces, share};
use super::labels::text_width;
use super::svg::{Anchor, Canvas};
use crate::text::{counted, harmless, seconds, span as length};

/// The height of a lane with one row.
const LANE: f64 = 20.0;
/// The height of each row where spans of a lane overlap.
const ROW: f64 = 13.0;
/// The most rows of a lane; what overlaps still more lies over one another in the last.
const MOST_ROWS: usize = 8;
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
    marks: Vec<&'a Mark>,
    rows: usize,
}

impl<'a> Layout<'a> {
    fn new(lane: &'a Lane, gathered: Gathered<'a>) -> Self {
        let mut ends: Vec<Nanos> = Vec::new();
        let placed = pieces(&gathered.spans, gathered.crowds).into_iter().map(|piece| {
            let (from, to) = match &piece {
                Piece::Whole(span) => (span.from_ns, span.to_ns),
                Piece::Tick(crowd) => (crowd.from_ns, crowd.to_ns),
            };
            // A tick's cell may reach over the start of what follows, and over the end of what was before; that is no overlap.
            let (fits, to) = if matches!(piece, Piece::Tick(_)) { (to, from) } else { (from, to) };
            let row = ends.iter().position(|end| *end <= fits).unwrap_or(ends.len()).min(MOST_ROWS - 1);
            match ends.get_mut(row) {
                Some(end) => *end = to.max(*end),
                None => ends.push(to),
            }
            (piece, row)
        });
        let pieces: Vec<_> = placed.collect();
        Self { lane, rows: ends.len().max(1), pieces, marks: gathered.marks }
    }

    fn bars(&self) -> f64 {
        if self.rows == 1 { LANE } else { ROW * self.rows as f64 + 6.0 }
    }

    fn height(&self) -> f64 {
        let marks = if self.marks.is_empty() || self.pieces.is_empty() { 0.0 } else { ROW };
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
    let drawn = gathered(lanes, &ground.axis, ground.proof);
    let layouts: Vec<_> = lanes.iter().zip(drawn).map(|(lane, drawn)| Layout::new(lane, drawn)).collect();
    let bottom = top + layouts.iter().map(Layout::height).sum::<f64>();
    ground.draw(canvas, top, bottom);
    let all = lanes.iter().map(|lane| lane.spans.len() + lane.marks.len() + lane.crowds.len());
    let labelled = all.sum::<usize>() <= MOST_LABELS;
    let mut y = top;
    for layout in &layouts {
        draw_lane(canvas, ground, layout, y, labelled);
        y += layout.height();
        canvas.line((0.0, y), (ground.axis.right, y), "grid");
    }
    bottom
}

/// How many intervals and moments the drawing leaves out beside what the file does.
pub(crate) fn left_out(lanes: &[Lane], axis: &TimeAxis, proof: &BTreeSet<Index>) -> u64 {
    gathered(&lanes[..lanes.len().min(MOST_LANES)], axis, proof).iter().map(|drawn| drawn.left_out).sum()
}

fn draw_lane(canvas: &mut Canvas, ground: &Ground<'_>, layout: &Layout<'_>, top: f64, labelled: bool) {
    draw_name(canvas, &layout.lane.label, top + 14.0);
    let mut next: Vec<Nanos> = vec![ground.axis.to; layout.rows];
    // From the last to the first, so that each knows how much room there is behind it.
    let mut room = vec![0; layout.pieces.len()];
    for (at, (piece, row)) in layout.pieces.iter().enumerate().rev() {
        room[at] = next[*row];
        next[*row] = piece.from();
    }
    for ((piece, row), room) in layout.pieces.iter().zip(room) {
        let (y, height) = layout.row(*row);
        let bar = (top + y, height);
        match piece {
            Piece::Whole(span) => draw_span(canvas, ground, (layout.lane, span), bar, labelled.then_some(room)),
            Piece::Tick(crowd) => draw_tick(canvas, ground, (layout.lane, crowd), bar),
        }
    }
    let marks = if layout.pieces.is_empty() { top } else { top + layout.bars() - 4.0 };
    draw_marks(canvas, ground, layout, marks, labelled);
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

fn draw_tick(canvas: &mut Canvas, ground: &Ground<'_>, (lane, crowd): (&Lane, &Crowd), (y, height): (f64, f64)) {
    let share = (share(crowd) * height).max(height * 0.3);
    let cell = crowd.to_ns - crowd.from_ns;
    let held =
        if crowd.held_ns > cell { "some at a time, in".to_owned() } else { format!("{} of", length(crowd.held_ns)) };
    let title = format!(
        "{}, {}, {held} {} at {} s",
        lane.label,
        counted(crowd.count, "interval", "intervals"),
        length(cell),
        seconds(crowd.from_ns, 3)
    );
    canvas.open_mark(crowd.operation, false, &title);
    let bar = (y + (height - share) / 2.0, share);
    canvas.interval(&ground.axis, (crowd.from_ns, crowd.to_ns), bar, 1.0, class(crowd.style));
    canvas.close_operation(crowd.operation);
}

/// Draws the moments of a lane; those that would lie on one another are one.
fn draw_marks(canvas: &mut Canvas, ground: &Ground<'_>, layout: &Layout<'_>, top: f64, labelled: bool) {
    let (axis, lane) = (&ground.axis, layout.lane);
    // Few are drawn each, and part when the page is zoomed.
    let mut marks: Vec<&Mark> = if labelled { lane.marks.iter().collect() } else { layout.marks.clone() };
    marks.retain(|mark| axis.shows(mark.at_ns, mark.at_ns));
    marks.sort_by_key(|mark| mark.at_ns);
    for (at, mark) in marks.iter().enumerate() {
        let proves = ground.proves(mark.operation);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(from_ns: Nanos, to_ns: Nanos) -> Span {
        Span { from_ns, to_ns, style: SpanStyle::Definite, label: String::new(), operation: None }
    }

    /// The rows of a lane on an axis of 956 px.
    fn rows(spans: Vec<Span>, end: Nanos) -> usize {
        let lanes = [Lane { spans, ..Lane::default() }];
        let drawn = gathered(&lanes, &TimeAxis::of_run(end), &BTreeSet::new());
        let most = drawn.into_iter().map(|drawn| Layout::new(&lanes[0], drawn).rows).max();
        most.unwrap_or_default()
    }

    #[test]
    fn one_holder_after_the_other_has_one_row_however_short() {
        const MINUTE: Nanos = 60_000_000_000;
        // Long and short in turn, a microsecond apart, so that they begin and end anywhere in a pixel.
        for end in [MINUTE, 10 * MINUTE, 60 * MINUTE] {
            let (mut spans, mut at) = (Vec::new(), 0);
            for turn in 0_u64.. {
                let lasts = if turn % 2 == 0 { end / 90 + turn * 1_234_567 } else { 3_000_000 + turn * 10_000 };
                spans.push(hold(at, at + lasts));
                at += lasts + 1_000;
                if at + end / 40 > end {
                    break;
                }
            }
            assert!(spans.len() > 50);
            assert_eq!(rows(spans.clone(), end), 1, "rows over {end} ns");
            let last = spans.last().unwrap().from_ns;
            spans.push(hold(last + 1_000, last + 2_000));
            assert_eq!(rows(spans, end), 2, "two at a time have two rows");
        }
    }
}
