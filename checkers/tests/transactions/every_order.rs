//! Tries all orders of a few transactions: of registers or of lists, one after the other or from snapshots.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};

use dsjepsen_checkers::transactions::Outcome;

use crate::oracle::{Kind, Respect};
use crate::script::{Step, Txn};

pub(crate) const KEYS: usize = 3;
/// What stands for nil.
const NIL: u32 = 0;

/// What each key holds: the value of a register; of a list all elements, one in each eight bits.
type State = [u128; KEYS];

/// A transaction of which perhaps no invocation was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) txn: Txn,
    pub(crate) bare: bool,
}

pub(crate) fn shown(list: &[u32]) -> u32 {
    list.last().copied().unwrap_or(NIL)
}

/// What a read shows, as a state holds it.
fn held(kind: Kind, list: &[u32]) -> u128 {
    match kind {
        Kind::Registers => u128::from(shown(list)),
        Kind::Lists => list.iter().fold(0, |held, &value| appended(held, value)),
    }
}

fn appended(held: u128, value: u32) -> u128 {
    assert!((1..256).contains(&value) && held >> 120 == 0, "a state holds 16 small values");
    held << 8 | u128::from(value)
}

/// Who had begun, who had committed, what they left, and the snapshots of the others.
type Tried = (u32, u32, State, Vec<(usize, State)>);

/// Tries all orders.
pub(crate) struct Oracle<'a> {
    kind: Kind,
    seen: &'a [Seen],
    /// Of each transaction, those that must come before it.
    before: Vec<u32>,
    /// Those that took effect.
    ok: u32,
    /// From where all orders were tried.
    tried: RefCell<HashSet<Tried>>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(kind: Kind, seen: &'a [Seen], respect: Respect) -> Self {
        let precedes = |a: &Seen, b: &Seen| {
            let timed = !a.bare && !b.bare && a.txn.precedes(&b.txn);
            // Without a time the order of answers counts within a session.
            let answered = |seen: &Seen| seen.txn.completed.unwrap_or(u64::MAX);
            let listed = (a.bare || b.bare) && a.txn.is_ok() && answered(a) < answered(b);
            match respect {
                Respect::Nothing => false,
                Respect::Sessions => a.txn.process == b.txn.process && (timed || listed),
                Respect::RealTime => timed || (a.txn.process == b.txn.process && listed),
            }
        };
        let mask = |holds: &dyn Fn(&Seen) -> bool| -> u32 {
            seen.iter().enumerate().filter(|(_, one)| holds(one)).map(|(at, _)| 1 << at).sum()
        };
        let before = seen.iter().map(|later| mask(&|earlier| precedes(earlier, later))).collect();
        Self { kind, seen, before, ok: mask(&|one| one.txn.is_ok()), tried: RefCell::default() }
    }

    /// Whether some order explains all reads, from some state of keys that nobody had written.
    pub(crate) fn allows(&self, snapshots: bool) -> bool {
        let mut initial: [Vec<u32>; KEYS] = Default::default();
        let written: BTreeSet<(u32, u32)> =
            self.seen.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
        for step in self.seen.iter().filter(|seen| seen.txn.is_ok()).flat_map(|seen| &seen.txn.steps) {
            if let Step::Read(key, list) = step
                && self.kind == Kind::Registers
                && !written.contains(&(*key, shown(list)))
            {
                initial[*key as usize].push(shown(list));
            }
        }
        let choices = initial.map(|mut values| {
            values.push(NIL);
            values.sort_unstable();
            values.dedup();
            values
        });
        let [a, b, c] = &choices;
        a.iter().any(|&a| {
            b.iter().any(|&b| {
                c.iter().any(|&c| {
                    let state = [a, b, c].map(u128::from);
                    if snapshots { self.snapshots(0, &mut Vec::new(), 0, state) } else { self.serial(0, state) }
                })
            })
        })
    }

    fn run(&self, at: usize, state: &State) -> Option<State> {
        let Seen { txn, .. } = &self.seen[at];
        let mut state = *state;
        for step in &txn.steps {
            match step {
                Step::Write(key, value) => self.write(*key, *value, &mut state),
                Step::Read(key, list) if txn.is_ok() && state[*key as usize] != held(self.kind, list) => return None,
                Step::Read(..) => {}
            }
        }
        Some(state)
    }

    fn write(&self, key: u32, value: u32, state: &mut State) {
        let held = &mut state[key as usize];
        *held = if self.kind == Kind::Lists { appended(*held, value) } else { u128::from(value) };
    }

    fn may_begin(&self, at: usize, begun: u32, committed: u32) -> bool {
        begun >> at & 1 == 0 && self.seen[at].txn.outcome != Outcome::Fail && self.before[at] & !committed == 0
    }

    fn serial(&self, done: u32, state: State) -> bool {
        self.ok & !done == 0
            || (0..self.seen.len()).any(|at| {
                self.may_begin(at, done, done)
                    && self.run(at, &state).is_some_and(|state| self.serial(done | 1 << at, state))
            })
    }

    fn snapshots(&self, begun: u32, open: &mut Vec<(usize, State)>, committed: u32, state: State) -> bool {
        if self.ok & !committed == 0 {
            return true;
        }
        let mut snapshots = open.clone();
        snapshots.sort_unstable();
        if !self.tried.borrow_mut().insert((begun, committed, state, snapshots)) {
            return false;
        }
        for at in 0..self.seen.len() {
            if self.may_begin(at, begun, committed) && self.run(at, &state).is_some() {
                open.push((at, state));
                let found = self.snapshots(begun | 1 << at, open, committed, state);
                open.pop();
                if found {
                    return true;
                }
            }
        }
        for place in 0..open.len() {
            let (at, snapshot) = open.remove(place);
            let mut after = Some(state);
            for step in &self.seen[at].txn.steps {
                if let (Step::Write(key, value), Some(held)) = (step, &mut after) {
                    if state[*key as usize] == snapshot[*key as usize] {
                        self.write(*key, *value, held);
                    } else {
                        after = None;
                    }
                }
            }
            let found = after.is_some_and(|after| self.snapshots(begun, open, committed | 1 << at, after));
            open.insert(place, (at, snapshot));
            if found {
                return true;
            }
        }
        false
    }
}

pub(crate) fn written(step: &Step) -> Option<(u32, u32)> {
    match step {
        Step::Write(key, value) => Some((*key, *value)),
        Step::Read(..) => None,
    }
}
