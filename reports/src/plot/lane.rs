//! Where the spans, marks and labels of one lane of a counterexample lie, so that none covers another.

use dsjepsen_history::{Lane, Mark, Nanos, Span, SpanStyle};

use super::WIDTH;
use super::axis::TimeAxis;
use super::labels::{is_free, text_width};
use super::svg::Anchor;
use super::timeline::LEFT;
use crate::text::harmless;

const PADDING: f64 = 12.0;
const MARK_ROW: f64 = 17.0;
const STATE_ROW: f64 = 34.0;
const OPERATION_ROW: f64 = 20.0;
const LABEL_SIZE: f64 = 11.0;
/// Narrower operations are widened to this, so that they can be seen and hit.
const LEAST_WIDTH: f64 = 6.0;
/// The most spans and the most marks that a lane has room for.
pub(crate) const MOST_ITEMS: usize = 200;

/// A label with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlacedLabel {
    pub(super) x: f64,
    pub(super) anchor: Anchor,
    pub(super) inside: bool,
    pub(super) text: String,
}

/// A span with its place, `y` counted from the lane's top.
#[derive(Debug)]
pub(super) struct PlacedSpan<'a> {
    pub(super) span: &'a Span,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) y: f64,
    pub(super) label: Option<PlacedLabel>,
    /// The part that lies in the interval in which the rule is broken.
    pub(super) broken: Option<(f64, f64)>,
}

/// A mark with its place, `y` counted from the lane's top.
#[derive(Debug)]
pub(super) struct PlacedMark<'a> {
    pub(super) mark: &'a Mark,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) label: Option<PlacedLabel>,
}

/// One lane, laid out: rows of marks, then rows of states, then rows of operations.
#[derive(Debug)]
pub(super) struct LaneLayout<'a> {
    pub(super) label: &'a str,
    pub(super) marks: Vec<PlacedMark<'a>>,
    pub(super) states: Vec<PlacedSpan<'a>>,
    pub(super) operations: Vec<PlacedSpan<'a>>,
    mark_rows: usize,
    state_rows: usize,
    operation_rows: usize,
}

/// A row: what is filled, and what is only outlined and may hold something filled.
#[derive(Debug, Default)]
struct Row {
    filled: Vec<(f64, f64)>,
    outlined: Vec<(f64, f64)>,
}

impl<'a> LaneLayout<'a> {
    pub(super) fn new(lane: &'a Lane, axis: &TimeAxis, conflict: Option<(Nanos, Nanos)>) -> Self {
        let shown = |span: &&Span| axis.shows(span.from_ns, span.to_ns.max(span.from_ns));
        let is_operation = |span: &Span| matches!(span.style, SpanStyle::Ok | SpanStyle::Fail | SpanStyle::Info);
        let (operations, mut states): (Vec<&Span>, Vec<&Span>) =
            lane.spans.iter().filter(shown).take(MOST_ITEMS).partition(|span| is_operation(span));
        // Outlines first, so that what was held is put into what was promised.
        states.sort_by_key(|span| (order(span.style), span.from_ns));

        let mut mark_rows = Vec::new();
        let marks: Vec<_> = lane
            .marks
            .iter()
            .filter(|mark| axis.shows(mark.at_ns, mark.at_ns))
            .take(MOST_ITEMS)
            .map(|mark| place_mark(mark, axis, &mut mark_rows))
            .collect();
        let above = PADDING + MARK_ROW * mark_rows.len() as f64;
        let mut state_rows = Vec::new();
        let states: Vec<_> =
            states.into_iter().map(|span| place_state(span, axis, conflict, &mut state_rows, above)).collect();
        let above = above + STATE_ROW * state_rows.len() as f64;
        let mut operation_rows = Vec::new();
        let operations =
            operations.into_iter().map(|span| place_operation(span, axis, &mut operation_rows, above)).collect();
        Self {
            label: &lane.label,
            marks,
            states,
            operations,
            mark_rows: mark_rows.len(),
            state_rows: state_rows.len(),
            operation_rows: operation_rows.len(),
        }
    }

    /// The lane's height; it always has room for a label of two lines.
    pub(super) fn height(&self) -> f64 {
        let rows = MARK_ROW * self.mark_rows as f64
            + STATE_ROW * self.state_rows as f64
            + OPERATION_ROW * self.operation_rows as f64;
        (2.0 * PADDING + rows).max(52.0)
    }

    /// The base line of the lane's label, from its top.
    pub(super) fn label_y(&self) -> f64 {
        let rows = PADDING + MARK_ROW * self.mark_rows as f64;
        if self.state_rows > 0 { rows + 17.0 } else { PADDING + 11.0 }
    }
}

fn order(style: SpanStyle) -> u8 {
    match style {
        SpanStyle::Possible => 0,
        SpanStyle::Definite => 1,
        _ => 2,
    }
}

/// A way to write a label, with the interval that it covers.
struct Candidate {
    label: PlacedLabel,
    covers: (f64, f64),
}

/// Ways to label what lies between two abscissae, the best first: inside the given free part, to the right, to the left.
fn candidates(text: &str, from: f64, to: f64, inside: Option<(f64, f64)>) -> Vec<Candidate> {
    let text = harmless(text, 70);
    let width = text_width(&text, LABEL_SIZE);
    let mut ways = Vec::new();
    let mut way = |x: f64, anchor, inside, covers| {
        let label = PlacedLabel { x, anchor, inside, text: text.clone() };
        ways.push(Candidate { label, covers });
    };
    if let Some((start, end)) = inside
        && end - start >= width + 16.0
    {
        way(start + 12.0, Anchor::Start, true, (start + 8.0, start + 12.0 + width));
    }
    if to + 8.0 + width <= WIDTH - 2.0 {
        way(to + 8.0, Anchor::Start, false, (to, to + 12.0 + width));
    }
    if from - 8.0 - width >= LEFT {
        way(from - 8.0, Anchor::End, false, (from - 12.0 - width, from));
    }
    ways
}

/// The first row and way in which everything is free; else a new row with the best way. Nothing is written where no way
/// fits at all: the drawing's title and the table have the words.
fn place(
    rows: &mut Vec<Row>,
    bar: (f64, f64),
    outline: bool,
    nests: bool,
    mut ways: Vec<Candidate>,
) -> (usize, Option<PlacedLabel>) {
    let free = |row: &Row, (from, to): (f64, f64), nests: bool| {
        is_free(&row.filled, from, to) && (nests || is_free(&row.outlined, from, to))
    };
    let fits = |row: &Row, way: &Candidate| free(row, bar, nests) && free(row, way.covers, nests);
    let mut found = None;
    for (number, row) in rows.iter().enumerate() {
        if let Some(way) = ways.iter().position(|way| fits(row, way)) {
            found = Some((number, Some(way)));
            break;
        }
        if ways.is_empty() && free(row, bar, nests) {
            found = Some((number, None));
            break;
        }
    }
    let (number, way) = found.unwrap_or_else(|| {
        rows.push(Row::default());
        (rows.len() - 1, (!ways.is_empty()).then_some(0))
    });
    let row = &mut rows[number];
    if outline { &mut row.outlined } else { &mut row.filled }.push(bar);
    let label = way.map(|way| {
        let way = ways.swap_remove(way);
        row.filled.push(way.covers);
        way.label
    });
    (number, label)
}

fn place_mark<'a>(mark: &'a Mark, axis: &TimeAxis, rows: &mut Vec<Row>) -> PlacedMark<'a> {
    let x = axis.x(mark.at_ns);
    let ways = candidates(&mark.label, x - 2.0, x + 2.0, None);
    let (row, label) = place(rows, (x - 4.0, x + 4.0), false, false, ways);
    PlacedMark { mark, x, y: PADDING - 6.0 + MARK_ROW * row as f64, label }
}

fn place_state<'a>(
    span: &'a Span,
    axis: &TimeAxis,
    conflict: Option<(Nanos, Nanos)>,
    rows: &mut Vec<Row>,
    above: f64,
) -> PlacedSpan<'a> {
    let (from, to) = (axis.x(span.from_ns), axis.x(span.to_ns.max(span.from_ns)));
    let definite = span.style == SpanStyle::Definite;
    let broken = conflict
        .filter(|_| definite)
        .map(|(start, end)| (axis.x(start).max(from), axis.x(end).min(to)))
        .filter(|(start, end)| end > start);
    // A label is not written over the hatching; it lies in the larger part beside it.
    let inside = match broken {
        Some((start, end)) if start - from >= to - end => (from, start),
        Some((_, end)) => (end, to),
        None => (from, to),
    };
    let mut ways = candidates(&span.label, from, to, Some(inside));
    if span.style == SpanStyle::Possible {
        // What is held is drawn inside, so a promise is rather labelled beside.
        ways.sort_by_key(|way| way.label.inside);
    }
    if span.label.is_empty() {
        ways.clear();
    }
    let outline = span.style == SpanStyle::Possible;
    let bar = (from, to.max(from + 1.5));
    // A label inside its own bar is no neighbour of it.
    for way in ways.iter_mut().filter(|way| way.label.inside && !outline) {
        way.covers = bar;
    }
    let (row, label) = place(rows, bar, outline, definite, ways);
    PlacedSpan { span, from, to, y: above + STATE_ROW * row as f64, label, broken }
}

fn place_operation<'a>(span: &'a Span, axis: &TimeAxis, rows: &mut Vec<Row>, above: f64) -> PlacedSpan<'a> {
    let from = axis.x(span.from_ns);
    let to = axis.x(span.to_ns.max(span.from_ns)).max(from + LEAST_WIDTH);
    let name;
    let text = match (span.label.as_str(), span.operation) {
        ("", Some(index)) => {
            name = format!("op {index}");
            &name
        }
        (label, _) => label,
    };
    let ways = if text.is_empty() { Vec::new() } else { candidates(text, from, to, None) };
    let (row, label) = place(rows, (from - 2.0, to + 2.0), false, false, ways);
    PlacedSpan { span, from, to, y: above + OPERATION_ROW * row as f64, label, broken: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from_ns: u64, to_ns: u64, style: SpanStyle, label: &str) -> Span {
        Span { from_ns, to_ns, style, label: label.into(), operation: None }
    }

    /// The interval that a label covers, by the estimate of its width.
    fn extent(label: &PlacedLabel) -> (f64, f64) {
        let width = text_width(&label.text, LABEL_SIZE);
        match label.anchor {
            Anchor::Start => (label.x, label.x + width),
            Anchor::Middle => (label.x - width / 2.0, label.x + width / 2.0),
            Anchor::End => (label.x - width, label.x),
        }
    }

    #[test]
    fn no_label_covers_another_or_a_bar() {
        let spans =
            (0..40_u64).map(|at| span(at * 7, at * 7 + 5, SpanStyle::Ok, &format!("operation number {at}"))).collect();
        let lane = Lane { label: "process 1".into(), spans, ..Lane::default() };
        let axis = TimeAxis::new(0, 1_000_000_000, LEFT, 1040.0);
        let layout = LaneLayout::new(&lane, &axis, None);
        assert_eq!(layout.operations.len(), 40);
        for (position, one) in layout.operations.iter().enumerate() {
            let own = extent(one.label.as_ref().unwrap());
            assert!(own.0 >= LEFT && own.1 <= WIDTH, "{own:?}");
            for other in &layout.operations[position + 1..] {
                if other.y == one.y {
                    let theirs = extent(other.label.as_ref().unwrap());
                    assert!(own.1 <= theirs.0 || theirs.1 <= own.0, "{own:?} covers {theirs:?}");
                    assert!(own.1 <= other.from || other.to <= own.0, "{own:?} covers a bar");
                }
            }
        }
    }

    #[test]
    fn a_hold_lies_in_its_lease_and_shows_the_conflict() {
        let lane = Lane {
            label: "process 3".into(),
            spans: vec![
                span(0, 600_000_000, SpanStyle::Definite, "held"),
                span(0, 800_000_000, SpanStyle::Possible, "lease"),
            ],
            ..Lane::default()
        };
        let axis = TimeAxis::new(0, 1_000_000_000, LEFT, 1040.0);
        let layout = LaneLayout::new(&lane, &axis, Some((500_000_000, 900_000_000)));
        let [lease, hold] = layout.states.as_slice() else { panic!("{layout:?}") };
        assert_eq!((lease.span.style, lease.y), (SpanStyle::Possible, hold.y));
        assert_eq!(hold.broken, Some((axis.x(500_000_000), axis.x(600_000_000))));
        assert!(hold.label.as_ref().unwrap().inside);
    }

    #[test]
    fn a_label_without_room_is_left_out() {
        let lane = Lane {
            label: "process 3".into(),
            spans: vec![span(0, 1_000_000_000, SpanStyle::Belief, &"x".repeat(500))],
            marks: vec![Mark { at_ns: 1, label: "here".into(), operation: None }],
            ..Lane::default()
        };
        let axis = TimeAxis::new(0, 1_000_000_000, LEFT, 1040.0);
        let layout = LaneLayout::new(&lane, &axis, None);
        assert_eq!(layout.marks[0].label.as_ref().unwrap().text, "here");
        assert!(layout.states[0].label.as_ref().is_none_or(|label| label.inside));
    }
}
