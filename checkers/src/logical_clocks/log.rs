//! The message log in order, and which event is the predecessor of which.

use std::borrow::Cow;

use dsjepsen_history::{Finding, Index};

use super::{ClockEvent, EventKind};
use crate::argument::step;

/// No event.
pub(super) const NONE: u32 = u32::MAX;

/// The events, sorted, with their predecessors.
pub(super) struct Log<'a, S> {
    /// By index.
    pub(super) events: Vec<&'a ClockEvent<S>>,
    /// The event of the same process before each, or [`NONE`].
    pub(super) before: Vec<u32>,
    /// Where the message that each receives was sent, or [`NONE`].
    pub(super) sent: Vec<u32>,
}

impl<'a, S> Log<'a, S> {
    /// Sorts and pairs a log; what does not fit together is a problem in words.
    pub(super) fn of(events: &'a [ClockEvent<S>]) -> Result<Self, String> {
        let mut sorted: Vec<&ClockEvent<S>> = events.iter().collect();
        sorted.sort_unstable_by_key(|event| event.at);
        if sorted.len() >= NONE as usize {
            return Err("More events than this checker can number.".to_owned());
        }
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].at == pair[1].at) {
            return Err(format!("Two events have the index {}.", twice[0].at));
        }
        let before = before(&sorted);
        let sent = sent(&sorted)?;
        Ok(Self { events: sorted, before, sent })
    }

    /// What comes right before an event.
    pub(super) fn predecessors(&self, event: usize) -> impl Iterator<Item = usize> {
        [self.before[event], self.sent[event]].into_iter().filter(|&other| other != NONE).map(|other| other as usize)
    }

    /// Names the sending of every message that a proof shows received: without it the receipt says nothing.
    pub(super) fn complete(&self, mut finding: Finding) -> Finding {
        for at in finding.operations.clone() {
            let Ok(place) = self.events.binary_search_by_key(&at, |event| event.at) else { continue };
            let Some(send) = self.events.get(self.sent[place] as usize) else { continue };
            if finding.operations.contains(&send.at) {
                continue;
            }
            let text =
                format!("a message that is received here be sent by process {} at index {}.", send.process, send.at);
            finding.steps.insert(0, step("Let", text, Some(send.at)));
            finding.operations.push(send.at);
        }
        for step in finding.steps.iter_mut().skip(1).filter(|step| step.lead == "Let") {
            step.lead = Cow::Borrowed("And let");
        }
        finding.operations.sort_unstable();
        finding
    }
}

fn before<S>(sorted: &[&ClockEvent<S>]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..sorted.len() as u32).collect();
    order.sort_by_key(|&event| sorted[event as usize].process);
    let mut before = vec![NONE; sorted.len()];
    for pair in order.windows(2) {
        if sorted[pair[0] as usize].process == sorted[pair[1] as usize].process {
            before[pair[1] as usize] = pair[0];
        }
    }
    before
}

fn sent<S>(sorted: &[&ClockEvent<S>]) -> Result<Vec<u32>, String> {
    let mut sends: Vec<(u64, u32)> = Vec::new();
    for (place, event) in sorted.iter().enumerate() {
        if let EventKind::Send(message) = event.kind {
            sends.push((message, place as u32));
        }
    }
    sends.sort_unstable();
    if let Some(twice) = sends.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("Message {} was sent twice.", twice[0].0));
    }
    let find = |(place, event): (usize, &&ClockEvent<S>)| {
        let EventKind::Receive(message) = event.kind else { return Ok(NONE) };
        let at: Index = event.at;
        match sends.binary_search_by_key(&message, |&(message, _)| message) {
            Ok(found) if (sends[found].1 as usize) < place => Ok(sends[found].1),
            Ok(_) => Err(format!("Message {message} was received at index {at}, before it was sent.")),
            Err(_) => Err(format!("Message {message} was received at index {at}, but its sending is not in the log.")),
        }
    };
    sorted.iter().enumerate().map(find).collect()
}
