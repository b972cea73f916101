//! A queue that gives back its largest number first.

use super::{Completion, ForeignOption};
use super::containers::{Vocabulary, judge_containers};
use super::numbers;
use super::objects::ObjectModel;
use crate::models::priority_queue::PriorityQueue;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "priority-queue",
    about: "insert, poll, peek; the largest number first: linearizable",
    rule: "priority-queue.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("insert", Completion::Argument), ("enqueue", Completion::Argument), ("poll", Completion::Result), ("dequeue", Completion::Result), ("peek", Completion::Result)],
    judge: |model, given| judge_containers(model, given, &PriorityQueue::new(), WORDS),
};

/// What is no priority is never inserted, and can only be found where nothing can.
const WORDS: Vocabulary<Option<i64>> = Vocabulary {
    put: &["insert", "enqueue"],
    take: &["poll", "dequeue"],
    peek: &["peek"],
    heeds_open_takes: true,
    value: |_, value| numbers::whole("priorities are", value).map(Some),
    found: |_, value| value.as_integer(),
};
