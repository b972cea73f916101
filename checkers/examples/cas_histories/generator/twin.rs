//! Makes a history wrong: one read, as near its middle as possible, finds what it cannot have found.

use std::collections::HashMap;

use super::{Call, History, Operation, Reply, Value};

/// The time at which something without an answer has taken effect for certain.
const NEVER: usize = usize::MAX;

/// A read finds this value, which nobody writes.
pub(crate) fn never_written(mut history: History, value: u32) -> Option<History> {
    let place = reads(&history).into_iter().next()?;
    history.operations[place].reply = Some(Reply::Found(Some(value)));
    Some(history)
}

/// A read finds a value that was surely replaced before it began, and that nothing can have brought back before it ended: every
/// operation that may leave the value was answered before an answered change began which was itself answered before the read began, or
/// it began after the read had ended. What has no answer may bring its value back at any time after its invocation.
///
/// The value is one of those that were written last before the read.
pub(crate) fn replaced(mut history: History, clients: usize) -> Option<History> {
    let changes = Changes::of(&history);
    let (place, value) = reads(&history).into_iter().find_map(|place| {
        let read = &history.operations[place];
        changes
            .latest_before(read.invoked, 8 * clients + 4)
            .find(|&value| changes.is_gone(value, read))
            .map(|value| (place, value))
    })?;
    history.operations[place].reply = Some(Reply::Found(value));
    Some(history)
}

/// The places of the reads that found a value, the one nearest to the middle first.
fn reads(history: &History) -> Vec<usize> {
    let middle = history.events.len() / 2;
    let found = |place: &usize| matches!(history.operations[*place].reply, Some(Reply::Found(Some(_))));
    let mut reads: Vec<usize> = (0..history.operations.len()).filter(found).collect();
    reads.sort_by_key(|&place| history.operations[place].ended.abs_diff(middle));
    reads
}

/// The operations that leave a value.
struct Changes {
    /// Of each value, when its changes began, and when all that had begun by then had ended.
    of_value: HashMap<Value, Vec<(usize, usize)>>,
    /// When each answered change began, and the first answer to any of those that began then or later.
    answered: Vec<(usize, usize)>,
    /// When each was answered, and its value, by that time.
    by_answer: Vec<(usize, Value)>,
}

impl Changes {
    fn of(history: &History) -> Self {
        let mut of_value: HashMap<Value, Vec<(usize, usize)>> = HashMap::new();
        let (mut answered, mut by_answer) = (Vec::new(), Vec::new());
        for operation in &history.operations {
            let Some(value) = may_leave(operation) else { continue };
            let ended = if operation.reply.is_some() { operation.ended } else { NEVER };
            let of_value = of_value.entry(value).or_default();
            let all_ended = of_value.last().map_or(ended, |&(_, before)| before.max(ended));
            of_value.push((operation.invoked, all_ended));
            if operation.reply.is_some() {
                answered.push((operation.invoked, ended));
                by_answer.push((ended, value));
            }
        }
        let mut first = NEVER;
        for (_, ended) in answered.iter_mut().rev() {
            first = first.min(*ended);
            *ended = first;
        }
        by_answer.sort_unstable();
        Self { of_value, answered, by_answer }
    }

    /// The values of so many changes that were answered last before this moment, latest first.
    fn latest_before(&self, moment: usize, most: usize) -> impl Iterator<Item = Value> {
        let end = self.by_answer.partition_point(|&(answered, _)| answered < moment);
        self.by_answer[..end].iter().rev().take(most).map(|&(_, value)| value)
    }

    fn is_gone(&self, value: Value, read: &Operation) -> bool {
        let Some(of_value) = self.of_value.get(&value) else { return false };
        let begun = of_value.partition_point(|&(invoked, _)| invoked < read.ended);
        let Some(&(_, all_ended)) = begun.checked_sub(1).and_then(|last| of_value.get(last)) else { return false };
        let later = self.answered.partition_point(|&(invoked, _)| invoked < all_ended);
        self.answered.get(later).is_some_and(|&(_, first)| first < read.invoked)
    }
}

/// The value that an operation leaves if it takes effect and changes anything.
fn may_leave(operation: &Operation) -> Option<Value> {
    match (operation.call, operation.reply) {
        (Call::Read, _) | (_, Some(Reply::Swapped(false))) => None,
        (Call::Write(value), _) | (Call::Cas { to: value, .. }, _) => Some(value),
    }
}
