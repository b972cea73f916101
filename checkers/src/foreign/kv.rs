//! Porcupine's key-value store: strings that are got, put and appended to, each key by itself.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Format, Value};

use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{Completion, ForeignOption, ForeignProblem, ForeignRequest, KeyRule};
use crate::models::keyed::{self, Keyed};
use crate::models::kv::{Call, Kv, Reply};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "kv",
    about: "get, put, append of strings by key, \"\" at first: linearizable",
    rule: "kv.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("get", Completion::Result), ("read", Completion::Result), ("put", Completion::Argument), ("write", Completion::Argument), ("append", Completion::Argument)],
    judge: |model, given| {
        let initial = text(&given.request.init()).map_err(ForeignProblem::Unfit)?;
        let key = Kv { initial };
        // All keys at once, where the format has them and they are not to be told apart.
        if given.format == Format::EdnLinesKv && given.request.keys == KeyRule::Whole {
            return judge(model, given, &Keyed { object: key }, StoreWords { of_key: KvWords(given.request), numbers: Numbers::default() });
        }
        judge(model, given, &key, KvWords(given.request))
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

struct KvWords<'a>(&'a ForeignRequest);

impl Words for KvWords<'_> {
    type Model = Kv;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Kv>, Refused> {
        self.of_key(operation, &operation.call, &operation.reply)
    }

    fn holds(state: &Box<str>, _shown: &[Shown<'_, Kv>]) -> Option<String> {
        Some(format!("{state:?}"))
    }
}

impl KvWords<'_> {
    /// What an operation on one key asks and shows.
    fn of_key(&self, operation: &ForeignOperation, call: &Value, reply: &Value) -> Result<Taken<Kv>, Refused> {
        let value = |value| text(value).map_err(Refused::Malformed);
        match (operation.f.as_deref(), operation.outcome) {
            (Some("get" | "read"), ForeignOutcome::Ok) if !self.0.is_wildcard(reply) => {
                Ok(Taken::Answered(Call::Get, Reply::Got(value(reply)?)))
            }
            (Some("get" | "read"), _) => Ok(Taken::Nothing),
            (Some("put" | "write"), outcome) => Ok(Taken::by(outcome, Call::Put(value(call)?), Reply::Done)),
            (Some("append"), outcome) => Ok(Taken::by(outcome, Call::Append(value(call)?), Reply::Done)),
            _ => Err(Refused::Stranger),
        }
    }
}

/// The words of all keys, whose values are `[key value]`.
struct StoreWords<'a> {
    of_key: KvWords<'a>,
    numbers: Numbers,
}

impl Words for StoreWords<'_> {
    type Model = Keyed<Kv>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Keyed<Kv>>, Refused> {
        let pair = |value: &Value| match value.as_list() {
            Some([key, value]) => Ok((key.clone(), value.clone())),
            _ => Err(Refused::Malformed(format!("{value} is no `[key value]`"))),
        };
        let (key, call) = pair(&operation.call)?;
        let reply = if operation.outcome == ForeignOutcome::Ok { pair(&operation.reply)?.1 } else { Value::Nil };
        let key = self.numbers.number(&key);
        Ok(match self.of_key.of_key(operation, &call, &reply)? {
            Taken::Nothing => Taken::Nothing,
            Taken::Answered(call, reply) => Taken::Answered(keyed::Call { key, call }, reply),
            Taken::Open(call) => Taken::Open(keyed::Call { key, call }),
        })
    }
}
