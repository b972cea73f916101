//! A queue that gives its values back in any order, each as often as it was put in.

use super::{Completion, ForeignOption};
use super::containers::{Vocabulary, judge_containers};
use super::objects::ObjectModel;
use crate::models::unordered_queue::UnorderedQueue;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "unordered-queue",
    about: "enqueue, dequeue in any order: linearizable",
    rule: "unordered-queue.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("enqueue", Completion::Argument), ("enq", Completion::Argument), ("dequeue", Completion::Result), ("deq", Completion::Result)],
    judge: |model, given| {
        // Whatever a dequeue without an answer took, the others do no worse with it still there: nobody ever finds such a queue
        // empty in a history that has such dequeues.
        let words = Vocabulary { peek: &[], heeds_open_takes: false, ..Vocabulary::new(&["enqueue", "enq"], &["dequeue", "deq"]) };
        judge_containers(model, given, &UnorderedQueue::new(), words)
    },
};
