//! Who held what when, and what values were seen: the lanes of a workload over its whole run. A workload describes them as data,
//! reports draw them. They prove nothing: what is proved stands in the [verdict](crate::Verdict).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Cells, Crowd, Gathered, Index, Lane, Mark, Nanos, SCHEMA, Span, Verdict, gather};

/// The most lanes of a panel that are kept; of more, those in the counterexample and the [`BUSIEST`].
pub const MOST_LANES: usize = 50;
/// How many lanes are kept for having the most to show, where there are too many.
pub const BUSIEST: usize = 10;
/// The most parts of a run of which a curve or a cloud of points keeps each its own values: eight times the width of a page.
const PARTS: u64 = 8_192;
/// The most intervals, crowds and moments that a panel of lanes is kept with, if that can be had.
const MOST_ITEMS: usize = 40_000;
/// How finely lanes are kept, the finest first: how many parts of the run, and how many intervals that overlap in each.
const DETAIL: [(u64, usize); 6] =
    [(PARTS, 8), (PARTS / 2, 8), (PARTS / 4, 4), (PARTS / 8, 2), (PARTS / 16, 1), (PARTS / 32, 1)];
/// Up to so many points of a panel are kept one by one.
const MOST_POINTS: usize = 20_000;

/// `lanes.json`: the lanes of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lanes {
    /// Version of the format.
    pub schema: u32,
    /// The question that they answer: `Who held the lock`.
    pub title: String,
    /// What is drawn and how it is meant, in a few sentences.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The panels, top first; none where there is nothing to show.
    pub panels: Vec<Panel>,
}

/// One panel on the run's time axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "panel", rename_all = "kebab-case")]
pub enum Panel {
    /// A lane for each client, node, key, …: intervals and moments.
    Lanes {
        /// What a lane is: `Client`.
        name: String,
        /// The lanes, top first.
        lanes: Vec<Lane>,
        /// How many were left out, because there are too many.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
        /// How many intervals and moments of those that are here were left out, because others of their time are kept.
        #[serde(default, skip_serializing_if = "is_zero")]
        items_left_out: u64,
    },
    /// Values over time.
    Values {
        /// What the values are: `Token`.
        name: String,
        /// Lines.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        curves: Vec<Curve>,
        /// Single observations.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        points: Vec<Point>,
        /// How many observations were left out, because others of their time are kept.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
        /// How many of those were refused or broken.
        #[serde(default, skip_serializing_if = "is_zero")]
        outstanding_left_out: u64,
    },
}

/// A value that holds until the next: a line of steps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Curve {
    /// What stands beside its end: `at least`.
    pub label: String,
    /// From when, in ns, and what from then on; in the order of time. The last holds to the end of the run.
    pub steps: Vec<(Nanos, i64)>,
}

/// One observation of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When, in ns.
    #[serde(rename = "t")]
    pub at_ns: Nanos,
    /// What was seen.
    #[serde(rename = "v")]
    pub value: i64,
    /// How it is drawn.
    #[serde(default, rename = "s", skip_serializing_if = "PointStyle::is_plain")]
    pub style: PointStyle,
    /// Its label; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// The operation that it shows.
    #[serde(default, rename = "op", skip_serializing_if = "Option::is_none")]
    pub operation: Option<Index>,
}

/// How a [`Point`] is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PointStyle {
    /// An observation among others.
    #[default]
    Plain,
    /// What was asked for and refused.
    Refused,
    /// What no right system could have answered.
    Broken,
}

impl PointStyle {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Lanes {
    /// Lanes with this title, as yet without panels.
    pub fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { schema: SCHEMA, title: title.into(), text: text.into(), panels: Vec::new() }
    }

    /// Keeps what a page has use for, whatever the length of the run: of many lanes, those in the counterexamples and the busiest;
    /// of many intervals, how much of each short part of the run they take ([`gather`]); of many values, those that bound the rest
    /// of it. What proves a verdict always stays, and what is left out is counted.
    #[must_use]
    pub fn kept(mut self, verdict: &Verdict, end: Nanos) -> Self {
        let proof: BTreeSet<Index> =
            verdict.findings.iter().flat_map(|finding| finding.operations.iter().copied()).collect();
        for panel in &mut self.panels {
            match panel {
                Panel::Lanes { lanes, left_out, items_left_out, .. } => {
                    *left_out += fold(lanes, &proof);
                    *items_left_out += crowd(lanes, &proof, end);
                }
                Panel::Values { curves, points, left_out, outstanding_left_out, .. } => {
                    for curve in curves {
                        thin_steps(&mut curve.steps, end);
                    }
                    let outstanding = |points: &[Point]| points.iter().filter(|point| !point.style.is_plain()).count();
                    let before = outstanding(points);
                    *left_out += thin_points(points, &proof, end);
                    *outstanding_left_out += (before - outstanding(points)) as u64;
                }
            }
        }
        self
    }
}

/// Folds too many lanes to those in the proof and the busiest, in their order; how many went.
fn fold(lanes: &mut Vec<Lane>, proof: &BTreeSet<Index>) -> u64 {
    if lanes.len() <= MOST_LANES {
        return 0;
    }
    let named = |lane: &Lane| {
        let operations =
            lane.spans.iter().map(|span| span.operation).chain(lane.marks.iter().map(|mark| mark.operation));
        operations.flatten().any(|operation| proof.contains(&operation))
    };
    let mut by_worth: Vec<usize> = (0..lanes.len()).collect();
    let busy = |lane: &Lane| lane.spans.len() + lane.marks.len();
    by_worth.sort_by_key(|&at| (!named(&lanes[at]), std::cmp::Reverse(busy(&lanes[at])), at));
    let proved = lanes.iter().filter(|lane| named(lane)).count();
    let mut keep = by_worth;
    keep.truncate((proved + BUSIEST).min(MOST_LANES));
    let keep: BTreeSet<usize> = keep.into_iter().collect();
    let all = lanes.len();
    let mut at = 0;
    lanes.retain(|_| {
        at += 1;
        keep.contains(&(at - 1))
    });
    (all - lanes.len()) as u64
}

/// Gathers lanes that hold too much; how many intervals and moments went.
fn crowd(lanes: &mut [Lane], proof: &BTreeSet<Index>, end: Nanos) -> u64 {
    if lanes.iter().map(items).sum::<usize>() <= MOST_ITEMS {
        return 0;
    }
    let mut left_out = 0;
    for (count, most_overlapping) in DETAIL {
        let cells = Cells { from_ns: 0, to_ns: end, count, most_overlapping };
        let gathered: Vec<_> = lanes.iter().map(|lane| gather(lane, &cells, proof)).collect();
        if gathered.iter().map(Gathered::len).sum::<usize>() > MOST_ITEMS && count > PARTS / 32 {
            continue;
        }
        let kept: Vec<_> = gathered.into_iter().map(own).collect();
        for (lane, (spans, crowds, marks, spans_left_out)) in lanes.iter_mut().zip(kept) {
            left_out += spans_left_out + (lane.marks.len() - marks.len()) as u64;
            (lane.spans, lane.crowds, lane.marks) = (spans, crowds, marks);
        }
        break;
    }
    left_out
}

fn items(lane: &Lane) -> usize {
    lane.spans.len() + lane.crowds.len() + lane.marks.len()
}

/// What was gathered, apart from the lane that it was gathered from.
fn own(gathered: Gathered<'_>) -> (Vec<Span>, Vec<Crowd>, Vec<Mark>, u64) {
    let spans = gathered.spans.into_iter().cloned().collect();
    (spans, gathered.crowds, gathered.marks.into_iter().cloned().collect(), gathered.left_out)
}

/// The part of the run that a time lies in.
fn part(time: Nanos, end: Nanos) -> u64 {
    (u128::from(time) * u128::from(PARTS) / u128::from(end.max(1))).try_into().unwrap_or(u64::MAX)
}

/// Keeps of each part of the run the first, the least, the most and the last value: what a line drawn through all of them shows.
fn thin_steps(steps: &mut Vec<(Nanos, i64)>, end: Nanos) {
    if steps.len() as u64 <= 4 * PARTS {
        return;
    }
    let mut kept = Vec::new();
    for group in steps.chunk_by(|one, next| part(one.0, end) == part(next.0, end)) {
        let extreme = |most: bool| {
            let places = group.iter().enumerate();
            let place =
                if most { places.max_by_key(|(_, step)| step.1) } else { places.min_by_key(|(_, step)| step.1) };
            place.map_or(0, |(at, _)| at)
        };
        let mut places = [0, extreme(false), extreme(true), group.len() - 1];
        places.sort_unstable();
        for (position, &place) in places.iter().enumerate() {
            if position == 0 || places[position - 1] != place {
                kept.push(group[place]);
            }
        }
    }
    *steps = kept;
}

/// Keeps of each part of the run the points of each style with the least and the most value, and all in the proof; how many went.
fn thin_points(points: &mut Vec<Point>, proof: &BTreeSet<Index>, end: Nanos) -> u64 {
    if points.len() <= MOST_POINTS {
        return 0;
    }
    let all = points.len();
    let mut keep: Vec<bool> =
        points.iter().map(|point| point.operation.is_some_and(|operation| proof.contains(&operation))).collect();
    let mut start = 0;
    for group in points.chunk_by(|one, next| part(one.at_ns, end) == part(next.at_ns, end)) {
        for style in [PointStyle::Plain, PointStyle::Refused, PointStyle::Broken] {
            let places = || group.iter().enumerate().filter(|(_, point)| point.style == style);
            let least = places().min_by_key(|(_, point)| point.value);
            let most = places().max_by_key(|(_, point)| point.value);
            for (at, _) in least.into_iter().chain(most) {
                keep[start + at] = true;
            }
        }
        start += group.len();
    }
    let mut keep = keep.into_iter();
    points.retain(|_| keep.next().unwrap_or(false));
    (all - points.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Finding, OperationCounts, SpanStyle};

    fn verdict(operations: Vec<Index>) -> Verdict {
        let mut verdict = Verdict::merge(Vec::new(), OperationCounts::default(), "");
        verdict.findings.push(Finding::invalid("some.rule", "Broken.", operations));
        verdict
    }

    fn lane(label: u64, spans: u64) -> Lane {
        let span = |at| Span {
            from_ns: at,
            to_ns: at + 1,
            style: SpanStyle::Definite,
            label: String::new(),
            operation: Some(label * 1_000 + at),
        };
        Lane { label: label.to_string(), spans: (0..spans).map(span).collect(), ..Lane::default() }
    }

    fn point(at_ns: Nanos, value: i64, style: PointStyle) -> Point {
        Point { at_ns, value, style, label: String::new(), operation: Some(at_ns) }
    }

    #[test]
    fn of_many_lanes_the_proof_and_the_busiest_stay_in_their_order() {
        let mut lanes = Lanes::new("Who", "");
        lanes.panels.push(lanes_panel("Key", (0..60).map(|at| lane(at, at)).collect()));
        let kept = lanes.clone().kept(&verdict(vec![3_001, 20_000]), 100);
        let [Panel::Lanes { lanes: shown, left_out, .. }] = kept.panels.as_slice() else { panic!("{kept:?}") };
        let labels: Vec<_> = shown.iter().map(|lane| lane.label.as_str()).collect();
        assert_eq!(labels, ["3", "20", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59"]);
        assert_eq!(*left_out, 48);
        let all: Vec<Index> = (0..60).map(|at| at * 1_000).collect();
        let kept = lanes.kept(&verdict(all), 100);
        let [Panel::Lanes { lanes: shown, left_out, .. }] = kept.panels.as_slice() else { panic!("{kept:?}") };
        assert_eq!((shown.len(), *left_out), (MOST_LANES, 10));
    }

    #[test]
    fn a_million_values_are_bounded_and_keep_what_stands_out() {
        let end = 1_000_000_000;
        let mut points: Vec<_> =
            (0..1_000_000).map(|at| point(at * 1_000, (at % 997) as i64, PointStyle::Plain)).collect();
        points[123_456].style = PointStyle::Broken;
        let steps: Vec<_> = points.iter().map(|point| (point.at_ns, point.value)).collect();
        let (lowest, highest) = (0, 996);
        let curves = vec![Curve { label: "at least".into(), steps: steps.clone() }];
        let mut lanes = Lanes::new("What", "");
        lanes.panels.push(Panel::Values { name: "Value".into(), curves, points, left_out: 0, outstanding_left_out: 0 });
        let kept = lanes.kept(&verdict(vec![777_777_000]), end);
        let [Panel::Values { curves, points, left_out, .. }] = kept.panels.as_slice() else { panic!("{kept:?}") };
        assert!(points.len() < 2 * 8_192 + 10 && points.len() as u64 + left_out == 1_000_000, "{}", points.len());
        assert!(points.iter().any(|point| point.style == PointStyle::Broken));
        assert!(points.iter().any(|point| point.operation == Some(777_777_000)));
        let thinned = &curves[0].steps;
        assert!(thinned.len() <= 4 * 8_193 && thinned.is_sorted_by_key(|step| step.0), "{}", thinned.len());
        assert_eq!((thinned[0], thinned.last()), (steps[0], steps.last()));
        assert_eq!(thinned.iter().map(|step| step.1).min(), Some(lowest));
        assert_eq!(thinned.iter().map(|step| step.1).max(), Some(highest));
    }

    fn lanes_panel(name: &str, lanes: Vec<Lane>) -> Panel {
        Panel::Lanes { name: name.into(), lanes, left_out: 0, items_left_out: 0 }
    }

    #[test]
    fn a_million_writes_that_overlap_are_bounded_and_keep_the_proof() {
        let end = 1_000_000_000;
        let span = |at: u64| Span {
            from_ns: at * 20_000,
            to_ns: at * 20_000 + 70_000,
            style: SpanStyle::Ok,
            label: format!("={at}"),
            operation: Some(at),
        };
        let mark = |at: u64| Mark { at_ns: at * 20_000, label: at.to_string(), operation: Some(1_000_000 + at) };
        let lane = |key: u64| Lane {
            label: format!("key {key}"),
            spans: (0..50_000).map(span).collect(),
            marks: (0..50_000).map(mark).collect(),
            ..Lane::default()
        };
        let mut lanes = Lanes::new("What", "");
        lanes.panels.push(lanes_panel("Key", (0..10).map(lane).collect()));
        let kept = lanes.kept(&verdict(vec![4_711, 4_712, 1_044_444]), end);
        let [Panel::Lanes { lanes, items_left_out, .. }] = kept.panels.as_slice() else { panic!("no panel") };
        let all: usize = lanes.iter().map(items).sum();
        assert!(all <= MOST_ITEMS, "{all} items");
        let spans = |lane: &Lane| lane.spans.len() as u64 + lane.crowds.iter().map(|crowd| crowd.count).sum::<u64>();
        let told: u64 = lanes.iter().map(|lane| spans(lane) + lane.marks.len() as u64).sum();
        assert_eq!(told + items_left_out, 1_000_000);
        for lane in lanes {
            let stays = |index| lane.spans.iter().any(|span| span.operation == Some(index));
            assert!(stays(4_711) && stays(4_712));
            assert!(lane.marks.iter().any(|mark| mark.operation == Some(1_044_444)));
        }
    }

    #[test]
    fn a_run_that_is_broken_from_the_start_is_bounded_too() {
        let style = |at: u64| [PointStyle::Broken, PointStyle::Plain, PointStyle::Refused][at as usize % 3];
        let points = (0..1_000_000).map(|at| point(at * 1_000, (at % 997) as i64, style(at))).collect();
        let mut lanes = Lanes::new("What", "");
        let name = "Value".to_owned();
        lanes.panels.push(Panel::Values { name, curves: vec![], points, left_out: 0, outstanding_left_out: 0 });
        let kept = lanes.kept(&verdict(vec![777_776_000, 777_777_000]), 1_000_000_000);
        let [Panel::Values { points, left_out, outstanding_left_out, .. }] = kept.panels.as_slice() else {
            panic!("{kept:?}")
        };
        assert!(points.len() as u64 <= 6 * PARTS + 2, "{} points are kept", points.len());
        assert_eq!(points.len() as u64 + left_out, 1_000_000);
        let outstanding = points.iter().filter(|point| !point.style.is_plain()).count() as u64;
        assert_eq!(outstanding + outstanding_left_out, 666_667);
        for proof in [777_776_000, 777_777_000] {
            assert!(points.iter().any(|point| point.operation == Some(proof)), "{proof} is left out");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut lanes = Lanes::new("Who held the lock", "Solid: surely held.");
        let crowds =
            vec![Crowd { from_ns: 1, to_ns: 2, style: SpanStyle::Ok, count: 3, held_ns: 4, operation: Some(5) }];
        lanes.panels.push(lanes_panel("Client", vec![Lane { crowds, ..lane(1, 2) }]));
        let points = vec![point(7, -3, PointStyle::Refused)];
        let curves = vec![Curve { label: "lock 0".into(), steps: vec![(1, 2), (3, 4)] }];
        let panel = Panel::Values { name: "Token".into(), curves, points, left_out: 5, outstanding_left_out: 2 };
        lanes.panels.push(panel);
        let text = serde_json::to_string(&lanes).unwrap();
        assert_eq!(serde_json::from_str::<Lanes>(&text).unwrap(), lanes);
    }
}
