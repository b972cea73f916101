//! A queue: first in, first out.

use super::ForeignOption;
use super::containers::{Order, judge_containers};
use super::objects::ObjectModel;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "queue",
    about: "enqueue, dequeue, peek; first in, first out: linearizable",
    rule: "queue.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge_containers(model, given, Order::Queue),
};
