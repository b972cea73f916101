//! Objects whose operations must be linearizable: decides each key by the search, and explains the first that has no order.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{
    Figure, Finding, Index, Judgement, Lane, Nanos, Span, SpanStyle, Step, Timeline, UnknownReason,
};

use super::keys::by_key;
use super::{ForeignModel, ForeignOption, ForeignProblem, Given, Operations};
use crate::linearizable::{
    Answer, Budget, CONFIGURATIONS, Ending, Entry, EntryOf, Model, Proof, endings, find_each, first_contradiction,
    proof,
};
use crate::words::{count, counted, moment};

/// How many configurations may be remembered to find what contradicts first, and again to make it short.
const EXPLAIN_BUDGET: u64 = 1_000_000;

/// How many operations are told one by one.
const MOST_STEPS: usize = 12;

/// Of how many operations the orders are told.
const MOST_ORDERED: usize = 24;

/// How many states are told that they can lead to.
const MOST_ENDINGS: usize = 4;

/// How many are named and drawn. Only where an explanation was given up are there more.
const MOST_NAMED: usize = 1_000;

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
struct Key<M: Model> {
    key: Option<Value>,
    operations: Operations,
    entries: Vec<EntryOf<M>>,
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
    let mut findings: Vec<Finding> = explain::<W>(given, rule, model, &broken).into_iter().collect();
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
        // Of a bare operation nothing is known of when it was.
        let invoked = if operation.is_bare() { 0 } else { Index::from(operation.invoked) };
        let returned = match operation.completed() {
            Some(completed) if !operation.is_bare() => Index::from(completed),
            _ => Index::MAX,
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

/// Explains the first violation among the keys without an order.
fn explain<W: Words>(
    given: &Given<'_>,
    rule: &'static str,
    model: &W::Model,
    broken: &[&Key<W::Model>],
) -> Option<Finding> {
    let count = broken.len() as u64;
    let budget = |configurations| Budget::new(configurations).heeding(&given.request.interrupt);
    let contradicted = broken.iter().map(|key| {
        let at = first_contradiction(model, &key.entries, &mut budget(EXPLAIN_BUDGET / count));
        (at.map_or(Index::MAX, |moment| moment.at), *key)
    });
    let (at, key) = contradicted.min_by_key(|(at, _)| *at)?;
    let proof = proof(model, &key.entries, at, &mut budget(EXPLAIN_BUDGET));
    let case = Case::<W> { given, model, key, proof: &proof };
    Some(Finding { count, ..case.finding(rule)? })
}

/// A violation.
struct Case<'a, W: Words> {
    given: &'a Given<'a>,
    model: &'a W::Model,
    key: &'a Key<W::Model>,
    proof: &'a Proof<W::Model>,
}

impl<W: Words> Case<'_, W> {
    fn finding(&self, rule: &'static str) -> Option<Finding> {
        let proof = &self.proof.operations;
        let mut shown: Vec<&ForeignOperation> = proof.iter().filter_map(|entry| self.operation(entry)).collect();
        shown.sort_by_key(|operation| operation.invoked);
        let answered = proof.iter().filter(|entry| self.operation(entry).is_some());
        let last = self.operation(answered.max_by_key(|entry| entry.returned())?)?;
        let of = self.key.key.as_ref().map(|key| format!(" of key {key}")).unwrap_or_default();
        let sentence = match shown.len() {
            1 => format!("The {}{of} cannot be: {}.", kind(last), what(last)),
            shown => format!("No order of {shown} operations{of} explains that {} {}.", who(last), what(last)),
        };
        let named = if shown.len() > MOST_NAMED { &[last] } else { shown.as_slice() };
        let indices = named.iter().map(|operation| Index::from(operation.invoked)).collect();
        let mut finding = Finding::invalid(rule, sentence, indices);
        let without_it = if self.proof.needs_last {
            "Without that answer the operations shown can be put in order."
        } else {
            "Whether the operations shown can be put in order without that answer was not found out."
        };
        finding.detail = format!("Line {} of the history. {without_it}", last.line);
        finding.steps = self.steps(&shown, last);
        finding.figures = vec![Figure::new(
            "operations shown, of those on the object",
            format!("{} of {}", count(shown.len() as u64), count(self.key.operations.len() as u64)),
        )];
        finding.timeline = draw(named, self.given.times());
        Some(finding)
    }

    fn operation(&self, entry: &EntryOf<W::Model>) -> Option<&ForeignOperation> {
        self.key.operations.get(entry.position)
    }

    fn steps(&self, shown: &[&ForeignOperation], last: &ForeignOperation) -> Vec<Step> {
        let step = |lead: &'static str, text: String, operation: Option<&ForeignOperation>| Step {
            lead: lead.into(),
            text,
            operation: operation.map(|operation| Index::from(operation.invoked)),
        };
        let others: Vec<_> = shown.iter().filter(|operation| operation.invoked != last.invoked).collect();
        let mut steps: Vec<Step> = Vec::new();
        for operation in others.iter().take(MOST_STEPS) {
            let lead = if steps.is_empty() { "Let" } else { "And let" };
            let text = format!(
                "{} (line {}): it {}{}.",
                who(operation),
                operation.line,
                what(operation),
                self.when(operation)
            );
            steps.push(step(lead, text, Some(operation)));
        }
        if others.len() > MOST_STEPS {
            let text = format!(
                "the other {} be as the history has them.",
                counted((others.len() - MOST_STEPS) as u64, "operation")
            );
            steps.push(step("And let", text, None));
        }
        if steps.is_empty() {
            steps.push(step("Let", "the object be as it was in the beginning.".to_owned(), None));
        }
        let text = "there must be an order of them in which each finds what it was answered, and which puts no operation before one \
                    that had ended when it began.";
        steps.push(step("Then", text.to_owned(), None));
        steps.extend(self.endings(last).into_iter().map(|text| step("If", text, None)));
        let text = format!("{} (line {}) {}{}: a contradiction.", who(last), last.line, what(last), self.when(last));
        steps.push(step("However", text, Some(last)));
        steps
    }

    /// How far the orders of the others come, and that the last operation cannot follow.
    fn endings(&self, last: &ForeignOperation) -> Vec<String> {
        let proof = &self.proof.operations;
        if proof.len() > MOST_ORDERED {
            return Vec::new();
        }
        let shown: Vec<Shown<'_, W::Model>> =
            proof.iter().filter_map(|entry| Some((entry, self.operation(entry)?))).collect();
        let endings = endings(self.model, proof);
        let mut texts = Vec::new();
        for Ending { order, state } in endings.iter().take(MOST_ENDINGS) {
            let lines = order.iter().filter_map(|&place| self.operation(&proof[place]));
            let lines: Vec<String> = lines.map(|operation| operation.line.to_string()).collect();
            let order = match lines.as_slice() {
                [] => "nothing has taken effect".to_owned(),
                [line] => format!("line {line} has taken effect"),
                lines => format!("lines {} have taken effect, in this order", lines.join(", ")),
            };
            let holds =
                W::holds(state, &shown).map(|holds| format!(" the object holds {holds}, and")).unwrap_or_default();
            texts.push(format!(
                "{order},{holds} the {} of line {} that {} cannot follow.",
                kind(last),
                last.line,
                what(last)
            ));
        }
        if endings.len() > MOST_ENDINGS {
            let others = counted((endings.len() - MOST_ENDINGS) as u64, "other state");
            texts.push(format!("they have led to one of {others}, it cannot follow either."));
        }
        texts
    }

    fn when(&self, operation: &ForeignOperation) -> String {
        let times = self.given.times();
        let time =
            |position: u32| times.get(position as usize).and_then(|time| Nanos::try_from(*time).ok()).map(moment);
        match (time(operation.invoked), operation.completed().and_then(time)) {
            _ if operation.is_bare() => String::new(),
            (Some(from), Some(to)) if operation.outcome != ForeignOutcome::Info => format!(", from {from} to {to}"),
            (Some(from), _) => format!(", from {from} on"),
            (None, _) => String::new(),
        }
    }
}

fn kind(operation: &ForeignOperation) -> &str {
    operation.f.as_deref().unwrap_or("operation")
}

/// Whose operation it is.
fn who(operation: &ForeignOperation) -> String {
    match operation.process() {
        Some(process) => format!("process {process}'s {}", kind(operation)),
        None => format!("a {}", kind(operation)),
    }
}

/// What an operation asked, and what it was answered, in the history's own notation.
fn what(operation: &ForeignOperation) -> String {
    let asks = if operation.call.is_nil() || operation.is_filled() {
        String::new()
    } else {
        format!("asks {}", operation.call)
    };
    let ends = match operation.outcome {
        ForeignOutcome::Ok if operation.reply == operation.call && !operation.is_filled() => "succeeds".to_owned(),
        ForeignOutcome::Ok => format!("returns {}", operation.reply),
        ForeignOutcome::Fail => "fails".to_owned(),
        ForeignOutcome::Info => "is never answered".to_owned(),
    };
    if asks.is_empty() { ends } else { format!("{asks} and {ends}") }
}

/// The chart of these operations, where the history tells its times: one lane a process.
fn draw(operations: &[&ForeignOperation], times: &[i64]) -> Option<Timeline> {
    let time = |position: u32| times.get(position as usize).and_then(|time| Nanos::try_from(*time).ok());
    let end = |operation: &ForeignOperation| {
        operation.completed().filter(|_| operation.outcome != ForeignOutcome::Info).and_then(time)
    };
    let starts: Option<Vec<Nanos>> = operations.iter().map(|operation| time(operation.invoked)).collect();
    let starts = starts?;
    let first = *starts.iter().min()?;
    let last = operations.iter().filter_map(|operation| end(operation)).chain(starts.iter().copied()).max()?;
    let margin = (last - first.min(last)) / 20 + 1;
    let mut lanes: Vec<(Option<i64>, Lane)> = Vec::new();
    for (operation, &from_ns) in operations.iter().zip(&starts) {
        let style = match operation.outcome {
            ForeignOutcome::Ok => SpanStyle::Ok,
            ForeignOutcome::Fail => SpanStyle::Fail,
            ForeignOutcome::Info => SpanStyle::Info,
        };
        let span = Span {
            from_ns,
            to_ns: end(operation).unwrap_or_else(|| last.saturating_add(margin)),
            style,
            label: format!("{} {}", kind(operation), what(operation)),
            operation: Some(Index::from(operation.invoked)),
        };
        match lanes.iter_mut().find(|(process, _)| *process == operation.process()) {
            Some((_, lane)) => lane.spans.push(span),
            None => {
                let label = match operation.process() {
                    Some(process) => format!("process {process}"),
                    None => "process unknown".to_owned(),
                };
                lanes.push((operation.process(), Lane { label, spans: vec![span], ..Lane::default() }));
            }
        }
    }
    Some(Timeline {
        from_ns: first.saturating_sub(margin),
        to_ns: last.saturating_add(margin),
        lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
        conflict_ns: None,
    })
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::foreign::{Format, Text};

    use super::super::{Body, ForeignRequest};
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

    fn explained(key: &Key<Register<i64>>, request: &ForeignRequest) -> Finding {
        let body = Body::Operations { operations: key.operations.clone(), times: vec![0; 2 * key.operations.len()] };
        let given = Given { name: "a history", format: Format::EdnLines, body, request };
        explain::<NoWords>(&given, "rule", &REGISTER, &[key]).unwrap()
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
        assert_eq!(finding.gravity, dsjepsen_history::Gravity::Invalid);
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
}
