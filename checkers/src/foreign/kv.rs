//! Porcupine's key-value store: strings that are got, put and appended to, each key by itself.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::{ForeignOption, ForeignProblem};
use crate::linearizable::Model;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "kv",
    about: "get, put, append of strings by key, \"\" at first: linearizable",
    rule: "kv.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    judge: |model, given| {
        let first = text(&given.request.init()).map_err(ForeignProblem::Unfit)?;
        judge(model, given, &Kv { first: first.clone() }, &mut Kv { first })
    },
};

/// One key.
struct Kv {
    first: Box<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Call {
    Get,
    Put(Box<str>),
    Append(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reply {
    Got(Box<str>),
    Done,
}

/// A string. A key that has nothing shows nil, or the empty string.
fn text(value: &Value) -> Result<Box<str>, String> {
    match value {
        Value::Nil => Ok("".into()),
        Value::String(text) => Ok(text.as_str().into()),
        other => Err(format!("model `kv` holds strings, and {other} is none")),
    }
}

impl Model for Kv {
    type State = Box<str>;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> Box<str> {
        self.first.clone()
    }

    fn step(&self, state: &Box<str>, call: &Call, reply: Option<&Reply>) -> Option<Box<str>> {
        match (call, reply) {
            (Call::Get, Some(Reply::Got(found))) => (found == state).then(|| state.clone()),
            (Call::Get, _) => Some(state.clone()),
            (Call::Put(value), _) => Some(value.clone()),
            (Call::Append(value), _) => Some(format!("{state}{value}").into()),
        }
    }

    fn only_observes(&self, call: &Call, _reply: &Reply) -> bool {
        matches!(call, Call::Get)
    }
}

impl Words for Kv {
    type Model = Self;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
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
}
