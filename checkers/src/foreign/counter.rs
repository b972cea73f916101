//! Jepsen's counter: additions, and reads that must lie between what had surely and what had possibly been added.
//!
//! That is all that Jepsen's own checker asks, and it is weaker than linearizability: a read may show less than one that had ended
//! before. So where every read lies within its bounds, [`crate::models::counter`] is asked for an order of all. It tells whether
//! there is one where all additions add the same; else it misses some contradictions, but what it finds is one, and all
//! orders are tried as far as that can be done in about a second.

mod explain;
mod witness;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use super::keys::by_key;
use super::numbers;
use super::objects::{Key, Refused, Shown, Taken, Words, explained};
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given, Operations};
use crate::linearizable::{Answer, Budget, Decision, Entry, EntryOf, search, smallest};
use crate::models::counter::{self, Call, Reply};
use crate::words::{count, counted};

/// The model.
pub(super) const MODEL: Counter = Counter;

/// The id of the rule.
const RULE: &str = "counter.bounds";

/// The id of the rule that all operations have an order.
const ORDER: &str = "counter.linearizable";

/// How many configurations are looked at where additions differ: about a second's.
const CONFIGURATIONS: u64 = 2_000_000;

/// `counter`.
pub(super) struct Counter;

impl ForeignModel for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn about(&self) -> &'static str {
        "add n, read n: every read lies between what was surely and what was possibly added, and all have an order; --init 0"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Init, ForeignOption::Keys]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("add", Completion::Argument), ("read", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let first = first(given)?;
        let (mut reads, mut out_of_bounds, mut undecided, mut late) = (0, 0, 0, 0);
        let (mut outside, mut orders) = (Vec::new(), Vec::new());
        let keys = by_key(given)?;
        let counters = keys.len() as u64;
        for (key, operations) in keys {
            if given.request.interrupt.is_raised() {
                late += 1;
                continue;
            }
            let (of_key, broken) = judge_key(given, &operations, first.into())?;
            reads += of_key;
            out_of_bounds += broken.len() as u64;
            if let Some((read, finding)) = broken.into_iter().min_by_key(|(read, _)| read.invoked) {
                outside.push(explain::bounds(given, first.into(), &operations, read, finding));
                continue;
            }
            match order(&counter::Counter { initial: first }, &operations, given) {
                Some(shown) if shown.is_empty() => {}
                Some(shown) => orders.push(disorder(given, first, key, &operations, &shown)),
                None => undecided += 1,
            }
        }
        let (beyond, disordered) = (outside.len() as u64, orders.len() as u64);
        let mut findings = Vec::new();
        for (found, times) in [(outside, out_of_bounds), (orders, disordered)] {
            let earliest = found.into_iter().min_by_key(|finding: &Finding| finding.operations.clone());
            findings.extend(earliest.map(|finding| Finding { count: times, ..finding }));
        }
        if late > 0 {
            let undecided = if late == 1 { "1 counter is".to_owned() } else { format!("{} counters are", count(late)) };
            findings.push(given.request.interrupt.finding(&format!("{undecided} undecided")));
        } else if reads == 0 {
            findings.push(Finding::unknown(UnknownReason::NoObservations, "No read of the counter succeeded."));
        }
        let mut judgement = Judgement::new(RULE, reads, findings);
        judgement.figures = vec![
            Figure::new("counters", count(counters)),
            Figure::new("counters with reads out of bounds", count(beyond)),
            Figure::new("other counters without an order", count(disordered)),
            Figure::new("reads", count(reads)),
            Figure::new("reads out of bounds", count(out_of_bounds)),
        ];
        if undecided > 0 {
            judgement.assumptions = vec![format!(
                "Additions to {} differ, and to try all orders would take too long: each read is within its bounds, and no contradiction \
                 was found between them; no more is said of an order.",
                counted(undecided, "counter")
            )];
        }
        Ok(judgement)
    }
}

/// The operations that have no order; none where there is one. `None` where that would take too long to find out.
fn order<'a>(
    model: &counter::Counter,
    operations: &'a [ForeignOperation],
    given: &Given<'_>,
) -> Option<Vec<&'a ForeignOperation>> {
    let decided = model.decide_each(entries(operations));
    if let Some(Decision::Exists) = decided {
        return Some(Vec::new());
    }
    let entries: Vec<_> = entries(operations).collect();
    let shown = |entry: &EntryOf<counter::Counter>| &operations[entry.position];
    if let Some(Decision::Impossible(places)) = decided {
        return Some(places.iter().map(|&place| shown(&entries[place])).collect());
    }
    let mut budget = Budget::new(CONFIGURATIONS).heeding(&given.request.interrupt);
    match search(model, &entries, &mut budget) {
        Answer::Exists => Some(Vec::new()),
        Answer::Impossible => Some(smallest(model, entries, &mut budget).iter().map(shown).collect()),
        Answer::Exhausted => None,
    }
}

/// The value before the first operation: 0 where none is given.
pub(super) fn first(given: &Given<'_>) -> Result<i64, ForeignProblem> {
    match given.request.init() {
        Value::Nil => Ok(0),
        Value::Integer(first) => Ok(first),
        other => Err(ForeignProblem::Unfit(format!("--init of a counter is a whole number, and {other} is none"))),
    }
}

/// The operations as the model takes them. What they ask and show was read before.
fn entries(operations: &[ForeignOperation]) -> impl Iterator<Item = EntryOf<counter::Counter>> + Clone {
    let entry = |(position, operation): (usize, &ForeignOperation)| {
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        let (call, reply) = match operation.f.as_deref() {
            Some("add") => (Call::Add(operation.call.as_integer()?), Reply::Done),
            _ if is_ok => (Call::Read, Reply::Found(operation.reply.as_integer()?)),
            _ => return None,
        };
        let answer = operation.completed().filter(|_| is_ok).map(|completed| (reply, Index::from(completed)));
        Some(Entry { position, call, invoked: operation.invoked.into(), answer })
    };
    let happened = |(_, operation): &(usize, &ForeignOperation)| operation.outcome != ForeignOutcome::Fail;
    operations.iter().enumerate().filter(happened).filter_map(entry)
}

/// A read under way, with the lowest and highest that it may show by now.
struct Open<'a> {
    operation: &'a ForeignOperation,
    shown: i128,
    low: i128,
    high: i128,
}

/// A read that is out of its bounds, and what is to be said of it.
type Outside<'a> = (&'a ForeignOperation, Finding);

/// How many reads there are, and those out of bounds.
fn judge_key<'a>(
    given: &Given<'_>,
    operations: &'a [ForeignOperation],
    first: i128,
) -> Result<(u64, Vec<Outside<'a>>), ForeignProblem> {
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
    let (mut open, mut reads, mut findings): (Vec<Open<'_>>, u64, Vec<_>) = (Vec::new(), 0, Vec::new());
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
                    findings.extend(outside(&read).map(|finding| (read.operation, finding)));
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
    numbers::whole("a counter holds", value).map(i128::from).map_err(|problem| given.refuse(operation.line, problem))
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

/// What has no order, explained as far as can be.
fn disorder(
    given: &Given<'_>,
    first: i64,
    key: Option<Value>,
    operations: &Operations,
    shown: &[&ForeignOperation],
) -> Finding {
    explain::order(given, first.into(), operations, shown, ORDER)
        .or_else(|| {
            let model = counter::Counter { initial: first };
            let key = Key { key, operations: operations.clone(), entries: entries(operations).collect() };
            explained::<CounterWords>(given, ORDER, &model, &key)
        })
        .unwrap_or_else(|| {
            let sentence = format!("No order of {} explains what the reads showed.", counted(shown.len() as u64, "operation"));
            Finding::invalid(ORDER, sentence, shown.iter().map(|operation| Index::from(operation.invoked)).collect())
        })
}

/// The words of a counter where its orders are told.
struct CounterWords;

impl Words for CounterWords {
    type Model = counter::Counter;

    fn take(&mut self, _operation: &ForeignOperation) -> Result<Taken<counter::Counter>, Refused> {
        Err(Refused::Stranger)
    }

    fn holds(state: &i128, _shown: &[Shown<'_, counter::Counter>]) -> Option<String> {
        Some(state.to_string())
    }
}
