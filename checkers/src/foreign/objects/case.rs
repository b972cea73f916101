//! What is shown of an object without an order: the fewest operations, the argument, and the chart.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};
use dsjepsen_history::{Figure, Finding, Index, Lane, Nanos, Span, SpanStyle, Step, Timeline};

use super::{Given, Key, Shown, Words};
use crate::linearizable::{EndingWords, EntryOf, Proof};
use crate::words::{count, counted, moment};

/// How many operations are told one by one.
const MOST_STEPS: usize = 12;

/// How many are named and drawn. Only where an explanation was given up are there more.
pub(super) const MOST_NAMED: usize = 1_000;

/// A violation.
pub(super) struct Case<'a, W: Words> {
    pub(super) given: &'a Given<'a>,
    pub(super) model: &'a W::Model,
    pub(super) key: &'a Key<W::Model>,
    pub(super) proof: &'a Proof<W::Model>,
}

impl<W: Words> Case<'_, W> {
    pub(super) fn finding(&self, rule: &'static str) -> Option<Finding> {
        let proof = &self.proof.operations;
        let mut shown: Vec<&ForeignOperation> = proof.iter().filter_map(|entry| self.operation(entry)).collect();
        shown.sort_by_key(|operation| operation.invoked);
        let answered = proof.iter().filter(|entry| self.operation(entry).is_some());
        let last = self.operation(answered.max_by_key(|entry| entry.returned())?)?;
        let of = self.key.key.as_ref().map(|key| format!(" of key {key}")).unwrap_or_default();
        let sentence = match shown.len() {
            1 => format!("No order explains that {}{of} {}.", self.who(last), what(last)),
            shown => format!("No order of {shown} operations{of} explains that {} {}.", self.who(last), what(last)),
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
        finding.timeline = draw(named, self.given);
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
                self.who(operation),
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
        let text = if steps.is_empty() {
            steps.push(step("Let", "the object be as it was in the beginning.".to_owned(), None));
            "whatever comes first must find it so."
        } else {
            "there must be an order of them in which each finds what it was answered, and which puts no operation before one \
             that had ended when it began."
        };
        steps.push(step("Then", text.to_owned(), None));
        steps.extend(self.endings(last).into_iter().map(|text| step("If", text, None)));
        let text =
            format!("{} (line {}) {}{}: a contradiction.", self.who(last), last.line, what(last), self.when(last));
        steps.push(step("However", text, Some(last)));
        steps
    }

    /// How far the orders of the others come, and that the last operation cannot follow.
    fn endings(&self, last: &ForeignOperation) -> Vec<String> {
        let proof = &self.proof.operations;
        let shown: Vec<Shown<'_, W::Model>> =
            proof.iter().filter_map(|entry| Some((entry, self.operation(entry)?))).collect();
        let words = EndingWords {
            one: "line ",
            several: "lines ",
            named: &|entry| self.operation(entry).map(|operation| operation.line.to_string()),
            object: "the object",
            holds: &|state| W::holds(state, &shown),
            last: format!("the {} of line {} that {}", kind(last), last.line, what(last)),
        };
        words.of(self.model, proof)
    }

    /// Whose operation it is.
    fn who(&self, operation: &ForeignOperation) -> String {
        match self.given.who(operation) {
            Some(process) => format!("{process}'s {}", kind(operation)),
            None => format!("a {}", kind(operation)),
        }
    }

    fn when(&self, operation: &ForeignOperation) -> String {
        let time = |position| self.given.time(position).map(moment);
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
fn draw(operations: &[&ForeignOperation], given: &Given<'_>) -> Option<Timeline> {
    let time = |position| given.time(position);
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
                let label = given.who(operation).unwrap_or_else(|| "process unknown".to_owned());
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
