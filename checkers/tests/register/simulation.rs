//! A sound register with delays: every operation takes effect at one instant between its start and its end, or after it where its
//! answer was lost, or never.

use std::collections::BTreeMap;

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::{Index, Outcome};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::script::Script;

/// How much goes wrong, and whether values repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every answer arrives.
    NoInfo,
    /// A fiftieth of the answers is lost.
    SomeInfo,
    /// A third of the answers is lost.
    MuchInfo,
    /// Three values only, and some answers are lost.
    FewValues,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::NoInfo, Self::SomeInfo, Self::MuchInfo, Self::FewValues];

    fn lost_in_1000(self) -> u64 {
        match self {
            Self::NoInfo => 0,
            Self::SomeInfo | Self::FewValues => 20,
            Self::MuchInfo => 330,
        }
    }
}

const KEYS: u64 = 3;

const PROCESSES: usize = 10;

/// An operation in flight.
struct Flight {
    operation: usize,
    effect: u64,
    end: u64,
    reply: Option<RegisterReply>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// Its answer is lost; it takes effect, perhaps long after.
    Late,
    /// Its answer is lost, and it never takes effect.
    Never,
}

pub(crate) struct Chance(TestRng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }
}

/// A history of `length` operations by ten processes on three keys.
pub(crate) fn run(kind: Kind, seed: u64, length: usize) -> Script {
    run_with_keys(kind, seed, length, usize::MAX)
}

/// The same with three new keys after every `each` operations.
pub(crate) fn run_with_keys(kind: Kind, seed: u64, length: usize, each: usize) -> Script {
    let mut chance = Chance::new(seed);
    let mut script = Script::new();
    let mut registers: BTreeMap<u64, u64> = BTreeMap::new();
    let mut flights: Vec<Flight> = Vec::new();
    let (mut now, mut process) = (0, 0);
    while script.history.operations.len() < length || flights.iter().any(|flight| flight.end != u64::MAX) {
        now += 1;
        for flight in &mut flights {
            if flight.effect == now && flight.fate != Fate::Never {
                flight.reply = Some(take_effect(&mut registers, &script.history.operations[flight.operation].call));
            }
        }
        for flight in flights.iter_mut().filter(|flight| flight.end == now) {
            match (flight.fate, flight.reply.clone()) {
                (Fate::Answered, Some(reply)) => script.ok(now, flight.operation, reply),
                _ if flight.operation % 2 == 0 => script.info(now, flight.operation),
                _ => {}
            }
            flight.end = u64::MAX;
        }
        flights.retain(|flight| flight.end != u64::MAX || (flight.fate == Fate::Late && flight.reply.is_none()));
        let busy = flights.iter().filter(|flight| flight.end != u64::MAX).count();
        if busy < PROCESSES && script.history.operations.len() < length && chance.below(3) > 0 {
            let operations = script.history.operations.len();
            let first_key = (operations / each) as u64 * KEYS;
            let call = call(kind, &mut chance, operations, first_key);
            process += 1;
            let operation = script.invoke(now, process, call);
            flights.push(flight(kind, &mut chance, operation, now));
        }
    }
    script
}

fn flight(kind: Kind, chance: &mut Chance, operation: usize, now: u64) -> Flight {
    let end = now + 1 + chance.below(20);
    let lost = chance.below(1000) < kind.lost_in_1000();
    let (effect, fate) = match (lost, chance.below(2)) {
        (false, _) => (now + 1 + chance.below(end - now), Fate::Answered),
        (true, 0) => (now + 1 + chance.below(200), Fate::Late),
        (true, _) => (u64::MAX, Fate::Never),
    };
    Flight { operation, effect, end, reply: None, fate }
}

fn call(kind: Kind, chance: &mut Chance, operations: usize, first_key: u64) -> RegisterCall {
    let key = first_key + chance.below(KEYS);
    let few = kind == Kind::FewValues;
    let fresh = if few { chance.below(3) } else { operations as u64 };
    let known = if few { chance.below(3) } else { (operations as u64).saturating_sub(chance.below(12)) };
    match chance.below(10) {
        0..=4 => RegisterCall::Read { key },
        5..=7 => RegisterCall::Write { key, value: fresh },
        _ => RegisterCall::Cas { key, from: known, to: fresh },
    }
}

fn take_effect(registers: &mut BTreeMap<u64, u64>, call: &RegisterCall) -> RegisterReply {
    let now = registers.get(&call.key()).copied();
    match *call {
        RegisterCall::Read { .. } => RegisterReply::Read { value: now },
        RegisterCall::Write { key, value } => {
            registers.insert(key, value);
            RegisterReply::Write
        }
        RegisterCall::Cas { key, from, to } => {
            let swapped = now == Some(from);
            if swapped {
                registers.insert(key, to);
            }
            RegisterReply::Cas { swapped }
        }
    }
}

/// Has one read return what an earlier read of its key returned, although another value had been read since: surely false
/// where every value is written once. Gives the read's index.
pub(crate) fn repeat_the_past(script: &mut Script, seed: u64) -> Option<Index> {
    let mut chance = Chance::new(seed ^ 1);
    let mut reads: Vec<_> = script
        .history
        .operations
        .iter()
        .enumerate()
        .filter_map(|(place, operation)| match operation.outcome {
            Outcome::Ok(RegisterReply::Read { value: Some(value) }) => {
                Some((place, operation.call.key(), operation.invoked.index, operation.completed?.index, value))
            }
            _ => None,
        })
        .collect();
    reads.sort_unstable_by_key(|&(_, key, _, end, _)| (key, end));
    let before = |key: u64, end: Index| reads.partition_point(|read| (read.1, read.3) < (key, end));
    let first = |key: u64| reads.partition_point(|read| read.1 < key);
    let mut pick = |from: usize, to: usize| (from < to).then(|| from + chance.below((to - from) as u64) as usize);
    let lie = (0..1000).find_map(|_| {
        let (place, key, invoked, ..) = reads[pick(0, reads.len())?];
        let newer = reads[pick(first(key), before(key, invoked))?];
        let older = reads[pick(first(key), before(key, newer.2))?];
        (older.4 != newer.4).then_some((place, older.4))
    });
    let (place, value) = lie?;
    let operation = &mut script.history.operations[place];
    operation.outcome = Outcome::Ok(RegisterReply::Read { value: Some(value) });
    Some(operation.invoked.index)
}
