//! fptlin's semaphore: raised, and lowered where it is above 0; it is 0 at first.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};

use super::ForeignOption;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use crate::linearizable::Model;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "semaphore",
    about: "incr 1, decr 1, decr 0 (refused at 0): linearizable",
    rule: "semaphore.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge(model, given, &Semaphore, &mut Semaphore),
};

struct Semaphore;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Raise,
    Lower,
}

impl Model for Semaphore {
    type State = u64;
    type Call = Call;
    /// Whether it was done.
    type Reply = bool;

    fn initial(&self) -> u64 {
        0
    }

    fn step(&self, state: &u64, call: &Call, reply: Option<&bool>) -> Option<u64> {
        match (call, reply) {
            (Call::Raise, _) => state.checked_add(1),
            (Call::Lower, Some(false)) => (*state == 0).then_some(0),
            (Call::Lower, _) => state.checked_sub(1),
        }
    }

    fn only_observes(&self, _call: &Call, reply: &bool) -> bool {
        !reply
    }
}

impl Words for Semaphore {
    type Model = Self;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        let call = match operation.f.as_deref() {
            Some("incr") => Call::Raise,
            Some("decr") => Call::Lower,
            _ => return Err(Refused::Stranger),
        };
        if operation.outcome != ForeignOutcome::Ok {
            return Ok(Taken::by(operation.outcome, call, true));
        }
        match (call, operation.reply.as_integer()) {
            (_, Some(1)) => Ok(Taken::Answered(call, true)),
            (Call::Lower, Some(0)) => Ok(Taken::Answered(call, false)),
            (Call::Raise, Some(0)) => Err(Refused::Malformed("what a refused incr shows is not known here".to_owned())),
            _ => Err(Refused::Malformed(format!("it is answered with 1 or 0, and not with {}", operation.reply))),
        }
    }
}
