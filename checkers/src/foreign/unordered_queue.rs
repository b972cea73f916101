//! A queue that gives its values back in any order, each as often as it was put in.

use super::ForeignOption;
use super::containers::{Order, judge_containers};
use super::objects::ObjectModel;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "unordered-queue",
    about: "enqueue, dequeue in any order: linearizable",
    rule: "unordered-queue.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge_containers(model, given, Order::Any),
};
