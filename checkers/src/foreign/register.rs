//! A register that is read and written; with `cas` it is [`super::cas_register`].

use dsjepsen_history::Judgement;
use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};

use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{Completion, ForeignOption, ForeignProblem, ForeignRequest, Format, Given};
use crate::models::register::{Call, Register, Reply};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "register",
    about: "read, write: linearizable",
    rule: "register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("read", Completion::Result), ("write", Completion::Argument)],
    judge: |model, given| judge_registers(model, given, false),
};

/// Judges registers; `cas` is an operation of theirs only where they know it.
pub(super) fn judge_registers(
    model: &ObjectModel,
    given: &Given<'_>,
    knows_cas: bool,
) -> Result<Judgement, ForeignProblem> {
    let mut words = RegisterWords { request: given.request, format: given.format, knows_cas, values: Numbers::default() };
    let register = Register { initial: words.values.number(&given.request.init()) };
    judge(model, given, &register, words)
}

struct RegisterWords<'a> {
    request: &'a ForeignRequest,
    format: Format,
    knows_cas: bool,
    values: Numbers,
}

impl RegisterWords<'_> {
    fn cas(&mut self, operation: &ForeignOperation) -> Result<Taken<Register<u32>>, Refused> {
        let Some([from, to]) = operation.call.as_list() else {
            return Err(Refused::Malformed(format!("a cas takes `[old new]`, and this one {}", operation.call)));
        };
        let call = Call::Cas { from: self.values.number(from), to: self.values.number(to) };
        let misses = !operation.has_error() && self.request.failed_cas.observes(self.format);
        Ok(match operation.outcome {
            ForeignOutcome::Fail if misses => Taken::Answered(call, Reply::Swapped(false)),
            outcome => Taken::by(outcome, call, Reply::Swapped(true)),
        })
    }
}

impl Words for RegisterWords<'_> {
    type Model = Register<u32>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Register<u32>>, Refused> {
        match operation.f.as_deref() {
            Some("read") if operation.outcome != ForeignOutcome::Ok || self.request.is_wildcard(&operation.reply) => {
                Ok(Taken::Nothing)
            }
            Some("read") => Ok(Taken::Answered(Call::Read, Reply::Found(self.values.number(&operation.reply)))),
            Some("write") => {
                Ok(Taken::by(operation.outcome, Call::Write(self.values.number(&operation.call)), Reply::Done))
            }
            Some("cas") if self.knows_cas => self.cas(operation),
            _ => Err(Refused::Stranger),
        }
    }

    fn holds(state: &u32, shown: &[Shown<'_, Register<u32>>]) -> Option<String> {
        Some(value_in_words(*state, shown))
    }
}

/// The value of a register by its number, as an operation shows it; only the first value may be shown by none.
pub(super) fn value_in_words(number: u32, shown: &[Shown<'_, Register<u32>>]) -> String {
    let value = shown.iter().find_map(|(entry, operation)| match (&entry.call, entry.reply()) {
        (Call::Read, Some(Reply::Found(found))) if *found == number => Some(&operation.reply),
        (Call::Write(written), _) if *written == number => Some(&operation.call),
        (Call::Cas { from, .. }, _) if *from == number => operation.call.as_list()?.first(),
        (Call::Cas { to, .. }, _) if *to == number => operation.call.as_list()?.last(),
        _ => None,
    });
    value.map_or_else(|| "what it held at first".to_owned(), ToString::to_string)
}
