//! `counter.return`: the values that additions are answered with can be told as one line of values.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Finding, Judgement, Outcome};

use super::CounterReply;
use super::account::{Account, Addition};
use super::drawing::Drawing;
use super::pair::{Line, Told, value};
use crate::argument::Argument as _;
use crate::words::count;

/// The id of the rule.
pub(super) const RULE: &str = "counter.return";

/// Judges the rule where additions are answered with the new value and the run only increments.
pub(super) fn judge(account: &Account<'_>) -> Judgement {
    let told = account.additions.iter().filter(|addition| addition.told().is_some()).count() as u64;
    let decides = told > 0 && !account.has_decrements();
    let changed = changed_answers(account);
    let repeated = repeated_values(account);
    let finding = if decides { find(account, &changed, repeated) } else { None };
    let mut judgement = Judgement::new(RULE, told, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("additions answered with a value", count(told)),
        Figure::new("values answered more than once", count(repeated)),
        Figure::new("additions answered differently when sent again", count(changed.len() as u64)),
        account.additions_figure(),
    ];
    judgement.assumptions = account.assumptions();
    judgement.assumptions.push("A value that an addition is answered with is the counter's right after it.".to_owned());
    if told == 0 {
        judgement.assumptions.push("Figure only: the target answers additions without a value.".to_owned());
    } else if !decides {
        judgement.assumptions.push("Figure only: the run also decrements.".to_owned());
    }
    judgement
}

fn find(account: &Account<'_>, changed: &[(&Addition, usize)], repeated: u64) -> Option<Finding> {
    let line = Line::of(account, Told { reads: false, results: true });
    if let Some(found) = line.contradiction() {
        return Some(Finding { count: repeated.max(1), ..line.explain(RULE, found) });
    }
    let &(addition, again) = changed.first()?;
    Some(Finding { count: changed.len() as u64, ..explain_changed(account, addition, again) })
}

/// How many additions were answered with a value that another had been answered with.
fn repeated_values(account: &Account<'_>) -> u64 {
    let mut seen: BTreeMap<i128, u64> = BTreeMap::new();
    for (_, after) in account.additions.iter().filter_map(Addition::told) {
        *seen.entry(after).or_default() += 1;
    }
    seen.values().map(|times| times - 1).sum()
}

fn told_value(account: &Account<'_>, position: usize) -> Option<i64> {
    match account.operations[position].outcome {
        Outcome::Ok(CounterReply::Add { value }) => value,
        _ => None,
    }
}

/// Additions of which a later attempt was answered with another value than the first, each with that attempt. Only where the
/// target promises the first answer again.
fn changed_answers<'a>(account: &'a Account<'_>) -> Vec<(&'a Addition, usize)> {
    if !account.promises.idempotency_keys {
        return Vec::new();
    }
    let changed = |addition: &'a Addition| {
        let first = addition.answer?.value?;
        let differs = |&&attempt: &&usize| told_value(account, attempt).is_some_and(|value| value != first);
        Some((addition, *addition.attempts.iter().find(differs)?))
    };
    account.additions.iter().filter_map(changed).collect()
}

fn explain_changed(account: &Account<'_>, addition: &Addition, again: usize) -> Finding {
    let first = addition.shown();
    let told = |position| value(told_value(account, position).unwrap_or_default().into());
    let sentence =
        format!("Addition {} was answered {}, and {} when it was sent again.", addition.id, told(first), told(again));
    let says = |position, be: &str| {
        format!("{} {be} answered {} to addition {}", account.who(position), told(position), addition.id)
    };
    let steps = vec![
        account.step("Let", format!("{}.", says(first, "be")), Some(first)),
        account.step("Then", format!("every repetition under its key must be answered {} too.", told(first)), None),
        account.step("However", format!("{}: a contradiction.", says(again, "was")), Some(again)),
    ];
    Finding {
        detail: "An answer that changes shows that the addition was made again.".to_owned(),
        steps,
        timeline: Some(Drawing::new(account).operations([first, again]).finish(None)),
        ..Finding::invalid(RULE, sentence, account.proof([first, again]))
    }
}
