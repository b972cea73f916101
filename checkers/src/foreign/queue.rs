//! A queue: first in, first out.

use super::{Completion, ForeignOption};
use super::containers::{Vocabulary, judge_containers};
use super::objects::ObjectModel;
use crate::models::queue::Queue;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "queue",
    about: "enqueue, dequeue, peek; first in, first out: linearizable",
    rule: "queue.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("enqueue", Completion::Argument), ("enq", Completion::Argument), ("dequeue", Completion::Result), ("deq", Completion::Result), ("peek", Completion::Result)],
    judge: |model, given| {
        let words = Vocabulary::new(&["enqueue", "enq"], &["dequeue", "deq"]);
        judge_containers(model, given, &Queue::new(), words)
    },
};
