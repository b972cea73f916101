//! A mutex that only its holder may release.

use dsjepsen_history::foreign::ForeignOperation;

use super::{Completion, ForeignOption};
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::owners::{Action, Owners};
use crate::models::owner_mutex::{Call, OwnerMutex};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "owner-mutex",
    about: "acquire, release, by the process or {:client c} that holds it: linearizable",
    rule: "owner-mutex.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("acquire", Completion::Owner), ("lock", Completion::Owner), ("release", Completion::Owner), ("unlock", Completion::Owner)],
    judge: |model, given| judge(model, given, &OwnerMutex, OwnerMutexWords::default()),
};

#[derive(Default)]
struct OwnerMutexWords(Owners);

impl Words for OwnerMutexWords {
    type Model = OwnerMutex;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<OwnerMutex>, Refused> {
        let call = match self.0.read(operation)? {
            (owner, Action::Acquire) => Call::Acquire(owner),
            (owner, Action::Release) => Call::Release(owner),
        };
        Ok(Taken::by(operation.outcome, call, ()))
    }
}
