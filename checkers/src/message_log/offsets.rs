//! Which message lies at which offset, as acknowledgements and polls tell it.

use dsjepsen_history::{Finding, Index};

use super::MessageLog;
use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, proven};

const INCONSISTENT: &str = "message-log.inconsistent-offset";
const DUPLICATE: &str = "message-log.duplicate";

/// Where a message lies, as somebody learned it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Learned {
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) value: u64,
    /// When it was learned.
    pub(super) at: Index,
    /// The operation that shows it.
    pub(super) operation: Index,
    /// Whether a poll shows it, and not an acknowledgement.
    pub(super) polled: bool,
}

/// All that was learned, by partition and offset, and then as it was learned.
pub(super) fn learned(log: &MessageLog) -> Vec<Learned> {
    let mut learned = Vec::with_capacity(log.sends.len() + log.polled.len());
    let answered = log.sends.iter().filter(|send| send.outcome == Outcome::Ok);
    learned.extend(answered.filter_map(|send| {
        Some(Learned {
            partition: send.partition,
            offset: send.offset?,
            value: send.value,
            at: send.completed?,
            operation: send.invoked,
            polled: false,
        })
    }));
    for (poll, messages) in log.polls() {
        learned.extend(messages.iter().map(|message| Learned {
            partition: message.partition,
            offset: message.offset,
            value: message.value,
            at: poll.completed,
            operation: poll.invoked,
            polled: true,
        }));
    }
    learned.sort_unstable_by_key(|one| (one.partition, one.offset, one.at, one.operation, one.value));
    learned
}

/// One offset holds one message, for ever. Counted once for each that tells another message than the first told.
pub(super) fn inconsistent(learned: &[Learned], broken: &mut Broken) {
    for place in learned.chunk_by(|one, other| (one.partition, one.offset) == (other.partition, other.offset)) {
        let first = &place[0];
        for other in place.iter().filter(|other| other.value != first.value) {
            broken.note(INCONSISTENT, other.at, || tell_inconsistent(first, other));
        }
    }
}

fn tell_inconsistent(first: &Learned, other: &Learned) -> Finding {
    let Learned { partition, offset, .. } = *first;
    let sentence =
        format!("Offset {offset} of partition {partition} held two messages: {} and {}.", first.value, other.value);
    let detail = format!("They were learned at indices {} and {}.", first.at, other.at);
    let steps = vec![
        step("Let", first.told("show", "tell"), Some(first.operation)),
        step("Then", "that offset holds this message for everybody.".to_owned(), None),
        step("However", other.told("showed", "told"), Some(other.operation)),
    ];
    proven(INCONSISTENT, sentence, detail, steps)
}

/// Sorts what was learned by partition and message, and then by offset and as it was learned.
pub(super) fn sort_by_message(learned: &mut [Learned]) {
    learned.sort_unstable_by_key(|one| (one.partition, one.value, one.offset, one.at, one.operation));
}

/// One message lies at one offset. Counted once for each that tells another offset than the smallest told. What was learned is sorted
/// by message.
pub(super) fn duplicates(learned: &[Learned], broken: &mut Broken) {
    for message in learned.chunk_by(|one, other| (one.partition, one.value) == (other.partition, other.value)) {
        let first = &message[0];
        for other in message.iter().filter(|other| other.offset != first.offset) {
            broken.note(DUPLICATE, first.at.max(other.at), || tell_duplicate(first, other));
        }
    }
}

fn tell_duplicate(first: &Learned, other: &Learned) -> Finding {
    let Learned { partition, value, .. } = *first;
    let sentence = format!(
        "Message {value} lay twice in partition {partition}: at offsets {} and {}.",
        first.offset, other.offset
    );
    let detail = "Each message is appended once.".to_owned();
    let steps = vec![
        step("Let", first.told("show", "tell"), Some(first.operation)),
        step("Then", "the message lies at that offset alone.".to_owned(), None),
        step("However", other.told("showed", "told"), Some(other.operation)),
    ];
    proven(DUPLICATE, sentence, detail, steps)
}

impl Learned {
    /// `a poll show message 7 at offset 3 of partition 0, at index 12.`
    fn told(&self, shows: &str, tells: &str) -> String {
        let Self { partition, offset, value, at, .. } = *self;
        let who = if self.polled { format!("a poll {shows}") } else { format!("an acknowledgement {tells}") };
        format!("{who} message {value} at offset {offset} of partition {partition}, at index {at}.")
    }
}
