//! Objects whose operations must be linearizable: decides each key by the search, and explains the first that has no order.

mod case;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Figure, Finding, Index, Judgement, UnknownReason};

use case::Case;

use super::keys::by_key;
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given, Operations};
use crate::linearizable::{
    Answer, Budget, CONFIGURATIONS, Entry, EntryOf, Model, find_each, first_contradiction, objection, proof,
};
use crate::words::{count, counted};

/// How many configurations may be remembered to find what contradicts first, and again to make it short.
const EXPLAIN_BUDGET: u64 = 1_000_000;

/// A model that is judged by the search.
pub(super) struct ObjectModel {
    /// Its name.
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) about: &'static str,
    /// The id of its rule.
    pub(super) rule: &'static str,
    /// The options that it heeds.
    pub(super) options: &'static [ForeignOption],
    /// The kinds of its operations, and what their completions say.
    pub(super) kinds: &'static [(&'static str, Completion)],
    /// Judges a history: [`judge`] with objects of this model.
    pub(super) judge: fn(&Self, &Given<'_>) -> Result<Judgement, ForeignProblem>,
}

impl ForeignModel for ObjectModel {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> &'static str {
        self.about
    }

    fn options(&self) -> &'static [ForeignOption] {
        self.options
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        self.kinds
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        (self.judge)(self, given)
    }
}

/// Reads a history's words for a model.
pub(super) trait Words {
    /// The model.
    type Model: Model;

    /// What an operation asks and shows.
    ///
    /// # Errors
    /// [`Refused`].
    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self::Model>, Refused>;

    /// What an object holds in this state, where that can be said in a few words; values may be those of the operations shown.
    fn holds(state: &StateOf<Self::Model>, shown: &[Shown<'_, Self::Model>]) -> Option<String> {
        let _ = (state, shown);
        None
    }
}

/// An operation as a model takes it, and as the history has it.
pub(super) type Shown<'a, M> = (&'a EntryOf<M>, &'a ForeignOperation);

/// The states of a model.
pub(super) type StateOf<M> = <M as Model>::State;

/// An operation as a model takes it.
pub(super) enum Taken<M: Model> {
    /// It shows and changes nothing.
    Nothing,
    /// It took effect, and was answered so.
    Answered(M::Call, M::Reply),
    /// It may take effect at any time after its start, or never.
    Open(M::Call),
}

impl<M: Model> Taken<M> {
    /// By its outcome, for an operation that changes something. What failed is nothing.
    pub(super) fn by(outcome: ForeignOutcome, call: M::Call, reply: M::Reply) -> Self {
        match outcome {
            ForeignOutcome::Ok => Self::Answered(call, reply),
            ForeignOutcome::Info => Self::Open(call),
            ForeignOutcome::Fail => Self::Nothing,
        }
    }
}

/// Why a model does not take an operation.
pub(super) enum Refused {
    /// It is none of its kinds.
    Stranger,
    /// It is, but makes no sense.
    Malformed(String),
}

/// The operations on one object.
pub(super) struct Key<M: Model> {
    /// Its key, where they were split.
    pub(super) key: Option<Value>,
    /// All of them.
    pub(super) operations: Operations,
    /// As the model takes them.
    pub(super) entries: Vec<EntryOf<M>>,
}

/// Judges a history of such objects. `object` makes one in its first state.
pub(super) fn judge<W: Words>(
    of: &ObjectModel,
    given: &Given<'_>,
    model: &W::Model,
    mut words: W,
) -> Result<Judgement, ForeignProblem> {
    let (name, rule) = (of.name, of.rule);
    let mut keys = Vec::new();
    for (key, operations) in by_key(given)? {
        keys.push(read(given, name, key, operations, &mut words)?);
    }
    // The values that they have numbered take room that is needed from here on.
    drop(words);
    let mut budget = Budget::new(CONFIGURATIONS).heeding(&given.request.interrupt);
    let (broken, open) = decide(model, &keys, &mut budget);
    let mut findings = explain::<W>(given, rule, model, &broken);
    findings.extend(given_up(given, &open, &keys, &budget));
    let entries: usize = keys.iter().map(|key| key.entries.len()).sum();
    let mut judgement = Judgement::new(rule, entries as u64, findings);
    judgement.figures = vec![
        Figure::new("objects", count(keys.len() as u64)),
        Figure::new("objects without an order", count(broken.len() as u64)),
        Figure::new(
            "configurations searched",
            format!("{} of at most {}", count(budget.spent()), count(CONFIGURATIONS)),
        ),
    ];
    judgement.assumptions =
        vec!["An indeterminate operation may take effect at any time after its start, or never.".to_owned()];
    Ok(judgement)
}

fn read<W: Words>(
    given: &Given<'_>,
    name: &str,
    key: Option<Value>,
    operations: Operations,
    words: &mut W,
) -> Result<Key<W::Model>, ForeignProblem> {
    let mut entries: Vec<EntryOf<W::Model>> = Vec::new();
    for (position, operation) in operations.iter().enumerate() {
        // Of a bare operation nothing is known of when it began.
        let invoked = if operation.is_bare() { 0 } else { Index::from(operation.invoked) };
        let returned = match operation.completed() {
            Some(completed) => Index::from(completed),
            None => Index::MAX,
        };
        let (call, answer) = match words.take(operation) {
            Ok(Taken::Nothing) => continue,
            Ok(Taken::Answered(call, reply)) => (call, Some((reply, returned))),
            Ok(Taken::Open(call)) => (call, None),
            Err(Refused::Stranger) => return Err(given.stranger(operation, name)),
            Err(Refused::Malformed(problem)) => return Err(given.refuse(operation.line, problem)),
        };
        entries.push(Entry { position, call, invoked, answer });
    }
    Ok(Key { key, operations, entries })
}

/// The keys without an order, and those for which the budget did not suffice.
fn decide<'a, M: Model>(model: &M, keys: &'a [Key<M>], budget: &mut Budget) -> (Vec<&'a Key<M>>, Vec<&'a Key<M>>) {
    let objects: Vec<&[EntryOf<M>]> = keys.iter().map(|key| key.entries.as_slice()).collect();
    let answers = find_each(model, &objects, budget);
    let which = |answer| keys.iter().zip(&answers).filter(move |(_, came)| **came == answer).map(|(key, _)| key);
    (which(Answer::Impossible).collect(), which(Answer::Exhausted).collect())
}

fn given_up<M: Model>(given: &Given<'_>, open: &[&Key<M>], keys: &[Key<M>], budget: &Budget) -> Option<Finding> {
    let longest = open.iter().max_by_key(|key| key.entries.len())?;
    let unanswered = longest.entries.iter().filter(|entry| entry.answer.is_none()).count() as u64;
    let sentence = format!(
        "{} undecided: the search over its {} ({unanswered} without an answer) was given up.",
        longest.key.as_ref().map_or_else(|| "The history is".to_owned(), |key| format!("Key {key} is")),
        counted(longest.entries.len() as u64, "operation"),
    );
    let detail = format!(
        "{} of {} undecided, after {} in all.",
        count(open.len() as u64),
        counted(keys.len() as u64, "object"),
        counted(budget.spent(), "configuration")
    );
    let mut finding = Finding { detail, ..Finding::unknown(UnknownReason::Memory, sentence) };
    if given.request.interrupt.is_raised() {
        let in_time = given.request.interrupt.finding(finding.sentence.trim_end_matches('.'));
        finding = Finding { detail: format!("{} {}", finding.detail, in_time.detail), ..in_time };
    }
    Some(Finding { count: open.len() as u64, ..finding })
}

/// Explains the first violation among the keys without an order. One that plain code finds an order of is none, and what is said of
/// it comes last.
fn explain<W: Words>(
    given: &Given<'_>,
    rule: &'static str,
    model: &W::Model,
    broken: &[&Key<W::Model>],
) -> Vec<Finding> {
    let mut count = broken.len() as u64;
    let budget = |configurations| Budget::new(configurations).heeding(&given.request.interrupt);
    let contradicted = broken.iter().map(|key| {
        let at = first_contradiction(model, &key.entries, &mut budget(EXPLAIN_BUDGET / broken.len() as u64));
        (at.map_or(Index::MAX, |moment| moment.at), *key)
    });
    let mut contradicted: Vec<_> = contradicted.collect();
    contradicted.sort_by_key(|(at, _)| *at);
    let mut objections = Vec::new();
    for (at, key) in contradicted {
        let proof = proof(model, &key.entries, at, &mut budget(EXPLAIN_BUDGET));
        if let Some(objection) = objection(model, &proof.operations) {
            objections.push(objection);
            count -= 1;
            continue;
        }
        let case = Case::<W> { given, model, key, proof: &proof };
        return case.finding(rule).map(|finding| Finding { count, ..finding }).into_iter().chain(objections).collect();
    }
    objections
}

/// Explains that these have no order; `None` where plain code finds one.
pub(super) fn explained<W: Words>(
    given: &Given<'_>,
    rule: &'static str,
    model: &W::Model,
    key: &Key<W::Model>,
) -> Option<Finding> {
    explain::<W>(given, rule, model, &[key]).into_iter().next()
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::Gravity;
    use dsjepsen_history::foreign::{ClientNames, Format, Text};

    use super::super::{Body, ForeignRequest};
    use super::case::MOST_NAMED;
    use super::*;
    use crate::models::register::{Call, Register, Reply};

    const REGISTER: Register<i64> = Register { initial: 0 };

    struct NoWords;

    impl Words for NoWords {
        type Model = Register<i64>;

        fn take(&mut self, _operation: &ForeignOperation) -> Result<Taken<Register<i64>>, Refused> {
            Err(Refused::Stranger)
        }
    }

    /// One after another: writes of 9 and 1 by turns, so that the search decides, and at last a read of 9.
    fn key(writes: u32) -> Key<Register<i64>> {
        let value = |at: u32| if at.is_multiple_of(2) { 9 } else { 1 };
        let operation = |at: u32| {
            let (f, value) = if at == writes { ("read", 9) } else { ("write", value(at)) };
            ForeignOperation::succeeded(0, Text::new(f), Value::Integer(value), [2 * at, 2 * at + 1], at + 1)
        };
        let operations: Operations = (0..=writes).map(operation).collect::<Vec<_>>().into();
        let entry = |(position, operation): (usize, &ForeignOperation)| {
            let is_read = position == writes as usize;
            let write = || (Call::Write(value(position as u32)), Reply::Done);
            let (call, reply) = if is_read { (Call::Read, Reply::Found(9)) } else { write() };
            let answer = operation.completed().map(|completed| (reply, Index::from(completed)));
            Entry { position, call, invoked: operation.invoked.into(), answer }
        };
        let entries = operations.iter().enumerate().map(entry).collect();
        Key { key: None, operations, entries }
    }

    fn given(body: Body, request: &ForeignRequest) -> Given<'_> {
        let names = ClientNames::default();
        Given { name: "a history", format: Format::EdnLines, body, names, splits: false, request }
    }

    fn explained(key: &Key<Register<i64>>, request: &ForeignRequest) -> Finding {
        let body = Body::Operations {
            operations: key.operations.clone(),
            times: std::iter::repeat_n(0, 2 * key.operations.len()).collect(),
        };
        let given = given(body, request);
        explain::<NoWords>(&given, "rule", &REGISTER, &[key]).remove(0)
    }

    #[test]
    fn what_is_said_of_the_last_answer_is_known() {
        let request = ForeignRequest::default();
        let finding = explained(&key(4), &request);
        assert!(
            finding.detail.ends_with("Without that answer the operations shown can be put in order."),
            "{finding:?}"
        );
        request.interrupt.raise();
        let finding = explained(&key(4), &request);
        assert!(finding.detail.ends_with("without that answer was not found out."), "{finding:?}");
        assert_eq!(finding.gravity, Gravity::Invalid);
    }

    #[test]
    fn an_explanation_that_was_given_up_names_no_million_operations() {
        let request = ForeignRequest::default();
        request.interrupt.raise();
        let finding = explained(&key(2 * MOST_NAMED as u32), &request);
        assert_eq!(finding.operations, [4 * MOST_NAMED as u64]);
        assert_eq!(finding.timeline.map(|timeline| timeline.lanes[0].spans.len()), Some(1));
        assert!(finding.sentence.contains("2001 operations"), "{}", finding.sentence);
    }

    #[test]
    fn what_has_an_order_after_all_is_not_called_invalid() {
        // As if the search had said of the first that it has none.
        let (right, wrong) = (key(3), key(4));
        let request = ForeignRequest::default();
        let body = Body::Operations {
            operations: wrong.operations.clone(),
            times: std::iter::repeat_n(0, 2 * wrong.operations.len()).collect(),
        };
        let given = given(body, &request);
        let gravities = |keys: &[&Key<Register<i64>>]| {
            let findings = explain::<NoWords>(&given, "rule", &REGISTER, keys);
            findings.into_iter().map(|finding| (finding.gravity, finding.count)).collect::<Vec<_>>()
        };
        assert_eq!(gravities(&[&right]), [(Gravity::Unknown, 1)]);
        assert_eq!(gravities(&[&right, &wrong]), [(Gravity::Invalid, 1), (Gravity::Unknown, 1)]);
        assert_eq!(gravities(&[&wrong]), [(Gravity::Invalid, 1)]);
    }
}
