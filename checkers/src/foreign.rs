//! Histories of other tools, held against a model: the bridge from what a foreign history says to the judges.
//!
//! A model is one file and one word in the list below. It gives a history's words their meaning, and hands typed operations to the
//! judges of [`crate::transactions`] or to the search of [`crate::linearizable`]. What it does not understand it refuses.

mod completions;
mod containers;
mod injectors;
mod intervals;
mod keys;
mod numbers;
mod objects;
mod owners;
mod request;
mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;

use dsjepsen_history::foreign::{
    ClientNames, ForeignBody, ForeignError, ForeignHistory, ForeignOperation, ForeignOutcome, ForeignSession, Format,
    Times,
};
use dsjepsen_history::{Finding, Gravity, Judgement, Nanos, OperationCounts, UnknownReason, Verdict};
use thiserror::Error;

use crate::words::counted;
pub use completions::Completion;
use completions::{Reconciled, Reconciling};
pub use request::{FailedCas, ForeignRequest, KeyRule, RegisterAssumptions};

/// Every model there is.
macro_rules! models {
    ($($model:ident),* $(,)?) => {
        $(mod $model;)*

        /// All models, in the order in which they are listed.
        pub fn foreign_models() -> &'static [&'static dyn ForeignModel] {
            &[$(&$model::MODEL),*]
        }
    };
}

models![
    register,
    cas_register,
    multi_register,
    kv,
    mutex,
    owner_mutex,
    reentrant_mutex,
    fenced_mutex,
    queue,
    unordered_queue,
    stack,
    deque,
    priority_queue,
    set,
    set_full,
    total_queue,
    counter,
    fetch_add,
    rmw,
    unique_ids,
    semaphore,
    list_append,
    rw_register,
    txn_rw,
    bank,
    long_fork,
    causal_reverse,
];

/// The model of this name.
pub fn find_foreign_model(name: &str) -> Option<&'static dyn ForeignModel> {
    foreign_models().iter().copied().find(|model| model.name() == name)
}

/// Something that a foreign history may be a history of.
pub trait ForeignModel: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it is, and which operations it knows, in a few words.
    fn about(&self) -> &'static str;

    /// The options that it heeds; any other that is asked for is refused.
    fn options(&self) -> &'static [ForeignOption];

    /// The kinds of its operations, and what their completions say; none where kinds mean nothing to it.
    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[]
    }

    /// What the completion of an operation of this kind says; `None` of a kind that it does not know.
    fn completion(&self, kind: Option<&str>) -> Option<Completion> {
        self.kinds().iter().find(|(known, _)| Some(*known) == kind).map(|(_, completion)| *completion)
    }

    /// The consistency levels that it may be held against, by their names; none of a model without [`ForeignOption::Consistency`].
    fn levels(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Whether this can be asked of it, whatever the history.
    ///
    /// # Errors
    /// [`ForeignProblem::Unfit`].
    fn takes(&self, _request: &ForeignRequest) -> Result<(), ForeignProblem> {
        Ok(())
    }

    /// Judges a history that is not empty. What is asked is what it [takes](ForeignModel::takes).
    ///
    /// # Errors
    /// [`ForeignProblem`].
    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem>;
}

/// An option of the judgement of a foreign history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignOption {
    /// The value before the first operation.
    Init,
    /// Whether values are `[key value]`.
    Keys,
    /// What a failed cas says.
    FailedCas,
    /// The consistency level.
    Consistency,
}

impl ForeignOption {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "--init",
            Self::Keys => "--independent or --no-split",
            Self::FailedCas => "--failed-cas",
            Self::Consistency => "--consistency",
        }
    }
}

/// Why a foreign history cannot be judged.
#[derive(Debug, Error)]
pub enum ForeignProblem {
    /// What was asked for makes no sense of this history or model.
    #[error("{0}")]
    Unfit(String),
    /// The history is damaged, or says what the model does not know.
    #[error(transparent)]
    Corrupt(#[from] ForeignError),
}

/// What a model is given to judge.
#[derive(Debug)]
pub struct Given<'a> {
    /// The history's name, for errors.
    name: &'a str,
    format: Format,
    body: Body,
    /// The clients that have names.
    names: ClientNames,
    /// Whether its operations are split by key.
    splits: bool,
    request: &'a ForeignRequest,
}

/// Operations that need not be copied to be held twice: there may be millions.
type Operations = Arc<Vec<ForeignOperation>>;

#[derive(Debug)]
enum Body {
    Operations { operations: Operations, times: Times },
    Sessions(Vec<ForeignSession>),
}

impl Given<'_> {
    /// The operations.
    fn operations(&self) -> Result<&Operations, ForeignProblem> {
        match &self.body {
            Body::Operations { operations, .. } => Ok(operations),
            Body::Sessions(_) => Err(ForeignProblem::Unfit(format!(
                "{} holds transactions in sessions ({}): its model is `txn-rw`",
                self.name, self.format
            ))),
        }
    }

    /// The time at this position, where it is known and follows the beginning.
    fn time(&self, position: u32) -> Option<Nanos> {
        match &self.body {
            Body::Operations { times, .. } => times.get(position as usize)?.try_into().ok(),
            Body::Sessions(_) => None,
        }
    }

    /// Whose operation it is, in a sentence; `None` where the history does not say.
    fn who(&self, operation: &ForeignOperation) -> Option<String> {
        let process = operation.process()?;
        Some(self.names.get(process).map_or_else(|| format!("process {process}"), |name| format!("process {name}")))
    }

    /// Refuses what stands on a line.
    fn refuse(&self, line: u32, problem: impl Into<String>) -> ForeignProblem {
        ForeignProblem::Corrupt(ForeignError::at_line(self.name, line, problem))
    }

    /// Refuses an operation of which the model knows nothing.
    fn stranger(&self, operation: &ForeignOperation, model: &str) -> ForeignProblem {
        let kinds = find_foreign_model(model).map(|model| model.kinds()).unwrap_or_default();
        let known = kinds.iter().map(|(kind, _)| *kind).collect::<Vec<_>>().join(", ");
        let problem = match &operation.f {
            Some(f) => format!("`{f}` is no operation of model `{model}`: it knows {known}"),
            None => format!("an operation of model `{model}` has a name (its `f`: {known}), and this one has none"),
        };
        self.refuse(operation.line, problem)
    }
}

/// Whether this can be asked of a model, whatever the history: better known before one is read.
///
/// # Errors
/// [`ForeignProblem::Unfit`] where the options do not belong to the model, or their values mean nothing to it.
pub fn check_foreign_request(model: &dyn ForeignModel, request: &ForeignRequest) -> Result<(), ForeignProblem> {
    if let Some(option) = request.asked().into_iter().find(|option| !model.options().contains(option)) {
        return Err(ForeignProblem::Unfit(format!("{} means nothing to model `{}`", option.name(), model.name())));
    }
    model.takes(request)
}

/// Judges a foreign history. An empty one is unknown.
///
/// # Errors
/// [`ForeignProblem::Unfit`] where the options do not belong to the model, or the history is of another shape;
/// [`ForeignProblem::Corrupt`] where an operation is none of the model's.
pub fn judge_foreign(
    history: ForeignHistory,
    name: &str,
    model: &dyn ForeignModel,
    request: &ForeignRequest,
) -> Result<Verdict, ForeignProblem> {
    check_foreign_request(model, request)?;
    let format = history.format;
    if format == Format::Dsjepsen {
        let problem =
            format!("{name} is a run of dsjepsen's own, and is judged by its directory: `dsjepsen check RUN`");
        return Err(ForeignProblem::Unfit(problem));
    }
    let mut notes = history.notes;
    let (mut names, mut splits, mut reconciled) = (ClientNames::default(), false, Reconciled::default());
    let body = match history.body {
        ForeignBody::Operations(mut paired) => {
            notes.extend(paired.notes);
            names = paired.names;
            notes.extend(injectors::leave_out(model, &names, &mut paired.operations));
            (splits, reconciled) = prepare(name, format, model, request, &mut paired.operations, &mut notes)?;
            Body::Operations { operations: Arc::new(paired.operations), times: paired.times }
        }
        ForeignBody::Intervals(intervals) => {
            Body::Operations { operations: Arc::new(intervals::operations(intervals)), times: Times::default() }
        }
        ForeignBody::Sessions(sessions) => Body::Sessions(sessions),
    };
    let counts = counts(&body);
    if counts.total == 0 {
        let finding = Finding::unknown(UnknownReason::NoObservations, "The history holds no operation.");
        return Ok(Verdict::merge(vec![Judgement::new(model.name(), 0, vec![finding])], counts, ""));
    }
    if request.interrupt.is_raised() {
        let finding = request.interrupt.finding("The history was read, but not judged");
        return Ok(Verdict::merge(vec![Judgement::new(model.name(), 0, vec![finding])], counts, ""));
    }
    let mut given = Given { name, format, body, names, splits, request };
    let mut judgement = model.judge(&given)?;
    if judgement.verdict == Gravity::Invalid && reconciled.is_open() {
        judgement = otherwise(model, &mut given, &reconciled, judgement);
    }
    judgement.assumptions.extend(notes.into_iter().map(|note| format!("Read so: {note}.")));
    let agree = match counts.total {
        1 => "The one operation agrees".to_owned(),
        total => format!("All {} agree", counted(total, "operation")),
    };
    let sentence = format!("{agree} with model `{}`.", model.name());
    Ok(Verdict::merge(vec![judgement], counts, sentence))
}

/// Makes operations fit to be judged, and notes what was decided; says whether they are split by key.
fn prepare(
    name: &str,
    format: Format,
    model: &dyn ForeignModel,
    request: &ForeignRequest,
    operations: &mut [ForeignOperation],
    notes: &mut Vec<String>,
) -> Result<(bool, Reconciled), ForeignProblem> {
    let has_keys = model.options().contains(&ForeignOption::Keys);
    let (splits, note) = if has_keys { keys::splits(name, format, request.keys, operations)? } else { (false, None) };
    notes.extend(note);
    let is_keyed = splits || format == Format::EdnLinesKv;
    let mut reconciled = Reconciling { completion: &|kind| model.completion(kind), is_keyed }.reconcile(operations);
    notes.append(&mut reconciled.notes);
    Ok((splits, reconciled))
}

/// The judgement of a history that is invalid by one value of each operation that has two: unknown where it is not by the other.
fn otherwise(
    model: &dyn ForeignModel,
    given: &mut Given<'_>,
    reconciled: &Reconciled,
    invalid: Judgement,
) -> Judgement {
    if let Body::Operations { operations, .. } = &mut given.body {
        reconciled.turn_round(Arc::<Vec<_>>::make_mut(operations));
    }
    // What makes no sense so was not meant so.
    let Ok(other) = model.judge(given) else { return invalid };
    if other.verdict == Gravity::Invalid {
        return invalid;
    }
    let operations = counted(reconciled.count(), "operation");
    let sentence =
        format!("It depends on {operations} with two values: that of the invocation, and another of the completion.");
    let found = invalid.findings.first().map(|finding| finding.sentence.as_str()).unwrap_or_default();
    let detail =
        format!("By the one that is judged: {found} By the other there is no contradiction. Write each value once.");
    let finding = Finding { detail, ..Finding::unknown(UnknownReason::CheckerError, sentence) };
    // What was counted by the one value says nothing.
    Judgement { verdict: Gravity::Unknown, findings: vec![finding], figures: Vec::new(), ..invalid }
}

fn counts(body: &Body) -> OperationCounts {
    let mut all = OperationCounts::default();
    let mut by_kind: BTreeMap<String, OperationCounts> = BTreeMap::new();
    let mut add = |kind: &str, outcome: ForeignOutcome| {
        if !by_kind.contains_key(kind) {
            by_kind.insert(kind.to_owned(), OperationCounts::default());
        }
        for counts in [Some(&mut all), by_kind.get_mut(kind)].into_iter().flatten() {
            counts.total += 1;
            match outcome {
                ForeignOutcome::Ok => counts.ok += 1,
                ForeignOutcome::Fail => counts.fail += 1,
                ForeignOutcome::Info => counts.info += 1,
            }
        }
    };
    match body {
        Body::Operations { operations, .. } => {
            for operation in operations.iter() {
                add(operation.f.as_deref().unwrap_or("transaction"), operation.outcome);
            }
        }
        Body::Sessions(sessions) => {
            for transaction in sessions.iter().flat_map(|session| &session.transactions) {
                add("transaction", if transaction.is_committed { ForeignOutcome::Ok } else { ForeignOutcome::Fail });
            }
        }
    }
    all.by_kind = by_kind;
    all
}
