//! A register that is read and written; with `cas` it is [`super::cas_register`].

use std::collections::BTreeMap;

use dsjepsen_history::Judgement;
use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::objects::{Object, ObjectModel, Refused, Taken, judge};
use super::{ForeignOption, ForeignProblem, ForeignRequest, Format, Given};
use crate::linearizable::Model;
use crate::register::{Register, RegisterCall, RegisterEntry, RegisterReply, may_go, without_unseen};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "register",
    about: "read, write: linearizable",
    rule: "register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    judge: |model, given| judge_registers(model, given, false),
};

/// Judges registers; `cas` is an operation of theirs only where they know it.
pub(super) fn judge_registers(
    model: &ObjectModel,
    given: &Given<'_>,
    knows_cas: bool,
) -> Result<Judgement, ForeignProblem> {
    judge(model, given, || ForeignRegister {
        request: given.request,
        format: given.format,
        knows_cas,
        values: BTreeMap::new(),
    })
}

/// One register. Its first value, nil too, is as if it had been written before the history began.
struct ForeignRegister<'a> {
    request: &'a ForeignRequest,
    format: Format,
    knows_cas: bool,
    /// The number of each value.
    values: BTreeMap<Value, u64>,
}

/// There is one register; its key is of no account.
const KEY: u64 = 0;

impl ForeignRegister<'_> {
    fn number(&mut self, value: &Value) -> u64 {
        let next = self.values.len() as u64;
        *self.values.entry(value.clone()).or_insert(next)
    }

    fn read(&mut self, operation: &ForeignOperation) -> Taken<Self> {
        if operation.outcome != ForeignOutcome::Ok || self.request.is_wildcard(&operation.reply) {
            return Taken::Nothing;
        }
        let value = Some(self.number(&operation.reply));
        Taken::Answered(RegisterCall::Read { key: KEY }, RegisterReply::Read { value })
    }

    fn cas(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        let Some([from, to]) = operation.call.as_list() else {
            return Err(Refused::Malformed(format!("a cas takes `[old new]`, and this one {}", operation.call)));
        };
        let call = RegisterCall::Cas { key: KEY, from: self.number(from), to: self.number(to) };
        let misses = !operation.has_error() && self.request.failed_cas.observes(self.format);
        Ok(match operation.outcome {
            ForeignOutcome::Ok => Taken::Answered(call, RegisterReply::Cas { swapped: true }),
            ForeignOutcome::Info => Taken::Open(call),
            ForeignOutcome::Fail if misses => Taken::Answered(call, RegisterReply::Cas { swapped: false }),
            ForeignOutcome::Fail => Taken::Nothing,
        })
    }
}

impl Model for ForeignRegister<'_> {
    type State = Option<u64>;
    type Call = RegisterCall;
    type Reply = RegisterReply;

    fn initial(&self) -> Option<u64> {
        Register.initial()
    }

    fn step(&self, state: &Option<u64>, call: &RegisterCall, reply: Option<&RegisterReply>) -> Option<Option<u64>> {
        Register.step(state, call, reply)
    }

    fn only_observes(&self, call: &RegisterCall, reply: &RegisterReply) -> bool {
        Register.only_observes(call, reply)
    }
}

impl Object for ForeignRegister<'_> {
    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        match operation.f.as_deref() {
            Some("read") => Ok(self.read(operation)),
            Some("write") => {
                let call = RegisterCall::Write { key: KEY, value: self.number(&operation.call) };
                Ok(Taken::by(operation.outcome, call, RegisterReply::Write))
            }
            Some("cas") if self.knows_cas => self.cas(operation),
            _ => Err(Refused::Stranger),
        }
    }

    fn before(&mut self) -> Option<(RegisterCall, RegisterReply)> {
        let init = self.request.init();
        Some((RegisterCall::Write { key: KEY, value: self.number(&init) }, RegisterReply::Write))
    }

    fn prune(&self, entries: Vec<RegisterEntry>) -> Vec<RegisterEntry> {
        without_unseen(entries)
    }

    fn may_go(&self, entries: &[RegisterEntry], place: usize) -> bool {
        may_go(entries, place)
    }
}
