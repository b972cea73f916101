//! Partitioned logs as Kafka's: senders append values to partitions and may learn the offset, readers poll in the order of offsets.
//!
//! The rules are the anomalies of Jepsen's Kafka tests (`jepsen.tests.kafka`), by partition. In each partition a value is sent as a
//! message of its own: values are unique, but for a message that is sent again after an indeterminate answer.

mod offsets;
mod readers;
mod senders;

use dsjepsen_history::{Index, Judgement, Process};

use crate::Outcome;
use crate::broken::{Broken, counting, impossible, malformed};

const CHECKER: &str = "message-log";

/// One message sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    /// Who sent it.
    pub process: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it was sent.
    pub partition: u32,
    /// The message, as a number.
    pub value: u64,
    /// The offset that an ok answer told.
    pub offset: Option<u64>,
}

/// One poll that was answered; others show nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// Who polled.
    pub process: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion.
    pub completed: Index,
    /// Whether the reader may have moved since its last poll: it was assigned partitions, sought, or began. Its first poll need not
    /// say so.
    pub moved: bool,
}

/// A message as a poll returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Polled {
    /// Its partition.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// The message.
    pub value: u64,
}

/// What was sent and polled. All polled messages lie in one arena, so that millions of them fit in memory.
#[derive(Debug, Clone, Default)]
pub struct MessageLog {
    sends: Vec<Send>,
    polls: Vec<Poll>,
    /// Where the messages of each poll end.
    ends: Vec<usize>,
    polled: Vec<Polled>,
}

impl MessageLog {
    /// A log of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message that was sent, in any order.
    pub fn send(&mut self, send: Send) {
        self.sends.push(send);
    }

    /// Adds a poll with its messages, in the order in which they were returned; polls in any order.
    pub fn poll(&mut self, poll: Poll, messages: impl IntoIterator<Item = Polled>) {
        self.polled.extend(messages);
        self.polls.push(poll);
        self.ends.push(self.polled.len());
    }

    /// What was sent.
    pub fn sends(&self) -> &[Send] {
        &self.sends
    }

    /// The polls, each with its messages.
    pub fn polls(&self) -> impl Iterator<Item = (&Poll, &[Polled])> {
        (0..self.polls.len()).map(|number| (&self.polls[number], self.messages(number)))
    }

    fn messages(&self, poll: usize) -> &[Polled] {
        let start = poll.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.polled[start..self.ends[poll]]
    }

    /// The operations, without polled messages.
    fn operations(&self) -> u64 {
        (self.sends.len() + self.polls.len()) as u64
    }
}

/// What is promised of a log, and what is known of its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MessageLogOptions {
    /// Whether a message may lie at several offsets: senders send again, and the log does not notice.
    pub may_duplicate: bool,
    /// Whether offsets rise with real time over all senders of a partition, not only in each.
    pub real_time: bool,
    /// Whether readers polled every partition to its end, from its beginning, after all was sent. Then what nobody saw is lost.
    pub drained: bool,
}

/// Judges `message-log.inconsistent-offset`, `message-log.duplicate`, `message-log.from-nowhere`, `message-log.aborted-read`,
/// `message-log.nonmonotonic-send`, `message-log.nonmonotonic-poll`, `message-log.poll-skip`, `message-log.lost-write` and, where
/// readers drained the log, `message-log.unseen`. O(n log n) in the messages.
///
/// A reader that does not move between two messages that it gets passes what lies between. Known there are messages that were
/// acknowledged with their offset, and those that others got: passing such a message is a skip where anybody ever saw it, and a lost
/// write where nobody did. Compaction is not known here; nor is a message lost that no reader passed.
pub fn check_message_log(log: &MessageLog, options: MessageLogOptions) -> Judgement {
    let sends = log.sends.iter().map(|send| (send.invoked, send.completed, send.outcome));
    let polls = log.polls.iter().map(|poll| (poll.invoked, Some(poll.completed), Outcome::Ok));
    if let Some(problem) = impossible(sends.chain(polls)) {
        return malformed(CHECKER, problem);
    }
    let mut broken = Broken::default();
    let mut learned = offsets::learned(log);
    offsets::inconsistent(&learned, &mut broken);
    readers::judge(log, &learned, &mut broken);
    offsets::sort_by_message(&mut learned);
    if !options.may_duplicate {
        offsets::duplicates(&learned, &mut broken);
    }
    let unseen = senders::origins(log, &learned, options.drained, &mut broken);
    drop(learned);
    senders::in_order(log, options.real_time, &mut broken);
    let figures = vec![
        counting("messages sent", log.sends.len() as u64),
        counting("polls", log.polls.len() as u64),
        counting("messages polled", log.polled.len() as u64),
        counting("acknowledged messages that nobody saw", unseen),
    ];
    let nothing = nothing(log, options);
    broken.judgement(CHECKER, log.operations(), nothing, figures)
}

/// Why nothing was judged. An empty poll shows something only of a log that was drained.
fn nothing(log: &MessageLog, options: MessageLogOptions) -> Option<String> {
    let acknowledged = log.sends.iter().any(|send| send.outcome == Outcome::Ok);
    if !log.polled.is_empty() || (options.drained && acknowledged && !log.polls.is_empty()) {
        return None;
    }
    Some("No message was read, so what became of those sent is not known.".to_owned())
}
