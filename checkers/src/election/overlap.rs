//! `election.overlap`: no two nodes surely led at one time. It decides where the target promises one leader at a time.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Judgement, Moment, Nanos, NodeId, Step, UnknownReason};

use super::drawing::Drawing;
use super::polls::{Poll, Polls};
use crate::argument::Argument as _;
use crate::words::{between, count, duration, moment};

/// The id of the rule.
pub(super) const RULE: &str = "election.overlap";

/// A time in which a node led: from the answer to one poll until another was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reign<'a> {
    pub(super) first: Poll<'a>,
    pub(super) last: Poll<'a>,
}

impl Reign<'_> {
    fn node(&self) -> NodeId {
        self.first.node
    }

    fn from(&self) -> Moment {
        self.first.answered
    }

    fn to(&self) -> Moment {
        self.last.asked
    }
}

/// Judges the rule.
pub(super) fn judge(polls: &Polls<'_>) -> Judgement {
    let reigns = definite(polls);
    let found = overlaps(&reigns);
    let uncounted = polls.polls.iter().filter(|poll| poll.believes_leader && counter(poll).is_none()).count() as u64;
    let decides = polls.promises.one_leader_at_a_time;
    let finding = match found.first {
        _ if !decides => None,
        Some((first, second)) => {
            Some(Finding { count: found.count, ..explain(polls, &reigns[first], &reigns[second]) })
        }
        None if reigns.is_empty() => Some(Finding::unknown(
            UnknownReason::NoObservations,
            "The target promises one leader at a time, but no two polls prove that any node led.",
        )),
        None => None,
    };
    let mut judgement = Judgement::new(RULE, polls.polls.len() as u64, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("definite leaderships", count(reigns.len() as u64)),
        Figure::new("definite leaderships that overlap another", count(found.count)),
        Figure::new("longest definite overlap", duration(found.longest)),
    ];
    if uncounted > 0 {
        let apparent = overlaps(&apparent(polls));
        judgement.figures.extend([
            Figure::new("leaderships that seem to overlap, without proof", count(apparent.count)),
            Figure::new("longest overlap without proof", duration(apparent.longest)),
        ]);
    }
    judgement.assumptions = vec![
        "A node that counts its starts and its leaderships led all the time between two polls with the same counts."
            .to_owned(),
    ];
    if uncounted > 0 {
        let note =
            "What a node says without these counts is true at some instant of its poll only, and proves no overlap.";
        judgement.assumptions.push(note.to_owned());
    }
    if !decides {
        let note =
            "Figure only: the target does not promise one leader at a time (leaders of different terms may overlap).";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

/// The counts by which a node that led tells one leadership of its own from another.
pub(super) fn counter(poll: &Poll<'_>) -> Option<(u64, u64)> {
    Some((poll.incarnation?, poll.since?))
}

/// The times in which nodes surely led, in the order of their beginnings: for each leadership of a node, from the first answer
/// that told of it until it was last asked for.
pub(super) fn definite<'a>(polls: &Polls<'a>) -> Vec<Reign<'a>> {
    let mut reigns: BTreeMap<(NodeId, (u64, u64)), Reign<'_>> = BTreeMap::new();
    for poll in polls.polls.iter().filter(|poll| poll.believes_leader) {
        let Some(counter) = counter(poll) else { continue };
        extend(reigns.entry((poll.node, counter)).or_insert(Reign { first: *poll, last: *poll }), poll);
    }
    in_order(reigns.into_values().collect())
}

/// What the times of leadership look like where nodes do not count: polls in a row in which a node says that it leads.
pub(super) fn apparent<'a>(polls: &Polls<'a>) -> Vec<Reign<'a>> {
    let mut open: BTreeMap<NodeId, Reign<'_>> = BTreeMap::new();
    let mut reigns = Vec::new();
    for poll in &polls.polls {
        let same = |reign: &Reign<'_>| reign.last.term == poll.term && counter(&reign.last) == counter(poll);
        if let Some(reign) = open.get_mut(&poll.node).filter(|reign| poll.believes_leader && same(reign)) {
            extend(reign, poll);
            continue;
        }
        reigns.extend(open.remove(&poll.node));
        if poll.believes_leader {
            open.insert(poll.node, Reign { first: *poll, last: *poll });
        }
    }
    reigns.extend(open.into_values());
    in_order(reigns)
}

/// Polls come in the order of their answers, so the first of them stays the first.
fn extend<'a>(reign: &mut Reign<'a>, poll: &Poll<'a>) {
    if poll.asked.index > reign.last.asked.index {
        reign.last = *poll;
    }
}

fn in_order(mut reigns: Vec<Reign<'_>>) -> Vec<Reign<'_>> {
    reigns.retain(|reign| reign.from().index < reign.to().index);
    reigns.sort_unstable_by_key(|reign| reign.from().index);
    reigns
}

#[derive(Debug, Default)]
struct Overlaps {
    /// How many began while another node led.
    count: u64,
    /// The earliest of them, after the one that it met.
    first: Option<(usize, usize)>,
    /// The longest time that two nodes led together, in ns.
    longest: Nanos,
}

/// Sweeps over times of leadership in the order of their beginnings.
///
/// One that begins while another node's lasts meets, of each node, the one that ends last; there are few nodes.
fn overlaps(reigns: &[Reign<'_>]) -> Overlaps {
    let mut found = Overlaps::default();
    let mut latest: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (position, reign) in reigns.iter().enumerate() {
        let others = latest.iter().filter(|(node, _)| **node != reign.node()).map(|(_, other)| *other);
        if let Some(other) = others.max_by_key(|&other| reigns[other].to().index)
            && reigns[other].to().index > reign.from().index
        {
            let (from, to) = shared(&reigns[other], reign);
            found.count += 1;
            found.longest = found.longest.max(to - from);
            found.first.get_or_insert((other, position));
        }
        let known = latest.entry(reign.node()).or_insert(position);
        if reigns[*known].to().index < reign.to().index {
            *known = position;
        }
    }
    found
}

/// When two nodes both led, if the second began while the first led; in ns.
fn shared(first: &Reign<'_>, second: &Reign<'_>) -> (Nanos, Nanos) {
    (second.from().time, first.to().time.min(second.to().time))
}

/// The shortest part of a reign that polls prove and that lasts from one moment to another: what is shown is to the point.
fn around<'a>(polls: &Polls<'a>, reign: &Reign<'a>, from: Moment, to: Moment) -> Reign<'a> {
    let proves = |poll: &&Poll<'_>| {
        poll.believes_leader
            && (poll.node, poll.term, counter(poll)) == (reign.node(), reign.first.term, counter(&reign.first))
    };
    let before = polls.polls.iter().filter(proves).filter(|poll| poll.answered.index <= from.index);
    let after = polls.polls.iter().filter(proves).filter(|poll| poll.asked.index >= to.index);
    Reign {
        first: before.max_by_key(|poll| poll.answered.index).copied().unwrap_or(reign.first),
        last: after.min_by_key(|poll| poll.asked.index).copied().unwrap_or(reign.last),
    }
}

fn explain(polls: &Polls<'_>, first: &Reign<'_>, second: &Reign<'_>) -> Finding {
    let (one, other) = (first.node(), second.node());
    let conflict = shared(first, second);
    let led_on = between(second.from().time, first.to().time);
    let (from, to) = (second.from(), first.to().min(second.to()));
    let (first, second) = (&around(polls, first, from, to), &around(polls, second, from, to));
    let overlap = between(conflict.0, conflict.1);
    let proof = [first.first, first.last, second.first, second.last];
    let mut drawing = Drawing::new(polls);
    for reign in [first, second] {
        drawing.leadership(reign.node(), (reign.from(), reign.to()));
        for poll in [reign.first, reign.last] {
            let since = poll.since.unwrap_or_default();
            drawing.operation(poll.position, &format!("leads, leadership {}", count(since)));
        }
    }
    let mut steps = steps(polls, first);
    steps.extend(self::steps(polls, second));
    let both = format!(
        "from {} to {} both {one} and {other} led, and there may be one leader at a time: a contradiction.",
        moment(conflict.0),
        moment(conflict.1)
    );
    steps.push(polls.step("However", both, None));
    Finding {
        detail: format!(
            "{other} took over while {one} still led, and {one} led on for {led_on} after that. Both count their leaderships, so neither stopped in between."
        ),
        steps,
        figures: vec![Figure::new("overlap of two definite leaderships", overlap.clone())],
        timeline: Some(drawing.finish(Some(conflict))),
        ..Finding::invalid(
            RULE,
            format!("Two nodes led at the same time, {one} and {other}, for {overlap}."),
            polls.proof(proof.map(|poll| poll.position)),
        )
    }
}

/// Why a node surely led.
fn steps(polls: &Polls<'_>, reign: &Reign<'_>) -> Vec<Step> {
    let Reign { first, last } = reign;
    let node = reign.node();
    let counts = format!(
        "leadership {} of its start {}",
        count(first.since.unwrap_or_default()),
        count(first.incarnation.unwrap_or_default())
    );
    let (from, to) = (moment(reign.from().time), moment(reign.to().time));
    vec![
        polls.step("Let", format!("{node} say at {from} that it leads: {counts}."), Some(first.position)),
        polls.step("And let", format!("it say the same when it is asked at {to}."), Some(last.position)),
        polls.step("Then", format!("{node} led all the time from {from} to {to}."), None),
    ]
}
