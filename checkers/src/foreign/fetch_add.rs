//! A counter whose additions show the value that they found.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::counter::first;
use super::numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{Completion, ForeignOption, ForeignProblem};
use crate::models::fetch_add::{Add, FetchAdd};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "fetch-add",
    about: "fetch-add n (or [n found]) shows the value before, read n: linearizable; --init 0",
    rule: "fetch-add.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("fetch-add", Completion::ArgumentAndResult), ("fetch-and-add", Completion::ArgumentAndResult), ("fetch_add", Completion::ArgumentAndResult), ("fetch_and_add", Completion::ArgumentAndResult), ("add", Completion::ArgumentAndResult), ("read", Completion::Result)],
    judge: |model, given| {
        let initial: Result<i64, ForeignProblem> = first(given);
        judge(model, given, &FetchAdd { initial: initial? }, FetchAddWords)
    },
};

struct FetchAddWords;

impl Words for FetchAddWords {
    type Model = FetchAdd;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<FetchAdd>, Refused> {
        let amount = match operation.f.as_deref() {
            Some("fetch-add" | "fetch-and-add" | "fetch_add" | "fetch_and_add" | "add") => match operation.call.as_list() {
                Some([amount, _]) => whole(amount)?,
                _ if operation.is_filled() => {
                    return Err(Refused::Malformed("it does not say what it added".to_owned()));
                }
                _ => whole(&operation.call)?,
            },
            Some("read") if operation.outcome != ForeignOutcome::Ok => return Ok(Taken::Nothing),
            Some("read") => 0,
            _ => return Err(Refused::Stranger),
        };
        if operation.outcome != ForeignOutcome::Ok {
            return Ok(Taken::by(operation.outcome, Add(amount), 0));
        }
        let found = match operation.reply.as_list() {
            Some([_, found]) => whole(found)?,
            _ => whole(&operation.reply)?,
        };
        Ok(Taken::Answered(Add(amount), found))
    }

    fn holds(state: &i128, _shown: &[Shown<'_, FetchAdd>]) -> Option<String> {
        Some(state.to_string())
    }
}

fn whole(value: &Value) -> Result<i64, Refused> {
    numbers::whole("a counter holds", value).map_err(Refused::Malformed)
}
