//! A queue with two ends.

use super::ForeignOption;
use super::containers::{Order, judge_containers};
use super::objects::ObjectModel;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "deque",
    about: "push, pop, peek, each with _front or _back: linearizable",
    rule: "deque.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge_containers(model, given, Order::Deque),
};
