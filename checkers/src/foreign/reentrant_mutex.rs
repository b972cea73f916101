//! A mutex that its holder may acquire a second time.
//!
//! Twice is what Jepsen's tests of Hazelcast set the lock's limit to, and no other history of such a lock is known.

use dsjepsen_history::foreign::ForeignOperation;

use super::{Completion, ForeignOption};
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::owners::{Action, Owners};
use crate::models::reentrant_mutex::{Call, ReentrantMutex};

/// How often its holder may acquire it.
const LIMIT: u32 = 2;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "reentrant-mutex",
    about: "acquire (at most twice), release, by the process or {:client c} that holds it: linearizable",
    rule: "reentrant-mutex.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("acquire", Completion::Owner), ("lock", Completion::Owner), ("release", Completion::Owner), ("unlock", Completion::Owner)],
    judge: |model, given| judge(model, given, &ReentrantMutex { limit: LIMIT }, ReentrantMutexWords::default()),
};

#[derive(Default)]
struct ReentrantMutexWords(Owners);

impl Words for ReentrantMutexWords {
    type Model = ReentrantMutex;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<ReentrantMutex>, Refused> {
        let call = match self.0.read(operation)? {
            (owner, Action::Acquire) => Call::Acquire(owner),
            (owner, Action::Release) => Call::Release(owner),
        };
        Ok(Taken::by(operation.outcome, call, ()))
    }
}
