//! A queue that gives back its largest number first.

use super::ForeignOption;
use super::containers::{Order, judge_containers};
use super::objects::ObjectModel;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "priority-queue",
    about: "insert, poll, peek; the largest number first: linearizable",
    rule: "priority-queue.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge_containers(model, given, Order::Priority),
};
