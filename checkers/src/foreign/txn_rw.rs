//! Transactions on registers in sessions, without times: those of AWDIT, Plume and dbcop.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::foreign::{ForeignSession, ForeignTransaction, Format};
use dsjepsen_history::{Index, Judgement};

use super::transactions::unknown_level;
use super::{ForeignRequest, Body, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::transactions::{
    MicroOperation, Name, Outcome, SessionLevel, SessionOptions, Transaction, TransactionHistory, check_sessions,
};

/// The model.
pub(super) const MODEL: TxnRw = TxnRw;

/// `txn-rw`.
pub(super) struct TxnRw;

impl ForeignModel for TxnRw {
    fn name(&self) -> &'static str {
        "txn-rw"
    }

    fn about(&self) -> &'static str {
        "transactions on registers in sessions, held against a level that includes the order of sessions"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Consistency]
    }

    fn levels(&self) -> Vec<&'static str> {
        SessionLevel::ALL.map(SessionLevel::name).into()
    }

    fn takes(&self, request: &ForeignRequest) -> Result<(), ForeignProblem> {
        level(request).map(drop)
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let level = level(given.request)?;
        let Body::Sessions(sessions) = &given.body else {
            return Err(ForeignProblem::Unfit(format!(
                "{} holds no sessions ({}); model `txn-rw` judges nothing else",
                given.name, given.format
            )));
        };
        let history = read(given, sessions)?;
        let options = SessionOptions { interrupt: given.request.interrupt.clone(), ..SessionOptions::default() };
        Ok(check_sessions(&history, level, &options))
    }
}

/// The one level that is asked for.
fn level(request: &ForeignRequest) -> Result<SessionLevel, ForeignProblem> {
    let all = SessionLevel::ALL.map(SessionLevel::name);
    if !request.anomalies.is_empty() {
        let problem = "model `txn-rw` is held against a level, and not against single anomalies";
        return Err(ForeignProblem::Unfit(problem.to_owned()));
    }
    match request.consistency.as_deref() {
        Some([level]) => level.parse().map_err(|_| unknown_level(level, &all)),
        _ => {
            let problem = format!("model `txn-rw` needs one level (`--consistency`): {}", all.join(", "));
            Err(ForeignProblem::Unfit(problem))
        }
    }
}

/// The transactions, session by session. The value 0 is the initial one, unless AWDIT's text writes it.
fn read(given: &Given<'_>, sessions: &[ForeignSession]) -> Result<TransactionHistory, ForeignProblem> {
    let zeros = Zeros::of(given, sessions)?;
    let mut history = TransactionHistory::new();
    let mut index: Index = 0;
    for (process, session) in sessions.iter().enumerate() {
        let process = u32::try_from(process).unwrap_or(u32::MAX);
        for transaction in &session.transactions {
            let steps = steps(&mut history, transaction, &zeros);
            let outcome = if transaction.is_committed { Outcome::Ok } else { Outcome::Fail };
            history.push(
                Transaction { process, outcome, invoked: index, completed: Some(index), bare: true, times: None },
                steps,
            );
            index += 1;
        }
    }
    Ok(history)
}

fn steps(history: &mut TransactionHistory, transaction: &ForeignTransaction, zeros: &Zeros) -> Vec<MicroOperation> {
    let mut steps = Vec::with_capacity(transaction.accesses.len());
    // What a transaction failed to read shows nothing, and what it failed to write is not there.
    for access in transaction.accesses.iter().filter(|access| access.is_ok) {
        let is_initial = access.value == 0 && !zeros.written.contains(&access.key);
        let key = history.key(name(access.key));
        match (access.is_write, is_initial) {
            (true, true) => {}
            (true, false) => steps.push(MicroOperation::Write { key, value: history.value(name(access.value)) }),
            (false, true) => steps.push(MicroOperation::Read { key, value: None }),
            (false, false) => {
                steps.push(MicroOperation::Read { key, value: Some(history.value(name(access.value))) });
            }
        }
    }
    steps
}

/// A number larger than those of the names is shown as a text.
fn name(number: u64) -> Name {
    i64::try_from(number).map_or_else(|_| Name::Text(number.to_string().into()), Name::Integer)
}

/// What a 0 stands for.
struct Zeros {
    /// The keys of which 0 is a value like any other.
    written: BTreeSet<u64>,
}

impl Zeros {
    /// In AWDIT's text a key to which 0 is written has it as any value. Elsewhere a transaction that writes nothing but zeros
    /// tells the initial state, be it twice; any other write of 0 has two meanings, and is refused.
    fn of(given: &Given<'_>, sessions: &[ForeignSession]) -> Result<Self, ForeignProblem> {
        let mut written: BTreeMap<u64, u32> = BTreeMap::new();
        for transaction in sessions.iter().flat_map(|session| &session.transactions) {
            let is_initial =
                given.format != Format::Awdit && transaction.accesses.iter().all(|access| access.is_write && access.value == 0);
            if is_initial {
                continue;
            }
            for access in transaction.accesses.iter().filter(|access| access.is_write && access.value == 0) {
                written.entry(access.key).or_insert(transaction.line);
            }
        }
        match written.values().next() {
            Some(&line) if given.format != Format::Awdit => {
                Err(given.refuse(line, "a transaction writes 0, the initial value, beside others"))
            }
            _ => Ok(Self { written: written.into_keys().collect() }),
        }
    }
}
