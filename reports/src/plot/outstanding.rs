//! Which observations are drawn one by one: what proves the verdict always, then what breaks a rule, then what was refused. Where
//! there are too many of a kind to tell apart, those that bound the others in each pixel.

use std::collections::BTreeSet;

use dsjepsen_history::{Index, Point, PointStyle};

use super::axis::TimeAxis;

/// The most observations of one style; of more, those that bound each column of px are drawn.
const MOST_OF_A_STYLE: usize = 300;
/// The widest column, in px.
const WIDEST: u32 = 16;

/// An observation that is drawn by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    /// The observation.
    pub(crate) point: &'a Point,
    /// How many of its style it stands for, itself included.
    pub(crate) stands_for: usize,
}

/// Whether an observation stands out: it is not like most, or it proves the verdict.
pub(crate) fn stands_out(point: &Point, proof: &BTreeSet<Index>) -> bool {
    point.style != PointStyle::Plain || proves(point, proof)
}

fn proves(point: &Point, proof: &BTreeSet<Index>) -> bool {
    point.operation.is_some_and(|operation| proof.contains(&operation))
}

/// What is drawn of all that stands out, in the order of time.
pub(crate) fn outstanding<'a>(points: &'a [Point], axis: &TimeAxis, proof: &BTreeSet<Index>) -> Vec<Standing<'a>> {
    let itself = |point: &'a Point| Standing { point, stands_for: 1 };
    let mut drawn: Vec<_> = points.iter().filter(|point| proves(point, proof)).map(itself).collect();
    for style in [PointStyle::Broken, PointStyle::Refused] {
        let mut others: Vec<_> =
            points.iter().filter(|point| point.style == style && !proves(point, proof)).map(itself).collect();
        others.sort_by_key(|standing| standing.point.at_ns);
        let mut column = 1;
        while others.len() > MOST_OF_A_STYLE && column <= WIDEST {
            others = bounds(&others, axis, column);
            column *= 2;
        }
        drawn.append(&mut others);
    }
    drawn.sort_by_key(|standing| (standing.point.at_ns, standing.point.operation));
    drawn
}

/// The least and the most value of each column; each stands for those that are nearer to it.
fn bounds<'a>(points: &[Standing<'a>], axis: &TimeAxis, px: u32) -> Vec<Standing<'a>> {
    let column = |standing: &Standing<'_>| (axis.x(standing.point.at_ns) / f64::from(px)) as i64;
    let mut kept = Vec::new();
    for group in points.chunk_by(|one, next| column(one) == column(next)) {
        let value = |standing: &&Standing<'_>| standing.point.value;
        let (Some(least), Some(most)) = (group.iter().min_by_key(value), group.iter().max_by_key(value)) else {
            continue;
        };
        let (low, high) = (least.point.value, most.point.value);
        let is_low =
            |standing: &&Standing<'_>| standing.point.value.abs_diff(low) <= high.abs_diff(standing.point.value);
        let all: usize = group.iter().map(|standing| standing.stands_for).sum();
        let of_least: usize = group.iter().filter(is_low).map(|standing| standing.stands_for).sum();
        kept.push(Standing { point: least.point, stands_for: of_least });
        if all > of_least {
            kept.push(Standing { point: most.point, stands_for: all - of_least });
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at_ns: u64, value: i64, style: PointStyle) -> Point {
        Point { at_ns, value, style, label: String::new(), operation: Some(at_ns) }
    }

    #[test]
    fn a_crowd_of_one_kind_hides_neither_another_nor_the_proof() {
        let axis = TimeAxis::of_run(1_000_000);
        let mut points: Vec<_> = (0..400_000).map(|at| point(at * 2, (at % 100) as i64, PointStyle::Refused)).collect();
        points.push(point(900_001, 7, PointStyle::Broken));
        points.push(point(900_003, 8, PointStyle::Refused));
        points.push(point(900_005, 9, PointStyle::Plain));
        points.push(point(900_007, 9, PointStyle::Plain));
        let drawn = outstanding(&points, &axis, &BTreeSet::from([900_003, 900_005, 400]));
        for at in [400, 900_001, 900_003, 900_005] {
            assert!(drawn.iter().any(|standing| standing.point.at_ns == at), "{at} is not drawn");
        }
        assert!(drawn.len() <= MOST_OF_A_STYLE + 4, "{}", drawn.len());
        assert_eq!(drawn.iter().map(|standing| standing.stands_for).sum::<usize>(), 400_003, "none is forgotten");
        assert!(drawn.is_sorted_by_key(|standing| standing.point.at_ns));
    }

    #[test]
    fn few_are_drawn_each_for_itself() {
        let axis = TimeAxis::of_run(1_000_000);
        let points: Vec<_> = (0..300).map(|at| point(at, 5, PointStyle::Broken)).collect();
        let drawn = outstanding(&points, &axis, &BTreeSet::new());
        assert!(drawn.len() == 300 && drawn.iter().all(|standing| standing.stands_for == 1));
    }
}
