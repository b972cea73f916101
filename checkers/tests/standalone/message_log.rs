//! Partitioned logs.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::message_log::{MessageLog, MessageLogOptions, Poll, Polled, Send, check_message_log};
use dsjepsen_history::{Gravity, Index, Judgement, Process, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, in_effect, outcome, schedule};
use crate::fuzz;
use crate::witness::{broken, validate};

const PLAIN: MessageLogOptions = MessageLogOptions { may_duplicate: false, real_time: false, drained: false };

/// Messages and polls, as they are easily changed.
#[derive(Debug, Clone, Default)]
struct Script {
    sends: Vec<Send>,
    polls: Vec<(Poll, Vec<Polled>)>,
}

impl Script {
    fn sent(mut self, process: u32, at: Index, value: u64, offset: u64) -> Self {
        let (process, completed) = (Process(process), Some(at + 1));
        let outcome = Outcome::Ok;
        self.sends.push(Send { process, invoked: at, completed, outcome, partition: 0, value, offset: Some(offset) });
        self
    }

    fn polled(mut self, process: u32, at: Index, messages: &[(u64, u64)]) -> Self {
        let poll = Poll { process: Process(process), invoked: at, completed: at + 1, moved: false };
        let message = |&(offset, value): &(u64, u64)| Polled { partition: 0, offset, value };
        self.polls.push((poll, messages.iter().map(message).collect()));
        self
    }

    fn check(&self, options: MessageLogOptions, named: &dyn Fn(Index) -> bool) -> Judgement {
        let mut log = MessageLog::new();
        self.sends.iter().filter(|send| named(send.invoked)).for_each(|&send| log.send(send));
        for (poll, messages) in self.polls.iter().filter(|(poll, _)| named(poll.invoked)) {
            log.poll(*poll, messages.iter().copied());
        }
        check_message_log(&log, options)
    }

    #[track_caller]
    fn is(&self, expected: &[(&str, &[Index])]) {
        let judgement = self.check(PLAIN, &|_| true);
        let found: Vec<_> = judgement.findings.iter().map(|one| (&*one.rule, &*one.operations)).collect();
        assert_eq!(found, expected, "{judgement:#?}");
    }
}

#[test]
fn an_offset_holds_one_message_and_a_message_lies_at_one_offset() {
    let log = Script::default().sent(0, 1, 7, 0).sent(1, 3, 8, 1);
    log.clone().polled(9, 5, &[(0, 7), (1, 8)]).is(&[]);
    log.clone().polled(9, 5, &[(0, 7)]).sent(2, 7, 9, 0).is(&[("message-log.inconsistent-offset", &[1, 7])]);
    let twice = log.polled(9, 5, &[(0, 7), (1, 8), (2, 7)]);
    twice.is(&[("message-log.duplicate", &[1, 5])]);
    let may = MessageLogOptions { may_duplicate: true, ..PLAIN };
    assert_eq!(twice.check(may, &|_| true).verdict, Gravity::Valid);
}

#[test]
fn what_is_read_was_sent() {
    Script::default().polled(9, 5, &[(0, 7)]).is(&[("message-log.from-nowhere", &[5])]);
    Script::default().polled(9, 5, &[(0, 7)]).sent(0, 8, 7, 0).is(&[("message-log.from-nowhere", &[5, 8])]);
    let mut failed = Script::default().sent(0, 1, 7, 0).polled(9, 5, &[(0, 7)]);
    failed.sends[0].outcome = Outcome::Fail;
    failed.is(&[("message-log.aborted-read", &[1, 5])]);
}

#[test]
fn readers_go_on_and_pass_nothing_over() {
    let log = Script::default().sent(0, 1, 5, 0).sent(0, 3, 6, 1).sent(0, 5, 7, 2);
    let lost = log.clone().polled(9, 7, &[(0, 5)]).polled(9, 9, &[(2, 7)]);
    lost.is(&[("message-log.lost-write", &[3, 7, 9])]);
    let told = "Message 6, acknowledged at offset 1 of partition 0, was lost: nobody got what lies there.";
    assert_eq!(lost.check(PLAIN, &|_| true).findings[0].sentence, told);
    lost.polled(8, 11, &[(1, 6)]).is(&[("message-log.poll-skip", &[7, 9, 11])]);
    log.clone().polled(9, 7, &[(1, 6), (0, 5)]).is(&[("message-log.nonmonotonic-poll", &[7])]);
    let mut moved = log.clone().polled(9, 7, &[(1, 6)]).polled(9, 9, &[(0, 5)]);
    moved.polls[1].0.moved = true;
    moved.is(&[]);
    // What no reader passed is not lost, but where all was read to the end.
    let drained = MessageLogOptions { drained: true, ..PLAIN };
    let unread = log.polled(9, 7, &[(0, 5), (1, 6)]);
    unread.is(&[]);
    assert_eq!(unread.check(drained, &|_| true).findings[0].rule, "message-log.unseen");
}

#[test]
fn offsets_rise_in_each_sender() {
    let read = |log: Script| log.polled(9, 9, &[(0, 6), (1, 5)]);
    read(Script::default().sent(0, 1, 5, 1).sent(0, 3, 6, 0)).is(&[("message-log.nonmonotonic-send", &[1, 3])]);
    let two = read(Script::default().sent(0, 1, 5, 1).sent(1, 3, 6, 0));
    two.is(&[]);
    let strict = MessageLogOptions { real_time: true, ..PLAIN };
    assert_eq!(two.check(strict, &|_| true).findings[0].rule, "message-log.nonmonotonic-send");
}

#[test]
fn nothing_read_is_unknown() {
    let judgement = Script::default().sent(0, 1, 5, 0).check(PLAIN, &|_| true);
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::NoObservations));
    let empty = Script::default().polled(9, 5, &[]).check(PLAIN, &|_| true);
    assert_eq!(empty.findings[0].reason, Some(UnknownReason::NoObservations));
}

fn oracle(script: &Script, options: MessageLogOptions) -> BTreeSet<&'static str> {
    let mut rules = BTreeSet::new();
    let got: Vec<(Poll, Polled)> =
        script.polls.iter().flat_map(|(poll, got)| got.iter().map(|&one| (*poll, one))).collect();
    let acknowledged: Vec<&Send> = script.sends.iter().filter(|send| send.outcome == Outcome::Ok).collect();
    let mut learned: Vec<Polled> = got.iter().map(|&(_, one)| one).collect();
    learned.extend(
        acknowledged
            .iter()
            .filter_map(|send| Some(Polled { partition: send.partition, offset: send.offset?, value: send.value })),
    );
    for (one, other) in learned.iter().flat_map(|one| learned.iter().map(move |other| (one, other))) {
        if one.partition == other.partition && one.offset == other.offset && one.value != other.value {
            rules.insert("message-log.inconsistent-offset");
        }
        if one.partition == other.partition && one.offset != other.offset && one.value == other.value {
            rules.extend((!options.may_duplicate).then_some("message-log.duplicate"));
        }
    }
    for (poll, one) in &got {
        let sends = script.sends.iter().filter(|send| (send.partition, send.value) == (one.partition, one.value));
        let possible = sends.clone().filter(|send| send.outcome != Outcome::Fail);
        if sends.clone().count() > 0 && possible.clone().count() == 0 {
            rules.insert("message-log.aborted-read");
        } else if !possible.clone().any(|send| send.invoked < poll.completed) {
            rules.insert("message-log.from-nowhere");
        }
    }
    for (one, other) in acknowledged.iter().flat_map(|one| acknowledged.iter().map(move |other| (one, other))) {
        let bound = one.partition == other.partition && (options.real_time || one.process == other.process);
        if bound && one.completed < Some(other.invoked) && other.offset.is_some() && one.offset > other.offset {
            rules.insert("message-log.nonmonotonic-send");
        }
    }
    for send in &acknowledged {
        let seen = got.iter().any(|(_, one)| (one.partition, one.value) == (send.partition, send.value));
        rules.extend((options.drained && !seen).then_some("message-log.unseen"));
    }
    let mut polls: Vec<_> = script.polls.iter().collect();
    polls.sort_by_key(|(poll, _)| (poll.process, poll.invoked));
    let mut last: BTreeMap<(Process, u32), u64> = BTreeMap::new();
    for (poll, messages) in polls {
        last.retain(|(process, _), _| !poll.moved || *process != poll.process);
        for one in messages {
            let Some(from) = last.insert((poll.process, one.partition), one.offset) else { continue };
            if one.offset <= from {
                rules.insert("message-log.nonmonotonic-poll");
            }
            for known in &learned {
                let passed = known.partition == one.partition && from < known.offset && known.offset < one.offset;
                let place = (known.partition, known.offset);
                let seen = got.iter().any(|(_, one)| (one.partition, one.offset) == place);
                rules.extend(passed.then_some(if seen { "message-log.poll-skip" } else { "message-log.lost-write" }));
            }
        }
    }
    rules
}

fn agree(script: &Script, options: MessageLogOptions) {
    let judgement = script.check(options, &|_| true);
    assert_eq!(broken(&judgement), oracle(script, options), "{script:#?}");
    validate(&judgement, |named| script.check(options, named));
}

/// Two partitions to which messages are appended as they take effect, and readers that go on where they were.
fn history(bytes: &[u8]) -> Script {
    let mut draw = Draw::new(bytes);
    let slots = schedule(&mut draw, 8, 3);
    let plan: Vec<(bool, u32)> = slots.iter().map(|_| (draw.one_in(2), draw.below(2) as u32)).collect();
    let (mut logs, mut script): ([Vec<(u64, u64)>; 2], Script) = Default::default();
    let mut offsets: BTreeMap<usize, u64> = BTreeMap::new();
    let mut read: BTreeMap<usize, (bool, Vec<Polled>)> = BTreeMap::new();
    let mut places: BTreeMap<(Process, usize), usize> = BTreeMap::new();
    for place in in_effect(&slots) {
        let (sends, partition) = plan[place];
        if sends {
            let log = &mut logs[partition as usize];
            // Some offsets hold no message of a client's.
            let offset = log.last().map_or(0, |&(last, _)| last + 1) + u64::from(draw.one_in(4));
            log.push((offset, place as u64));
            offsets.insert(place, offset);
            continue;
        }
        let process = slots[place].process;
        let moved = draw.one_in(4);
        let mut got = Vec::new();
        for (partition, log) in logs.iter().enumerate() {
            let from = places.entry((process, partition)).or_default();
            if moved {
                *from = draw.below(4) as usize;
            }
            let new = log.iter().skip(*from).take(draw.below(4) as usize);
            got.extend(new.map(|&(offset, value)| Polled { partition: partition as u32, offset, value }));
            *from += got.iter().filter(|one| one.partition == partition as u32).count();
        }
        read.insert(place, (moved, got));
    }
    for (place, slot) in slots.iter().enumerate() {
        let (process, invoked, completed) = (slot.process, slot.invoked, slot.completed);
        if plan[place].0 {
            let offset = offsets.get(&place).copied().filter(|_| slot.outcome == Outcome::Ok && !draw.one_in(5));
            let (value, partition) = (place as u64, plan[place].1);
            script.sends.push(Send { process, invoked, completed, outcome: slot.outcome, partition, value, offset });
        } else if let (Outcome::Ok, Some(completed), Some((moved, got))) =
            (slot.outcome, completed, read.remove(&place))
        {
            script.polls.push((Poll { process, invoked, completed, moved }, got));
        }
    }
    script
}

fn spoil(script: &mut Script, bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    for _ in 0..=draw.below(3) {
        let place = draw.below(4) as usize;
        let message = draw.below(3) as usize;
        let poll = script.polls.get_mut(place).filter(|(_, got)| got.len() > message);
        match (draw.below(7), poll, script.sends.get_mut(place)) {
            (0, Some((_, got)), _) => drop(got.remove(message)),
            (1, Some((_, got)), _) => got[message].value = draw.below(9),
            (2, Some((_, got)), _) => got[message].offset = draw.below(6),
            (3, Some((poll, _)), _) => poll.moved = draw.one_in(4),
            (4, _, Some(send)) => send.value = draw.below(8),
            (5, _, Some(send)) => send.offset = Some(draw.below(6)),
            (_, _, Some(send)) if send.completed.is_some() => send.outcome = outcome(&mut draw),
            _ => {}
        }
    }
}

fn options(number: u8) -> MessageLogOptions {
    MessageLogOptions { may_duplicate: number & 1 > 0, real_time: number & 2 > 0, drained: number & 4 > 0 }
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
    fn a_log_that_appends_is_never_invalid(bytes in vec(any::<u8>(), 0..120)) {
        let script = history(&bytes);
        let strict = MessageLogOptions { real_time: true, ..PLAIN };
        agree(&script, strict);
        prop_assert!(broken(&script.check(strict, &|_| true)).is_empty());
    }
}
