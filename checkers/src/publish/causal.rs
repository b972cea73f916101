//! The causal order: a message comes after those on which it may depend.

use dsjepsen_history::{Finding, Index, Step};

use super::streams::Streams;
use super::{Delivery, Publication};
use crate::argument::step;
use crate::broken::{Broken, proven};

const RULE: &str = "publish.causal";

/// How many entries the clocks of all messages may have: 200 MB.
const MOST_ENTRIES: usize = 50_000_000;

/// Judges the rule; says whether it could be judged at all.
///
/// Each message carries how many messages of each publisher it may depend on: the vector clock of causal broadcasts (Birman,
/// Schiper and Stephenson, Lightweight causal and atomic group multicast, TOCS 9(3), 1991), here as the history tells it. Going
/// through a subscriber's messages from the last, the smallest number of each publisher seen so far is what came later.
pub(super) fn judge(streams: &Streams<'_>, deliveries: &[Delivery], broken: &mut Broken) -> bool {
    let width = streams.publishers.len();
    if streams.publications.len().saturating_mul(width) > MOST_ENTRIES {
        return false;
    }
    let past = past(streams, deliveries);
    let mut count = 0;
    let mut earliest: Option<(Delivery, Delivery)> = None;
    for stream in streams.each() {
        let mut later: Vec<Option<(u32, Delivery)>> = vec![None; width];
        for delivery in stream.iter().rev() {
            let Some(number) = streams.number(delivery.message) else { continue };
            let clock = &past[number * width..][..width];
            let depended = later.iter().zip(clock).filter_map(|(later, &known)| later.filter(|late| late.0 <= known));
            if let Some((_, late)) = depended.min_by_key(|(_, late)| late.at) {
                count += 1;
                if earliest.is_none_or(|(_, other)| late.at < other.at) {
                    earliest = Some((*delivery, late));
                }
            }
            let place = streams.place_of(number);
            let slot = &mut later[place.publisher as usize];
            if slot.is_none_or(|(number, _)| place.number < number) {
                *slot = Some((place.number, *delivery));
            }
        }
    }
    if let Some((early, late)) = earliest {
        broken.note_all(RULE, count, late.at, || tell(streams, deliveries, &past, &early, &late));
    }
    true
}

/// An event by which a publisher learns of messages.
#[derive(Clone, Copy)]
struct Learns {
    at: Index,
    /// Its place in the input, to tell apart what has one index.
    order: usize,
    /// The publisher, by its place.
    process: usize,
    /// The message, by its number.
    message: usize,
    published: bool,
}

fn events(streams: &Streams<'_>, deliveries: &[Delivery]) -> Vec<Learns> {
    let mut events: Vec<Learns> = Vec::with_capacity(streams.publications.len());
    events.extend(streams.publications.iter().enumerate().map(|(message, published)| Learns {
        at: published.invoked,
        order: 0,
        process: streams.place_of(message).publisher as usize,
        message,
        published: true,
    }));
    events.extend(deliveries.iter().enumerate().filter_map(|(order, delivery)| {
        let process = streams.publishers.binary_search(&delivery.subscriber).ok()?;
        let message = streams.number(delivery.message)?;
        Some(Learns { at: delivery.at, order: order + 1, process, message, published: false })
    }));
    events.sort_unstable_by_key(|event| (event.at, event.order));
    events
}

/// How many messages of each publisher each message may depend on.
fn past(streams: &Streams<'_>, deliveries: &[Delivery]) -> Vec<u32> {
    let width = streams.publishers.len();
    let mut past = vec![0_u32; streams.publications.len() * width];
    let mut clocks = vec![0_u32; width * width];
    let mut begun = vec![false; streams.publications.len()];
    for event in events(streams, deliveries) {
        let clock = &mut clocks[event.process * width..][..width];
        let place = streams.place_of(event.message);
        let own = &mut past[event.message * width..][..width];
        if event.published {
            own.copy_from_slice(clock);
            begun[event.message] = true;
        } else if begun[event.message] {
            clock.iter_mut().zip(own).for_each(|(known, more)| *known = (*known).max(*more));
        } else {
            // What is delivered before it is published tells nothing; it is a violation of its own.
            continue;
        }
        let entry = &mut clock[place.publisher as usize];
        *entry = (*entry).max(place.number);
    }
    past
}

fn tell(streams: &Streams<'_>, deliveries: &[Delivery], past: &[u32], early: &Delivery, late: &Delivery) -> Finding {
    let (first, second, subscriber) = (late.message, early.message, late.subscriber);
    let sentence = format!("Process {subscriber} got message {second} before message {first}, on which it may depend.");
    let detail = format!("They came at indices {} and {}.", early.at, late.at);
    let mut steps = chain(streams, deliveries, past, first, second);
    steps.push(step("Then", format!("whoever gets both gets message {first} first."), None));
    steps.push(step(
        "However",
        format!("process {subscriber} got message {second} at index {},", early.at),
        Some(early.at),
    ));
    steps.push(step("However", format!("and message {first} only at index {}.", late.at), Some(late.at)));
    proven(RULE, sentence, detail, steps)
}

/// How the one message came to be known to the publisher of the other.
fn chain(streams: &Streams<'_>, deliveries: &[Delivery], past: &[u32], first: u64, second: u64) -> Vec<Step> {
    let width = streams.publishers.len();
    let (Some(first), Some(second)) = (streams.number(first), streams.number(second)) else { return Vec::new() };
    let place = streams.place_of(first);
    let knows = |message: usize| message == first || past[message * width + place.publisher as usize] >= place.number;
    let events = events(streams, deliveries);
    let mut steps = Vec::new();
    let mut reached = second;
    // Each round goes to a message published earlier, so this ends.
    while reached != first {
        let published: &Publication = streams.publications[reached];
        let process = streams.place_of(reached).publisher as usize;
        steps.push((published.invoked, published_in_words(published)));
        // The event that told the publisher of the first message is the earliest that does.
        let before = events.iter().take_while(|event| event.at < published.invoked);
        let told = before
            .filter(|event| event.process == process && knows(event.message))
            .find(|event| event.published || streams.publications[event.message].invoked < event.at);
        let Some(event) = told else { break };
        if !event.published {
            let message = streams.publications[event.message].message;
            steps.push((
                event.at,
                format!("process {} get message {message} at index {}.", published.publisher, event.at),
            ));
        }
        reached = event.message;
    }
    let origin = streams.publications[first];
    steps.push((origin.invoked, published_in_words(origin)));
    let lead = |number| if number == 0 { "Let" } else { "And let" };
    steps.into_iter().rev().enumerate().map(|(at, (index, text))| step(lead(at), text, Some(index))).collect()
}

fn published_in_words(published: &Publication) -> String {
    format!("process {} publish message {} at index {}.", published.publisher, published.message, published.invoked)
}
