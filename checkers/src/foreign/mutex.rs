//! Knossos' mutex: acquired when it is free, released when it is held, by whomever.

use dsjepsen_history::foreign::ForeignOperation;

use super::ForeignOption;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use crate::linearizable::Model;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "mutex",
    about: "acquire, release, by whomever: linearizable",
    rule: "mutex.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge(model, given, &Mutex, &mut Mutex),
};

struct Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Call {
    Acquire,
    Release,
}

impl Model for Mutex {
    /// Whether it is held.
    type State = bool;
    type Call = Call;
    type Reply = ();

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, state: &bool, call: &Call, _reply: Option<&()>) -> Option<bool> {
        match call {
            Call::Acquire => (!state).then_some(true),
            Call::Release => state.then_some(false),
        }
    }

    fn only_observes(&self, _call: &Call, _reply: &()) -> bool {
        false
    }
}

impl Words for Mutex {
    type Model = Self;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        let call = match operation.f.as_deref() {
            Some("acquire" | "lock") => Call::Acquire,
            Some("release" | "unlock") => Call::Release,
            _ => return Err(Refused::Stranger),
        };
        Ok(Taken::by(operation.outcome, call, ()))
    }
}
