//! The words of what holds values and gives them back: queues, stacks and their like.

use std::marker::PhantomData;

use dsjepsen_history::Judgement;
use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Format, Value};

use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{ForeignProblem, Given};
use crate::linearizable::Model;
use crate::models::containers::{Call, Reply};

/// What a kind of container calls its operations, and what it holds.
pub(super) struct Vocabulary<V> {
    /// The words that put a value in.
    pub(super) put: &'static [&'static str],
    /// The words that take one out.
    pub(super) take: &'static [&'static str],
    /// The words that look at the next one.
    pub(super) peek: &'static [&'static str],
    /// Whether a take without an answer matters.
    pub(super) heeds_open_takes: bool,
    /// A value; what cannot be put in is refused with these words.
    pub(super) value: fn(&mut Numbers, &Value) -> Result<V, String>,
    /// A value that was found.
    pub(super) found: fn(&mut Numbers, &Value) -> V,
}

impl Vocabulary<u32> {
    /// Of values that need only be told apart.
    pub(super) const fn new(put: &'static [&'static str], take: &'static [&'static str]) -> Self {
        let value = |values: &mut Numbers, value: &Value| Ok(values.number(value));
        Self { put, take, peek: &["peek"], heeds_open_takes: true, value, found: Numbers::number }
    }
}

/// Judges containers of this model.
pub(super) fn judge_containers<V: Copy + PartialEq, M: Model<State = Vec<V>, Call = Call<V>, Reply = Reply<V>>>(
    of: &ObjectModel,
    given: &Given<'_>,
    model: &M,
    vocabulary: Vocabulary<V>,
) -> Result<Judgement, ForeignProblem> {
    let words =
        ContainerWords { vocabulary, format: given.format, values: Numbers::default(), model: PhantomData::<M> };
    judge(of, given, model, words)
}

struct ContainerWords<V, M> {
    vocabulary: Vocabulary<V>,
    format: Format,
    values: Numbers,
    model: PhantomData<M>,
}

impl<V: Copy + PartialEq, M: Model<State = Vec<V>, Call = Call<V>, Reply = Reply<V>>> Words for ContainerWords<V, M> {
    type Model = M;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<M>, Refused> {
        let Self { vocabulary, values, .. } = self;
        let word = operation.f.as_deref().ok_or(Refused::Stranger)?;
        if vocabulary.put.contains(&word) {
            let value = (vocabulary.value)(values, put(operation)?).map_err(Refused::Malformed)?;
            return Ok(Taken::by(operation.outcome, Call::Put(value), Reply::Done));
        }
        let is_take = vocabulary.take.contains(&word);
        if !is_take && !vocabulary.peek.contains(&word) {
            return Err(Refused::Stranger);
        }
        let heeds_open = is_take && vocabulary.heeds_open_takes;
        if operation.outcome != ForeignOutcome::Ok && !heeds_open {
            return Ok(Taken::Nothing);
        }
        let reply = found(operation, self.format, |found| (vocabulary.found)(values, found))?;
        Ok(Taken::by(operation.outcome, if is_take { Call::Take } else { Call::Peek }, reply))
    }

    fn holds(state: &Vec<V>, shown: &[Shown<'_, M>]) -> Option<String> {
        let put = |held: &V| shown.iter().find(|(entry, _)| entry.call == Call::Put(*held));
        let held = state.iter().map(|held| Some(put(held)?.1.call.to_string())).collect::<Option<Vec<_>>>()?;
        Some(if held.is_empty() { "nothing".to_owned() } else { held.join(", ") })
    }
}

/// The value that is put in.
pub(super) fn put(operation: &ForeignOperation) -> Result<&Value, Refused> {
    if operation.call.is_nil() {
        return Err(Refused::Malformed("nil cannot be put into it".to_owned()));
    }
    Ok(&operation.call)
}

/// What is wrong with a take that succeeded with nil: nobody knows whether there was nothing, or whether what was there is not told.
pub(super) fn without_value(operation: &ForeignOperation) -> String {
    format!(
        "the {} that begins here succeeded with nil, and does not say what it found: where there was nothing, its type is fail; where what \
         came back is not known, info",
        operation.f.as_deref().unwrap_or("operation")
    )
}

/// What a call found. Nil says that there was nothing only where the format has no other way to say so; else it says nothing.
pub(super) fn found<V>(
    operation: &ForeignOperation,
    format: Format,
    value: impl FnOnce(&Value) -> V,
) -> Result<Reply<V>, Refused> {
    if operation.outcome != ForeignOutcome::Ok || !operation.reply.is_nil() {
        return Ok(Reply::Found(value(&operation.reply)));
    }
    if !matches!(format, Format::Polylin | Format::Fptlin) {
        return Err(Refused::Malformed(without_value(operation)));
    }
    Ok(Reply::Empty)
}
