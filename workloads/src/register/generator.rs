//! What is called: reads, writes and cas of a few registers, each of which gives way to a new one after a while.

use std::collections::VecDeque;

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_engine::Random;
use dsjepsen_engine::generator::{Completion, Context, Generator, Phase, Step};
use dsjepsen_history::Outcome;
use rand::RngExt;

/// A register gives way early after so many indeterminate operations: each doubles what a checker may have to try.
const MOST_INDETERMINATE: u32 = 4;

/// How many of the last values of a register a cas may expect.
const REMEMBERED: usize = 4;

/// How registers follow one another.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyPlan {
    /// How many are in use at once.
    pub(super) keys: u64,
    /// How many operations each gets.
    pub(super) operations_per_key: u64,
}

/// A register in use.
struct Slot {
    key: u64,
    operations: u64,
    indeterminate: u32,
    /// Values that were seen or written, latest last.
    values: VecDeque<u64>,
}

/// Decides all calls.
pub(super) struct RegisterGenerator {
    plan: KeyPlan,
    /// What is called.
    calls: Random,
    /// Who calls; apart, so that the calls do not depend on who is free.
    workers: Random,
    slots: Vec<Slot>,
    next_key: u64,
    next_value: u64,
    /// The registers that the final phase has still to read.
    last_reads: Option<VecDeque<u64>>,
}

impl RegisterGenerator {
    pub(super) fn new(plan: KeyPlan, calls: Random, workers: Random) -> Self {
        let mut generator =
            Self { plan, calls, workers, slots: Vec::new(), next_key: 0, next_value: 1, last_reads: None };
        for _ in 0..plan.keys {
            let slot = generator.new_slot();
            generator.slots.push(slot);
        }
        generator
    }

    fn new_slot(&mut self) -> Slot {
        let key = self.next_key;
        self.next_key += 1;
        Slot { key, operations: 0, indeterminate: 0, values: VecDeque::new() }
    }

    fn new_value(&mut self) -> u64 {
        let value = self.next_value;
        self.next_value += 1;
        value
    }

    fn call(&mut self) -> RegisterCall {
        let place = self.calls.random_range(0..self.slots.len());
        let (kind, choice) = (self.calls.random_range(0..10), self.calls.random_range(0..10));
        let slot = &mut self.slots[place];
        slot.operations += 1;
        let key = slot.key;
        // Mostly the last value, so that it succeeds; now and then an older one.
        let known = slot.values.len();
        let expected = match choice {
            0..8 => slot.values.back(),
            _ => slot.values.get(choice % known.max(1)),
        };
        let expected = expected.copied();
        if slot.operations >= self.plan.operations_per_key {
            self.slots[place] = self.new_slot();
        }
        match (kind, expected) {
            (0..5, _) => RegisterCall::Read { key },
            (8.., Some(from)) => RegisterCall::Cas { key, from, to: self.new_value() },
            _ => RegisterCall::Write { key, value: self.new_value() },
        }
    }

    fn last_read(&mut self) -> Option<RegisterCall> {
        let slots = &self.slots;
        let left = self.last_reads.get_or_insert_with(|| slots.iter().map(|slot| slot.key).collect());
        left.pop_front().map(|key| RegisterCall::Read { key })
    }

    fn free_worker(&mut self, context: &Context<'_>) -> Option<usize> {
        let free = || context.free.iter().enumerate().filter(|(_, free)| **free).map(|(worker, _)| worker);
        let chosen = match free().count() {
            0 => return None,
            count => self.workers.random_range(0..count),
        };
        free().nth(chosen)
    }
}

impl Generator<RegisterCall, RegisterReply> for RegisterGenerator {
    fn next(&mut self, context: &Context<'_>) -> Step<RegisterCall> {
        let Some(worker) = self.free_worker(context) else { return Step::Pending };
        let call = if context.phase == Phase::Final { self.last_read() } else { Some(self.call()) };
        call.map_or(Step::Done, |call| Step::Invoke { worker, call, scheduled: context.now })
    }

    fn observe(&mut self, _context: &Context<'_>, completion: &Completion<'_, RegisterCall, RegisterReply>) {
        let Some(place) = self.slots.iter().position(|slot| slot.key == completion.call.key()) else { return };
        let value = match (completion.call, completion.outcome) {
            (_, Outcome::Ok(RegisterReply::Read { value })) => *value,
            (RegisterCall::Write { value, .. }, Outcome::Ok(_)) => Some(*value),
            (RegisterCall::Cas { to, .. }, Outcome::Ok(RegisterReply::Cas { swapped: true })) => Some(*to),
            _ => None,
        };
        let slot = &mut self.slots[place];
        if let Some(value) = value.filter(|value| slot.values.back() != Some(value)) {
            slot.values.push_back(value);
            if slot.values.len() > REMEMBERED {
                slot.values.pop_front();
            }
        }
        slot.indeterminate += u32::from(completion.outcome.is_info());
        if slot.indeterminate >= MOST_INDETERMINATE {
            self.slots[place] = self.new_slot();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use dsjepsen_engine::{Purpose, stream};
    use dsjepsen_history::Reason;

    use super::*;

    const PLAN: KeyPlan = KeyPlan { keys: 5, operations_per_key: 100 };

    fn generator(seed: u64) -> RegisterGenerator {
        RegisterGenerator::new(PLAN, stream(seed, Purpose::Calls, 0), stream(seed, Purpose::Calls, 1))
    }

    fn at(phase: Phase, free: &[bool]) -> Context<'_> {
        Context { now: 0, phase, free }
    }

    /// What a sound register answers.
    fn answer(registers: &mut BTreeMap<u64, u64>, call: &RegisterCall) -> RegisterReply {
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

    /// Runs ten workers of which the one that is served longest ago completes next; `outcome` may spoil answers.
    fn simulate(
        seed: u64,
        length: usize,
        mut outcome: impl FnMut(usize, RegisterReply) -> Outcome<RegisterReply>,
    ) -> Vec<(usize, RegisterCall, Outcome<RegisterReply>)> {
        let mut generator = generator(seed);
        let (mut registers, mut flying, mut made) = (BTreeMap::new(), VecDeque::new(), Vec::new());
        let mut free = [true; 10];
        while made.len() < length {
            if let Step::Invoke { worker, call, .. } = generator.next(&at(Phase::Main, &free)) {
                assert!(free[worker]);
                free[worker] = false;
                flying.push_back((worker, call));
            }
            if flying.len() > 3 {
                let (worker, call) = flying.pop_front().unwrap();
                let outcome = outcome(made.len(), answer(&mut registers, &call));
                free[worker] = true;
                let completion = Completion { worker, call: &call, outcome: &outcome };
                generator.observe(&at(Phase::Main, &free), &completion);
                made.push((worker, call, outcome));
            }
        }
        made
    }

    #[test]
    fn calls_are_mixed_and_values_are_new() {
        let made = simulate(7, 20_000, |_, reply| Outcome::Ok(reply));
        let share = |kind: fn(&RegisterCall) -> bool| made.iter().filter(|(_, call, _)| kind(call)).count() / 200;
        assert!((48..=52).contains(&share(|call| matches!(call, RegisterCall::Read { .. }))));
        assert!((28..=33).contains(&share(|call| matches!(call, RegisterCall::Write { .. }))));
        assert!((17..=21).contains(&share(|call| matches!(call, RegisterCall::Cas { .. }))));
        let values = made.iter().filter_map(|(_, call, _)| match call {
            RegisterCall::Read { .. } => None,
            RegisterCall::Write { value, .. } | RegisterCall::Cas { to: value, .. } => Some(*value),
        });
        let (all, distinct): (Vec<_>, BTreeSet<_>) = (values.clone().collect(), values.collect());
        assert_eq!(all.len(), distinct.len());
        let cas = |swapped| {
            let is = |outcome: &Outcome<_>| *outcome == Outcome::Ok(RegisterReply::Cas { swapped });
            made.iter().filter(|(_, _, outcome)| is(outcome)).count()
        };
        assert!(cas(true) > cas(false) && cas(false) > 300, "{} swapped, {} did not", cas(true), cas(false));
    }

    #[test]
    fn every_worker_takes_part() {
        let mut by_worker = [0; 10];
        for (worker, ..) in simulate(3, 2000, |_, reply| Outcome::Ok(reply)) {
            by_worker[worker] += 1;
        }
        assert!(by_worker.iter().all(|&calls| calls > 100), "{by_worker:?}");
    }

    #[test]
    fn a_key_gives_way_after_its_operations() {
        let mut by_key = BTreeMap::new();
        for (_, call, _) in simulate(5, 5000, |_, reply| Outcome::Ok(reply)) {
            *by_key.entry(call.key()).or_insert(0) += 1;
        }
        assert!(by_key.values().all(|&operations| operations <= 100), "{by_key:?}");
        assert!((50..=55).contains(&by_key.len()));
    }

    #[test]
    fn a_key_gives_way_early_after_a_few_indeterminate_operations() {
        let mut indeterminate = BTreeMap::new();
        let made = simulate(5, 5000, |place, reply| match reply {
            RegisterReply::Read { .. } => Outcome::Ok(reply),
            _ if place % 3 == 0 => Outcome::Info(Reason::new("timeout")),
            _ => Outcome::Ok(reply),
        });
        for (_, call, outcome) in &made {
            *indeterminate.entry(call.key()).or_insert(0) += u32::from(outcome.is_info());
        }
        // What is in flight when the fourth is seen may still be lost.
        assert!(indeterminate.values().all(|&lost| lost <= MOST_INDETERMINATE + 3), "{indeterminate:?}");
        assert!(indeterminate.len() > 100);
    }

    #[test]
    fn the_seed_decides_the_calls() {
        let run = |seed| simulate(seed, 500, |_, reply| Outcome::Ok(reply));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn the_final_phase_reads_every_key_in_use_once() {
        let mut generator = generator(1);
        let mut keys = Vec::new();
        while let Step::Invoke { call: RegisterCall::Read { key }, .. } = generator.next(&at(Phase::Final, &[true])) {
            keys.push(key);
        }
        assert_eq!(keys, [0, 1, 2, 3, 4]);
        assert!(matches!(generator.next(&at(Phase::Final, &[true])), Step::Done));
        assert!(matches!(generator.next(&at(Phase::Final, &[false])), Step::Pending));
    }
}
