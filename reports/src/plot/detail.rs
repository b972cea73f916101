//! Level of detail: what is too short for a pixel of the whole run is drawn together with its neighbours, and says how much it stands
//! for. What overlaps, and what proves the verdict, always stays by itself.

use std::collections::BTreeSet;

use dsjepsen_history::{Index, Nanos, Span, SpanStyle};

use super::axis::TimeAxis;

/// One thing that is drawn in a lane.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A span by itself.
    Whole(&'a Span),
    /// Short spans of one cell of the axis.
    Tick(Tick),
}

/// Short spans that follow one another, drawn as one tick whose height is their share of the cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The cell, in ns.
    pub(crate) cell: (Nanos, Nanos),
    /// How they are drawn.
    pub(crate) style: SpanStyle,
    /// How many there are.
    pub(crate) count: u64,
    /// How long they last together, in ns.
    pub(crate) held: Nanos,
    /// The first of them.
    pub(crate) first: Option<Index>,
}

impl Tick {
    /// Which part of its cell it stands for, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        (self.held as f64 / (self.cell.1 - self.cell.0).max(1) as f64).min(1.0)
    }
}

/// What is drawn of a lane whose spans come in the order of their starts, with cells of so many px.
pub(crate) fn pieces<'a>(spans: &'a [Span], axis: &TimeAxis, cell_px: u32, proof: &BTreeSet<Index>) -> Vec<Piece<'a>> {
    let length = axis.to - axis.from;
    let cells = ((axis.right - axis.left) / f64::from(cell_px.max(1))).max(1.0) as u64;
    let cell_of = |time: Nanos| {
        let inside = u128::from(time.clamp(axis.from, axis.to) - axis.from);
        u64::try_from(inside * u128::from(cells) / u128::from(length)).unwrap_or(cells)
    };
    let edge = |cell: u64| {
        let inside = u128::from(length) * u128::from(cell) / u128::from(cells);
        axis.from.saturating_add(u64::try_from(inside).unwrap_or(length))
    };
    let overlapped = overlapping(spans);
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    for (span, overlapped) in spans.iter().zip(overlapped) {
        let lasts = span.to_ns.saturating_sub(span.from_ns);
        let short = u128::from(lasts) * u128::from(cells) < u128::from(length);
        if overlapped || !short || span.operation.is_some_and(|operation| proof.contains(&operation)) {
            pieces.push(Piece::Whole(span));
            continue;
        }
        let cell = cell_of(span.from_ns);
        // The last of this style: between ticks of one cell there may be those of another.
        let same = pieces.iter_mut().rev().take(4).find_map(|piece| match piece {
            Piece::Tick(tick) if tick.style == span.style && tick.cell.0 == edge(cell) => Some(tick),
            _ => None,
        });
        match same {
            Some(tick) => {
                tick.count += 1;
                tick.held = tick.held.saturating_add(lasts);
            }
            None => pieces.push(Piece::Tick(Tick {
                cell: (edge(cell), edge(cell + 1)),
                style: span.style,
                count: 1,
                held: lasts,
                first: span.operation,
            })),
        }
    }
    pieces
}

/// Which spans share time with another of their lane; they come in the order of their starts.
fn overlapping(spans: &[Span]) -> Vec<bool> {
    let mut shared = vec![false; spans.len()];
    let mut latest: Option<(Nanos, usize)> = None;
    for (at, span) in spans.iter().enumerate() {
        if let Some((end, other)) = latest
            && span.from_ns < end
        {
            (shared[at], shared[other]) = (true, true);
        }
        if latest.is_none_or(|(end, _)| span.to_ns > end) {
            latest = Some((span.to_ns, at));
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from_ns: Nanos, to_ns: Nanos, operation: Index) -> Span {
        Span { from_ns, to_ns, style: SpanStyle::Definite, label: String::new(), operation: Some(operation) }
    }

    fn axis() -> TimeAxis {
        TimeAxis::new(0, 1_000_000_000, 0.0, 1_000.0)
    }

    #[test]
    fn short_spans_become_a_tick_that_tells_their_share() {
        let spans: Vec<_> = (0..5).map(|at| span(at * 200_000, at * 200_000 + 100_000, at)).collect();
        let pieces = pieces(&spans, &axis(), 1, &BTreeSet::new());
        let [Piece::Tick(tick)] = pieces.as_slice() else { panic!("{pieces:?}") };
        assert_eq!((tick.cell, tick.count, tick.held, tick.first), ((0, 1_000_000), 5, 500_000, Some(0)));
        assert!((tick.share() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn overlaps_and_the_proof_are_never_merged() {
        let spans = [span(0, 50, 1), span(100, 300, 2), span(200, 250, 3), span(400, 450, 4), span(500, 550, 5)];
        let pieces = pieces(&spans, &axis(), 1, &BTreeSet::from([4]));
        let whole = pieces.iter().filter_map(|piece| match piece {
            Piece::Whole(span) => span.operation,
            Piece::Tick(_) => None,
        });
        assert_eq!(whole.collect::<Vec<_>>(), [2, 3, 4]);
        let merged: u64 = pieces.iter().map(|piece| if let Piece::Tick(tick) = piece { tick.count } else { 0 }).sum();
        assert_eq!(merged, 2);
    }

    #[test]
    fn a_long_span_hides_no_overlap_behind_a_short_one() {
        let spans = [span(0, 900, 1), span(10, 20, 2), span(30, 40, 3)];
        assert_eq!(overlapping(&spans), [true, true, true]);
        assert_eq!(overlapping(&[span(0, 10, 1), span(10, 20, 2)]), [false, false]);
    }

    #[test]
    fn a_million_spans_are_no_more_than_the_cells() {
        let spans: Vec<_> = (0..1_000_000).map(|at| span(at * 1_000, at * 1_000 + 500, at)).collect();
        for (cell_px, most) in [(1, 1_001), (4, 251)] {
            let pieces = pieces(&spans, &axis(), cell_px, &BTreeSet::new());
            assert!(pieces.len() <= most, "{} pieces", pieces.len());
        }
    }
}
