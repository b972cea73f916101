//! Unordered queues: with and without peeks and empty answers, values that come once, and few that come again.

use dsjepsen_checkers::models::unordered_queue::UnorderedQueue;

use crate::containers::{Containers, NEXT, check, check_puzzles};

#[test]
fn unordered_queues_of_values_that_come_once() {
    for (number, (peeks, is_ever_empty)) in (0..).zip([(0, false), (0, true), (30, false), (30, true)]) {
        let of = Containers { peeks, is_ever_empty, ..Containers::new(UnorderedQueue::new(), NEXT.unordered_queue) };
        if is_ever_empty {
            check_puzzles(&of, number);
        } else {
            // Without empty answers there is no order that could be wrong.
            check(&of, number);
        }
    }
}

#[test]
fn unordered_queues_of_few_values() {
    let tally = crate::kit::compare(
        &Containers { is_unique: false, ..Containers::new(UnorderedQueue::new(), NEXT.unordered_queue) },
        9,
    );
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
