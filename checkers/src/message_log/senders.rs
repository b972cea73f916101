//! What was sent: where messages come from, in which order they lie, and whether anybody saw them.

use dsjepsen_history::Finding;

use super::offsets::Learned;
use super::{MessageLog, Send};
use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::real_time::{Keyed, falls};

const NOWHERE: &str = "message-log.from-nowhere";
const ABORTED: &str = "message-log.aborted-read";
const NONMONOTONIC: &str = "message-log.nonmonotonic-send";
const UNSEEN: &str = "message-log.unseen";

/// Every message that was read had been sent, and not in vain. Says how many acknowledged messages nobody saw. What was learned is
/// sorted by message.
pub(super) fn origins(log: &MessageLog, learned: &[Learned], drained: bool, broken: &mut Broken) -> u64 {
    let mut sent: Vec<&Send> = log.sends.iter().collect();
    sent.sort_unstable_by_key(|send| (send.partition, send.value, send.invoked));
    let mut rest = learned;
    let mut unseen = 0;
    for same in sent.chunk_by(|one, other| (one.partition, one.value) == (other.partition, other.value)) {
        let key = (same[0].partition, same[0].value);
        let before = rest.iter().take_while(|one| (one.partition, one.value) < key).count();
        from_nowhere(&rest[..before], broken);
        let of_it = rest[before..].iter().take_while(|one| (one.partition, one.value) == key).count();
        let (told, later) = rest[before..].split_at(of_it);
        rest = later;
        origin(same, told, broken);
        let acknowledged = same.iter().find(|send| send.outcome == Outcome::Ok);
        if let Some(send) = acknowledged.filter(|_| got(told).next().is_none()) {
            unseen += 1;
            if drained {
                broken.note(UNSEEN, send.completed.unwrap_or_default(), || tell_unseen(send));
            }
        }
    }
    from_nowhere(rest, broken);
    unseen
}

/// What polls returned of what was learned.
fn got(learned: &[Learned]) -> impl Iterator<Item = &Learned> {
    learned.iter().filter(|one| one.polled)
}

fn from_nowhere(learned: &[Learned], broken: &mut Broken) {
    for got in got(learned) {
        broken.note(NOWHERE, got.at, || tell_nowhere(got, None));
    }
}

/// Holds what was got of one message against its sends.
fn origin(sends: &[&Send], learned: &[Learned], broken: &mut Broken) {
    let possible = sends.iter().find(|send| send.outcome != Outcome::Fail);
    for got in got(learned) {
        match possible {
            Some(send) if send.invoked < got.at => {}
            Some(send) => broken.note(NOWHERE, got.at, || tell_nowhere(got, Some(send))),
            None => broken.note(ABORTED, got.at, || tell_aborted(got, sends[0])),
        }
    }
}

fn tell_nowhere(got: &Learned, later: Option<&Send>) -> Finding {
    let Learned { partition, value, offset, at, operation, .. } = *got;
    let sentence = format!("Message {value} was read from partition {partition}, though nobody had sent it there.");
    let detail = match later {
        Some(send) => format!("It was first sent later, at index {}.", send.invoked),
        None => "It was never sent there.".to_owned(),
    };
    let steps = vec![
        step("Let", format!("a poll return message {value} at offset {offset}, at index {at}."), Some(operation)),
        step("Then", format!("somebody had sent it to partition {partition} before."), None),
        step("However", format!("nobody had. {detail}"), later.map(|send| send.invoked)),
    ];
    proven(NOWHERE, sentence, detail, steps)
}

fn tell_aborted(got: &Learned, send: &Send) -> Finding {
    let Learned { partition, value, offset, at, operation, .. } = *got;
    let sentence = format!("Message {value} was read from partition {partition}, though its sending had failed.");
    let detail = "What surely failed never comes to be.".to_owned();
    let steps = vec![
        step("Let", format!("the sending of message {value} surely fail."), Some(send.invoked)),
        step("Then", "nobody ever gets it.".to_owned(), None),
        step("However", format!("a poll returned it at offset {offset}, at index {at}."), Some(operation)),
    ];
    proven(ABORTED, sentence, detail, steps)
}

fn tell_unseen(send: &Send) -> Finding {
    let Send { partition, value, .. } = *send;
    let sentence = format!("Message {value} was acknowledged in partition {partition}, and nobody ever got it.");
    let detail = "Readers polled every partition to its end after all was sent.".to_owned();
    let steps = vec![
        step("Let", format!("message {value} be acknowledged."), Some(send.invoked)),
        step("Then", "whoever reads the partition to its end gets it.".to_owned(), None),
        step("However", "all was read to the end, and nobody got it.".to_owned(), None),
    ];
    proven(UNSEEN, sentence, detail, steps)
}

/// Offsets rise from send to send: in each sender, or in real time.
pub(super) fn in_order(log: &MessageLog, real_time: bool, broken: &mut Broken) {
    let mut told: Vec<&Send> =
        log.sends.iter().filter(|send| send.outcome == Outcome::Ok && send.offset.is_some()).collect();
    let sender = |send: &Send| (send.partition, (!real_time).then_some(send.process));
    told.sort_unstable_by_key(|send| (sender(send), send.invoked));
    for group in told.chunk_by(|one, other| sender(one) == sender(other)) {
        let keyed = |position: usize| {
            let send = group[position];
            Keyed { invoked: send.invoked, completed: send.completed, key: send.offset }
        };
        falls(
            group.len(),
            keyed,
            |high, low| high > low,
            |earlier, later| {
                let (before, after) = (group[earlier], group[later]);
                broken.note(NONMONOTONIC, after.completed.unwrap_or_default(), || tell_falling(before, after));
            },
        );
    }
}

fn tell_falling(before: &Send, after: &Send) -> Finding {
    let (high, low) = (before.offset.unwrap_or_default(), after.offset.unwrap_or_default());
    let partition = before.partition;
    let sentence = format!(
        "Message {} went to offset {low} of partition {partition}, though message {} was at offset {high} before it was sent.",
        after.value, before.value
    );
    let acknowledged = before.completed.unwrap_or_default();
    let detail = format!("The first was acknowledged at index {acknowledged}, the second sent at {}.", after.invoked);
    let steps = vec![
        step("Let", format!("message {} be acknowledged at offset {high}.", before.value), Some(before.invoked)),
        step("Then", format!("what process {} sends after that lies above it.", after.process), None),
        step("However", format!("message {} went to offset {low}.", after.value), Some(after.invoked)),
    ];
    proven(NONMONOTONIC, sentence, detail, steps)
}
