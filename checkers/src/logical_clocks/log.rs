//! The message log in order, and which event is the predecessor of which.

use std::borrow::Cow;

use dsjepsen_history::{Finding, Index};
use rustc_hash::FxHashMap;

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
    let mut latest: FxHashMap<u32, u32> = FxHashMap::default();
    (0..).zip(sorted).map(|(place, event)| latest.insert(event.process, place).unwrap_or(NONE)).collect()
}

fn sent<S>(sorted: &[&ClockEvent<S>]) -> Result<Vec<u32>, String> {
    let (mut sends, mut receipts) = (Vec::new(), Vec::new());
    for (place, event) in (0_u32..).zip(sorted) {
        match event.kind {
            EventKind::Send(message) => sends.push((message, place)),
            EventKind::Receive(message) => receipts.push((message, place)),
            EventKind::Local => {}
        }
    }
    sends.sort_unstable();
    receipts.sort_unstable();
    if let Some(twice) = sends.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("Message {} was sent twice.", twice[0].0));
    }
    let mut sent = vec![NONE; sorted.len()];
    let mut sends = sends.into_iter().peekable();
    // The first receipt that does not fit, and whether its message was sent at all.
    let mut misfit: Option<(u32, u64, bool)> = None;
    for (message, place) in receipts {
        while sends.next_if(|(other, _)| *other < message).is_some() {}
        let send = sends.peek().filter(|(other, _)| *other == message).map(|(_, send)| *send);
        match send {
            Some(send) if send < place => sent[place as usize] = send,
            _ if misfit.is_some_and(|(first, ..)| first < place) => {}
            _ => misfit = Some((place, message, send.is_some())),
        }
    }
    let Some((place, message, was_sent)) = misfit else { return Ok(sent) };
    let at: Index = sorted[place as usize].at;
    let why = if was_sent { "before it was sent" } else { "but its sending is not in the log" };
    Err(format!("Message {message} was received at index {at}, {why}."))
}
