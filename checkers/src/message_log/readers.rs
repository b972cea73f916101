//! What each reader gets: offset after offset, and nothing passed over.

use dsjepsen_history::{Finding, Index, Process};

use super::offsets::Learned;
use super::{MessageLog, Poll, Polled};
use crate::argument::step;
use crate::broken::{Broken, proven};

const NONMONOTONIC: &str = "message-log.nonmonotonic-poll";
const SKIP: &str = "message-log.poll-skip";
const LOST: &str = "message-log.lost-write";

/// An offset at which a message is known to lie.
struct Known {
    partition: u32,
    offset: u64,
    value: u64,
    /// The operation that shows it: a poll, if any does.
    operation: Index,
}

/// Two messages of a partition that a reader got one after the other, without having moved.
struct Pair {
    partition: u32,
    from: u64,
    to: u64,
    /// The polls that returned them, by their numbers.
    polls: (usize, usize),
}

/// Judges all rules of readers, by what was learned, in the order of partitions and offsets. A message that is passed is counted once
/// for a reader that passes it where somebody saw it, and once in all where nobody did.
pub(super) fn judge(log: &MessageLog, learned: &[Learned], broken: &mut Broken) {
    let (mut seen, mut unseen): (Vec<Known>, Vec<Known>) = (Vec::new(), Vec::new());
    for place in learned.chunk_by(|one, other| (one.partition, one.offset) == (other.partition, other.offset)) {
        // A poll that shows a message goes before an acknowledgement of it: what somebody saw is not lost.
        let shown = place.iter().find(|one| one.polled).unwrap_or(&place[0]);
        let Learned { partition, offset, value, operation, polled, .. } = *shown;
        let known = Known { partition, offset, value, operation };
        if polled { seen.push(known) } else { unseen.push(known) }
    }
    // What is lost is told once, so the place after it that is not yet told is kept.
    let mut next_untold: Vec<usize> = (0..=unseen.len()).collect();
    pairs(log, |pair| {
        let at = log.polls[pair.polls.1].completed;
        if pair.to <= pair.from {
            broken.note(NONMONOTONIC, at, || tell_back(log, &pair));
            return;
        }
        if pair.to - pair.from == 1 {
            return;
        }
        let between = |known: &[Known]| {
            let before = |offset: u64| move |known: &Known| (known.partition, known.offset) < (pair.partition, offset);
            known.partition_point(before(pair.from + 1))..known.partition_point(before(pair.to))
        };
        if let Some(passed) = seen[between(&seen)].first() {
            broken.note(SKIP, at, || tell_passed(log, &pair, passed, SKIP));
        }
        let range = between(&unseen);
        let mut position = first_untold(&mut next_untold, range.start);
        while position < range.end {
            broken.note(LOST, at, || tell_passed(log, &pair, &unseen[position], LOST));
            next_untold[position] = position + 1;
            position = first_untold(&mut next_untold, position);
        }
    });
}

/// The first place from here on that is not yet told, found along pointers that are shortened on the way.
fn first_untold(next: &mut [usize], mut place: usize) -> usize {
    while next[place] != place {
        next[place] = next[next[place]];
        place = next[place];
    }
    place
}

/// Tells the pairs of neighbouring messages, reader by reader in the order of its polls.
fn pairs(log: &MessageLog, mut tell: impl FnMut(Pair)) {
    // With what they are sorted by: polls of one reader lie far apart.
    let mut order: Vec<(Process, Index, usize)> = Vec::with_capacity(log.polls.len());
    order.extend(log.polls.iter().zip(0..).map(|(poll, number)| (poll.process, poll.invoked, number)));
    order.sort_unstable();
    let mut last: Vec<(u32, u64, usize)> = Vec::new();
    let mut reader = None;
    for (process, _, poll) in order {
        let Poll { moved, .. } = log.polls[poll];
        if reader != Some(process) || moved {
            last.clear();
            reader = Some(process);
        }
        for &Polled { partition, offset, .. } in log.messages(poll) {
            match last.binary_search_by_key(&partition, |&(partition, ..)| partition) {
                Ok(place) => {
                    let (_, from, before) = last[place];
                    tell(Pair { partition, from, to: offset, polls: (before, poll) });
                    last[place] = (partition, offset, poll);
                }
                Err(place) => last.insert(place, (partition, offset, poll)),
            }
        }
    }
}

fn tell_back(log: &MessageLog, pair: &Pair) -> Finding {
    let (before, after) = (&log.polls[pair.polls.0], &log.polls[pair.polls.1]);
    let Pair { partition, from, to, .. } = *pair;
    let reader = before.process;
    let sentence = format!("Process {reader} read offset {to} of partition {partition} after offset {from}.");
    let detail = format!("The polls ended at indices {} and {}; it had not moved.", before.completed, after.completed);
    let steps = vec![
        step("Let", format!("process {reader} get offset {from} of partition {partition}."), Some(before.invoked)),
        step("Then", format!("the next that it gets there lies above offset {from}."), None),
        step("However", format!("it got offset {to} next."), Some(after.invoked)),
    ];
    proven(NONMONOTONIC, sentence, detail, steps)
}

fn tell_passed(log: &MessageLog, pair: &Pair, passed: &Known, rule: &'static str) -> Finding {
    let (before, after) = (&log.polls[pair.polls.0], &log.polls[pair.polls.1]);
    let Pair { partition, from, to, .. } = *pair;
    let (reader, offset, value) = (before.process, passed.offset, passed.value);
    let (sentence, shown) = if rule == LOST {
        let sentence = format!(
            "Message {value}, acknowledged at offset {offset} of partition {partition}, was lost: nobody got what lies there."
        );
        (sentence, format!("message {value} be acknowledged at offset {offset} of partition {partition}."))
    } else {
        let sentence = format!("Process {reader} skipped message {value} at offset {offset} of partition {partition}.");
        (sentence, format!("a poll show message {value} at offset {offset} of partition {partition}."))
    };
    let detail = format!("Process {reader} got offset {from} and then offset {to}, without having moved.");
    let steps = vec![
        step("Let", shown, Some(passed.operation)),
        step("And let", format!("process {reader} get offset {from}."), Some(before.invoked)),
        step("Then", format!("it gets offset {offset} before any above it."), None),
        step("However", format!("the next that it got is offset {to}."), Some(after.invoked)),
    ];
    proven(rule, sentence, detail, steps)
}
