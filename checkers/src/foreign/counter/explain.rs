//! Why a counter is broken: the fewest reads and additions that contradict each other, and the argument in words.
//!
//! Between two reads the counter changes by what was added between them: at least by what surely was, at most by what possibly was.
//! A read out of its bounds is such a pair with the beginning in place of the first read. Where no pair contradicts itself, all
//! additions may be multiples of a number and a read none; else the orders that come furthest are told, as of other objects.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};
use dsjepsen_history::{Finding, Index, Step};

use super::super::Given;
use super::witness::{Account, Dated, Witness};
use crate::words::{count, counted};

/// How many additions are told one by one.
const MOST_STEPS: usize = 12;

/// How many operations are named.
const MOST_NAMED: usize = 1_000;

/// Among so many reads without an order a pair is looked for that shows why.
const MOST_PAIRED: usize = 20;

/// Explains a read that is out of its bounds. `finding` says by how much, and is kept where the read alone is to be shown.
pub(super) fn bounds(
    given: &Given<'_>,
    first: i128,
    operations: &[ForeignOperation],
    read: &ForeignOperation,
    finding: Finding,
) -> Finding {
    let account = Account::of(first, operations);
    let found = account.reads.iter().find(|other| other.operation.invoked == read.invoked);
    match found.and_then(|read| account.bound(read)) {
        Some(witness) => told(given, &account, &witness, finding),
        None => finding,
    }
}

/// Explains operations that have no order, among them the reads `shown`, where a pair of those or their divisors say why.
pub(super) fn order(
    given: &Given<'_>,
    first: i128,
    operations: &[ForeignOperation],
    shown: &[&ForeignOperation],
    rule: &'static str,
) -> Option<Finding> {
    let account = Account::of(first, operations);
    let is_shown = |read: &&Dated<'_>| shown.iter().any(|other| other.invoked == read.operation.invoked);
    let reads: Vec<&Dated<'_>> = account.reads.iter().filter(is_shown).take(MOST_PAIRED).collect();
    let pairs = reads.iter().flat_map(|from| reads.iter().map(move |to| (*from, *to)));
    let witness = pairs.filter_map(|(from, to)| account.pair(from, to)).min_by_key(Witness::length);
    if let Some(witness) = witness {
        let finding = Finding::invalid(rule, witness.sentence(), Vec::new());
        return Some(told(given, &account, &witness, finding));
    }
    let divisor = account.divisor().filter(|divisor| *divisor > 1)?;
    let odd = reads.iter().find(|read| (read.amount - first).rem_euclid(divisor) != 0)?;
    Some(indivisible(given, &account, divisor, odd, rule))
}

/// A finding with the operations of a witness and its argument.
fn told(given: &Given<'_>, account: &Account<'_>, witness: &Witness<'_, '_>, mut finding: Finding) -> Finding {
    let Witness { from, to, .. } = witness;
    let mut steps = Vec::new();
    match from {
        Some(from) => {
            let place = if from.ended_before(to) {
                format!("it ended before the read of line {} began", to.operation.line)
            } else {
                format!("no addition leads back, so that it comes before the read of line {}", to.operation.line)
            };
            let text = format!("{} show {}: {place}.", name(given, from.operation), from.amount);
            steps.push(step("Let", text, Some(from.operation)));
        }
        None => steps.push(step("Let", format!("the counter be {} at first.", account.first), None)),
    }
    let mut additions = [witness.surely.as_slice(), witness.possibly.as_slice()].concat();
    additions.sort_unstable_by_key(|addition| addition.operation.invoked);
    for addition in additions.iter().take(MOST_STEPS) {
        let text = format!("{} add {}: {}.", name(given, addition.operation), addition.amount, witness.place(addition));
        steps.push(step("And let", text, Some(addition.operation)));
    }
    let others = additions.iter().skip(MOST_STEPS);
    if others.len() > 0 {
        let number = counted(others.len() as u64, "addition");
        let sum: i128 = others.map(|addition| addition.amount).sum();
        steps.push(step("And let", format!("the other {number}, which come to {sum}, count likewise."), None));
    }
    let (bound, led) = if witness.is_floor { ("at least", "lowered") } else { ("at most", "raised") };
    let line = to.operation.line;
    let text = format!(
        "nothing else can have {led} the counter by then, so that the read of line {line} must show {bound} {}.",
        witness.bound()
    );
    steps.push(step("Then", text, None));
    let text = format!("{} showed {}: a contradiction.", name(given, to.operation), to.amount);
    steps.push(step("However", text, Some(to.operation)));
    let index = |dated: &Dated<'_>| Index::from(dated.operation.invoked);
    finding.operations = additions.iter().take(MOST_NAMED).map(index).chain(from.map(index)).chain([index(to)]).collect();
    finding.operations.sort_unstable();
    finding.operations.dedup();
    finding.detail = format!("Line {line} of the history.");
    finding.steps = steps;
    finding
}

fn indivisible(given: &Given<'_>, account: &Account<'_>, divisor: i128, read: &Dated<'_>, rule: &'static str) -> Finding {
    let sentence = format!("A read showed {}, which no sum of the additions comes to.", read.amount);
    let mut finding = Finding::invalid(rule, sentence, vec![Index::from(read.operation.invoked)]);
    finding.detail = format!("Line {} of the history.", read.operation.line);
    let additions = count(account.adds.len() as u64);
    let text = format!("the counter be {} at first, and each of the {additions} additions be a multiple of {divisor}.", account.first);
    finding.steps = vec![
        step("Let", text, None),
        step("Then", format!("it differs from {} by a multiple of {divisor} at all times.", account.first), None),
        step(
            "However",
            format!("{} showed {}: a contradiction.", name(given, read.operation), read.amount),
            Some(read.operation),
        ),
    ];
    finding
}

fn step(lead: &'static str, text: String, operation: Option<&ForeignOperation>) -> Step {
    Step { lead: lead.into(), text, operation: operation.map(|operation| operation.invoked.into()) }
}

/// Whose operation it is, and where it stands: `process 1's add (line 4)`.
fn name(given: &Given<'_>, operation: &ForeignOperation) -> String {
    let kind = operation.f.as_deref().unwrap_or("operation");
    let open = if operation.outcome == ForeignOutcome::Info { ", never answered" } else { "" };
    match given.who(operation) {
        Some(process) => format!("{process}'s {kind} (line {}{open})", operation.line),
        None => format!("a {kind} (line {}{open})", operation.line),
    }
}
