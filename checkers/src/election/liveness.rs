//! `election.liveness`: how long the cluster was without a leader, as figures. They decide nothing.
//!
//! A node names the leader that its latest poll told, and nobody after a poll that failed. The leader of a moment is the node
//! that more than half of all nodes name.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::{FaultInterval, Figure, Finding, Judgement, Moment, Nanos, NodeId, UnknownReason};

use super::polls::Polls;
use super::{ElectionCall, ElectionReply};
use crate::words::{count, duration};

/// The id under which the figures are shown.
pub(super) const RULE: &str = "election.liveness";

/// Gathers the figures.
pub(super) fn judge(polls: &Polls<'_>) -> Judgement {
    let saw_a_leader =
        polls.polls.iter().any(|poll| poll.leader.is_some() || poll.believes_leader || !poll.claims.is_empty());
    let finding = (!saw_a_leader)
        .then(|| Finding::unknown(UnknownReason::NoObservations, "No poll ever saw a leader, so nothing was judged."));
    let named = Named::of(polls);
    let mut judgement = Judgement::new(RULE, polls.polls.len() as u64, finding.into_iter().collect());
    judgement.figures = figures(polls, &named);
    judgement.assumptions = vec![
        "Figures only. A node names the leader that its latest poll told, and nobody after a poll that failed."
            .to_owned(),
        "The leader is the node that more than half of all nodes name.".to_owned(),
    ];
    judgement
}

/// Whom a majority named, as it changed.
struct Named {
    /// Each change with its moment, in order. Before the first nobody was named.
    changes: Vec<(Moment, Option<NodeId>)>,
    /// The time at which more than half of the nodes had been asked, and of the last answer; in ns.
    watched: Option<(Nanos, Nanos)>,
}

impl Named {
    fn of(polls: &Polls<'_>) -> Self {
        let mut answers: Vec<(Moment, NodeId, Option<NodeId>)> = polls
            .operations
            .iter()
            .filter_map(|operation| {
                let ElectionCall::Poll { node } = operation.call else { return None };
                let leader = match operation.outcome.ok() {
                    Some(ElectionReply::Poll { leader, .. }) => *leader,
                    _ => None,
                };
                Some((operation.completed?, node, leader))
            })
            .collect();
        answers.sort_unstable_by_key(|(at, ..)| at.index);
        let mut by_node: BTreeMap<NodeId, Option<NodeId>> = BTreeMap::new();
        let mut named = Self { changes: Vec::new(), watched: None };
        for (at, node, leader) in answers {
            by_node.insert(node, leader);
            let elected = majority(&by_node, polls.nodes);
            if elected != named.changes.last().and_then(|(_, leader)| *leader) {
                named.changes.push((at, elected));
            }
            match &mut named.watched {
                Some((_, last)) => *last = at.time,
                None if 2 * by_node.len() > polls.nodes => named.watched = Some((at.time, at.time)),
                None => {}
            }
        }
        named
    }

    /// Whom a majority names at a moment.
    fn at(&self, moment: Moment) -> Option<NodeId> {
        let after = self.changes.partition_point(|(at, _)| at.index <= moment.index);
        after.checked_sub(1).and_then(|last| self.changes[last].1)
    }

    /// The changes after a moment.
    fn after(&self, moment: Moment) -> &[(Moment, Option<NodeId>)] {
        &self.changes[self.changes.partition_point(|(at, _)| at.index <= moment.index)..]
    }

    /// How long it took from a moment until a majority names somebody, in ns; `None` where that was not seen any more.
    fn until_named(&self, from: Moment) -> Option<Nanos> {
        if self.at(from).is_some() {
            return Some(0);
        }
        let named = self.after(from).iter().find(|(_, leader)| leader.is_some());
        named.map(|(at, _)| at.time - from.time)
    }

    /// The longest time within the watched one in which a majority named nobody, in ns.
    fn longest_without(&self) -> Nanos {
        let Some((from, to)) = self.watched else { return 0 };
        let mut longest = 0;
        let mut without = Some(from);
        for (at, leader) in &self.changes {
            match (leader, without) {
                (Some(_), Some(since)) => {
                    longest = longest.max(at.time.saturating_sub(since));
                    without = None;
                }
                (None, None) => without = Some(at.time),
                _ => {}
            }
        }
        longest.max(without.map_or(0, |since| to.saturating_sub(since)))
    }
}

/// The node that more than half of all nodes name.
fn majority(by_node: &BTreeMap<NodeId, Option<NodeId>>, nodes: usize) -> Option<NodeId> {
    let mut votes: BTreeMap<NodeId, usize> = BTreeMap::new();
    for leader in by_node.values().flatten() {
        *votes.entry(*leader).or_default() += 1;
    }
    votes.into_iter().find(|(_, votes)| 2 * votes > nodes).map(|(leader, _)| leader)
}

/// Times, and how many did not end before the run did.
#[derive(Debug, Default)]
struct Times {
    ended: Vec<Nanos>,
    open: u64,
}

impl Times {
    fn add(&mut self, time: Option<Nanos>) {
        match time {
            Some(time) => self.ended.push(time),
            None => self.open += 1,
        }
    }

    fn in_words(mut self) -> String {
        self.ended.sort_unstable();
        let open = match self.open {
            0 => String::new(),
            open => format!("; {} not before the end", count(open)),
        };
        let Some(longest) = self.ended.last() else { return format!("none{open}") };
        let median = self.ended[(self.ended.len() - 1) / 2];
        format!("p50 {}, max {} (of {}{open})", duration(median), duration(*longest), count(self.ended.len() as u64))
    }
}

/// How long after its start a fault had cost the leader, and a majority named one again; in ns. `None` where the leader of its
/// start was named until its heal.
fn lost_and_found(named: &Named, fault: &FaultInterval) -> Option<Option<Nanos>> {
    let start = fault.requested;
    let before = named.at(start);
    let healed = fault.healed.map_or(u64::MAX, |healed| healed.index);
    let lost = match before {
        None => start,
        leader => named.after(start).iter().find(|(at, now)| *now != leader && at.index < healed)?.0,
    };
    Some(named.until_named(lost).map(|more| lost.time - start.time + more))
}

fn figures(polls: &Polls<'_>, named: &Named) -> Vec<Figure> {
    let took_place: Vec<_> = polls.faults.iter().filter(|fault| fault.took_place()).collect();
    let (mut from_fault, mut from_heal) = (Times::default(), Times::default());
    for fault in &took_place {
        if let Some(time) = lost_and_found(named, fault) {
            from_fault.add(time);
        }
        if let Some(healed) = fault.healed {
            from_heal.add(named.until_named(healed));
        }
    }
    let lost = from_fault.ended.len() as u64 + from_fault.open;
    let leaders: BTreeSet<_> = named.changes.iter().filter_map(|(_, leader)| *leader).collect();
    let elected = named.changes.iter().filter(|(_, leader)| leader.is_some()).count() as u64;
    let terms: BTreeSet<_> = polls.polls.iter().flat_map(|poll| poll.claims.iter().chain(&poll.term)).collect();
    vec![
        Figure::new("nodes that a majority named", count(leaders.len() as u64)),
        Figure::new("times that a majority came to name a leader", count(elected)),
        Figure::new("terms seen", count(terms.len() as u64)),
        Figure::new("faults that cost the leader", format!("{} of {}", count(lost), count(took_place.len() as u64))),
        Figure::new("from such a fault to the next leader", from_fault.in_words()),
        Figure::new("from a heal to a leader", from_heal.in_words()),
        Figure::new("longest time without a leader", duration(named.longest_without())),
    ]
}
