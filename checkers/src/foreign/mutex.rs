//! Knossos' mutex: acquired when it is free, released when it is held, by whomever.

use dsjepsen_history::foreign::{ForeignOperation, Value};

use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::owners::{Action, action};
use super::{Completion, ForeignOption, ForeignProblem, Given};
use crate::models::mutex::{Call, Mutex};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "mutex",
    about: "acquire, release, by whomever: linearizable; --init unlocked",
    rule: "mutex.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("acquire", Completion::Result), ("lock", Completion::Result), ("release", Completion::Result), ("unlock", Completion::Result)],
    judge: |model, given| judge(model, given, &Mutex { held: is_held(given)? }, MutexWords),
};

/// Whether it is held at first.
fn is_held(given: &Given<'_>) -> Result<bool, ForeignProblem> {
    let init = given.request.init();
    match (init.as_word(), &init) {
        (None, Value::Nil) => Ok(false),
        (Some("unlocked" | "free"), _) | (_, Value::Bool(false)) => Ok(false),
        (Some("locked" | "held"), _) | (_, Value::Bool(true)) => Ok(true),
        _ => Err(ForeignProblem::Unfit(format!("--init of a mutex is `unlocked` or `locked`, and not {init}"))),
    }
}

struct MutexWords;

impl Words for MutexWords {
    type Model = Mutex;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Mutex>, Refused> {
        let call = match action(operation)? {
            Action::Acquire => Call::Acquire,
            Action::Release => Call::Release,
        };
        Ok(Taken::by(operation.outcome, call, ()))
    }

    fn holds(state: &bool, _shown: &[Shown<'_, Mutex>]) -> Option<String> {
        Some(if *state { "the lock" } else { "no lock" }.to_owned())
    }
}
