//! `election.two-leaders-in-term`: at most one node ever leads a term.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::{Figure, Finding, Judgement, UnknownReason};

use super::drawing::Drawing;
use super::polls::{Poll, Polls};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "election.two-leaders-in-term";

/// Two nodes that claim one term, in the order of their answers.
#[derive(Debug, Clone, Copy)]
struct Rivals<'a> {
    term: u64,
    first: Poll<'a>,
    second: Poll<'a>,
}

/// Judges the rule: always, where the nodes claim terms at all.
pub(super) fn judge(polls: &Polls<'_>) -> Judgement {
    let (terms, rivals) = rivals(polls);
    let finding = match rivals.first() {
        Some(first) => Some(Finding { count: rivals.len() as u64, ..explain(polls, first) }),
        None if terms == 0 && polls.have_terms() && !has_leaders_without_claims(polls) => Some(Finding::unknown(
            UnknownReason::NoObservations,
            "The nodes told their terms, but none was ever seen to lead one.",
        )),
        None => None,
    };
    let claims = polls.polls.iter().filter(|poll| !poll.claims.is_empty()).count() as u64;
    let mut judgement = Judgement::new(RULE, claims, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("terms that a node claimed to lead", count(terms)),
        Figure::new("terms that two nodes claimed to lead", count(rivals.len() as u64)),
    ];
    judgement.assumptions =
        vec!["A claim is a term of which a node itself says that it leads or has led it.".to_owned()];
    if !polls.have_terms() {
        judgement.assumptions.push("Not judged: the target has no terms.".to_owned());
    } else if terms == 0 && has_leaders_without_claims(polls) {
        let note = "Not judged: the target's nodes do not tell in one step that they lead and which term.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

/// Whether a node that led did not say which term.
fn has_leaders_without_claims(polls: &Polls<'_>) -> bool {
    polls.polls.iter().any(|poll| poll.believes_leader && poll.claims.is_empty())
}

/// How many terms were claimed, and those that two nodes claimed, in the order in which that was seen.
fn rivals<'a>(polls: &Polls<'a>) -> (u64, Vec<Rivals<'a>>) {
    let mut claimed: BTreeMap<u64, Poll<'_>> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    let mut found = Vec::new();
    for poll in &polls.polls {
        for &term in poll.claims {
            let first = *claimed.entry(term).or_insert(*poll);
            if first.node != poll.node && broken.insert(term) {
                found.push(Rivals { term, first, second: *poll });
            }
        }
    }
    (claimed.len() as u64, found)
}

fn explain(polls: &Polls<'_>, rivals: &Rivals<'_>) -> Finding {
    let Rivals { term, first, second } = rivals;
    let apart = between(first.answered.time, second.answered.time);
    let (one, other) = (first.node, second.node);
    let (from, to) = (moment(first.answered.time), moment(second.answered.time));
    let said = format!("claims term {term}");
    Finding {
        detail: format!(
            "{other} said so {apart} after {one}. A node gives one vote a term, and a leader needs a majority, so somebody \
             voted twice: both could acknowledge what the other never hears of.{}",
            restarts(&[first, second])
        ),
        steps: vec![
            polls.step("Let", format!("{one} say that it leads term {term}, at {from}."), Some(first.position)),
            polls.step("Then", format!("no other node may ever lead term {term}."), None),
            polls.step(
                "However",
                format!("{other} said that it leads term {term}, at {to}: a contradiction."),
                Some(second.position),
            ),
        ],
        figures: vec![Figure::new("term", count(*term)), Figure::new("time between the two claims", apart.clone())],
        timeline: Some(
            Drawing::new(polls).operation(first.position, &said).operation(second.position, &said).finish(None),
        ),
        ..Finding::invalid(
            RULE,
            format!("Two nodes led term {term}: {one}, and {apart} later {other}."),
            polls.proof([first.position, second.position]),
        )
    }
}

/// Which starts of their nodes the claims were made in, where they are counted.
fn restarts(claims: &[&Poll<'_>]) -> String {
    let starts: Option<Vec<_>> = claims
        .iter()
        .map(|poll| poll.incarnation.map(|start| format!("{} in start {} of the node", poll.node, count(start))))
        .collect();
    starts.map_or_else(String::new, |starts| format!(" The claims are those of {}.", starts.join(" and ")))
}
