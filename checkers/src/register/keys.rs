//! The operations of a run by key, each as the search sees it.

use std::collections::BTreeMap;

use dsjepsen_history::{Figure, Index, Nanos, Operation, Outcome, Step};
use thiserror::Error;

use super::model::{REGISTER, RegisterEntry};
use super::{RegisterCall, RegisterReply};
use crate::RunView;
use crate::linearizable::{Entry, unseen};
use crate::models::register::{Call, Reply};
use crate::words::count;

/// An operation of the workload.
pub(super) type RegisterOperation = Operation<RegisterCall, RegisterReply>;

/// A history that no run can have left.
#[derive(Debug, Error)]
pub(super) enum Malformed {
    /// A reply of another kind than the call.
    #[error("Operation {0} was answered as if it had been another.")]
    Reply(Index),
    /// A completion that is not later than its invocation.
    #[error("Operation {0} ended before it began.")]
    Order(Index),
}

/// The operations on one register.
pub(super) struct Key {
    /// The register.
    pub(super) key: u64,
    /// All that may have happened.
    pub(super) entries: Vec<RegisterEntry>,
}

/// All registers of a run.
pub(super) struct Keys<'a> {
    /// All operations of the run.
    pub(super) operations: &'a [RegisterOperation],
    /// The registers, smallest key first.
    pub(super) keys: Vec<Key>,
    /// The end of the history.
    pub(super) end: Nanos,
    linearizable_reads: bool,
    reads_left_out: u64,
}

impl<'a> Keys<'a> {
    /// Splits a run by key.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(super) fn of(run: &RunView<'a, RegisterCall, RegisterReply>) -> Result<Self, Malformed> {
        let linearizable_reads = run.plan.promises.linearizable_reads;
        let mut by_key: BTreeMap<u64, Vec<RegisterEntry>> = BTreeMap::new();
        let mut reads_left_out = 0;
        for (position, operation) in run.history.operations.iter().enumerate() {
            let Some(entry) = entry(position, operation)? else { continue };
            let entries = by_key.entry(operation.call.key()).or_default();
            if linearizable_reads || !matches!(operation.call, RegisterCall::Read { .. }) {
                entries.push(entry);
            } else {
                reads_left_out += 1;
            }
        }
        let keys = by_key.into_iter().map(|(key, mut entries)| {
            entries.sort_by_key(|entry| entry.invoked);
            Key { key, entries }
        });
        let keys = keys.collect();
        let (operations, end) = (run.history.operations.as_slice(), run.history.end.time);
        Ok(Self { operations, keys, end, linearizable_reads, reads_left_out })
    }

    /// The operation of an entry.
    pub(super) fn operation(&self, entry: &RegisterEntry) -> &'a RegisterOperation {
        &self.operations[entry.position]
    }

    /// How many operations are judged.
    pub(super) fn judged(&self) -> u64 {
        self.keys.iter().map(|key| key.entries.len() as u64).sum()
    }

    /// What was judged, in figures.
    pub(super) fn figures(&self) -> Vec<Figure> {
        let open = |entry: &&RegisterEntry| entry.answer.is_none();
        let unseen: u64 = self.keys.iter().map(|key| unseen(&REGISTER, &key.entries) as u64).sum();
        let all = self.keys.iter().flat_map(|key| &key.entries).filter(open).count() as u64;
        let longest = self.keys.iter().map(|key| key.entries.len() as u64).max().unwrap_or(0);
        let mut figures = vec![
            Figure::new("keys", count(self.keys.len() as u64)),
            Figure::new("most operations on a key", count(longest)),
            Figure::new("indeterminate writes and cas that may have been seen", count(all - unseen)),
            Figure::new("indeterminate writes and cas that nobody saw", count(unseen)),
        ];
        if !self.linearizable_reads {
            figures.push(Figure::new("reads left out", count(self.reads_left_out)));
        }
        figures
    }

    /// What is taken for granted.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut assumptions = vec![
            "Every register begins without a value.".to_owned(),
            "An indeterminate operation may take effect at any time after its start, or never; one whose effect nobody can \
             have seen is left out."
                .to_owned(),
        ];
        if !self.linearizable_reads {
            let note = "Reads are not judged: the target does not promise that they are linearizable.";
            assumptions.push(note.to_owned());
        }
        assumptions
    }

    /// A step that speaks of an operation.
    pub(super) fn step(&self, lead: &'static str, text: String, entry: Option<&RegisterEntry>) -> Step {
        Step { lead: lead.into(), text, operation: entry.map(|entry| entry.invoked) }
    }
}

/// An operation as the search sees it; `None` where it surely had no effect and showed nothing.
fn entry(position: usize, operation: &RegisterOperation) -> Result<Option<RegisterEntry>, Malformed> {
    let invoked = operation.invoked.index;
    if operation.completed.is_some_and(|completed| completed.index <= invoked) {
        return Err(Malformed::Order(invoked));
    }
    let call = match operation.call {
        RegisterCall::Read { .. } => Call::Read,
        RegisterCall::Write { value, .. } => Call::Write(Some(value)),
        RegisterCall::Cas { from, to, .. } => Call::Cas { from: Some(from), to: Some(to) },
    };
    let answer = match &operation.outcome {
        Outcome::Fail(_) => return Ok(None),
        Outcome::Info(_) if call == Call::Read => return Ok(None),
        Outcome::Info(_) => None,
        Outcome::Ok(reply) => {
            let reply = answer(&call, reply).ok_or(Malformed::Reply(invoked))?;
            // Without a completion it happened, but nobody knows by when.
            Some((reply, operation.completed.map_or(Index::MAX, |completed| completed.index)))
        }
    };
    Ok(Some(Entry { position, call, invoked, answer }))
}

/// The answer to this call; `None` where it is one to another.
fn answer(call: &Call<Option<u64>>, reply: &RegisterReply) -> Option<Reply<Option<u64>>> {
    match (call, reply) {
        (Call::Read, RegisterReply::Read { value }) => Some(Reply::Found(*value)),
        (Call::Write(_), RegisterReply::Write) => Some(Reply::Done),
        (Call::Cas { .. }, RegisterReply::Cas { swapped }) => Some(Reply::Swapped(*swapped)),
        _ => None,
    }
}
