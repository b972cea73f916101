//! Jepsen's total-queue: whatever was surely enqueued comes out, and nothing else does. The order is not judged.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use super::containers::without_value;
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::words::{count, counted};

/// The model.
pub(super) const MODEL: TotalQueue = TotalQueue;

/// `total-queue`.
pub(super) struct TotalQueue;

impl ForeignModel for TotalQueue {
    fn name(&self) -> &'static str {
        "total-queue"
    }

    fn about(&self) -> &'static str {
        "enqueue, dequeue, drain [v …]: nothing is lost, nothing comes from nowhere; repetition is a figure"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("enqueue", Completion::Argument), ("dequeue", Completion::Result), ("drain", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let mut books = Books::default();
        for operation in given.operations()?.iter() {
            books.take(given, operation)?;
        }
        Ok(books.judgement())
    }
}

/// What is known of one value.
#[derive(Default)]
struct Entry {
    /// How often it was surely enqueued.
    surely: u64,
    /// How often it may have been, the former included.
    possibly: u64,
    dequeued: u64,
    /// The invocations of its enqueues.
    enqueues: Vec<Index>,
    /// The invocations of what took it.
    dequeues: Vec<Index>,
}

#[derive(Default)]
struct Books {
    entries: BTreeMap<Value, Entry>,
    judged: u64,
    /// How many operations took something out.
    outs: u64,
    /// Dequeues without an answer: each may have taken one value.
    open_dequeues: u64,
    /// Drains without an answer: each may have taken any number.
    open_drains: u64,
}

impl Books {
    fn take(&mut self, given: &Given<'_>, operation: &ForeignOperation) -> Result<(), ForeignProblem> {
        let at = Index::from(operation.invoked);
        self.judged += 1;
        match (operation.f.as_deref(), operation.outcome) {
            (Some("enqueue"), outcome) => {
                let entry = self.entries.entry(operation.call.clone()).or_default();
                entry.enqueues.push(at);
                entry.surely += u64::from(outcome == ForeignOutcome::Ok);
                entry.possibly += u64::from(outcome != ForeignOutcome::Fail);
            }
            (Some("dequeue"), ForeignOutcome::Ok) if operation.reply.is_nil() => {
                return Err(given.refuse(operation.line, without_value(operation)));
            }
            (Some("dequeue"), ForeignOutcome::Ok) => self.took(&operation.reply, at),
            (Some("drain"), ForeignOutcome::Ok) => {
                let taken = operation.reply.as_collection().ok_or_else(|| {
                    given.refuse(operation.line, format!("a drain shows `[value …]`, and this one {}", operation.reply))
                })?;
                self.outs += 1;
                taken.iter().for_each(|value| self.took(value, at));
            }
            (Some("dequeue"), ForeignOutcome::Info) => self.open_dequeues += 1,
            (Some("drain"), ForeignOutcome::Info) => self.open_drains += 1,
            (Some("dequeue" | "drain"), ForeignOutcome::Fail) => {}
            _ => return Err(given.stranger(operation, "total-queue")),
        }
        Ok(())
    }

    fn took(&mut self, value: &Value, at: Index) {
        self.outs += 1;
        let entry = self.entries.entry(value.clone()).or_default();
        entry.dequeued += 1;
        entry.dequeues.push(at);
    }

    fn judgement(&self) -> Judgement {
        let lost = || self.entries.iter().filter(|(_, entry)| entry.dequeued < entry.surely);
        let unexpected = || self.entries.iter().filter(|(_, entry)| entry.dequeued > 0 && entry.possibly == 0);
        let missing: u64 = lost().map(|(_, entry)| entry.surely - entry.dequeued).sum();
        let repeated: u64 = self
            .entries
            .values()
            .filter(|entry| entry.possibly > 0)
            .map(|entry| entry.dequeued.saturating_sub(entry.possibly))
            .sum();
        let mut findings = Vec::new();
        if let Some((value, entry)) = unexpected().next() {
            findings.push(from_nowhere(value, entry, unexpected().count() as u64));
        }
        if let Some((value, entry)) = lost().next() {
            findings.push(self.lost(value, entry, missing));
        }
        if self.outs == 0 && findings.iter().all(|finding| finding.rule != "total-queue.unexpected") {
            let sentence = "Nothing was ever taken out of the queue.";
            findings = vec![Finding::unknown(UnknownReason::NoObservations, sentence)];
        }
        let mut judgement = Judgement::new("total-queue", self.judged, findings);
        judgement.figures = vec![
            Figure::new("values", count(self.entries.len() as u64)),
            Figure::new("missing", count(missing)),
            Figure::new("repeated", count(repeated)),
        ];
        judgement
    }

    /// What was surely enqueued and never came out. Where so much can have gone to dequeues without an answer, it is unknown.
    fn lost(&self, value: &Value, entry: &Entry, missing: u64) -> Finding {
        if self.open_drains > 0 || missing <= self.open_dequeues {
            let sentence = format!(
                "{} never came out, but may have gone to a dequeue or drain without an answer.",
                counted(missing, "value")
            );
            return Finding::unknown(UnknownReason::NoFinalRead, sentence);
        }
        let sentence = format!("The value {value} was enqueued and never came out.");
        let mut finding = Finding::invalid("total-queue.lost", sentence, entry.enqueues.clone());
        finding.count = missing;
        finding.detail = format!(
            "{} in all, and {} without an answer.",
            counted(missing, "value") + " missing",
            counted(self.open_dequeues, "dequeue")
        );
        finding.steps = vec![
            step("Let", format!("{value} be enqueued {}.", times(entry.surely)), entry.enqueues.first()),
            step("Then", "it is in the queue until somebody takes it.".to_owned(), None),
            step("However", format!("it came out {}: a contradiction.", times(entry.dequeued)), None),
        ];
        finding
    }
}

fn from_nowhere(value: &Value, entry: &Entry, many: u64) -> Finding {
    let failed = if entry.enqueues.is_empty() { "nobody had enqueued it" } else { "every enqueue of it had failed" };
    let sentence = format!("The value {value} came out, but {failed}.");
    let mut operations = [entry.enqueues.clone(), entry.dequeues.clone()].concat();
    operations.sort_unstable();
    operations.dedup();
    let mut finding = Finding::invalid("total-queue.unexpected", sentence, operations);
    finding.count = many;
    finding.steps = vec![
        step("Let", format!("{failed}: {value}."), entry.enqueues.first()),
        step("Then", "it cannot be in the queue.".to_owned(), None),
        step("However", "it came out: a contradiction.".to_owned(), entry.dequeues.first()),
    ];
    finding
}

fn times(number: u64) -> String {
    counted(number, "time")
}

fn step(lead: &'static str, text: String, operation: Option<&Index>) -> Step {
    Step { lead: lead.into(), text, operation: operation.copied() }
}
