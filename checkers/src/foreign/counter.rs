//! Jepsen's counter: additions, and reads that must lie between what had surely and what had possibly been added.
//!
//! That is weaker than linearizability, and what Jepsen's own checker asks.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use super::keys::by_key;
use super::{ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::words::count;

/// The model.
pub(super) const MODEL: Counter = Counter;

/// The id of the rule.
const RULE: &str = "counter.bounds";

/// `counter`.
pub(super) struct Counter;

impl ForeignModel for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn about(&self) -> &'static str {
        "add n, read n: every read lies between what was surely and what was possibly added; --init 0"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Init, ForeignOption::Keys]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let first = match given.request.init() {
            Value::Nil => 0,
            Value::Integer(first) => i128::from(first),
            other => return Err(ForeignProblem::Unfit(format!("--init of a counter is a whole number, and {other} is none"))),
        };
        let (mut reads, mut outside) = (0, Vec::new());
        for operations in by_key(given)?.into_values() {
            let judged = judge_key(given, &operations, first)?;
            reads += judged.0;
            outside.extend(judged.1);
        }
        let broken = outside.len() as u64;
        let mut findings: Vec<Finding> =
            outside.into_iter().min_by_key(|finding: &Finding| finding.operations.clone()).into_iter().collect();
        findings.iter_mut().for_each(|finding| finding.count = broken);
        if reads == 0 {
            findings.push(Finding::unknown(UnknownReason::NoObservations, "No read of the counter succeeded."));
        }
        let mut judgement = Judgement::new(RULE, reads, findings);
        judgement.figures = vec![Figure::new("reads", count(reads)), Figure::new("reads out of bounds", count(broken))];
        Ok(judgement)
    }
}

/// A read under way, with the lowest and highest that it may show by now.
struct Open<'a> {
    operation: &'a ForeignOperation,
    shown: i128,
    low: i128,
    high: i128,
}

/// How many reads there are, and those out of bounds.
fn judge_key(
    given: &Given<'_>,
    operations: &[ForeignOperation],
    first: i128,
) -> Result<(u64, Vec<Finding>), ForeignProblem> {
    let mut events: Vec<(u32, bool, &ForeignOperation)> = Vec::new();
    for operation in operations.iter().filter(|operation| operation.outcome != ForeignOutcome::Fail) {
        if operation.is_bare() {
            return Err(given.refuse(operation.line, "it has no invocation, so nothing is known of when it began"));
        }
        events.push((operation.invoked, false, operation));
        if let (ForeignOutcome::Ok, Some(completed)) = (operation.outcome, operation.completed()) {
            events.push((completed, true, operation));
        }
    }
    events.sort_unstable_by_key(|&(position, ..)| position);
    // What was surely, and what was possibly added: of a decrement the possible lowers the low end, the sure the high one.
    let (mut low, mut high) = (first, first);
    let (mut open, mut reads, mut findings): (Vec<Open<'_>>, u64, Vec<Finding>) = (Vec::new(), 0, Vec::new());
    for (_, is_end, operation) in events {
        match operation.f.as_deref() {
            Some("add") => {
                let added = whole(given, operation, &operation.call)?;
                if (added > 0) == is_end { low += added } else { high += added }
            }
            Some("read") if operation.outcome == ForeignOutcome::Ok && !is_end => {
                open.push(Open { operation, shown: whole(given, operation, &operation.reply)?, low, high });
            }
            Some("read") if is_end => {
                if let Some(place) = open.iter().position(|read| read.operation.invoked == operation.invoked) {
                    let read = open.swap_remove(place);
                    reads += 1;
                    findings.extend(outside(&read));
                }
            }
            Some("read") => {}
            _ => return Err(given.stranger(operation, "counter")),
        }
        for read in &mut open {
            read.low = read.low.min(low);
            read.high = read.high.max(high);
        }
    }
    Ok((reads, findings))
}

fn whole(given: &Given<'_>, operation: &ForeignOperation, value: &Value) -> Result<i128, ForeignProblem> {
    let number = value.as_integer().map(i128::from);
    number.ok_or_else(|| given.refuse(operation.line, format!("a counter holds whole numbers, and {value} is none")))
}

fn outside(read: &Open<'_>) -> Option<Finding> {
    let Open { operation, shown, low, high } = *read;
    let (sentence, then) = if shown < low {
        let sentence = format!("A read showed {shown}, but at least {low} had been added: {} too little.", low - shown);
        (sentence, format!("the counter was at least {low} all that time."))
    } else if shown > high {
        let sentence = format!("A read showed {shown}, but at most {high} had been added: {} too much.", shown - high);
        (sentence, format!("the counter was at most {high} all that time."))
    } else {
        return None;
    };
    let index = Index::from(operation.invoked);
    let mut finding = Finding::invalid(RULE, sentence, vec![index]);
    finding.detail = format!("Line {} of the history.", operation.line);
    let step = |lead: &'static str, text: String| Step { lead: lead.into(), text, operation: Some(index) };
    finding.steps = vec![
        step("Let", "all additions that had succeeded, and all that may have, be counted while the read was under way.".to_owned()),
        step("Then", then),
        step("However", format!("it showed {shown}: a contradiction.")),
    ];
    Some(finding)
}
