//! Porcupine's key-value store: strings that are got, put and appended to, each key by itself.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{ForeignOption, ForeignProblem};
use crate::models::kv::{Call, Kv, Reply};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "kv",
    about: "get, put, append of strings by key, \"\" at first: linearizable",
    rule: "kv.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    judge: |model, given| {
        let initial = text(&given.request.init()).map_err(ForeignProblem::Unfit)?;
        judge(model, given, &Kv { initial }, KvWords)
    },
};

/// A string. A key that has nothing shows nil, or the empty string.
fn text(value: &Value) -> Result<Box<str>, String> {
    match value {
        Value::Nil => Ok("".into()),
        Value::String(text) => Ok(text.as_str().into()),
        other => Err(format!("model `kv` holds strings, and {other} is none")),
    }
}

struct KvWords;

impl Words for KvWords {
    type Model = Kv;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Kv>, Refused> {
        let value = |value| text(value).map_err(Refused::Malformed);
        match (operation.f.as_deref(), operation.outcome) {
            (Some("get" | "read"), ForeignOutcome::Ok) => {
                Ok(Taken::Answered(Call::Get, Reply::Got(value(&operation.reply)?)))
            }
            (Some("get" | "read"), _) => Ok(Taken::Nothing),
            (Some("put" | "write"), outcome) => {
                Ok(Taken::by(outcome, Call::Put(value(&operation.call)?), Reply::Done))
            }
            (Some("append"), outcome) => Ok(Taken::by(outcome, Call::Append(value(&operation.call)?), Reply::Done)),
            _ => Err(Refused::Stranger),
        }
    }

    fn holds(state: &Box<str>, _shown: &[Shown<'_, Kv>]) -> Option<String> {
        Some(format!("{state:?}"))
    }
}
