//! What each subscriber got first, in order, and where each message stands with its publisher.

use dsjepsen_history::Process;

use super::{Delivery, Publication};

/// Where a message stands with its publisher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The publisher, by its place in [`Streams::publishers`].
    pub(super) publisher: u32,
    /// How many it had published with this one.
    pub(super) number: u32,
}

/// Publications and first deliveries, sorted.
pub(super) struct Streams<'a> {
    /// By message.
    pub(super) publications: Vec<&'a Publication>,
    places: Vec<Place>,
    /// Everybody who published, in order.
    pub(super) publishers: Vec<Process>,
    /// The first deliveries of all subscribers, by subscriber, each in the order of time.
    pub(super) first: Vec<Delivery>,
    /// The first deliveries by subscriber and message.
    by_message: Vec<Delivery>,
    /// Each delivery of what a subscriber had got before, after the first one.
    pub(super) repeated: Vec<(Delivery, Delivery)>,
}

impl<'a> Streams<'a> {
    /// Sorts what was published and delivered; a message that was published twice is a problem.
    pub(super) fn of(publications: &'a [Publication], deliveries: &[Delivery]) -> Result<Self, String> {
        let mut sorted: Vec<&Publication> = publications.iter().collect();
        sorted.sort_unstable_by_key(|published| published.message);
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].message == pair[1].message) {
            return Err(format!(
                "Message {} was published twice, so what order it has is not known.",
                twice[0].message
            ));
        }
        let mut publishers: Vec<Process> = publications.iter().map(|published| published.publisher).collect();
        publishers.sort_unstable();
        publishers.dedup();
        let places = places(&sorted, &publishers);
        let mut order: Vec<usize> = (0..deliveries.len()).collect();
        order.sort_unstable_by_key(|&position| {
            let delivery = &deliveries[position];
            (delivery.subscriber, delivery.message, delivery.at, position)
        });
        let mut repeated = Vec::new();
        let mut kept = Vec::with_capacity(order.len());
        for same in order.chunk_by(|&one, &other| {
            let (one, other) = (&deliveries[one], &deliveries[other]);
            (one.subscriber, one.message) == (other.subscriber, other.message)
        }) {
            kept.push(same[0]);
            repeated.extend(same[1..].iter().map(|&again| (deliveries[same[0]], deliveries[again])));
        }
        drop(order);
        let by_message = kept.iter().map(|&position| deliveries[position]).collect();
        kept.sort_unstable_by_key(|&position| (deliveries[position].subscriber, deliveries[position].at, position));
        let first = kept.into_iter().map(|position| deliveries[position]).collect();
        Ok(Self { publications: sorted, places, publishers, first, by_message, repeated })
    }

    /// The number of a message among the publications.
    pub(super) fn number(&self, message: u64) -> Option<usize> {
        self.publications.binary_search_by_key(&message, |published| published.message).ok()
    }

    /// The publication of a message.
    pub(super) fn published(&self, message: u64) -> Option<&'a Publication> {
        self.number(message).map(|number| self.publications[number])
    }

    /// Where a message stands with its publisher.
    pub(super) fn place(&self, message: u64) -> Option<Place> {
        self.number(message).map(|number| self.places[number])
    }

    /// Where the publication with this number stands.
    pub(super) fn place_of(&self, number: usize) -> Place {
        self.places[number]
    }

    /// The first deliveries of one subscriber after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = &[Delivery]> {
        self.first.chunk_by(|one, other| one.subscriber == other.subscriber)
    }

    /// The messages that a subscriber got, in their own order.
    pub(super) fn messages_of(&self, subscriber: Process) -> impl Iterator<Item = u64> {
        let start = self.by_message.partition_point(|delivery| delivery.subscriber < subscriber);
        let same = move |delivery: &&Delivery| delivery.subscriber == subscriber;
        self.by_message[start..].iter().take_while(same).map(|delivery| delivery.message)
    }
}

fn places(sorted: &[&Publication], publishers: &[Process]) -> Vec<Place> {
    let mut order: Vec<usize> = (0..sorted.len()).collect();
    order.sort_unstable_by_key(|&position| (sorted[position].publisher, sorted[position].invoked));
    let mut places = vec![Place { publisher: 0, number: 0 }; sorted.len()];
    let same = |&one: &usize, &other: &usize| sorted[one].publisher == sorted[other].publisher;
    for group in order.chunk_by(same) {
        let publisher = publishers.partition_point(|&publisher| publisher < sorted[group[0]].publisher) as u32;
        for (before, &position) in group.iter().enumerate() {
            places[position] = Place { publisher, number: before as u32 + 1 };
        }
    }
    places
}
