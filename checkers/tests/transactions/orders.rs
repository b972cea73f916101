//! Registers at the levels that an order of all transactions decides, against all orders tried one by one.
//!
//! `DSJEPSEN_FUZZ=1000000 cargo test --release -p dsjepsen-checkers --test transactions orders` tries a million histories.

use std::collections::BTreeSet;

use dsjepsen_checkers::transactions::{
    Anomaly, Level, MicroOperation, Options, Ordered, Outcome, RegisterOptions, Transaction, TransactionHistory,
    TransactionVerdict, check_registers,
};
use dsjepsen_history::{Finding, Gravity};

use crate::random::{Dice, Store, history, spoil};
use crate::script::{Step, Txn};

const KEYS: usize = 3;
/// What stands for nil.
const NIL: u32 = 0;
/// The least value that no generator writes.
const UNKNOWN: u32 = 90;

/// What a key holds.
type State = [u32; KEYS];

/// A transaction of which perhaps no invocation was recorded.
#[derive(Debug, Clone)]
struct Seen {
    txn: Txn,
    bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Respect {
    Nothing,
    Sessions,
    RealTime,
}

const LEVELS: [(Level, bool, Respect); 6] = [
    (Level::Serializable, false, Respect::Nothing),
    (Level::StrongSessionSerializable, false, Respect::Sessions),
    (Level::StrictSerializable, false, Respect::RealTime),
    (Level::SnapshotIsolation, true, Respect::Nothing),
    (Level::StrongSessionSnapshotIsolation, true, Respect::Sessions),
    (Level::StrongSnapshotIsolation, true, Respect::RealTime),
];

fn shown(list: &[u32]) -> u32 {
    list.last().copied().unwrap_or(NIL)
}

/// Tries all orders.
struct Oracle<'a> {
    seen: &'a [Seen],
    /// Of each transaction, those that must come before it.
    before: Vec<u32>,
    /// Those that took effect.
    ok: u32,
}

impl<'a> Oracle<'a> {
    fn new(seen: &'a [Seen], respect: Respect) -> Self {
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
        Self { seen, before, ok: mask(&|one| one.txn.is_ok()) }
    }

    /// Whether some order explains all reads, from some state of keys that nobody had written.
    fn allows(&self, snapshots: bool) -> bool {
        let mut initial: [Vec<u32>; KEYS] = Default::default();
        let written: BTreeSet<(u32, u32)> =
            self.seen.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
        for step in self.seen.iter().filter(|seen| seen.txn.is_ok()).flat_map(|seen| &seen.txn.steps) {
            if let Step::Read(key, list) = step
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
                    let state = [a, b, c];
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
                Step::Write(key, value) => state[*key as usize] = *value,
                Step::Read(key, list) if txn.is_ok() && state[*key as usize] != shown(list) => return None,
                Step::Read(..) => {}
            }
        }
        Some(state)
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
                        held[*key as usize] = *value;
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

fn written(step: &Step) -> Option<(u32, u32)> {
    match step {
        Step::Write(key, value) => Some((*key, *value)),
        Step::Read(..) => None,
    }
}

/// A random history in the order of its answers, as a file of it is read.
fn some_history(dice: &mut Dice, transactions: u32) -> Vec<Seen> {
    let keys = 1 + dice.below(KEYS as u32);
    let store = Store::ALL[dice.below(4) as usize];
    let mut script = history(store, dice, transactions, keys);
    // Keys that held something that nobody is known to have written.
    for key in 0..keys {
        if dice.below(4) == 0 {
            for step in script.iter_mut().flat_map(|txn| &mut txn.steps) {
                if let Step::Read(read, list) = step
                    && *read == key
                    && list.is_empty()
                {
                    list.push(UNKNOWN + key);
                }
            }
        }
    }
    if dice.below(2) == 0 {
        spoil(&mut script, dice);
    }
    match dice.below(8) {
        0 => {
            let at = dice.below(script.len() as u32) as usize;
            stray(&mut script[at], dice);
        }
        1 | 2 => wild(&mut script, keys, dice),
        _ => {}
    }
    let has_bare = dice.below(4) == 0;
    let mut seen: Vec<Seen> = Vec::new();
    for mut txn in script {
        let bare = has_bare && txn.completed.is_some() && dice.below(3) == 0;
        if bare {
            txn.invoked = txn.completed.unwrap_or_default();
        }
        if txn.outcome == Outcome::Info && dice.below(2) == 0 {
            txn.completed = Some(txn.invoked + 1);
        }
        seen.push(Seen { txn, bare });
    }
    seen.sort_by_key(|seen| seen.txn.completed.unwrap_or(u64::MAX));
    seen
}

/// Lets all reads show what was written by somebody, and most transactions either write or read: then little follows by itself.
fn wild(script: &mut [Txn], keys: u32, dice: &mut Dice) {
    let mut next_value = 20;
    for txn in script.iter_mut() {
        let (reads, mixed) = (dice.below(2) == 0, dice.below(3) == 0);
        for step in txn.steps.iter_mut().filter(|_| !mixed) {
            match *step {
                Step::Write(key, _) if reads => *step = Step::Read(key, Vec::new()),
                Step::Read(key, _) if !reads => {
                    next_value += 1;
                    *step = Step::Write(key, next_value);
                }
                _ => {}
            }
        }
    }
    let mut written: Vec<Vec<u32>> = vec![Vec::new(); keys as usize];
    for txn in script.iter_mut() {
        if txn.outcome == Outcome::Fail {
            continue;
        }
        for key in 0..keys {
            written[key as usize].extend(txn.last_write(key));
        }
    }
    for step in script.iter_mut().flat_map(|txn| &mut txn.steps) {
        if let Step::Read(key, list) = step {
            let values = &written[*key as usize];
            // Seldom nil, of which much follows.
            let at = dice.below(4 * values.len() as u32 + 1) as usize / 4;
            *list = values.get(at).map(|&value| vec![value]).unwrap_or_default();
        }
    }
}

/// Makes reads show anything at all.
fn stray(txn: &mut Txn, dice: &mut Dice) {
    for step in &mut txn.steps {
        if let Step::Read(key, list) = step {
            *list = match dice.below(4) {
                0 => Vec::new(),
                1 => vec![UNKNOWN + *key],
                2 => vec![UNKNOWN + 5],
                _ => vec![1 + dice.below(8)],
            };
        }
    }
}

fn typed(seen: &[Seen]) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for Seen { txn, bare } in seen {
        let step = |step: &Step| match step {
            Step::Write(key, value) => MicroOperation::Write { key: *key, value: *value },
            Step::Read(key, list) if txn.is_ok() => MicroOperation::Read { key: *key, value: list.last().copied() },
            Step::Read(key, _) => MicroOperation::Unread { key: *key },
        };
        let (process, outcome, invoked, completed) = (txn.process, txn.outcome, txn.invoked, txn.completed);
        history.push(
            Transaction { process, outcome, invoked, completed, bare: *bare, times: None },
            txn.steps.iter().map(step),
        );
    }
    history
}

fn judge(history: &TransactionHistory, level: Level) -> TransactionVerdict {
    let options = Options { garbage_reads: false, ..Options::level(level) };
    check_registers(history, &RegisterOptions::default(), &options)
}

/// What a finding shows must suffice: reads whose writer is not shown are left out, and still there is no order.
fn suffices(seen: &[Seen], finding: &Finding, snapshots: bool, respect: Respect) -> bool {
    let writes: BTreeSet<(u32, u32)> = seen.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
    let is_shown = |seen: &&Seen| finding.operations.contains(&seen.txn.invoked);
    let mut part: Vec<Seen> = seen.iter().filter(is_shown).cloned().collect();
    let kept: BTreeSet<(u32, u32)> = part.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
    for seen in &mut part {
        seen.txn.steps.retain(|step| match step {
            Step::Write(..) => true,
            Step::Read(key, list) => {
                let read = (*key, shown(list));
                !writes.contains(&read) || kept.contains(&read)
            }
        });
    }
    !Oracle::new(&part, respect).allows(snapshots)
}

#[derive(Debug, Default)]
struct Tally {
    held: u32,
    broken: u32,
    without_anomaly: u32,
    by_circle: u32,
}

impl Tally {
    fn add(&mut self, more: &Self) {
        self.held += more.held;
        self.broken += more.broken;
        self.without_anomaly += more.without_anomaly;
        self.by_circle += more.by_circle;
    }
}

fn compare(seed: u64, tallies: &mut [Tally; 6]) {
    let mut dice = Dice::new(seed);
    let transactions = 2 + dice.below(5);
    let seen = some_history(&mut dice, transactions);
    let history = typed(&seen);
    for ((level, snapshots, respect), tally) in LEVELS.into_iter().zip(tallies) {
        if snapshots && seen.len() > 4 && !seed.is_multiple_of(16) {
            continue;
        }
        let verdict = judge(&history, level);
        assert_eq!(verdict.problem, None);
        let expected = Oracle::new(&seen, respect).allows(snapshots);
        let context = || format!("seed {seed}, {level}, all orders say {expected}: {verdict:#?}\n{seen:#?}");
        assert_eq!(verdict.verdict != Gravity::Invalid, expected, "{}", context());
        // A history that says nothing of order is not called valid.
        assert!(verdict.verdict != Gravity::Unknown || verdict.has(Anomaly::EmptyTransactionGraph), "{}", context());
        tally.held += u32::from(expected);
        tally.broken += u32::from(!expected);
        match &verdict.ordered {
            Ordered::Open => assert_eq!(verdict.verdict, Gravity::Invalid, "{}", context()),
            Ordered::Found => {}
            Ordered::None(broken, finding) => {
                assert_eq!((*broken, verdict.not.as_slice()), (level, [level].as_slice()), "{}", context());
                assert!(finding.steps.len() > 1 && !finding.operations.is_empty(), "{}", context());
                assert!(suffices(&seen, finding, snapshots, respect), "{}", context());
                tally.without_anomaly += 1;
                tally.by_circle += u32::from(!finding.cycle.is_empty());
            }
        }
    }
}

#[test]
fn every_level_is_decided_as_by_trying_all_orders() {
    let asked = std::env::var("DSJEPSEN_FUZZ").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(6_000_u64);
    let half = |first: u64| {
        let mut tallies: [Tally; 6] = Default::default();
        (first..cases).step_by(2).for_each(|seed| compare(seed, &mut tallies));
        tallies
    };
    let (mut tallies, more) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join().unwrap())
    });
    for (tally, more) in tallies.iter_mut().zip(&more) {
        tally.add(more);
    }
    for ((level, ..), tally) in LEVELS.iter().zip(&tallies) {
        println!("{level}: {tally:?}");
    }
    for ((level, snapshots, _), tally) in LEVELS.iter().zip(&tallies) {
        let least = if *snapshots { 2 } else { 15 };
        assert!(tally.held > 500 && tally.broken > 500 && tally.without_anomaly > least, "{level}: {tally:?}");
    }
}
