//! Random small histories out of bytes, so that they shrink: when operations begin, take effect and end.

use dsjepsen_checkers::Outcome;
use dsjepsen_history::{Index, Process};

/// Numbers out of bytes; 0 once they are used up.
pub(crate) struct Draw<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below this limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        u64::from(self.bytes.next().copied().unwrap_or(0)) % limit
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == times - 1
    }
}

/// When an operation began, took effect and ended. All of these differ over a whole history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) process: Process,
    pub(crate) invoked: Index,
    /// None where it never took effect.
    pub(crate) effect: Option<Index>,
    /// None where nobody heard of it again.
    pub(crate) completed: Option<Index>,
    pub(crate) outcome: Outcome,
}

/// So many operations of some processes: each has one in flight, and after an indeterminate one it is never heard of again.
pub(crate) fn schedule(draw: &mut Draw<'_>, operations: usize, workers: usize) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    let mut busy: Vec<Option<usize>> = vec![None; workers];
    let mut process: Vec<u32> = (0..workers as u32).collect();
    let mut ghosts: Vec<usize> = Vec::new();
    let mut now = 0;
    for _ in 0..operations * 6 {
        now += 1;
        // What is indeterminate may take effect at any later time.
        if !ghosts.is_empty() && draw.one_in(4) {
            let ghost = ghosts.swap_remove(draw.below(ghosts.len() as u64) as usize);
            slots[ghost].effect = Some(now);
            continue;
        }
        let worker = draw.below(workers as u64) as usize;
        let Some(number) = busy[worker] else {
            if slots.len() < operations {
                busy[worker] = Some(slots.len());
                let process = Process(process[worker]);
                slots.push(Slot { process, invoked: now, effect: None, completed: None, outcome: Outcome::Info });
            }
            continue;
        };
        let slot = &mut slots[number];
        if slot.effect.is_some() {
            slot.completed = Some(now);
            slot.outcome = Outcome::Ok;
            busy[worker] = None;
            continue;
        }
        match draw.below(10) {
            0 => {
                slot.completed = Some(now);
                slot.outcome = Outcome::Fail;
                busy[worker] = None;
            }
            lost @ (1 | 2) => {
                slot.completed = (lost == 1).then_some(now);
                ghosts.push(number);
                process[worker] += workers as u32;
                busy[worker] = None;
            }
            _ => slot.effect = Some(now),
        }
    }
    slots
}

/// The positions of those that took effect, in the order in which they did.
pub(crate) fn in_effect(slots: &[Slot]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..slots.len()).filter(|&place| slots[place].effect.is_some()).collect();
    order.sort_unstable_by_key(|&place| slots[place].effect);
    order
}

/// An outcome, evenly.
pub(crate) fn outcome(draw: &mut Draw<'_>) -> Outcome {
    [Outcome::Ok, Outcome::Info, Outcome::Fail][draw.below(3) as usize]
}
