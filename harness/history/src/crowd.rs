//! Level of detail of a lane: what is too short to be told from its neighbours is kept, and drawn, as one with them, and says how much
//! it stands for. What proves the verdict always stays by itself, and so does what overlaps, as far as an eye can follow.
//!
//! It is done once for the file of a long run, and again for each drawing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Index, Lane, Mark, Nanos, Span, SpanStyle};

/// Intervals of one style that lie in a short part of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// The start of that part, in ns.
    pub from_ns: Nanos,
    /// Its end, in ns.
    pub to_ns: Nanos,
    /// How they are drawn.
    pub style: SpanStyle,
    /// How many there are.
    pub count: u64,
    /// How long they last together, in ns; more than the part where they overlap.
    pub held_ns: Nanos,
    /// The operation that the first of them shows.
    #[serde(default, rename = "op", skip_serializing_if = "Option::is_none")]
    pub operation: Option<Index>,
}

/// The parts of the run that are told apart.
#[derive(Debug, Clone, Copy)]
pub struct Cells {
    /// The start of the first, in ns.
    pub from_ns: Nanos,
    /// The end of the last, in ns.
    pub to_ns: Nanos,
    /// How many there are; at least one.
    pub count: u64,
    /// The most intervals of a cell that stay by themselves for overlapping others.
    pub most_overlapping: usize,
}

impl Cells {
    fn length(&self) -> u128 {
        u128::from(self.to_ns.saturating_sub(self.from_ns).max(1))
    }

    /// The cell that a time lies in.
    fn of(&self, time: Nanos) -> u64 {
        let inside = time.clamp(self.from_ns, self.to_ns.max(self.from_ns)) - self.from_ns;
        u64::try_from(u128::from(inside) * u128::from(self.count) / self.length()).unwrap_or(self.count)
    }

    /// Where a cell begins.
    fn edge(&self, cell: u64) -> Nanos {
        let inside = self.length() * u128::from(cell) / u128::from(self.count.max(1));
        self.from_ns.saturating_add(u64::try_from(inside).unwrap_or(Nanos::MAX))
    }

    fn is_short(&self, lasts: Nanos) -> bool {
        u128::from(lasts) * u128::from(self.count) < self.length()
    }
}

/// What is told apart of a lane.
#[derive(Debug, Default)]
pub struct Gathered<'a> {
    /// Intervals by themselves, in the order of their starts.
    pub spans: Vec<&'a Span>,
    /// The others, in the order of their cells.
    pub crowds: Vec<Crowd>,
    /// Moments, in the order of time: one of each cell, and all in the proof.
    pub marks: Vec<&'a Mark>,
    /// How many intervals are left out: long ones that overlap too many others.
    pub left_out: u64,
}

impl Gathered<'_> {
    /// How many things there are to keep or to draw.
    pub fn len(&self) -> usize {
        self.spans.len() + self.crowds.len() + self.marks.len()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Gathers a lane, whose spans come in the order of their starts.
pub fn gather<'a>(lane: &'a Lane, cells: &Cells, proof: &BTreeSet<Index>) -> Gathered<'a> {
    let proves = |operation: Option<Index>| operation.is_some_and(|operation| proof.contains(&operation));
    let mut gathered = Gathered::default();
    let mut crowds = Crowds { cells, by_cell: BTreeMap::new() };
    for crowd in &lane.crowds {
        crowds.take(crowd);
    }
    let mut kept_in = (0, 0);
    for (span, overlapped) in lane.spans.iter().zip(overlapping(&lane.spans)) {
        let lasts = span.to_ns.saturating_sub(span.from_ns);
        let (cell, short) = (cells.of(span.from_ns), cells.is_short(lasts));
        if kept_in.0 != cell {
            kept_in = (cell, 0);
        }
        if proves(span.operation) || (!overlapped && !short) {
            gathered.spans.push(span);
        } else if overlapped && kept_in.1 < cells.most_overlapping {
            kept_in.1 += 1;
            gathered.spans.push(span);
        } else if short {
            crowds.add(cell, span.style, (1, lasts), span.operation);
        } else {
            gathered.left_out += 1;
        }
    }
    gathered.crowds = crowds.by_cell.into_values().collect();
    let mut marks: Vec<&Mark> = lane.marks.iter().collect();
    marks.sort_by_key(|mark| mark.at_ns);
    let mut before = None;
    for mark in marks {
        let cell = Some(cells.of(mark.at_ns));
        if proves(mark.operation) || cell != before {
            gathered.marks.push(mark);
        }
        before = cell;
    }
    gathered
}

/// Crowds under way.
struct Crowds<'a> {
    cells: &'a Cells,
    by_cell: BTreeMap<(u64, SpanStyle), Crowd>,
}

impl Crowds<'_> {
    fn add(&mut self, cell: u64, style: SpanStyle, (count, held_ns): (u64, Nanos), operation: Option<Index>) {
        let (from_ns, to_ns) = (self.cells.edge(cell), self.cells.edge(cell.saturating_add(1)));
        let new = Crowd { from_ns, to_ns, style, count: 0, held_ns: 0, operation };
        let crowd = self.by_cell.entry((cell, style)).or_insert(new);
        crowd.count += count;
        crowd.held_ns = crowd.held_ns.saturating_add(held_ns);
    }

    /// Deals a crowd of other cells out to those of these in which it lies.
    fn take(&mut self, crowd: &Crowd) {
        let lasts = u128::from(crowd.to_ns.saturating_sub(crowd.from_ns).max(1));
        let (first, last) = (self.cells.of(crowd.from_ns), self.cells.of(crowd.to_ns.saturating_sub(1)));
        let mut given = 0;
        for cell in first..=last.max(first) {
            let until = self.cells.edge(cell.saturating_add(1)).saturating_sub(crowd.from_ns);
            let share = u128::from(crowd.count) * u128::from(until) / lasts;
            let upto = if cell >= last { crowd.count } else { u64::try_from(share).unwrap_or(crowd.count) };
            let count = upto.min(crowd.count) - given;
            given += count;
            let held = u128::from(crowd.held_ns) * u128::from(count) / u128::from(crowd.count.max(1));
            if count > 0 {
                let held = u64::try_from(held).unwrap_or(Nanos::MAX);
                self.add(cell, crowd.style, (count, held), crowd.operation);
            }
        }
    }
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

    fn lane(spans: Vec<Span>) -> Lane {
        Lane { spans, ..Lane::default() }
    }

    fn cells(count: u64) -> Cells {
        Cells { from_ns: 0, to_ns: 1_000_000_000, count, most_overlapping: 8 }
    }

    #[test]
    fn short_spans_become_a_crowd_that_tells_how_much_they_held() {
        let lane = lane((0..5).map(|at| span(at * 200_000, at * 200_000 + 100_000, at)).collect());
        let gathered = gather(&lane, &cells(1_000), &BTreeSet::new());
        let [crowd] = gathered.crowds.as_slice() else { panic!("{gathered:?}") };
        let told = (crowd.from_ns, crowd.to_ns, crowd.count, crowd.held_ns, crowd.operation);
        assert!(gathered.len() == 1 && told == (0, 1_000_000, 5, 500_000, Some(0)), "{gathered:?}");
    }

    #[test]
    fn overlaps_and_the_proof_stay_by_themselves() {
        let spans = [span(0, 50, 1), span(100, 300, 2), span(200, 250, 3), span(400, 450, 4), span(500, 550, 5)];
        let lane = lane(spans.into());
        let gathered = gather(&lane, &cells(1_000), &BTreeSet::from([4]));
        let whole = gathered.spans.iter().filter_map(|span| span.operation);
        assert_eq!(whole.collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(gathered.crowds.iter().map(|crowd| crowd.count).sum::<u64>(), 2);
    }

    #[test]
    fn a_long_span_hides_no_overlap_behind_a_short_one() {
        let spans = [span(0, 900, 1), span(10, 20, 2), span(30, 40, 3)];
        assert_eq!(overlapping(&spans), [true, true, true]);
        assert_eq!(overlapping(&[span(0, 10, 1), span(10, 20, 2)]), [false, false]);
    }

    #[test]
    fn many_spans_are_no_more_than_the_cells_also_where_all_overlap() {
        for lasts in [2_500, 25_000, 100_000_000] {
            let lane = lane((0..200_000).map(|at| span(at * 5_000, at * 5_000 + lasts, at)).collect());
            for count in [1_000, 250] {
                let gathered = gather(&lane, &cells(count), &BTreeSet::from([77_777, 77_778]));
                assert!(gathered.len() as u64 <= 9 * count + 2, "{} of spans of {lasts} ns", gathered.len());
                let proof = gathered.spans.iter().filter(|span| matches!(span.operation, Some(77_777 | 77_778)));
                assert_eq!(proof.count(), 2);
                let crowded: u64 = gathered.crowds.iter().map(|crowd| crowd.count).sum();
                assert_eq!(gathered.spans.len() as u64 + crowded + gathered.left_out, 200_000, "none is forgotten");
            }
        }
    }

    #[test]
    fn what_was_gathered_once_can_be_gathered_again() {
        let mut lane = lane((0..400_000).map(|at| span(at * 2_500, at * 2_500 + 1_250, at)).collect());
        lane.marks =
            (0..400_000).map(|at| Mark { at_ns: at * 2_500, label: String::new(), operation: Some(at) }).collect();
        let once = gather(&lane, &cells(8_192), &BTreeSet::from([7]));
        assert!(once.marks.len() <= 8_193, "{} marks", once.marks.len());
        let kept = Lane { crowds: once.crowds, spans: once.spans.into_iter().cloned().collect(), ..Lane::default() };
        let again = gather(&kept, &cells(956), &BTreeSet::from([7]));
        assert_eq!(again.crowds.iter().map(|crowd| crowd.count).sum::<u64>() + 1, 400_000);
        for crowd in &again.crowds[1..] {
            let share = crowd.held_ns as f64 / (crowd.to_ns - crowd.from_ns) as f64;
            assert!((share - 0.5).abs() < 0.02, "half of the time was held: {crowd:?}");
        }
    }
}
