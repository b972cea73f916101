//! `election.term-regression`: the term of a node never falls, also over its restarts.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Judgement, NodeId};

use super::drawing::Drawing;
use super::polls::Polls;
use super::rising::{Fall, Sighting, falls};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "election.term-regression";

/// Judges the rule: always, where the nodes tell terms.
pub(super) fn judge(polls: &Polls<'_>) -> Judgement {
    let mut by_node: BTreeMap<NodeId, Vec<Sighting>> = BTreeMap::new();
    for poll in &polls.polls {
        if let Some(value) = poll.term {
            let sighting = Sighting { asked: poll.asked, answered: poll.answered, value, position: poll.position };
            by_node.entry(poll.node).or_default().push(sighting);
        }
    }
    let found: Vec<(NodeId, Fall)> =
        by_node.iter().flat_map(|(node, seen)| falls(seen).into_iter().map(|fall| (*node, fall))).collect();
    let first = found.iter().min_by_key(|(_, fall)| fall.later.answered.index);
    let finding = first.map(|(node, fall)| Finding { count: found.len() as u64, ..explain(polls, *node, fall) });
    let told = by_node.values().map(|seen| seen.len() as u64).sum();
    let mut judgement = Judgement::new(RULE, told, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("polls that told a term", count(told)),
        Figure::new("polls with a smaller term than before", count(found.len() as u64)),
    ];
    judgement.assumptions = vec!["Polls that overlap in time may come in any order.".to_owned()];
    if told == 0 {
        judgement.assumptions.push("Not judged: the target has no terms.".to_owned());
    }
    judgement
}

fn explain(polls: &Polls<'_>, node: NodeId, Fall { earlier, later }: &Fall) -> Finding {
    let (before, after) = (earlier.value, later.value);
    let apart = between(earlier.answered.time, later.asked.time);
    let start = |position: usize| polls.polls.iter().find(|poll| poll.position == position)?.incarnation;
    let detail = match (start(earlier.position), start(later.position)) {
        (Some(one), Some(other)) if one != other => format!(
            "{node} was started again in between (start {}, then {}): what it must not forget, it did not keep on disk.",
            count(one),
            count(other)
        ),
        (Some(one), Some(_)) => format!("Both answers are of start {} of the node: no restart excuses it.", count(one)),
        _ => "A node that goes back in terms can vote twice in one.".to_owned(),
    };
    let term = |value: u64| format!("term {}", count(value));
    Finding {
        detail,
        steps: vec![
            polls.step(
                "Let",
                format!("{node} say that it is in term {}, at {}.", count(before), moment(earlier.answered.time)),
                Some(earlier.position),
            ),
            polls.step(
                "And let",
                format!("it be asked again after that, at {}.", moment(later.asked.time)),
                Some(later.position),
            ),
            polls.step("Then", format!("it must be in term {} or a later one.", count(before)), None),
            polls.step(
                "However",
                format!(
                    "it said at {} that it is in term {}: a contradiction.",
                    moment(later.answered.time),
                    count(after)
                ),
                Some(later.position),
            ),
        ],
        figures: vec![Figure::new("earlier term", count(before)), Figure::new("later term", count(after))],
        timeline: Some(
            Drawing::new(polls)
                .operation(earlier.position, &term(before))
                .operation(later.position, &term(after))
                .finish(None),
        ),
        ..Finding::invalid(
            RULE,
            format!("The term of {node} fell from {} to {}, over {apart}.", count(before), count(after)),
            polls.proof([earlier.position, later.position]),
        )
    }
}
