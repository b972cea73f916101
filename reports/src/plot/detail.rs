//! Level of detail of the lanes over a whole run: as fine as it can be while the drawing stays small.

use std::collections::BTreeSet;

use dsjepsen_history::{Cells, Crowd, Gathered, Index, Lane, Nanos, Span, gather};

use super::axis::TimeAxis;

/// The most things that a panel is drawn with before its cells become wider.
const MOST_PIECES: usize = 5_000;
/// How wide cells are, in px, the finest first; and how many intervals that overlap are drawn in each.
const DETAIL: [(u32, usize); 6] = [(1, 8), (2, 8), (4, 4), (8, 2), (16, 1), (32, 1)];

/// One thing that is drawn in a lane.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A span by itself.
    Whole(&'a Span),
    /// Short spans of one cell, drawn as a tick whose height is their share of it.
    Tick(Crowd),
}

impl Piece<'_> {
    /// When it begins, in ns.
    pub(crate) fn from(&self) -> Nanos {
        match self {
            Self::Whole(span) => span.from_ns,
            Self::Tick(crowd) => crowd.from_ns,
        }
    }
}

/// Which part of its cell a crowd takes, from 0 to 1.
pub(crate) fn share(crowd: &Crowd) -> f64 {
    (crowd.held_ns as f64 / (crowd.to_ns - crowd.from_ns).max(1) as f64).min(1.0)
}

/// What is drawn of each lane, with cells as wide as it takes.
pub(crate) fn gathered<'a>(lanes: &'a [Lane], axis: &TimeAxis, proof: &BTreeSet<Index>) -> Vec<Gathered<'a>> {
    let mut drawn = Vec::new();
    for (px, most_overlapping) in DETAIL {
        let count = ((axis.right - axis.left) / f64::from(px)).max(1.0) as u64;
        let cells = Cells { from_ns: axis.from, to_ns: axis.to, count, most_overlapping };
        drawn = lanes.iter().map(|lane| gather(lane, &cells, proof)).collect();
        if drawn.iter().map(Gathered::len).sum::<usize>() <= MOST_PIECES {
            break;
        }
    }
    drawn
}

/// Spans and crowds in the order of time.
pub(crate) fn pieces<'a>(spans: &[&'a Span], crowds: Vec<Crowd>) -> Vec<Piece<'a>> {
    let mut pieces: Vec<_> =
        spans.iter().map(|span| Piece::Whole(span)).chain(crowds.into_iter().map(Piece::Tick)).collect();
    pieces.sort_by_key(Piece::from);
    pieces
}
