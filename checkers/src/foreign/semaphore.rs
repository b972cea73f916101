//! Semaphores: fptlin's, which is 0 at first, is raised, and is lowered or found to be 0; and permits, acquired and released.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{Completion, ForeignOption, ForeignProblem, Given};
use crate::words::counted;
use crate::models::semaphore::{Call, Reply, Semaphore};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "semaphore",
    about: "incr 1, decr 1, decr 0 (refused at 0); acquire, release of one permit: linearizable; --init 0",
    rule: "semaphore.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("incr", Completion::Result), ("decr", Completion::Result), ("acquire", Completion::Amount), ("release", Completion::Amount)],
    judge: |model, given| judge(model, given, &Semaphore { initial: initial(given)? }, SemaphoreWords),
};

fn initial(given: &Given<'_>) -> Result<u64, ForeignProblem> {
    let init = given.request.init();
    if init.is_nil() {
        return Ok(0);
    }
    let permits = init.as_integer().and_then(|permits| u64::try_from(permits).ok());
    permits.ok_or_else(|| ForeignProblem::Unfit(format!("--init of a semaphore counts permits, and {init} does not")))
}

struct SemaphoreWords;

impl Words for SemaphoreWords {
    type Model = Semaphore;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Semaphore>, Refused> {
        let call = match operation.f.as_deref() {
            Some("incr") => Call::Raise,
            Some("decr") => Call::Lower,
            Some(name @ ("release" | "acquire")) => return permit(operation, name == "acquire"),
            _ => return Err(Refused::Stranger),
        };
        if operation.outcome != ForeignOutcome::Ok {
            return Ok(Taken::by(operation.outcome, call, Reply::Done));
        }
        match (call, operation.reply.as_integer()) {
            (_, Some(1)) => Ok(Taken::Answered(call, Reply::Done)),
            (Call::Lower, Some(0)) => Ok(Taken::Answered(call, Reply::Empty)),
            (Call::Raise, Some(0)) => Err(Refused::Malformed("what a refused incr shows is not known here".to_owned())),
            _ => Err(Refused::Malformed(format!("it is answered with 1 or 0, and not with {}", operation.reply))),
        }
    }

    fn holds(state: &u64, _shown: &[Shown<'_, Semaphore>]) -> Option<String> {
        Some(counted(*state, "permit"))
    }
}

/// A permit is acquired and released one at a time. What a failed acquire shows is nothing: it may not have waited long enough.
fn permit(operation: &ForeignOperation, acquires: bool) -> Result<Taken<Semaphore>, Refused> {
    if let Some(permits) = operation.call.as_integer().filter(|&permits| permits != 1) {
        return Err(Refused::Malformed(format!("permits go one by one here, and not {permits} at once")));
    }
    let is_one = matches!(&operation.call, Value::Nil | Value::Integer(_)) || operation.call.as_map().is_some();
    if !is_one {
        return Err(Refused::Malformed(format!("it takes no value, and this one {}", operation.call)));
    }
    let call = if acquires { Call::Lower } else { Call::Raise };
    Ok(Taken::by(operation.outcome, call, Reply::Done))
}
