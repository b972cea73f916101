//! The rules again, as slow and as plain as they can be said: all pairs, all instants, nothing shared with the checkers. Each
//! function counts the violations that its rule's checker must count.

use std::collections::BTreeSet;

use dsjepsen_checkers::{ElectionCall, ElectionReply, ElectionRule};
use dsjepsen_history::{NodeId, Outcome};

use crate::script::ElectionOperation;

struct Seen<'a> {
    node: NodeId,
    from: u64,
    to: u64,
    believes: bool,
    term: Option<u64>,
    counts: Option<(u64, u64)>,
    claims: &'a [u64],
}

fn seen(operations: &[ElectionOperation]) -> Vec<Seen<'_>> {
    operations.iter().filter_map(look).collect()
}

fn look(operation: &ElectionOperation) -> Option<Seen<'_>> {
    match (&operation.call, &operation.outcome) {
        (
            ElectionCall::Poll { node },
            Outcome::Ok(ElectionReply::Poll { believes_leader, term, incarnation, since, claims, .. }),
        ) => Some(Seen {
            node: *node,
            from: operation.invoked.index,
            to: operation.completed?.index,
            believes: *believes_leader,
            term: *term,
            counts: incarnation.zip(*since),
            claims,
        }),
        _ => None,
    }
}

/// How often a rule is broken, whether it decides or not.
pub(crate) fn count(operations: &[ElectionOperation], rule: ElectionRule) -> u64 {
    match rule {
        ElectionRule::TwoLeadersInTerm => terms_with_two_leaders(&seen(operations)),
        ElectionRule::TermRegression => falling_terms(&seen(operations)),
        ElectionRule::Overlap => overlaps(&seen(operations)),
        ElectionRule::StaleLeader => stale_writes(operations),
        ElectionRule::Liveness => 0,
    }
}

fn terms_with_two_leaders(seen: &[Seen<'_>]) -> u64 {
    let terms: BTreeSet<u64> = seen.iter().flat_map(|poll| poll.claims.iter().copied()).collect();
    let claimants = |term: &u64| {
        let nodes = seen.iter().filter(|poll| poll.claims.contains(term)).map(|poll| poll.node);
        nodes.collect::<BTreeSet<_>>().len()
    };
    terms.iter().filter(|term| claimants(term) > 1).count() as u64
}

fn falling_terms(seen: &[Seen<'_>]) -> u64 {
    let falls = |later: &&Seen<'_>| {
        seen.iter().any(|earlier| {
            earlier.node == later.node
                && earlier.to < later.from
                && matches!((earlier.term, later.term), (Some(before), Some(after)) if before > after)
        })
    };
    seen.iter().filter(falls).count() as u64
}

fn overlaps(seen: &[Seen<'_>]) -> u64 {
    let leaderships: BTreeSet<_> =
        seen.iter().filter(|poll| poll.believes).filter_map(|poll| Some((poll.node, poll.counts?))).collect();
    let end = seen.iter().map(|poll| poll.to).max().unwrap_or(0);
    // It leads just after the event with this index.
    let leads = |(node, counts): (NodeId, (u64, u64)), now: u64| {
        let of_it = |poll: &&Seen<'_>| poll.believes && poll.node == node && poll.counts == Some(counts);
        seen.iter().filter(of_it).any(|first| first.to <= now) && seen.iter().filter(of_it).any(|last| now < last.from)
    };
    let begins = |leadership| (0..=end).find(|&now| leads(leadership, now));
    let meets = |later: &&(NodeId, (u64, u64))| {
        leaderships.iter().any(|earlier| {
            earlier.0 != later.0
                && begins(*earlier) < begins(**later)
                && (0..=end).any(|now| leads(*earlier, now) && leads(**later, now))
        })
    };
    leaderships.iter().filter(meets).count() as u64
}

fn stale_writes(operations: &[ElectionOperation]) -> u64 {
    let writes: Vec<_> = operations
        .iter()
        .filter_map(|operation| match operation.outcome {
            Outcome::Ok(ElectionReply::Write { term }) => {
                Some((operation.invoked.index, operation.completed?.index, term))
            }
            _ => None,
        })
        .collect();
    let stale = |later: &&(u64, u64, u64)| writes.iter().any(|earlier| earlier.1 < later.0 && earlier.2 > later.2);
    writes.iter().filter(stale).count() as u64
}

/// How often a majority came to name a leader, and the longest time within the watched one without, in ns; by looking at
/// everything again after every answer.
pub(crate) fn liveness(operations: &[ElectionOperation], nodes: usize) -> (u64, u64) {
    let mut answers: Vec<_> = operations
        .iter()
        .filter_map(|operation| match operation.call {
            ElectionCall::Poll { node } => Some((operation.completed?, node, &operation.outcome)),
            ElectionCall::Write => None,
        })
        .collect();
    answers.sort_by_key(|(at, ..)| at.index);
    let mut states = Vec::new();
    for now in 0..answers.len() {
        let known: BTreeSet<NodeId> = answers[..=now].iter().map(|(_, node, _)| *node).collect();
        let names = |node: &NodeId| {
            let (.., outcome) = answers[..=now].iter().rev().find(|(_, of, _)| of == node).unwrap();
            match outcome {
                Outcome::Ok(ElectionReply::Poll { leader, .. }) => *leader,
                _ => None,
            }
        };
        let named: Vec<_> = known.iter().filter_map(names).collect();
        let leader = named.iter().copied().find(|who| 2 * named.iter().filter(|other| *other == who).count() > nodes);
        states.push((answers[now].0.time, leader, 2 * known.len() > nodes));
    }
    let mut elected = 0;
    let (mut longest, mut without) = (0, 0);
    for (now, &(time, leader, watched)) in states.iter().enumerate() {
        let before = now.checked_sub(1).map(|before| states[before]);
        elected += u64::from(leader.is_some() && before.and_then(|(_, leader, _)| leader) != leader);
        match before {
            Some((since, None, true)) if watched => without += time - since,
            _ => without = 0,
        }
        longest = longest.max(without);
    }
    (elected, longest)
}
