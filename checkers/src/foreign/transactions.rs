//! Makes typed transactions of foreign operations whose values are lists of `[kind key value]`.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Gravity, Index, Judgement};

use super::{ForeignProblem, ForeignRequest, Given};
use crate::transactions::{
    Level, List, MicroOperation, Name, Options, Outcome, Transaction, TransactionHistory, TransactionVerdict,
};

/// What the keys hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Lists that are appended to.
    Lists,
    /// Registers that are written.
    Registers,
}

/// The transactions of a history, in the order of their completions; what never completed comes last. Beside each the position of
/// its completion.
///
/// That order is the one in which a process went on, also in histories that write several operations as one process's.
pub(super) fn read(
    given: &Given<'_>,
    holds: Holds,
) -> Result<(TransactionHistory, Vec<Option<Index>>), ForeignProblem> {
    let mut operations: Vec<&ForeignOperation> = given.operations()?.iter().collect();
    operations.sort_by_key(|operation| (operation.completed().unwrap_or(u32::MAX), operation.invoked));
    let mut history = TransactionHistory::new();
    let mut processes: BTreeMap<i64, u32> = BTreeMap::new();
    let mut completions = Vec::with_capacity(operations.len());
    let mut next = 0;
    for operation in operations {
        let mut fresh = || {
            next += 1;
            next - 1
        };
        // Operations without a process have no order among themselves.
        let process = match operation.process() {
            None => fresh(),
            Some(stated) => *processes.entry(stated).or_insert_with(fresh),
        };
        let steps = steps(&mut history, operation, holds).map_err(|problem| given.refuse(operation.line, problem))?;
        history.push(transaction(given, operation, process), steps);
        completions.push(operation.completed().map(Index::from));
    }
    Ok((history, completions))
}

fn transaction(given: &Given<'_>, operation: &ForeignOperation, process: u32) -> Transaction {
    let outcome = match operation.outcome {
        ForeignOutcome::Ok => Outcome::Ok,
        ForeignOutcome::Fail => Outcome::Fail,
        ForeignOutcome::Info => Outcome::Info,
    };
    let time = |position| given.time(position);
    let times = time(operation.invoked).zip(operation.completed().and_then(time));
    Transaction {
        process,
        outcome,
        invoked: Index::from(operation.invoked),
        completed: operation.completed().map(Index::from),
        bare: operation.is_bare(),
        times: times.filter(|_| !operation.is_bare()),
    }
}

/// The steps: of a success as they were answered, else as they were asked, and then nothing is known of what was read.
fn steps(
    history: &mut TransactionHistory,
    operation: &ForeignOperation,
    holds: Holds,
) -> Result<Vec<MicroOperation>, String> {
    let is_ok = operation.outcome == ForeignOutcome::Ok;
    let value = if is_ok { &operation.reply } else { &operation.call };
    if value.is_nil() && !is_ok {
        return Ok(Vec::new());
    }
    let steps = value.as_list().ok_or_else(|| format!("a transaction is a list of steps, and this one {value}"))?;
    steps.iter().map(|one| step(history, one, is_ok, holds)).collect()
}

fn step(history: &mut TransactionHistory, step: &Value, is_ok: bool, holds: Holds) -> Result<MicroOperation, String> {
    let (kind, key, value) = match step.as_list() {
        Some([kind, key, value]) => (kind, key, value),
        // Elle's own tests leave out the nil of a read.
        Some([kind, key]) if kind.is_word("r") || kind.is_word("read") => (kind, key, &Value::Nil),
        _ => return Err(format!("a step is `[kind key value]`, and this one {step}")),
    };
    let key = history.key(name(key));
    match (kind.as_word(), holds) {
        (Some("r" | "read"), _) if !is_ok => Ok(MicroOperation::Unread { key }),
        (Some("r" | "read"), Holds::Registers) => {
            let value = (!value.is_nil()).then(|| history.value(name(value)));
            Ok(MicroOperation::Read { key, value })
        }
        (Some("r" | "read"), Holds::Lists) => Ok(MicroOperation::ReadList { key, list: list(history, value)? }),
        (Some("append"), Holds::Lists) => Ok(MicroOperation::Append { key, value: history.value(name(value)) }),
        (Some("w" | "write"), Holds::Registers) => Ok(MicroOperation::Write { key, value: history.value(name(value)) }),
        _ => Err(format!(
            "`{kind}` is no step of {}",
            if holds == Holds::Lists { "lists (`:r`, `:append`)" } else { "registers (`:r`, `:w`)" }
        )),
    }
}

/// A list that was read; nil is an empty one.
fn list(history: &mut TransactionHistory, value: &Value) -> Result<List, String> {
    let elements = match value {
        Value::Nil => &[],
        other => other.as_list().ok_or_else(|| format!("a list was read, and this is none: {other}"))?,
    };
    let numbers: Vec<u32> = elements.iter().map(|element| history.value(name(element))).collect();
    Ok(history.list(numbers))
}

fn name(value: &Value) -> Name {
    value.as_integer().map_or_else(|| Name::Text(value.to_string().into()), Name::Integer)
}

/// Whether nobody knows what an operation did, and it may have taken effect.
fn hides_writes(operation: &ForeignOperation) -> bool {
    operation.outcome == ForeignOutcome::Info && operation.call.is_nil()
}

/// What such a history is held against: strict serializability, where nothing else was asked for.
///
/// A value that nobody wrote is taken for an unknown initial state, as Elle does: other tools' histories need not begin with the
/// store.
pub(super) fn options(request: &ForeignRequest, operations: &[ForeignOperation]) -> Result<Options, ForeignProblem> {
    let levels = match &request.consistency {
        None => Options::default().levels,
        Some(names) => {
            let level = |name: &String| {
                name.parse::<Level>()
                    .map_err(|_| unknown_level(name, &Level::ALL.iter().map(|level| level.name()).collect::<Vec<_>>()))
            };
            names.iter().map(level).collect::<Result<_, _>>()?
        }
    };
    let (anomalies, interrupt) = (request.anomalies.clone(), request.interrupt.clone());
    let (anomalies_only, hidden_writes) = (request.anomalies_only, operations.iter().any(hides_writes));
    let asked = Options { levels, anomalies, interrupt, ..Options::default() };
    Ok(Options { anomalies_only, hidden_writes, garbage_reads: false, ..asked })
}

/// There is no such level.
pub(super) fn unknown_level(name: &str, known: &[&str]) -> ForeignProblem {
    ForeignProblem::Unfit(format!("there is no consistency level `{name}`; there is: {}", known.join(", ")))
}

/// The verdict as that of a model, and what was taken for granted.
pub(super) fn judgement(verdict: TransactionVerdict, model: &str, options: &Options) -> Judgement {
    let is_open = verdict.verdict == Gravity::Valid && options.anomalies_only;
    let mut judgement = verdict.judgement(model);
    if is_open {
        judgement.assumptions.push(ANOMALIES_ONLY.to_owned());
    }
    judgement.assumptions.push(ASSUMPTION.to_owned());
    judgement
}

const ANOMALIES_ONLY: &str =
    "Only anomalies were looked for: whether the level holds was not decided where they do not characterise it.";

/// What both judges of transactions take for granted.
const ASSUMPTION: &str =
    "A value that nobody wrote is taken for an unknown initial state, and every value is written to its key once.";
