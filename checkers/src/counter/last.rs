//! `counter.lost` and `counter.extra`: at the end, when everything was healed and every doubtful addition was sent again, the
//! counter holds exactly what was added.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Judgement, NodeId, Step, UnknownReason};

use super::account::{Account, Read, some_of};
use super::drawing::Drawing;
use super::pair::value;
use super::subsets::Subsets;
use crate::argument::Argument as _;
use crate::words::{count, counted, moment};

/// The id of the rule that nothing is missing.
pub(super) const LOST: &str = "counter.lost";
/// The id of the rule that nothing was counted too often.
pub(super) const EXTRA: &str = "counter.extra";

/// How many nodes, and how many additions, a proof names; the rest is counted.
const NAMED: usize = 3;

/// Which way a final value is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Too low.
    Lost,
    /// Too high.
    Extra,
}

/// Judges the rule of this direction.
pub(super) fn judge(account: &Account<'_>, direction: Direction) -> Judgement {
    let rule = match direction {
        Direction::Lost => LOST,
        Direction::Extra => EXTRA,
    };
    let rounds = Rounds::of(account);
    let (finding, settled) = match rounds.settled(account) {
        Ok(settled) => (settled.judge(rule, direction), Some(settled)),
        Err(why) => (Some(unknown(direction, &why)), None),
    };
    let judged = account.reads.iter().filter(|read| read.round.is_some()).count() as u64;
    let mut judgement = Judgement::new(rule, judged, finding.into_iter().collect());
    judgement.figures = vec![
        account.additions_figure(),
        Figure::new("final rounds", count(rounds.begun)),
        Figure::new("final rounds with an answer from every node", count(rounds.complete.len() as u64)),
    ];
    judgement.figures.extend(settled.iter().flat_map(Settled::figures));
    judgement.assumptions = account.assumptions();
    judgement
        .assumptions
        .push("A value is final when every node showed it in the last two complete rounds of reads.".to_owned());
    if settled.is_some_and(|settled| !settled.possible.is_exact()) {
        let note = "The additions in doubt have too many sums to tell them apart; only the smallest and the largest are judged.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

fn unknown(direction: Direction, why: &str) -> Finding {
    let what = match direction {
        Direction::Lost => "lost",
        Direction::Extra => "counted too often",
    };
    Finding::unknown(UnknownReason::NoFinalRead, format!("It cannot be said whether additions were {what}: {why}."))
}

/// The final rounds of reads.
struct Rounds<'a> {
    /// How many there were.
    begun: u64,
    /// Those in which every node answered, in their order; the first answer of each node.
    complete: Vec<BTreeMap<NodeId, &'a Read>>,
}

impl<'a> Rounds<'a> {
    fn of(account: &'a Account<'_>) -> Self {
        let mut rounds: BTreeMap<u32, BTreeMap<NodeId, &Read>> = BTreeMap::new();
        for read in &account.reads {
            if let (Some(round), Some(node)) = (read.round, read.node) {
                rounds.entry(round).or_default().entry(node).or_insert(read);
            }
        }
        let begun = rounds.len() as u64;
        let all =
            |round: &BTreeMap<NodeId, &Read>| (0..account.nodes).all(|node| round.contains_key(&NodeId::at(node)));
        Self { begun, complete: rounds.into_values().filter(all).collect() }
    }

    /// What the counter came to rest at, or why that is not known.
    fn settled(&self, account: &'a Account<'a>) -> Result<Settled<'a>, String> {
        if account.interrupted {
            return Err("the run was cut short before its end".to_owned());
        }
        let [.., first, second] = self.complete.as_slice() else {
            return Err(format!(
                "{} of final reads had an answer from every node, and it takes two",
                counted(self.complete.len() as u64, "round")
            ));
        };
        let moved = second.iter().find(|(node, read)| first.get(node).is_some_and(|before| before.value != read.value));
        if let Some((node, read)) = moved {
            let before = first.get(node).map_or(0, |read| read.value);
            return Err(format!(
                "the counter had not come to rest, for {node} went from {} to {} in the last two rounds",
                value(before.into()),
                value(read.value.into())
            ));
        }
        let settled = Settled::of(account, first, second);
        match settled.disagreement() {
            Some(why) => Err(why),
            None => Ok(settled),
        }
    }
}

/// A counter at rest.
struct Settled<'a> {
    account: &'a Account<'a>,
    /// The last read of each node, and the one in the round before.
    reads: Vec<(NodeId, &'a Read, &'a Read)>,
    /// How many additions were acknowledged before the two rounds.
    sure: u64,
    /// Their sum.
    acknowledged: i128,
    /// The positions of the additions that were not, and that may have been made before the rounds were over.
    doubtful: Vec<usize>,
    /// What the counter may hold.
    possible: Subsets,
}

impl<'a> Settled<'a> {
    fn of(account: &'a Account<'a>, first: &BTreeMap<NodeId, &'a Read>, second: &BTreeMap<NodeId, &'a Read>) -> Self {
        let reads: Vec<_> = second.iter().filter_map(|(node, last)| Some((*node, *first.get(node)?, *last))).collect();
        let both = || reads.iter().flat_map(|(_, before, last)| [before, last]);
        let begun = both().map(|read| read.invoked.index).min().unwrap_or(0);
        let over = both().map(|read| read.completed.index).max().unwrap_or(0);
        let (sure, other): (Vec<_>, Vec<_>) = account
            .additions
            .iter()
            .filter(|addition| addition.invoked.index < over)
            .partition(|addition| addition.answer.is_some_and(|answer| answer.completed.index < begun));
        let acknowledged = sure.iter().map(|addition| i128::from(addition.delta)).sum();
        let possible = Subsets::of(acknowledged, other.iter().map(|addition| addition.delta));
        let doubtful = other.iter().map(|addition| addition.shown()).collect();
        Self { account, reads, sure: sure.len() as u64, acknowledged, doubtful, possible }
    }

    /// Nodes that differ while each by itself may be right: who is wrong cannot be said.
    fn disagreement(&self) -> Option<String> {
        let (node, _, read) = self.reads.first()?;
        let (other, _, differs) = self.reads.iter().find(|(_, _, last)| last.value != read.value)?;
        let right = self.reads.iter().all(|(_, _, last)| self.possible.contains(last.value.into()));
        right.then(|| {
            format!(
                "{node} rests at {} and {other} at {}, which {} in doubt can explain",
                value(read.value.into()),
                value(differs.value.into()),
                counted(self.doubtful.len() as u64, "addition")
            )
        })
    }

    /// Which way a value is off, and the possible value nearest to it.
    fn off(&self, shown: i64) -> Option<(Direction, i128)> {
        let shown = i128::from(shown);
        if self.possible.contains(shown) {
            return None;
        }
        let nearest = self.possible.nearest(shown);
        Some((if nearest > shown { Direction::Lost } else { Direction::Extra }, nearest))
    }

    fn judge(&self, rule: &'static str, direction: Direction) -> Option<Finding> {
        let off = |read: &Read| self.off(read.value).filter(|(way, _)| *way == direction).map(|(_, nearest)| nearest);
        let wrong: Vec<_> = self.reads.iter().filter(|(_, _, last)| off(last).is_some()).collect();
        let worst = |last: &Read| off(last).map_or(0, |nearest| (nearest - i128::from(last.value)).unsigned_abs());
        let &&(_, _, last) = wrong.iter().max_by_key(|(_, _, last)| worst(last))?;
        let nearest = off(last)?;
        let amount = (nearest - i128::from(last.value)).unsigned_abs();
        let wrong_count = wrong.len() as u64;
        // Those that show the value that the sentence names.
        let alike: Vec<_> = wrong.into_iter().filter(|(_, _, other)| other.value == last.value).collect();
        let nodes = self.nodes_in_words(&alike.iter().map(|(node, ..)| *node).collect::<Vec<_>>());
        let shown = value(last.value.into());
        let what = match direction {
            Direction::Lost => format!("{} lost", value(amount as i128)),
            Direction::Extra => format!("{} too much", value(amount as i128)),
        };
        let sentence = format!("The counter ends at {shown}{nodes}, but {}: {what}.", self.bound(nearest));
        let shown_by: Vec<_> =
            alike.iter().take(NAMED).flat_map(|(_, before, last)| [before.position, last.position]).collect();
        let figures = self.figures();
        let doubtful = self.doubtful.iter().take(NAMED).copied();
        let positions: Vec<_> = doubtful.chain(shown_by.iter().copied()).collect();
        Some(Finding {
            count: wrong_count,
            detail: match direction {
                Direction::Lost => {
                    "Additions that were acknowledged are missing, and no fault was in force any more.".to_owned()
                }
                Direction::Extra => "Some addition was counted more than once.".to_owned(),
            },
            steps: self.steps(&alike, nearest),
            figures,
            timeline: Some(Drawing::new(self.account).operations(shown_by).finish(None)),
            ..Finding::invalid(rule, sentence, self.account.proof(positions))
        })
    }

    /// What the counter should hold, as the end of a sentence.
    fn bound(&self, nearest: i128) -> String {
        let nearest_in_words = value(nearest);
        if self.possible.least == self.possible.most {
            format!("{nearest_in_words} was added")
        } else if nearest == self.possible.least {
            format!("at least {nearest_in_words} was added")
        } else if nearest == self.possible.most {
            format!("at most {nearest_in_words} was added")
        } else {
            format!("of the sums that the additions can have {nearest_in_words} is nearest")
        }
    }

    /// ` on n2 and n3`; nothing where it is all of them.
    fn nodes_in_words(&self, nodes: &[NodeId]) -> String {
        if nodes.len() == self.reads.len() {
            return String::new();
        }
        let names: Vec<_> = nodes.iter().map(ToString::to_string).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!(" on {} and {last}", rest.join(", ")),
            _ => format!(" on {}", names.join("")),
        }
    }

    fn steps(&self, alike: &[&(NodeId, &Read, &Read)], nearest: i128) -> Vec<Step> {
        let account = self.account;
        let acknowledged =
            format!("{} be acknowledged, {} in all.", counted(self.sure, "addition"), value(self.acknowledged));
        let mut steps = vec![account.step("Let", acknowledged, None)];
        let doubtful = if self.doubtful.is_empty() {
            "no other addition be in doubt: each was sent again until it was acknowledged, or surely never took place."
                .to_owned()
        } else {
            let named = account.proof(self.doubtful.iter().take(NAMED).copied());
            format!(
                "{} be in doubt: {}. So from {} to {} was added.",
                counted(self.doubtful.len() as u64, "addition"),
                some_of(&named, self.doubtful.len() as u64),
                value(self.possible.least),
                value(self.possible.most)
            )
        };
        steps.push(account.step("And let", doubtful, self.doubtful.first().copied()));
        let required =
            format!("a counter at rest must show {}, or what else these additions can add up to.", value(nearest));
        let exact = format!("a counter at rest must show {}.", value(nearest));
        let exactly = self.possible.least == self.possible.most;
        steps.push(account.step("Then", if exactly { exact } else { required }, None));
        if let Some((node, before, last)) = alike.first() {
            let text = format!(
                "{node} showed {} in the last two rounds of reads, at {} and {}: a contradiction.",
                value(last.value.into()),
                moment(before.completed.time),
                moment(last.completed.time)
            );
            steps.push(account.step("However", text, Some(last.position)));
        }
        steps
    }

    fn figures(&self) -> Vec<Figure> {
        let mut by_value: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for (node, _, last) in &self.reads {
            by_value.entry(last.value).or_default().push(node.to_string());
        }
        let all = by_value.len() == 1;
        let ends = by_value.into_iter().map(|(shown, nodes)| {
            let shown = value(shown.into());
            if all { shown } else { format!("{shown} on {}", nodes.join(" ")) }
        });
        let expected = if self.possible.least == self.possible.most {
            value(self.possible.least)
        } else {
            format!("{} to {}", value(self.possible.least), value(self.possible.most))
        };
        vec![
            Figure::new("final value", ends.collect::<Vec<_>>().join(", ")),
            Figure::new("final value expected", expected),
            Figure::new("additions in doubt at the end", count(self.doubtful.len() as u64)),
        ]
    }
}
