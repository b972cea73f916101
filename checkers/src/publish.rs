//! Publishing and subscribing: how often messages are delivered, and in which orders.
//!
//! The orders are those of broadcasts (Hadzilacos and Toueg, Fault-tolerant broadcasts and related problems, 1993): first in, first out
//! for each publisher; causal; total. They speak of the messages that a subscriber got, each where it got it first; whether it should
//! have got more is a rule of its own.
//!
//! One call judges one topic.

mod causal;
mod streams;
mod total;

use std::collections::BTreeMap;

use dsjepsen_history::{Finding, Index, Judgement, Process, UnknownReason};

use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, counting, impossible, malformed, proven};
use crate::words::count;
use streams::Streams;

const CHECKER: &str = "publish";
const NOWHERE: &str = "publish.from-nowhere";
const DUPLICATE: &str = "publish.duplicate";
const LOST: &str = "publish.lost";
const FIFO: &str = "publish.fifo";

/// One message published. A publisher publishes one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    /// Who published it. Under the same number it may be a subscriber too.
    pub publisher: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended.
    pub outcome: Outcome,
    /// The message: published once.
    pub message: u64,
}

/// One message as a subscriber got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Who got it.
    pub subscriber: Process,
    /// The index at which it got it. Of messages with one index, those that come first were delivered first.
    pub at: Index,
    /// The message.
    pub message: u64,
}

/// A subscriber that listened until all that was ever to come had come. Only for these can a message be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Who listened.
    pub subscriber: Process,
    /// The index from which its subscription was surely in force.
    pub since: Index,
}

/// How often a message is delivered to a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryPromise {
    /// Once or never.
    AtMostOnce,
    /// Once or more often.
    AtLeastOnce,
    /// Once.
    ExactlyOnce,
}

/// What is promised to subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublishOptions {
    /// How often a message is delivered.
    pub delivery: DeliveryPromise,
    /// Messages of one publisher come in the order in which it published them.
    pub fifo: bool,
    /// A message comes after those on which it may depend: those that its publisher had published or got before.
    pub causal: bool,
    /// There is one order of all messages in which all subscribers get theirs.
    pub total: bool,
}

/// Judges `publish.from-nowhere`, and what is promised of `publish.duplicate`, `publish.lost`, `publish.fifo`, `publish.causal` and
/// `publish.total-order`. O(n log n); the causal order takes time and memory of the messages times the publishers.
pub fn check_publish(
    publications: &[Publication],
    deliveries: &[Delivery],
    subscriptions: &[Subscription],
    options: PublishOptions,
) -> Judgement {
    let spans = publications.iter().map(|published| (published.invoked, published.completed, published.outcome));
    if let Some(problem) = impossible(spans) {
        return malformed(CHECKER, problem);
    }
    let streams = match Streams::of(publications, deliveries) {
        Ok(streams) => streams,
        Err(problem) => return malformed(CHECKER, problem),
    };
    let mut broken = Broken::default();
    from_nowhere(&streams, deliveries, &mut broken);
    if options.delivery != DeliveryPromise::AtLeastOnce {
        for &(first, again) in &streams.repeated {
            broken.note(DUPLICATE, again.at, || tell_duplicate(&first, &again));
        }
    }
    if options.delivery != DeliveryPromise::AtMostOnce {
        lost(&streams, subscriptions, &mut broken);
    }
    if options.fifo {
        fifo(&streams, &mut broken);
    }
    if options.total {
        total::judge(&streams, &mut broken);
    }
    let too_large = options.causal && !causal::judge(&streams, deliveries, &mut broken);
    let figures = vec![
        counting("messages published", publications.len() as u64),
        counting("deliveries", deliveries.len() as u64),
        counting("deliveries of what had been delivered before", streams.repeated.len() as u64),
    ];
    let judged = (publications.len() + deliveries.len()) as u64;
    let nothing = nothing(publications, deliveries, subscriptions, options.delivery);
    let judgement = broken.judgement(CHECKER, judged, nothing, figures);
    if too_large { with_memory_gone(judgement, &streams) } else { judgement }
}

/// Why nothing was judged. That nothing came shows something only where something had to come.
fn nothing(
    publications: &[Publication],
    deliveries: &[Delivery],
    subscriptions: &[Subscription],
    promise: DeliveryPromise,
) -> Option<String> {
    let due = |publication: &Publication| {
        let listened = subscriptions.iter().any(|listens| listens.since < publication.invoked);
        publication.outcome == Outcome::Ok && listened
    };
    let must_come = promise != DeliveryPromise::AtMostOnce && publications.iter().any(due);
    (deliveries.is_empty() && !must_come).then(|| "No message was delivered, so nothing was judged.".to_owned())
}

fn with_memory_gone(mut judgement: Judgement, streams: &Streams<'_>) -> Judgement {
    let sentence = format!(
        "The causal order of {} messages of {} publishers takes more memory than this checker may use.",
        count(streams.publications.len() as u64),
        count(streams.publishers.len() as u64)
    );
    judgement.findings.push(Finding::unknown(UnknownReason::Memory, sentence));
    Judgement { figures: judgement.figures, ..Judgement::new(CHECKER, judgement.judged, judgement.findings) }
}

fn from_nowhere(streams: &Streams<'_>, deliveries: &[Delivery], broken: &mut Broken) {
    for delivery in deliveries {
        let published = streams.published(delivery.message);
        if published.is_none_or(|one| one.outcome == Outcome::Fail || one.invoked >= delivery.at) {
            broken.note(NOWHERE, delivery.at, || tell_nowhere(delivery, published));
        }
    }
}

fn tell_nowhere(delivery: &Delivery, published: Option<&Publication>) -> Finding {
    let Delivery { subscriber, at, message } = *delivery;
    let sentence = format!("Process {subscriber} got message {message}, though nobody had published it.");
    let detail = match published {
        Some(published) if published.outcome == Outcome::Fail => "Its publication surely failed.".to_owned(),
        Some(published) => format!("It was published later, at index {}.", published.invoked),
        None => "It was never published.".to_owned(),
    };
    let steps = vec![
        step("Let", format!("process {subscriber} get message {message} at index {at}."), Some(at)),
        step("Then", "somebody had published it before.".to_owned(), None),
        step("However", format!("nobody had. {detail}"), published.map(|published| published.invoked)),
    ];
    proven(NOWHERE, sentence, detail, steps)
}

fn tell_duplicate(first: &Delivery, again: &Delivery) -> Finding {
    let Delivery { subscriber, message, .. } = *first;
    let sentence = format!("Process {subscriber} got message {message} twice.");
    let detail = format!("It came at indices {} and {}.", first.at, again.at);
    let steps = vec![
        step("Let", format!("process {subscriber} get message {message} at index {}.", first.at), Some(first.at)),
        step("Then", "it never gets that message again.".to_owned(), None),
        step("However", format!("it got it again at index {}.", again.at), Some(again.at)),
    ];
    proven(DUPLICATE, sentence, detail, steps)
}

/// Every acknowledged message reaches all who surely listened when it was published.
fn lost(streams: &Streams<'_>, subscriptions: &[Subscription], broken: &mut Broken) {
    let acknowledged: Vec<&Publication> =
        streams.publications.iter().copied().filter(|published| published.outcome == Outcome::Ok).collect();
    for listens in subscriptions {
        let mut got = streams.messages_of(listens.subscriber).peekable();
        for published in &acknowledged {
            while got.next_if(|&message| message < published.message).is_some() {}
            let came = got.peek() == Some(&published.message);
            if !came && listens.since < published.invoked {
                let at = published.completed.unwrap_or_default();
                broken.note(LOST, at, || tell_lost(published, listens));
            }
        }
    }
}

fn tell_lost(published: &Publication, listens: &Subscription) -> Finding {
    let (message, subscriber) = (published.message, listens.subscriber);
    let sentence = format!("Message {message} was acknowledged, and process {subscriber} never got it.");
    let detail = format!("The subscriber had listened since index {}, until all had come.", listens.since);
    let text = format!("the publication of message {message}, begun at index {}, be acknowledged.", published.invoked);
    let steps = vec![
        step("Let", text, Some(published.invoked)),
        step("Then", format!("process {subscriber} gets it, for it listened since index {}.", listens.since), None),
        step("However", "it never did.".to_owned(), None),
    ];
    proven(LOST, sentence, detail, steps)
}

/// Each subscriber gets the messages of each publisher in their order.
fn fifo(streams: &Streams<'_>, broken: &mut Broken) {
    for stream in streams.each() {
        let mut newest: BTreeMap<u32, (u32, Delivery)> = BTreeMap::new();
        for delivery in stream {
            let Some(place) = streams.place(delivery.message) else { continue };
            match newest.get_mut(&place.publisher) {
                Some((number, after)) if *number > place.number => {
                    let after = *after;
                    broken.note(FIFO, delivery.at, || tell_fifo(streams, &after, delivery));
                }
                _ => {
                    newest.insert(place.publisher, (place.number, *delivery));
                }
            }
        }
    }
}

fn tell_fifo(streams: &Streams<'_>, early: &Delivery, late: &Delivery) -> Finding {
    let published = |message| streams.published(message).map(|published| published.invoked);
    let publisher = streams.published(late.message).map_or(late.subscriber, |published| published.publisher);
    let (first, second, subscriber) = (late.message, early.message, late.subscriber);
    let sentence = format!(
        "Process {subscriber} got message {second} before message {first}, which process {publisher} had published first."
    );
    let detail = format!("They came at indices {} and {}.", early.at, late.at);
    let steps = vec![
        step("Let", format!("process {publisher} publish message {first}."), published(first)),
        step("And let", format!("it publish message {second} after that."), published(second)),
        step("Then", format!("whoever gets both gets message {first} first."), None),
        step("However", format!("process {subscriber} got message {second} at index {},", early.at), Some(early.at)),
        step("However", format!("and message {first} only at index {}.", late.at), Some(late.at)),
    ];
    proven(FIFO, sentence, detail, steps)
}
