//! A stack: last in, first out.

use super::{Completion, ForeignOption};
use super::containers::{Vocabulary, judge_containers};
use super::objects::ObjectModel;
use crate::models::stack::Stack;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "stack",
    about: "push, pop, peek; last in, first out: linearizable",
    rule: "stack.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("push", Completion::Argument), ("pop", Completion::Result), ("peek", Completion::Result)],
    judge: |model, given| judge_containers(model, given, &Stack::new(), Vocabulary::new(&["push"], &["pop"])),
};
