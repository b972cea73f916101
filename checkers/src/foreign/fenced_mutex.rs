//! A mutex that only its holder may release, and that answers each acquire with a larger token.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::{Completion, ForeignOption};
use super::numbers;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::owners::{Action, Owners, member};
use crate::models::fenced_mutex::{Call, FencedMutex, Reply};

/// What Hazelcast says where it gave no token.
const NO_TOKEN: i64 = 0;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "fenced-mutex",
    about: "acquire token (or {:client c, :fence token}), release, by the holder: linearizable, tokens grow",
    rule: "fenced-mutex.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("acquire", Completion::Owner), ("lock", Completion::Owner), ("release", Completion::Owner), ("unlock", Completion::Owner)],
    judge: |model, given| judge(model, given, &FencedMutex, FencedMutexWords::default()),
};

#[derive(Default)]
struct FencedMutexWords(Owners);

impl Words for FencedMutexWords {
    type Model = FencedMutex;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<FencedMutex>, Refused> {
        let (owner, action) = self.0.read(operation)?;
        Ok(match (action, operation.outcome) {
            (Action::Acquire, ForeignOutcome::Ok) => {
                Taken::Answered(Call::Acquire(owner), Reply::Granted(token(&operation.reply)?))
            }
            (Action::Acquire, outcome) => Taken::by(outcome, Call::Acquire(owner), Reply::Granted(None)),
            (Action::Release, outcome) => Taken::by(outcome, Call::Release(owner), Reply::Released),
        })
    }
}

/// The token that an acquire was told, if any.
fn token(reply: &Value) -> Result<Option<i64>, Refused> {
    let told = if reply.as_map().is_some() { member(reply, "fence") } else { Some(reply) };
    let told = told.filter(|told| !told.is_nil());
    let token = told.map(|told| numbers::whole("tokens are", told).map_err(Refused::Malformed));
    Ok(token.transpose()?.filter(|token| reply.as_map().is_none() || *token != NO_TOKEN))
}
