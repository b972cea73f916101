//! `counter.order`: reads that follow one another, and the additions between them, can be told as one line of values.

use dsjepsen_history::{Figure, Finding, Judgement};

use super::account::{Account, Read};
use super::pair::{Line, Told};
use crate::assignment::Contradiction;
use crate::words::count;

/// The id of the rule.
pub(super) const RULE: &str = "counter.order";

/// Judges the rule where the target promises linearizable reads and the run only increments.
pub(super) fn judge(account: &Account<'_>) -> Judgement {
    let backwards = backwards(&account.reads);
    let decides = account.promises.linearizable_reads && !account.has_decrements();
    let finding = if decides { find(account, backwards) } else { None };
    let mut judgement = Judgement::new(RULE, account.reads.len() as u64, finding.into_iter().collect());
    judgement.figures = vec![
        account.reads_figure(),
        Figure::new("reads below an earlier one", count(backwards)),
        account.additions_figure(),
    ];
    judgement.assumptions = account.assumptions();
    judgement.assumptions.push(match (decides, account.is_unit()) {
        (false, _) if account.has_decrements() => "Figure only: the run also decrements.".to_owned(),
        (false, _) => "Figure only: the target promises no linearizable reads.".to_owned(),
        (true, true) => "Every addition adds 1, so the line is decided exactly.".to_owned(),
        (true, false) => {
            "Additions add different amounts, so a line that cannot be may be missed, but none is found that can be."
                .to_owned()
        }
    });
    judgement
}

/// What contradicts among the reads alone; and if the answers to additions agree with one another, what contradicts among reads
/// and answers together. What contradicts the start of the counter alone is a matter of its bounds.
fn find(account: &Account<'_>, backwards: u64) -> Option<Finding> {
    let of = |reads, results| Line::of(account, Told { reads, results });
    let reads = of(true, false);
    let (line, found) = match reads.contradiction() {
        Some(Contradiction::TooLittle { from: None, .. } | Contradiction::TooMuch { from: None, .. }) => return None,
        Some(found) => (reads, found),
        None if of(false, true).contradiction().is_some() => return None,
        None => {
            let both = of(true, true);
            let found = both.contradiction()?;
            (both, found)
        }
    };
    Some(Finding { count: backwards.max(1), ..line.explain(RULE, found) })
}

/// How many reads show less than one that had ended before they began.
fn backwards(reads: &[Read]) -> u64 {
    let mut ended: Vec<_> = reads.iter().map(|read| (read.completed.index, read.value)).collect();
    ended.sort_unstable();
    let mut ended = ended.into_iter().peekable();
    let mut largest = None;
    let below = reads.iter().filter(|read| {
        while let Some((_, value)) = ended.next_if(|&(index, _)| index < read.invoked.index) {
            largest = largest.max(Some(value));
        }
        Some(read.value) < largest
    });
    below.count() as u64
}
