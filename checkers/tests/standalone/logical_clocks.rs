//! Logical clocks.

use dsjepsen_checkers::logical_clocks::{
    ClockEvent, EventKind, HybridOptions, HybridStamp, VectorLog, check_hybrid, check_lamport, check_vector,
};
use dsjepsen_history::{Gravity, Index, Judgement, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::fuzz;
use crate::witness::{broken, validate};

use EventKind::{Local, Receive, Send};

const PROCESSES: usize = 3;

fn event<S>(process: u32, at: Index, kind: EventKind, stamp: S) -> ClockEvent<S> {
    ClockEvent { process, at, kind, stamp }
}

#[track_caller]
fn is(judgement: &Judgement, expected: &[(&str, &[Index])]) {
    let found: Vec<_> = judgement.findings.iter().map(|one| (&*one.rule, &*one.operations)).collect();
    assert_eq!(found, expected, "{judgement:#?}");
}

#[test]
fn stamps_rise_in_a_process_and_along_a_message() {
    let sound = [event(0, 1, Send(7), 1), event(1, 2, Local, 1), event(1, 3, Receive(7), 2)];
    is(&check_lamport(&sound), &[]);
    let mut late = sound;
    late[2].stamp = 1;
    let judgement = check_lamport(&late);
    let rules: Vec<_> = judgement.findings.iter().map(|one| &*one.rule).collect();
    assert_eq!(rules, ["lamport-clock.process-order", "lamport-clock.message-order"]);
    let told = "Message 7 was received at stamp 1, though it was sent at stamp 1.";
    assert_eq!(judgement.findings[1].sentence, told);
    assert_eq!(judgement.findings[0].operations, [1, 2, 3], "the receipt needs its sending");
    // Skewed wall clocks are judged in the same way.
    let wall = [event(0, 1, Send(7), 1_000), event(1, 2, Receive(7), 400)];
    is(&check_lamport(&wall), &[("lamport-clock.message-order", &[1, 2])]);
}

#[test]
fn a_log_that_does_not_fit_is_unknown() {
    let reason = |events: &[ClockEvent<u64>]| check_lamport(events).findings[0].reason;
    assert_eq!(reason(&[event(0, 1, Receive(7), 1)]), Some(UnknownReason::CheckerError));
    assert_eq!(reason(&[event(0, 1, Receive(7), 1), event(1, 2, Send(7), 2)]), Some(UnknownReason::CheckerError));
    assert_eq!(reason(&[event(0, 1, Send(7), 1), event(1, 2, Send(7), 2)]), Some(UnknownReason::CheckerError));
    assert_eq!(reason(&[event(0, 1, Local, 1), event(1, 1, Local, 2)]), Some(UnknownReason::CheckerError));
    assert_eq!(reason(&[event(0, 1, Local, 1)]), Some(UnknownReason::NoObservations));
}

#[test]
fn the_first_receipt_that_does_not_fit_is_named() {
    let told = |events: &[ClockEvent<u64>]| check_lamport(events).findings[0].sentence.to_string();
    let nobody_sent = event(0, 1, Receive(9), 1);
    let early = event(1, 2, Receive(7), 2);
    let sent_late = event(2, 3, Send(7), 3);
    let first = "Message 9 was received at index 1, but its sending is not in the log.";
    assert_eq!(told(&[nobody_sent, early, sent_late]), first);
    assert_eq!(told(&[early, sent_late]), "Message 7 was received at index 2, before it was sent.");
}

#[test]
fn a_hybrid_clock_stays_near_the_physical_one() {
    let stamp = |wall, counter, physical| HybridStamp { wall, counter, physical };
    let near = HybridOptions { ahead: Some(5), counter: Some(2) };
    let sound = [event(0, 1, Send(7), stamp(10, 0, 10)), event(1, 2, Receive(7), stamp(10, 1, 6))];
    is(&check_hybrid(&sound, near), &[]);
    is(&check_hybrid(&[event(0, 1, Local, stamp(9, 0, 10))], near), &[("hybrid-clock.behind", &[1])]);
    is(&check_hybrid(&[event(0, 1, Local, stamp(16, 0, 10))], near), &[("hybrid-clock.ahead", &[1])]);
    is(&check_hybrid(&[event(0, 1, Local, stamp(10, 3, 10))], near), &[("hybrid-clock.counter", &[1])]);
    is(&check_hybrid(&[event(0, 1, Local, stamp(99, 9, 10))], HybridOptions::default()), &[]);
    let equal = [event(0, 1, Local, stamp(10, 0, 10)), event(0, 2, Local, stamp(10, 0, 10))];
    is(&check_hybrid(&equal, near), &[("hybrid-clock.process-order", &[1, 2])]);
}

#[test]
fn vector_stamps_show_exactly_what_came_before() {
    let log = |stamps: [[u64; 2]; 4]| {
        let mut log = VectorLog::new(2);
        let kinds = [(0, Send(7)), (1, Local), (1, Receive(7)), (0, Local)];
        for (at, ((process, kind), stamp)) in kinds.into_iter().zip(stamps).enumerate() {
            log.push(process, at as Index + 1, kind, stamp);
        }
        check_vector(&log)
    };
    is(&log([[1, 0], [0, 1], [1, 2], [2, 0]]), &[]);
    // The receipt does not take over what the message knew.
    is(&log([[1, 0], [0, 1], [0, 2], [2, 0]]), &[("vector-clock.missed-order", &[1, 3])]);
    // The last event claims to know of the receipt.
    is(&log([[1, 0], [0, 1], [1, 2], [2, 2]]), &[("vector-clock.claimed-order", &[2, 4])]);
}

#[test]
fn a_proof_stands_for_itself_where_a_process_writes_to_itself() {
    let mut log = VectorLog::new(3);
    log.push(1, 2, Send(2), [1, 2, 0]);
    log.push(1, 4, Receive(2), [0, 3, 0]);
    log.push(2, 7, Local, [0, 3, 3]);
    is(&check_vector(&log), &[("vector-clock.missed-order", &[2, 4])]);
}

#[test]
fn equal_stamps_of_different_events_are_an_order_claimed() {
    let mut log = VectorLog::new(2);
    log.push(0, 1, Local, [1, 1]);
    log.push(1, 2, Local, [1, 1]);
    is(&check_vector(&log), &[("vector-clock.claimed-order", &[1, 2])]);
    let mut stranger = VectorLog::new(1);
    stranger.push(1, 2, Local, [1]);
    assert_eq!(check_vector(&stranger).verdict, Gravity::Unknown);
}

/// An event with all its clocks.
#[derive(Debug, Clone, Copy)]
struct Event {
    process: u32,
    at: Index,
    kind: EventKind,
    lamport: u64,
    hybrid: HybridStamp,
    vector: [u64; PROCESSES],
}

/// Which of two events came before which, by every chain of steps.
fn before(events: &[Event]) -> Vec<Vec<bool>> {
    let direct = |one: &Event, other: &Event| {
        let message = matches!((one.kind, other.kind), (Send(sent), Receive(received)) if sent == received);
        (one.process == other.process && one.at < other.at) || message
    };
    let mut before: Vec<Vec<bool>> =
        events.iter().map(|one| events.iter().map(|other| direct(one, other)).collect()).collect();
    for middle in 0..events.len() {
        for one in 0..events.len() {
            for other in 0..events.len() {
                before[one][other] |= before[one][middle] && before[middle][other];
            }
        }
    }
    before
}

fn lamport(events: &[Event]) -> Judgement {
    check_lamport(&events.iter().map(|one| event(one.process, one.at, one.kind, one.lamport)).collect::<Vec<_>>())
}

const NEAR: HybridOptions = HybridOptions { ahead: Some(20), counter: Some(8) };

fn hybrid(events: &[Event]) -> Judgement {
    check_hybrid(&events.iter().map(|one| event(one.process, one.at, one.kind, one.hybrid)).collect::<Vec<_>>(), NEAR)
}

fn vector(events: &[Event]) -> Judgement {
    let mut log = VectorLog::new(PROCESSES as u32);
    events.iter().for_each(|one| log.push(one.process, one.at, one.kind, one.vector));
    check_vector(&log)
}

fn agree(events: &[Event]) {
    let before = before(events);
    let pairs = || (0..events.len()).flat_map(|one| (0..events.len()).map(move |other| (one, other)));
    let ordered = || pairs().filter(|&(one, other)| before[one][other]);
    let judgements = [lamport(events), hybrid(events), vector(events)];
    let valid = judgements.each_ref().map(|judgement| broken(judgement).is_empty());
    assert_eq!(valid[0], ordered().all(|(one, other)| events[one].lamport < events[other].lamport), "{events:#?}");
    let near = |one: &Event| {
        let HybridStamp { wall, counter, physical } = one.hybrid;
        wall >= physical && wall <= physical + 20 && counter <= 8
    };
    let rises = ordered().all(|(one, other)| events[one].hybrid < events[other].hybrid);
    assert_eq!(valid[1], rises && events.iter().all(near), "{events:#?}");
    let claims = |one: usize, other: usize| (0..PROCESSES).all(|at| events[one].vector[at] <= events[other].vector[at]);
    let missed = ordered().any(|(one, other)| !claims(one, other));
    let claimed = pairs().any(|(one, other)| one != other && !before[one][other] && claims(one, other));
    let found = broken(&judgements[2]);
    assert_eq!(found.contains("vector-clock.missed-order"), missed, "{events:#?}");
    assert!(claimed || !found.contains("vector-clock.claimed-order"), "{events:#?}");
    assert_eq!(valid[2], !missed && !claimed, "{events:#?}");
    for (judgement, check) in judgements.iter().zip([lamport, hybrid, vector]) {
        validate(judgement, |named| check(&events.iter().filter(|one| named(one.at)).copied().collect::<Vec<_>>()));
    }
}

/// Processes that keep all three clocks as the papers say, with messages that are lost, late and duplicated.
fn history(bytes: &[u8]) -> Vec<Event> {
    let mut draw = Draw::new(bytes);
    let mut last: [Option<Event>; PROCESSES] = [None; PROCESSES];
    let mut skew = [0, 0, 0].map(|_: u64| draw.below(10));
    let (mut sent, mut events): (Vec<Event>, Vec<Event>) = Default::default();
    for at in 1..=1 + draw.below(8) {
        let process = draw.below(PROCESSES as u64) as usize;
        skew[process] += draw.below(2);
        let message = sent.get(draw.below(4) as usize).copied().filter(|_| draw.one_in(2));
        let kind = match message.map(|one| one.kind) {
            Some(Send(number)) => Receive(number),
            _ if draw.one_in(2) => Send(at),
            _ => Local,
        };
        let physical = at + skew[process];
        let known: Vec<Event> = last[process].into_iter().chain(message).collect();
        let heard = known.iter().map(|one| (one.hybrid.wall, one.hybrid.counter)).max();
        let (wall, counter) = match heard {
            Some((wall, counter)) if wall >= physical => (wall, counter + 1),
            _ => (physical, 0),
        };
        let mut clock = [0; PROCESSES];
        for one in &known {
            (0..PROCESSES).for_each(|place| clock[place] = clock[place].max(one.vector[place]));
        }
        clock[process] += 1;
        let event = Event {
            process: process as u32,
            at,
            kind,
            lamport: 1 + known.iter().map(|one| one.lamport).max().unwrap_or(0),
            hybrid: HybridStamp { wall, counter, physical },
            vector: clock,
        };
        last[process] = Some(event);
        sent.extend(matches!(kind, Send(_)).then_some(event));
        events.push(event);
    }
    events
}

fn spoil(events: &mut [Event], bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    for _ in 0..=draw.below(3) {
        let place = draw.below(8) as usize % events.len();
        let event = &mut events[place];
        match draw.below(3) {
            0 => event.lamport = draw.below(8),
            1 => (event.hybrid.wall, event.hybrid.counter) = (draw.below(40), draw.below(10) as u32),
            _ => event.vector[draw.below(PROCESSES as u64) as usize] = draw.below(4),
        }
    }
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_stamps_are_judged_as_the_oracle_judges_them(
        bytes in vec(any::<u8>(), 10..60),
        changes in vec(any::<u8>(), 16),
    ) {
        let mut events = history(&bytes);
        spoil(&mut events, &changes);
        agree(&events);
    }

    #[test]
    fn clocks_that_are_kept_well_are_never_invalid(bytes in vec(any::<u8>(), 10..60)) {
        let events = history(&bytes);
        agree(&events);
        for judgement in [lamport(&events), hybrid(&events), vector(&events)] {
            prop_assert!(broken(&judgement).is_empty(), "{:#?} {:#?}", events, judgement);
        }
    }
}
