//! Publishing and subscribing.

use std::collections::BTreeSet;

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::publish::{Delivery, DeliveryPromise, Publication, PublishOptions, Subscription, check_publish};
use dsjepsen_history::{Gravity, Index, Judgement, Process, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, outcome};
use crate::fuzz;
use crate::witness::{broken, validate};

const ONCE: PublishOptions =
    PublishOptions { delivery: DeliveryPromise::AtMostOnce, fifo: true, causal: true, total: true };

fn published(publisher: u32, invoked: Index, message: u64) -> Publication {
    let (publisher, completed) = (Process(publisher), Some(invoked + 1));
    Publication { publisher, invoked, completed, outcome: Outcome::Ok, message }
}

fn delivered(subscriber: u32, at: Index, message: u64) -> Delivery {
    Delivery { subscriber: Process(subscriber), at, message }
}

#[track_caller]
fn is(judgement: &Judgement, expected: &[(&str, &[Index])]) {
    let found: Vec<_> = judgement.findings.iter().map(|one| (&*one.rule, &*one.operations)).collect();
    assert_eq!(found, expected, "{judgement:#?}");
}

#[test]
fn deliveries_are_counted_as_promised() {
    let publications = [published(0, 1, 7), published(0, 3, 8)];
    let twice = [delivered(5, 5, 7), delivered(5, 6, 8), delivered(5, 7, 7)];
    is(&check_publish(&publications, &twice, &[], ONCE), &[("publish.duplicate", &[5, 7])]);
    let often = PublishOptions { delivery: DeliveryPromise::AtLeastOnce, ..ONCE };
    is(&check_publish(&publications, &twice, &[], often), &[]);
    let listens = [Subscription { subscriber: Process(5), since: 0 }];
    is(&check_publish(&publications, &twice[..1], &listens, ONCE), &[]);
    is(&check_publish(&publications, &twice[..1], &listens, often), &[("publish.lost", &[3])]);
    let late = [Subscription { subscriber: Process(5), since: 4 }];
    is(&check_publish(&publications, &twice[..1], &late, often), &[]);
    is(&check_publish(&publications, &[delivered(5, 5, 9)], &[], ONCE), &[("publish.from-nowhere", &[5])]);
}

#[test]
fn a_publishers_messages_come_in_order() {
    let publications = [published(0, 1, 7), published(0, 3, 8), published(1, 5, 9)];
    let judgement = check_publish(&publications, &[delivered(5, 7, 8), delivered(5, 8, 7)], &[], ONCE);
    assert_eq!(judgement.findings[0].rule, "publish.fifo");
    assert_eq!(judgement.findings[0].operations, [1, 3, 7, 8]);
    let told = "Process 5 got message 8 before message 7, which process 0 had published first.";
    assert_eq!(judgement.findings[0].sentence, told);
    is(&check_publish(&publications, &[delivered(5, 7, 9), delivered(5, 8, 7)], &[], ONCE), &[]);
}

#[test]
fn an_answer_comes_after_the_question() {
    // Process 1 gets 7 and answers 8; process 5 sees the answer first.
    let publications = [published(0, 1, 7), published(1, 4, 8)];
    let deliveries = [delivered(1, 3, 7), delivered(5, 6, 8), delivered(5, 7, 7)];
    is(&check_publish(&publications, &deliveries, &[], ONCE), &[("publish.causal", &[1, 3, 4, 6, 7])]);
    let unrelated = [delivered(1, 5, 7), delivered(5, 6, 8), delivered(5, 7, 7)];
    is(&check_publish(&publications, &unrelated, &[], ONCE), &[]);
}

#[test]
fn what_an_answer_may_depend_on_goes_on() {
    // Process 2 answers 8, the answer to 7, which it never got itself.
    let publications = [published(0, 1, 7), published(1, 4, 8), published(2, 7, 9)];
    let deliveries = [delivered(1, 3, 7), delivered(2, 6, 8), delivered(5, 9, 9), delivered(5, 10, 7)];
    let judgement = check_publish(&publications, &deliveries, &[], ONCE);
    is(&judgement, &[("publish.causal", &[1, 3, 4, 6, 7, 9, 10])]);
}

#[test]
fn subscribers_agree_on_one_order() {
    let publications = [published(0, 1, 7), published(1, 2, 8)];
    let deliveries = [delivered(5, 5, 7), delivered(5, 6, 8), delivered(6, 7, 8), delivered(6, 8, 7)];
    is(&check_publish(&publications, &deliveries, &[], ONCE), &[("publish.total-order", &[5, 6, 7, 8])]);
    let loose = PublishOptions { total: false, ..ONCE };
    is(&check_publish(&publications, &deliveries, &[], loose), &[]);
}

#[test]
fn no_delivery_is_unknown_and_a_message_published_twice_too() {
    let publications = [published(0, 1, 7), published(1, 2, 7)];
    let reason = |judgement: Judgement| judgement.findings[0].reason;
    assert_eq!(reason(check_publish(&publications[..1], &[], &[], ONCE)), Some(UnknownReason::NoObservations));
    assert_eq!(reason(check_publish(&publications, &[], &[], ONCE)), Some(UnknownReason::CheckerError));
    let listens = [Subscription { subscriber: Process(5), since: 0 }];
    let exact = PublishOptions { delivery: DeliveryPromise::ExactlyOnce, ..ONCE };
    assert_eq!(check_publish(&publications[..1], &[], &listens, exact).verdict, Gravity::Invalid);
}

#[derive(Debug, Clone, Default)]
struct Script {
    publications: Vec<Publication>,
    deliveries: Vec<Delivery>,
    subscriptions: Vec<Subscription>,
}

impl Script {
    fn check(&self, options: PublishOptions, named: &dyn Fn(Index) -> bool) -> Judgement {
        let publications: Vec<_> = self.publications.iter().filter(|one| named(one.invoked)).copied().collect();
        let deliveries: Vec<_> = self.deliveries.iter().filter(|one| named(one.at)).copied().collect();
        check_publish(&publications, &deliveries, &self.subscriptions, options)
    }

    fn publication(&self, message: u64) -> Option<&Publication> {
        self.publications.iter().find(|one| one.message == message)
    }

    /// The first deliveries to each subscriber, as pairs of which the one came before the other.
    fn pairs(&self) -> Vec<(u64, u64)> {
        let mut first: Vec<&Delivery> = Vec::new();
        let mut sorted: Vec<&Delivery> = self.deliveries.iter().collect();
        sorted.sort_by_key(|one| one.at);
        for one in sorted {
            if !first.iter().any(|other| (other.subscriber, other.message) == (one.subscriber, one.message)) {
                first.push(one);
            }
        }
        let all = (0..first.len()).flat_map(|late| (0..late).map(move |early| (early, late)));
        let same = all.filter(|&(early, late)| first[early].subscriber == first[late].subscriber);
        same.map(|(early, late)| (first[early].message, first[late].message)).collect()
    }

    /// Whether one message may have caused the other, by every way in which it could.
    fn caused(&self, one: &Publication, other: &Publication) -> bool {
        one.invoked < other.invoked
            && (one.publisher == other.publisher
                || self.deliveries.iter().any(|got| {
                    got.subscriber == other.publisher
                        && got.at < other.invoked
                        && self.publication(got.message).is_some_and(|got_message| {
                            got_message.invoked < got.at
                                && (got.message == one.message || self.caused(one, got_message))
                        })
                })
                || self.publications.iter().any(|between| {
                    between.publisher == other.publisher && between.invoked < other.invoked && self.caused(one, between)
                }))
    }
}

fn oracle(script: &Script, options: PublishOptions) -> BTreeSet<&'static str> {
    let mut rules = BTreeSet::new();
    for (place, got) in script.deliveries.iter().enumerate() {
        let source = script.publication(got.message);
        if !source.is_some_and(|one| one.outcome != Outcome::Fail && one.invoked < got.at) {
            rules.insert("publish.from-nowhere");
        }
        let before = &script.deliveries[..place];
        let again = before.iter().any(|other| (other.subscriber, other.message) == (got.subscriber, got.message));
        if again && options.delivery != DeliveryPromise::AtLeastOnce {
            rules.insert("publish.duplicate");
        }
    }
    for listens in &script.subscriptions {
        let missed = |one: &&Publication| {
            let got = |got: &Delivery| (got.subscriber, got.message) == (listens.subscriber, one.message);
            one.outcome == Outcome::Ok && one.invoked > listens.since && !script.deliveries.iter().any(got)
        };
        if options.delivery != DeliveryPromise::AtMostOnce && script.publications.iter().any(|one| missed(&one)) {
            rules.insert("publish.lost");
        }
    }
    let pairs = script.pairs();
    for &(early, late) in &pairs {
        let (Some(early), Some(late)) = (script.publication(early), script.publication(late)) else { continue };
        if late.publisher == early.publisher && late.invoked < early.invoked && options.fifo {
            rules.insert("publish.fifo");
        }
        if options.causal && script.caused(late, early) {
            rules.insert("publish.causal");
        }
    }
    let mut before: BTreeSet<(u64, u64)> = pairs.into_iter().collect();
    loop {
        let both = |&(one, middle): &(u64, u64)| {
            before.iter().filter(move |other| other.0 == middle).map(move |other| (one, other.1)).collect::<Vec<_>>()
        };
        let more: Vec<_> = before.iter().flat_map(both).filter(|pair| !before.contains(pair)).collect();
        if more.is_empty() {
            break;
        }
        before.extend(more);
    }
    if options.total && before.iter().any(|(one, other)| one == other) {
        rules.insert("publish.total-order");
    }
    rules
}

fn agree(script: &Script, options: PublishOptions) {
    let judgement = script.check(options, &|_| true);
    assert_eq!(broken(&judgement), oracle(script, options), "{options:?} {script:#?}");
    validate(&judgement, |named| script.check(options, named));
}

/// A sequencer: messages get their order as they take effect, and everybody, publishers too, gets them in that order.
fn history(bytes: &[u8]) -> Script {
    let mut draw = Draw::new(bytes);
    let (mut script, mut order): (Script, Vec<u64>) = Default::default();
    let mut open: [Option<usize>; 3] = [None; 3];
    let mut names = [0, 1, 2];
    let mut next = [0; 4];
    script.subscriptions =
        (0..4).map(|subscriber| Subscription { subscriber: Process(subscriber), since: 0 }).collect();
    for now in 1..40 {
        let who = draw.below(4) as usize;
        let reader = if who < 3 { names[who] } else { 3 };
        if (who == 3 || draw.one_in(2)) && script.deliveries.len() < 9 {
            if let Some(&message) = order.get(next[who]) {
                next[who] += 1;
                script.deliveries.push(delivered(reader, now, message));
            }
            continue;
        }
        let Some(place) = open.get(who).copied().flatten() else {
            if who < 3 && script.publications.len() < 5 {
                open[who] = Some(script.publications.len());
                let one = published(names[who], now, script.publications.len() as u64);
                script.publications.push(Publication { completed: None, outcome: Outcome::Info, ..one });
            }
            continue;
        };
        let one = &mut script.publications[place];
        let placed = order.contains(&one.message);
        match draw.below(8) {
            0 if !placed => (one.completed, one.outcome) = (Some(now), Outcome::Fail),
            1 => {
                one.completed = Some(now).filter(|_| draw.one_in(2));
                // Whoever goes on is somebody else, and has got nothing yet.
                names[who] += 10;
                next[who] = order.len();
            }
            _ if placed => (one.completed, one.outcome) = (Some(now), Outcome::Ok),
            _ => {
                order.push(one.message);
                continue;
            }
        }
        open[who] = None;
    }
    // At last everybody who still listens gets the rest.
    for reader in 0..4 {
        let subscriber = if reader < 3 { names[reader] } else { 3 };
        for &message in &order[next[reader].min(order.len())..] {
            script.deliveries.push(delivered(subscriber, 100 + script.deliveries.len() as u64, message));
        }
    }
    script.subscriptions.retain(|listens| names.contains(&listens.subscriber.0) || listens.subscriber.0 == 3);
    script
}

fn spoil(script: &mut Script, bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    for _ in 0..=draw.below(3) {
        let place = draw.below(12) as usize % script.deliveries.len().max(1);
        let other = draw.below(12) as usize % script.deliveries.len().max(1);
        match draw.below(5) {
            0 | 1 if !script.deliveries.is_empty() => {
                let message = script.deliveries[place].message;
                script.deliveries[place].message = script.deliveries[other].message;
                script.deliveries[other].message = message;
            }
            2 if !script.deliveries.is_empty() => drop(script.deliveries.remove(place)),
            3 if !script.deliveries.is_empty() => script.deliveries[place].message = draw.below(6),
            _ => {
                let ended = script.publications.get_mut(place).filter(|one| one.completed.is_some());
                if let Some(one) = ended {
                    one.outcome = outcome(&mut draw);
                }
            }
        }
    }
}

/// Anybody gets anything at any time.
fn chaos(bytes: &[u8]) -> Script {
    let mut draw = Draw::new(bytes);
    let mut script = Script::default();
    for now in 1..14 {
        let (who, message) = (draw.below(3) as u32, draw.below(4));
        if draw.one_in(3) && script.publication(message).is_none() {
            script.publications.push(Publication { completed: Some(now * 2 + 1), ..published(who, now * 2, message) });
        } else {
            script.deliveries.push(delivered(who, now * 2, message));
        }
    }
    script
}

fn options(number: u8) -> PublishOptions {
    use DeliveryPromise::{AtLeastOnce, AtMostOnce, ExactlyOnce};
    let delivery = [AtMostOnce, AtLeastOnce, ExactlyOnce][usize::from(number % 3)];
    PublishOptions { delivery, ..ONCE }
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(
        number: u8,
        bytes in vec(any::<u8>(), 0..120),
        changes in vec(any::<u8>(), 16),
    ) {
        let mut script = history(&bytes);
        spoil(&mut script, &changes);
        agree(&script, options(number));
    }

    #[test]
    fn chaos_is_judged_as_the_oracle_judges_it(number: u8, bytes in vec(any::<u8>(), 40)) {
        agree(&chaos(&bytes), options(number));
    }

    #[test]
    fn a_sequencer_is_never_invalid(number: u8, bytes in vec(any::<u8>(), 0..120)) {
        let script = history(&bytes);
        agree(&script, options(number));
        prop_assert!(broken(&script.check(options(number), &|_| true)).is_empty(), "{:#?}", script);
    }
}
