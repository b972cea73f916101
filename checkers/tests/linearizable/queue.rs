//! Queues: with and without peeks and empty answers, values that come once, and few that come again.

use dsjepsen_checkers::models::queue::Queue;

use crate::containers::{Containers, NEXT, check_puzzles};

#[test]
fn queues_of_values_that_come_once() {
    for (number, (peeks, is_ever_empty)) in (0..).zip([(0, false), (0, true), (30, false), (30, true)]) {
        check_puzzles(&Containers { peeks, is_ever_empty, ..Containers::new(Queue::new(), NEXT.queue) }, number);
    }
}

#[test]
fn queues_of_few_values() {
    let tally = crate::kit::compare(&Containers { is_unique: false, ..Containers::new(Queue::new(), NEXT.queue) }, 9);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
