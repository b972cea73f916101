//! What a completion says that its invocation did not: a result, or by mistake another argument.
//!
//! Whoever writes a history may write `invoke write 1` and `ok write 2`. **What came back is judged**, as Knossos does, which fills
//! the completion's value into the invocation: a client that was answered knows best what it had asked of the store, and the
//! values that reads find are held against those. Of another kind (`ok write "done"`) it is a result, and what was asked is judged;
//! so is an operation without an answer, whose completion mostly says why there was none. The verdict says so. And where it would be
//! invalid, it is judged by the other values as well: a contradiction that rests on which of the two is taken is none.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::owners::member;
use crate::words::count;

/// What the completion of an operation says beside nothing, held against what its invocation asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// A result: anything.
    Result,
    /// What was asked, once more.
    Argument,
    /// The same, in which nils may be filled in.
    Filled,
    /// A result, or a list of the argument and a result: `n` comes back as `found` or as `[n found]`.
    ArgumentAndResult,
    /// The steps of a transaction, in which reads are filled in.
    Steps,
    /// A result; but a client that is named stays the same.
    Owner,
    /// A result; but a whole number stays the same.
    Amount,
}

impl Completion {
    /// Whether this may come back of what was asked.
    fn agrees(self, asked: &Value, answered: &Value) -> bool {
        if answered.is_nil() {
            return true;
        }
        match self {
            Self::Result => true,
            Self::Argument => asked.is_nil() || asked == answered,
            Self::Filled => fills(asked, answered),
            Self::ArgumentAndResult => match (asked.as_list(), answered.as_list()) {
                (Some([asked, _]), Some([argument, _])) => asked == argument,
                (_, Some([argument, _])) => asked.is_nil() || asked == argument,
                _ => true,
            },
            Self::Steps => match (asked.as_list(), answered.as_list()) {
                (Some(asked), Some(answered)) => {
                    asked.len() == answered.len()
                        && asked.iter().zip(answered).all(|(one, other)| same_step(one, other))
                }
                _ => asked.is_nil(),
            },
            Self::Owner => match (member(asked, "client"), member(answered, "client")) {
                (Some(asked), Some(answered)) => asked == answered,
                _ => true,
            },
            Self::Amount => match (asked.as_integer(), answered.as_integer()) {
                (Some(asked), Some(answered)) => asked == answered,
                _ => true,
            },
        }
    }
}

/// Whether a value is another with nils filled in.
fn fills(asked: &Value, answered: &Value) -> bool {
    match (asked.as_list(), answered.as_list()) {
        _ if asked.is_nil() => true,
        (Some(asked), Some(answered)) => {
            asked.len() == answered.len() && asked.iter().zip(answered).all(|(one, other)| fills(one, other))
        }
        _ => asked == answered,
    }
}

/// Whether a step of a transaction came back as it was asked, but for what it read.
fn same_step(asked: &Value, answered: &Value) -> bool {
    match (asked.as_list(), answered.as_list()) {
        (Some([kind, key, ..]), Some([answered_kind, answered_key, ..]))
            if kind.is_word("r") || kind.is_word("read") =>
        {
            kind == answered_kind && key == answered_key
        }
        _ => asked == answered,
    }
}

/// How values are told apart.
pub(super) struct Reconciling<'a> {
    /// What the completion of an operation of this kind says; nothing is known of kinds that the model does not know.
    pub(super) completion: &'a dyn Fn(Option<&str>) -> Option<Completion>,
    /// Whether values are `[key value]`.
    pub(super) is_keyed: bool,
}

/// Operations whose two values differ, and the first of them in words.
#[derive(Default)]
struct Differing {
    count: u64,
    first: Option<String>,
}

impl Differing {
    fn add(&mut self, operation: &ForeignOperation) {
        self.count += 1;
        self.first.get_or_insert_with(|| {
            let kind = operation.f.as_deref().unwrap_or("transaction");
            let (asked, answered) = (cut(&operation.call), cut(&operation.reply));
            format!("first of the {kind} that begins on line {}: {asked} and then {answered}", operation.line)
        });
    }

    fn note(self, of: &str, judged: &str) -> Option<String> {
        let first = self.first?;
        Some(format!("{of} than their invocations: {}, {first}; {judged}", count(self.count)))
    }
}

/// What became of operations whose two values differ.
#[derive(Default)]
pub(super) struct Reconciled {
    /// What was decided.
    pub(super) notes: Vec<String>,
    /// The places of these operations, and of each the value that was not taken for what was asked.
    others: Vec<(usize, Value)>,
}

impl Reconciled {
    /// Whether there are any.
    pub(super) fn is_open(&self) -> bool {
        !self.others.is_empty()
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.others.len() as u64
    }

    /// Takes the other value of each.
    pub(super) fn turn_round(&self, operations: &mut [ForeignOperation]) {
        for (place, other) in &self.others {
            if let Some(operation) = operations.get_mut(*place) {
                operation.call = other.clone();
            }
        }
    }
}

impl Reconciling<'_> {
    /// Makes one value of each two that differ where they may not; says which.
    pub(super) fn reconcile(&self, operations: &mut [ForeignOperation]) -> Reconciled {
        let (mut answered, mut results, mut open) = (Differing::default(), Differing::default(), Differing::default());
        let mut others = Vec::new();
        for (place, operation) in operations.iter_mut().enumerate() {
            if operation.is_filled() || operation.is_bare() || operation.reply.is_nil() {
                continue;
            }
            let Some(completion) = (self.completion)(operation.f.as_deref()) else { continue };
            let is_ok = operation.outcome == ForeignOutcome::Ok;
            if self.agrees(completion, operation) {
                if is_ok && completion == Completion::Filled {
                    operation.call = operation.reply.clone();
                }
                continue;
            }
            let other = match (is_ok, completion != Completion::ArgumentAndResult && self.is_other_kind(operation)) {
                (true, false) => {
                    answered.add(operation);
                    std::mem::replace(&mut operation.call, operation.reply.clone())
                }
                (true, true) => {
                    results.add(operation);
                    operation.reply.clone()
                }
                // It is the reason why there was no answer.
                (false, true) => continue,
                (false, false) if matches!(operation.reply, Value::Keyword(_)) => continue,
                (false, false) => {
                    open.add(operation);
                    operation.reply.clone()
                }
            };
            others.push((place, other));
        }
        let notes = [
            answered.note("completions with another value", "that of the completion is judged, as Knossos does"),
            results.note(
                "completions with another kind of value",
                "taken for results, so that of the invocation is judged",
            ),
            open.note("completions without an answer with another value", "that of the invocation is judged"),
        ];
        Reconciled { notes: notes.into_iter().flatten().collect(), others }
    }

    /// Whether what came back is of another kind than what was asked: a text of a number, a truth of a pair.
    fn is_other_kind(&self, operation: &ForeignOperation) -> bool {
        let (asked, answered) = (&operation.call, &operation.reply);
        match (asked.as_pair(), answered.as_pair()) {
            (Some((_, asked)), Some((_, answered))) if self.is_keyed => kind(asked) != kind(answered),
            (Some(_), None) if self.is_keyed => true,
            _ => kind(asked) != kind(answered),
        }
    }

    fn agrees(&self, completion: Completion, operation: &ForeignOperation) -> bool {
        let (asked, answered) = (&operation.call, &operation.reply);
        if completion == Completion::Result || (asked.is_nil() && completion != Completion::Filled) {
            return true;
        }
        match (asked.as_pair(), answered.as_pair()) {
            // That the keys are others is for whoever splits by them.
            (Some((asked_key, asked)), Some((key, answered))) if self.is_keyed => {
                asked_key != key || completion.agrees(asked, answered)
            }
            _ => completion.agrees(asked, answered),
        }
    }
}

/// What kind of value this is: all numbers are one, and so are lists and sets.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Nil => 0,
        Value::Bool(_) => 1,
        Value::Integer(_) | Value::Number(_) | Value::Float(_) => 2,
        Value::String(_) | Value::Character(_) => 3,
        Value::Keyword(_) | Value::Symbol(_) => 4,
        Value::List(_) | Value::Set(_) => 5,
        Value::Map(_) => 6,
        Value::Tagged(_) => 7,
    }
}

/// A value in a sentence, cut where it would fill the page.
fn cut(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(60).chain(['…']).collect() }
}
