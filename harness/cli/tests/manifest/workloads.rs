//! Of Jepsen's workloads whose rules are sums and membership: the same, counted again.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::witness::ensure;

/// Shows that the named operations break the rule.
pub(crate) fn shows(all: &[ForeignOperation], named: &[&ForeignOperation], rule: &str) -> Result<(), String> {
    let is_broken = match rule {
        "counter.bounds" => named.iter().any(|read| is_out_of_bounds(all, read)),
        "set-full.lost" => pairs(named).any(|(add, read)| is_lost(all, add, read)),
        "total-queue.unexpected" => named.iter().any(|operation| comes_from_nowhere(all, operation)),
        "bank.wrong-total" => pairs(named).any(|(one, other)| totals_differ(one, other)),
        "long-fork.order" => pairs(named).any(|(one, other)| misses(one, other) && misses(other, one)),
        "causal-reverse.order" => pairs(named).any(|(first, second)| {
            precedes(first, second)
                && named.iter().any(|read| is(read, "read") && has(read, &second.call) && !has(read, &first.call))
                && is(first, "write")
                && is(second, "write")
        }),
        other => return Err(format!("no look at {other} is known here")),
    };
    ensure(is_broken, "the operations that it names break no rule")
}

fn pairs<'a>(named: &'a [&ForeignOperation]) -> impl Iterator<Item = (&'a ForeignOperation, &'a ForeignOperation)> {
    named.iter().flat_map(|first| named.iter().map(|second| (*first, *second)))
}

fn is(operation: &ForeignOperation, f: &str) -> bool {
    operation.f.as_deref() == Some(f)
}

/// Whether it was answered with a collection that holds this.
fn has(operation: &ForeignOperation, element: &Value) -> bool {
    operation.outcome == ForeignOutcome::Ok && operation.reply.as_collection().is_some_and(|all| all.contains(element))
}

/// Whether the first had succeeded before the second began.
fn precedes(first: &ForeignOperation, second: &ForeignOperation) -> bool {
    first.outcome == ForeignOutcome::Ok && first.completed().is_some_and(|ended| ended < second.invoked)
}

/// Whether a read shows less than all that must, or more than all that may have been added by then.
fn is_out_of_bounds(all: &[ForeignOperation], read: &ForeignOperation) -> bool {
    let (Some(shown), Some(ended)) = (read.reply.as_integer(), read.completed()) else { return false };
    let (mut low, mut high) = (0, 0);
    for add in all.iter().filter(|add| is(add, "add") && add.outcome != ForeignOutcome::Fail && add.invoked < ended) {
        let amount = add.call.as_integer().unwrap_or_default();
        let surely = if precedes(add, read) { amount } else { 0 };
        low += surely.min(amount);
        high += surely.max(amount);
    }
    is(read, "read") && read.outcome == ForeignOutcome::Ok && !(low..=high).contains(&shown)
}

/// Whether an element was known to be there before a read lacked it, and no read that began later shows it.
fn is_lost(all: &[ForeignOperation], add: &ForeignOperation, read: &ForeignOperation) -> bool {
    let element = &add.call;
    let added = |other: &ForeignOperation| is(other, "add") && other.call == *element;
    let known = all.iter().any(|other| precedes(other, read) && (added(other) || has(other, element)));
    let lacks = is(read, "read") && read.outcome == ForeignOutcome::Ok && !has(read, element);
    is(add, "add") && known && lacks && !all.iter().any(|other| other.invoked > read.invoked && has(other, element))
}

/// Whether it took a value that nobody can have enqueued.
fn comes_from_nowhere(all: &[ForeignOperation], taker: &ForeignOperation) -> bool {
    let enqueued = |value: &Value| {
        all.iter().any(|other| is(other, "enqueue") && other.call == *value && other.outcome != ForeignOutcome::Fail)
    };
    let took = std::slice::from_ref(&taker.reply);
    let took = if is(taker, "drain") { taker.reply.as_collection().unwrap_or_default() } else { took };
    !is(taker, "enqueue") && taker.outcome == ForeignOutcome::Ok && !took.iter().all(enqueued)
}

/// Whether two reads show balances of the same accounts, and not the same total.
fn totals_differ(one: &ForeignOperation, other: &ForeignOperation) -> bool {
    let read = |read: &ForeignOperation| -> Option<(Vec<Value>, i64)> {
        let balances = read.reply.as_map().filter(|_| is(read, "read") && read.outcome == ForeignOutcome::Ok)?;
        let total = balances.iter().map(|(_, balance)| balance.as_integer()).sum::<Option<i64>>()?;
        Some((balances.iter().map(|(account, _)| account.clone()).collect(), total))
    };
    read(one).zip(read(other)).is_some_and(|(one, other)| one.0 == other.0 && one.1 != other.1)
}

/// Whether a read shows a key that is not yet written to another.
fn misses(one: &ForeignOperation, other: &ForeignOperation) -> bool {
    let values = |read: &ForeignOperation| -> Vec<(Value, Value)> {
        let steps = read.reply.as_list().filter(|_| read.outcome == ForeignOutcome::Ok).unwrap_or_default();
        let step = |step: &Value| step.as_list().and_then(|step| Some((step.get(1)?.clone(), step.get(2)?.clone())));
        steps.iter().filter_map(step).collect()
    };
    let other = values(other);
    values(one).iter().any(|(key, value)| !value.is_nil() && other.contains(&(key.clone(), Value::Nil)))
}
