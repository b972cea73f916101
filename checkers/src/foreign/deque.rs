//! A queue with two ends.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Format};

use super::{Completion, ForeignOption};
use super::containers::{found, put};
use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use crate::models::deque::{Call, Deque, End, Reply};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "deque",
    about: "push, pop, peek, each with _front or _back: linearizable",
    rule: "deque.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("push_front", Completion::Argument), ("push_back", Completion::Argument), ("pop_front", Completion::Result), ("pop_back", Completion::Result), ("peek_front", Completion::Result), ("peek_back", Completion::Result)],
    judge: |model, given| {
        judge(model, given, &Deque::new(), DequeWords { format: given.format, values: Numbers::default() })
    },
};

struct DequeWords {
    format: Format,
    values: Numbers,
}

impl Words for DequeWords {
    type Model = Deque<u32>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Deque<u32>>, Refused> {
        let word = operation.f.as_deref().ok_or(Refused::Stranger)?;
        let (kind, end) = match word.strip_suffix("_front") {
            Some(kind) => (kind, End::Front),
            None => (word.strip_suffix("_back").ok_or(Refused::Stranger)?, End::Back),
        };
        let call = match kind {
            "push" => {
                let call = Call::Push(end, self.values.number(put(operation)?));
                return Ok(Taken::by(operation.outcome, call, Reply::Done));
            }
            "pop" => Call::Pop(end),
            "peek" if operation.outcome != ForeignOutcome::Ok => return Ok(Taken::Nothing),
            "peek" => Call::Peek(end),
            _ => return Err(Refused::Stranger),
        };
        let reply = found(operation, self.format, |value| self.values.number(value))?;
        Ok(Taken::by(operation.outcome, call, reply))
    }

    fn holds(state: &Vec<u32>, shown: &[Shown<'_, Deque<u32>>]) -> Option<String> {
        let pushed = |held: u32| {
            shown.iter().find(|(entry, _)| matches!(entry.call, Call::Push(_, pushed) if pushed == held))
        };
        let held = state.iter().map(|&held| Some(pushed(held)?.1.call.to_string())).collect::<Option<Vec<_>>>()?;
        Some(if held.is_empty() { "nothing".to_owned() } else { held.join(", ") })
    }
}
