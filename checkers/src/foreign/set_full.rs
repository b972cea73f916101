//! Jepsen's set-full: what was added is seen by some read, and from then on by all.
//!
//! Weaker than `set`: an element may be missing for a while. It is lost where the last read that lacks it came after the last
//! that has it, and after it was known to be there. Beyond Jepsen, elements that nobody added or that stand twice are found.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::words::count;

/// The model.
pub(super) const MODEL: SetFull = SetFull;

/// `set-full`.
pub(super) struct SetFull;

impl ForeignModel for SetFull {
    fn name(&self) -> &'static str {
        "set-full"
    }

    fn about(&self) -> &'static str {
        "add v, read [v …] again and again: nothing that was seen or acknowledged is gone for good"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("add", Completion::Argument), ("read", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let mut set = Observed::default();
        for operation in given.operations()?.iter() {
            set.take(given, operation)?;
        }
        Ok(set.judgement())
    }
}

/// The additions of one element.
struct Added {
    invoked: Index,
    /// When one of them was acknowledged first.
    acknowledged: Option<Index>,
    may_have_happened: bool,
}

struct Read {
    invoked: Index,
    completed: Index,
    elements: BTreeSet<Value>,
    repeated: Option<Value>,
}

#[derive(Default)]
struct Observed {
    added: BTreeMap<Value, Added>,
    reads: Vec<Read>,
    judged: u64,
}

/// What became of an element.
enum Fate<'a> {
    NeverRead,
    Stable,
    Lost { known: Index, absent: &'a Read },
}

impl Observed {
    fn take(&mut self, given: &Given<'_>, operation: &ForeignOperation) -> Result<(), ForeignProblem> {
        if operation.is_bare() {
            return Err(given.refuse(operation.line, "it has no invocation, so nothing is known of when it began"));
        }
        self.judged += 1;
        let invoked = Index::from(operation.invoked);
        let completed = operation.completed().map(Index::from);
        match (operation.f.as_deref(), operation.outcome) {
            (Some("add"), outcome) => {
                let added = self.added.entry(operation.call.clone()).or_insert(Added {
                    invoked,
                    acknowledged: None,
                    may_have_happened: false,
                });
                added.may_have_happened |= outcome != ForeignOutcome::Fail;
                if outcome == ForeignOutcome::Ok {
                    added.acknowledged = added.acknowledged.into_iter().chain(completed).min();
                }
            }
            (Some("read"), ForeignOutcome::Ok) => {
                let shown = operation.reply.as_collection().ok_or_else(|| {
                    given.refuse(operation.line, format!("a read shows `[value …]`, and this one {}", operation.reply))
                })?;
                let mut elements = BTreeSet::new();
                let repeated = shown.iter().find(|element| !elements.insert((*element).clone())).cloned();
                elements.extend(shown.iter().cloned());
                self.reads.push(Read { invoked, completed: completed.unwrap_or(Index::MAX), elements, repeated });
            }
            (Some("read"), _) => {}
            _ => return Err(given.stranger(operation, "set-full")),
        }
        Ok(())
    }

    fn fate(&self, element: &Value, added: &Added) -> Fate<'_> {
        let has = |read: &&Read| read.elements.contains(element);
        let present = self.reads.iter().rfind(has);
        let absent = self.reads.iter().rfind(|read| !has(read));
        let first_seen = self.reads.iter().filter(has).map(|read| read.completed).min();
        let known = added.acknowledged.into_iter().chain(first_seen).min();
        match (known, absent) {
            (Some(known), Some(absent))
                if known < absent.invoked && present.is_none_or(|present| present.invoked < absent.invoked) =>
            {
                Fate::Lost { known, absent }
            }
            _ if present.is_some_and(|present| absent.is_none_or(|absent| absent.invoked < present.invoked)) => Fate::Stable,
            _ => Fate::NeverRead,
        }
    }

    fn judgement(&self) -> Judgement {
        let (mut lost, mut stable, mut never) = (0_u64, 0_u64, 0_u64);
        let mut findings: Vec<Finding> = Vec::new();
        for (element, added) in &self.added {
            match self.fate(element, added) {
                Fate::Stable => stable += 1,
                Fate::NeverRead => never += 1,
                Fate::Lost { known, absent } => {
                    lost += 1;
                    if lost == 1 {
                        findings.push(gone(element, added, known, absent));
                    }
                }
            }
        }
        findings.iter_mut().for_each(|finding| finding.count = lost);
        findings.extend(self.unexpected());
        findings.extend(self.repeated());
        if findings.is_empty() && stable == 0 {
            let sentence = "No element was ever read to stay.";
            findings.push(Finding::unknown(UnknownReason::NoObservations, sentence));
        }
        let mut judgement = Judgement::new("set-full", self.judged, findings);
        judgement.figures = vec![
            Figure::new("reads", count(self.reads.len() as u64)),
            Figure::new("elements that stayed", count(stable)),
            Figure::new("elements lost", count(lost)),
            Figure::new("elements never read", count(never)),
        ];
        judgement
    }

    fn unexpected(&self) -> Option<Finding> {
        let is_added = |element: &Value| self.added.get(element).is_some_and(|added| added.may_have_happened);
        self.reads.iter().find_map(|read| {
            let element = read.elements.iter().find(|element| !is_added(element))?;
            let sentence = format!("A read shows the element {element}, which nobody had added.");
            let mut finding = Finding::invalid("set-full.unexpected", sentence, vec![read.invoked]);
            finding.steps = vec![
                step("Let", format!("no addition of {element} be one that may have happened."), None),
                step("However", format!("a read shows {element}: a contradiction."), Some(read.invoked)),
            ];
            Some(finding)
        })
    }

    fn repeated(&self) -> Option<Finding> {
        self.reads.iter().find_map(|read| {
            let element = read.repeated.as_ref()?;
            let sentence = format!("A read shows the element {element} twice.");
            let mut finding = Finding::invalid("set-full.duplicated", sentence, vec![read.invoked]);
            finding.steps = vec![
                step("Let", "a set hold each element once.".to_owned(), None),
                step("However", format!("a read shows {element} twice: a contradiction."), Some(read.invoked)),
            ];
            Some(finding)
        })
    }
}

fn gone(element: &Value, added: &Added, known: Index, absent: &Read) -> Finding {
    let sentence = format!("The element {element} was there, and is missing in the last reads.");
    let mut finding = Finding::invalid("set-full.lost", sentence, vec![added.invoked, absent.invoked]);
    finding.operations.sort_unstable();
    finding.operations.dedup();
    finding.detail = format!("It was known to be there at index {known}, and is missing in a read that began at index {}.", absent.invoked);
    finding.steps = vec![
        step("Let", format!("{element} be added, and be known to be there at index {known}."), Some(added.invoked)),
        step("Then", "some read after that shows it, and from then on all.".to_owned(), None),
        step("However", "this read lacks it, and none after it has it: a contradiction.".to_owned(), Some(absent.invoked)),
    ];
    finding
}

fn step(lead: &'static str, text: String, operation: Option<Index>) -> Step {
    Step { lead: lead.into(), text, operation }
}
