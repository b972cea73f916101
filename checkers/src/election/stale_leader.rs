//! `election.stale-leader`: no leader acknowledges a write after a leader of a later term has.

use dsjepsen_history::{Figure, Finding, Judgement};

use super::ElectionReply;
use super::drawing::Drawing;
use super::polls::Polls;
use super::rising::{Fall, Sighting, falls};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "election.stale-leader";

/// Judges the rule: always, where the target offers writes that tell their term.
pub(super) fn judge(polls: &Polls<'_>) -> Judgement {
    let acknowledged: Vec<Sighting> = polls
        .operations
        .iter()
        .enumerate()
        .filter_map(|(position, operation)| match operation.outcome.ok()? {
            ElectionReply::Write { term } => {
                Some(Sighting { asked: operation.invoked, answered: operation.completed?, value: *term, position })
            }
            ElectionReply::Poll { .. } => None,
        })
        .collect();
    let found = falls(&acknowledged);
    let finding = found.first().map(|fall| Finding { count: found.len() as u64, ..explain(polls, fall) });
    let mut judgement = Judgement::new(RULE, acknowledged.len() as u64, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("acknowledged writes", count(acknowledged.len() as u64)),
        Figure::new("writes acknowledged by a leader of the past", count(found.len() as u64)),
    ];
    judgement.assumptions = vec!["Writes that overlap in time may come in any order.".to_owned()];
    if acknowledged.is_empty() {
        judgement.assumptions.push("Not judged: no write told the term of the leader that acknowledged it.".to_owned());
    }
    judgement
}

fn explain(polls: &Polls<'_>, Fall { earlier, later }: &Fall) -> Finding {
    let (before, after) = (count(earlier.value), count(later.value));
    let apart = between(earlier.answered.time, later.asked.time);
    let through = |position: usize| match polls.operations[position].node {
        Some(node) => format!(" through {node}"),
        None => String::new(),
    };
    Finding {
        detail: format!(
            "The second write was sent{} only when the first had been answered. A leader needs a majority to acknowledge a \
             write, and a majority that has seen term {before} follows no leader of term {after}.",
            through(later.position)
        ),
        steps: vec![
            polls.step(
                "Let",
                format!(
                    "a leader of term {before} acknowledge a write sent{}, at {}.",
                    through(earlier.position),
                    moment(earlier.answered.time)
                ),
                Some(earlier.position),
            ),
            polls.step(
                "And let",
                format!(
                    "another write be sent{} after that, at {}.",
                    through(later.position),
                    moment(later.asked.time)
                ),
                Some(later.position),
            ),
            polls.step("Then", format!("only a leader of term {before} or a later one may acknowledge it."), None),
            polls.step(
                "However",
                format!(
                    "a leader of term {after} acknowledged it, at {}: a contradiction.",
                    moment(later.answered.time)
                ),
                Some(later.position),
            ),
        ],
        figures: vec![Figure::new("earlier term", before.clone()), Figure::new("later term", after.clone())],
        timeline: Some(
            Drawing::new(polls)
                .operation(earlier.position, &format!("term {before}"))
                .operation(later.position, &format!("term {after}"))
                .finish(None),
        ),
        ..Finding::invalid(
            RULE,
            format!("A leader of term {after} acknowledged a write sent {apart} after one of term {before} had."),
            polls.proof([earlier.position, later.position]),
        )
    }
}
