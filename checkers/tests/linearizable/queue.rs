//! Queues: with and without peeks and empty answers, values that come once, and few that come again.

use dsjepsen_checkers::linearizable::{Decision, Entry, Model};
use dsjepsen_checkers::models::queue::{Call, Queue, Reply};

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

/// Who saw a value is part of the proof where only that shows how long it was there.
#[test]
fn a_proof_names_who_saw_a_value_first_and_last() {
    let entry = |call, invoked, reply, returned| Entry { position: 0, call, invoked, answer: Some((reply, returned)) };
    let put = |returned| entry(Call::Put(1), 1, Reply::Done, returned);
    let peek = |invoked, returned| entry(Call::Peek, invoked, Reply::Found(1), returned);
    let nothing = entry(Call::Take, 4, Reply::Empty, 5);
    let early = [put(10), peek(2, 3), nothing.clone(), entry(Call::Take, 6, Reply::Found(1), 7)];
    let late = [put(2), entry(Call::Take, 3, Reply::Found(1), 10), nothing, peek(6, 11)];
    for entries in [early, late] {
        assert_eq!(Queue::new().decide(&entries), Some(Decision::Impossible(vec![0, 1, 2, 3])), "{entries:#?}");
    }
}

/// Values 1, 2 and 3 put in one after the other, dequeues without an answer, and 3 taken from 20 to 30.
fn third_taken(open: &[u64]) -> Vec<Entry<Call<u32>, Reply<u32>>> {
    let mut entries: Vec<_> = (1..=3)
        .map(|value| {
            let invoked = 2 * u64::from(value);
            Entry { position: 0, call: Call::Put(value), invoked, answer: Some((Reply::Done, invoked + 1)) }
        })
        .collect();
    entries.push(Entry { position: 0, call: Call::Take, invoked: 20, answer: Some((Reply::Found(3), 30)) });
    entries.extend(open.iter().map(|&invoked| Entry { position: 0, call: Call::Take, invoked, answer: None }));
    entries
}

#[test]
fn what_had_to_leave_was_taken_without_an_answer() {
    let decided = |open: &[u64]| Queue::new().decide(&third_taken(open));
    assert_eq!(decided(&[1, 30]), Some(Decision::Exists));
    assert_eq!(decided(&[1, 40, 25]), Some(Decision::Exists));
    // The second value needs one too, and 31 is too late.
    assert_eq!(decided(&[1]), Some(Decision::Impossible(vec![0, 1, 2, 3, 4])));
    assert_eq!(decided(&[31, 25]), Some(Decision::Impossible(vec![0, 1, 2, 3, 5])));
    assert_eq!(decided(&[31]), Some(Decision::Impossible(vec![0, 2, 3])));
}
