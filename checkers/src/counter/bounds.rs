//! `counter.bounds`: a read lies between what was surely and what was possibly added.

use dsjepsen_history::{Figure, Finding, Judgement};

use super::account::{Account, Addition, Read, some_of};
use super::drawing::Drawing;
use super::pair::value;
use super::sums::Sums;
use crate::argument::Argument as _;
use crate::words::{count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "counter.bounds";

/// How many additions a proof names; the rest is counted.
const NAMED: usize = 3;

/// Judges the rule. Where the target does not promise linearizable reads, a read may show any past, and only what no past can
/// explain is held against it.
pub(super) fn judge(account: &Account<'_>) -> Judgement {
    let sums = Sums::of(account);
    let present = account.promises.linearizable_reads;
    let limits = |read: &Read| limits(account, &sums, read);
    let outside = |read: &&Read| {
        let (least, most) = limits(read);
        !(least..=most).contains(&read.value.into())
    };
    let violations = account.reads.iter().filter(outside).count() as u64;
    let first = account.reads.iter().filter(outside).min_by_key(|read| read.completed.index);
    let finding = first.map(|read| Finding { count: violations, ..explain(account, read, limits(read)) });

    let behind = account.reads.iter().map(|read| {
        let (least, _) = sums.present(read.invoked.index, read.completed.index);
        (least - i128::from(read.value)).max(0)
    });
    let (late, largest) = behind.fold((0, 0), |(late, largest), by| (late + u64::from(by > 0), largest.max(by)));
    let mut judgement = Judgement::new(RULE, account.reads.len() as u64, finding.into_iter().collect());
    judgement.figures = vec![
        account.reads_figure(),
        Figure::new("reads out of bounds", count(violations)),
        Figure::new("reads that lack an acknowledged addition", count(late)),
        Figure::new("largest amount lacking", value(largest)),
        account.additions_figure(),
    ];
    judgement.assumptions = account.assumptions();
    judgement.assumptions.push(if present {
        "Reads are linearizable, as promised: one shows everything acknowledged before it began.".to_owned()
    } else {
        "The target promises no linearizable reads, so a read may lack any addition; that is a figure only.".to_owned()
    });
    judgement
}

/// The least and the most that a read may show.
pub(super) fn limits(account: &Account<'_>, sums: &Sums, read: &Read) -> (i128, i128) {
    let (from, to) = (read.invoked.index, read.completed.index);
    if account.promises.linearizable_reads { sums.present(from, to) } else { sums.past(to) }
}

fn explain(account: &Account<'_>, read: &Read, (least, most): (i128, i128)) -> Finding {
    let shown = i128::from(read.value);
    let low = shown < least;
    let (bound, off) = if low { (least, least - shown) } else { (most, shown - most) };
    let counts: Vec<&Addition> =
        account.additions.iter().filter(|addition| moves(account, addition, read, low)).collect();
    let mut recent = counts.clone();
    recent.sort_by_key(|addition| {
        addition.answer.filter(|_| low).map_or(addition.invoked.index, |at| at.completed.index)
    });
    let named: Vec<_> = recent.iter().rev().take(NAMED).map(|addition| addition.shown()).collect();
    let (at, who) = (moment(read.completed.time), account.who(read.position));
    let sentence = if low {
        format!(
            "A read showed {}, but at least {} had been added: {} too little.",
            value(shown),
            value(bound),
            value(off)
        )
    } else {
        format!("A read showed {}, but at most {} had been added: {} too much.", value(shown), value(bound), value(off))
    };
    let indices = account.proof(named.iter().copied());
    let these = some_of(&indices, counts.len() as u64);
    let (premise, required) = if low {
        let may_be = if account.has_decrements() { ", and every decrement that was sent in time count" } else { "" };
        (
            format!(
                "the additions that were acknowledged before it began count, among them {these}{may_be}. Their sum is {}.",
                value(bound)
            ),
            format!("the read must show at least {}.", value(bound)),
        )
    } else {
        let sent = if account.promises.linearizable_reads && account.has_decrements() {
            ", less the decrements that were acknowledged before it began"
        } else {
            ""
        };
        (
            format!(
                "all additions count that were sent before it ended, among them {these}{sent}. Their sum is {}.",
                value(bound)
            ),
            format!("the read must show at most {}.", value(bound)),
        )
    };
    let asked = format!("{who} ask for the value at {}.", moment(read.invoked.time));
    let steps = vec![
        account.step("Let", asked, Some(read.position)),
        account.step("And let", premise, named.first().copied()),
        account.step("Then", required, None),
        account.step(
            "However",
            format!("it was answered {} at {at}: a contradiction.", value(shown)),
            Some(read.position),
        ),
    ];
    let positions: Vec<_> = named.into_iter().chain([read.position]).collect();
    let conflict = Some((read.invoked.time, read.completed.time));
    Finding {
        steps,
        figures: vec![
            Figure::new("value read", value(shown)),
            Figure::new("least that it may be", value(least)),
            Figure::new("most that it may be", value(most)),
        ],
        timeline: Some(Drawing::new(account).operations(positions.iter().copied()).finish(conflict)),
        ..Finding::invalid(RULE, sentence, account.proof(positions))
    }
}

/// Whether an addition is part of the bound that a read breaks.
fn moves(account: &Account<'_>, addition: &Addition, read: &Read, low: bool) -> bool {
    let sure = addition.answer.is_some_and(|answer| answer.completed.index < read.invoked.index);
    let possible = addition.invoked.index < read.completed.index;
    if low {
        addition.delta > 0 && sure && account.promises.linearizable_reads || addition.delta < 0 && possible
    } else {
        addition.delta > 0 && possible || addition.delta < 0 && sure && account.promises.linearizable_reads
    }
}
