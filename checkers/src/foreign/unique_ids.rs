//! Jepsen's unique ids: none is given twice.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};
use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use super::numbers::Numbers;
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::linearizable::{Decision, Entry, Model};
use crate::models::unique_ids::{Generate, UniqueIds};
use crate::words::count;

/// The model.
pub(super) const MODEL: UniqueIdsModel = UniqueIdsModel;

/// The id of the rule.
const RULE: &str = "unique-ids.unique";

/// `unique-ids`.
pub(super) struct UniqueIdsModel;

impl ForeignModel for UniqueIdsModel {
    fn name(&self) -> &'static str {
        "unique-ids"
    }

    fn about(&self) -> &'static str {
        "generate shows an id: no id is given twice"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("generate", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let operations = given.operations()?;
        let (mut ids, mut entries, mut repeated) = (Numbers::default(), Vec::new(), 0);
        let mut distinct = 0;
        for (position, operation) in operations.iter().enumerate() {
            if operation.f.as_deref() != Some("generate") {
                return Err(given.stranger(operation, self.name()));
            }
            if operation.outcome != ForeignOutcome::Ok {
                continue;
            }
            if operation.reply.is_nil() {
                return Err(given.refuse(operation.line, "it succeeded, and does not say with which id"));
            }
            let id = ids.number(&operation.reply);
            if id == distinct { distinct += 1 } else { repeated += 1 }
            let answer = Some((id, operation.completed().map_or(Index::MAX, Index::from)));
            entries.push(Entry { position, call: Generate, invoked: operation.invoked.into(), answer });
        }
        let mut findings = Vec::new();
        match UniqueIds::default().decide(&entries) {
            Some(Decision::Impossible(places)) => {
                let twice = places.iter().map(|&place| &operations[entries[place].position]).collect::<Vec<_>>();
                findings.extend(explain(&twice, repeated));
            }
            _ if entries.is_empty() => {
                findings.push(Finding::unknown(UnknownReason::NoObservations, "No id was generated."));
            }
            _ => {}
        }
        let mut judgement = Judgement::new(RULE, entries.len() as u64, findings);
        judgement.figures = vec![
            Figure::new("ids asked for", count(operations.len() as u64)),
            Figure::new("ids generated", count(entries.len() as u64)),
            Figure::new("ids that had been given before", count(repeated)),
        ];
        Ok(judgement)
    }
}

fn explain(twice: &[&ForeignOperation], repeated: u64) -> Option<Finding> {
    let [first, second] = twice else { return None };
    let id = &first.reply;
    let indices = vec![Index::from(first.invoked), Index::from(second.invoked)];
    let mut finding = Finding::invalid(RULE, format!("The id {id} was given twice."), indices);
    finding.detail = format!("Lines {} and {} of the history.", first.line, second.line);
    let step = |lead: &'static str, text: String, operation: Option<&ForeignOperation>| Step {
        lead: lead.into(),
        text,
        operation: operation.map(|operation| operation.invoked.into()),
    };
    finding.steps = vec![
        step("Let", format!("one operation (line {}) be given {id}.", first.line), Some(first)),
        step("Then", "no other may be given it.".to_owned(), None),
        step("However", format!("another (line {}) was: a contradiction.", second.line), Some(second)),
    ];
    Some(Finding { count: repeated, ..finding })
}
