//! Registers and lists at the levels that an order of all transactions decides, against all orders tried one by one.
//!
//! `DSJEPSEN_FUZZ=1000000 cargo test --release -p dsjepsen-checkers --test transactions orders` tries a million histories
//! of each.

use std::collections::BTreeSet;

use dsjepsen_checkers::transactions::{
    Anomaly, Level, MicroOperation, Options, Outcome, RegisterOptions, Settled, Transaction, TransactionHistory,
    TransactionVerdict, check_list_append, check_registers,
};
use dsjepsen_history::{Finding, Gravity};

use crate::every_order::{KEYS, Oracle, Seen, shown, written};
use crate::oracle::{Kind, Respect};
use crate::random::{Dice, Store, history, spoil};
use crate::script::{Step, Txn};

/// The least value that no generator writes.
const UNKNOWN: u32 = 90;

const LEVELS: [(Level, bool, Respect); 6] = [
    (Level::Serializable, false, Respect::Nothing),
    (Level::StrongSessionSerializable, false, Respect::Sessions),
    (Level::StrictSerializable, false, Respect::RealTime),
    (Level::SnapshotIsolation, true, Respect::Nothing),
    (Level::StrongSessionSnapshotIsolation, true, Respect::Sessions),
    (Level::StrongSnapshotIsolation, true, Respect::RealTime),
];

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
    answered(script, dice)
}

/// The same of lists, with many appends that nobody reads.
fn some_lists(dice: &mut Dice, transactions: u32) -> Vec<Seen> {
    let keys = 1 + dice.below(KEYS as u32);
    let store = Store::ALL[dice.below(4) as usize];
    let mut script = history(store, dice, transactions, keys);
    let mut next_value = 30;
    if dice.below(3) > 0 {
        // Of a key that is not read the order of appends is open.
        let key = if keys == KEYS as u32 { dice.below(keys) } else { keys };
        let hidden = |step: &Step| step.key() == key && matches!(step, Step::Read(..));
        for txn in &mut script {
            txn.steps.retain(|step| !hidden(step));
            if dice.below(2) == 0 || txn.steps.is_empty() {
                next_value += 1;
                txn.steps.push(Step::Write(key, next_value));
            }
        }
    }
    if dice.below(3) == 0 {
        // All reads of a key are cut to less than was there.
        let (key, length) = (dice.below(keys), dice.below(2) as usize);
        for step in script.iter_mut().flat_map(|txn| &mut txn.steps) {
            if let Step::Read(read, list) = step
                && *read == key
            {
                list.truncate(length);
            }
        }
    }
    match dice.below(6) {
        0 | 1 => spoil(&mut script, dice),
        2 => skew(&mut script),
        _ => {}
    }
    answered(script, dice)
}

/// Two transactions that miss each other's append, and both append where nobody may have looked.
fn skew(script: &mut [Txn]) {
    let hidden = KEYS as u32 - 1;
    for (at, txn) in (0..2).zip(script) {
        txn.steps = vec![Step::Read(at, Vec::new()), Step::Write(1 - at, 40 + at), Step::Write(hidden, 42 + at)];
    }
}

/// In the order of answers; some invocations were not recorded.
fn answered(script: Vec<Txn>, dice: &mut Dice) -> Vec<Seen> {
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

fn typed(kind: Kind, seen: &[Seen]) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    for Seen { txn, bare } in seen {
        let step = |history: &mut TransactionHistory, step: &Step| match (step, kind) {
            (&Step::Write(key, value), Kind::Registers) => MicroOperation::Write { key, value },
            (&Step::Write(key, value), Kind::Lists) => MicroOperation::Append { key, value },
            (&Step::Read(key, _), _) if !txn.is_ok() => MicroOperation::Unread { key },
            (Step::Read(key, list), Kind::Registers) => MicroOperation::Read { key: *key, value: list.last().copied() },
            (Step::Read(key, list), Kind::Lists) => {
                MicroOperation::ReadList { key: *key, list: history.list(list.iter().copied()) }
            }
        };
        let steps: Vec<_> = txn.steps.iter().map(|one| step(&mut history, one)).collect();
        let (process, outcome, invoked, completed) = (txn.process, txn.outcome, txn.invoked, txn.completed);
        history.push(Transaction { process, outcome, invoked, completed, bare: *bare, times: None }, steps);
    }
    history
}

fn judge(kind: Kind, history: &TransactionHistory, level: Level) -> TransactionVerdict {
    let options = Options { garbage_reads: false, ..Options::level(level) };
    match kind {
        Kind::Lists => check_list_append(history, &options),
        Kind::Registers => check_registers(history, &RegisterOptions::default(), &options),
    }
}

/// What a finding shows must suffice: of what is not shown nothing is known but the order of each list.
fn suffices(kind: Kind, seen: &[Seen], finding: &Finding, snapshots: bool, respect: Respect) -> bool {
    let writes: BTreeSet<(u32, u32)> = seen.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
    let is_shown = |seen: &&Seen| finding.operations.contains(&seen.txn.invoked);
    let mut part: Vec<Seen> = seen.iter().filter(is_shown).cloned().collect();
    let kept: BTreeSet<(u32, u32)> = part.iter().flat_map(|seen| &seen.txn.steps).filter_map(written).collect();
    if kind == Kind::Lists {
        let known = (0..KEYS as u32).map(|key| longest(seen, key));
        part.extend(known.filter(|reader| reader.txn.steps != [Step::Read(reader.txn.steps[0].key(), Vec::new())]));
    }
    for seen in &mut part {
        seen.txn.steps.retain_mut(|step| match step {
            Step::Write(..) => true,
            Step::Read(key, list) if kind == Kind::Lists => {
                list.retain(|&value| kept.contains(&(*key, value)));
                true
            }
            Step::Read(key, list) => {
                let read = (*key, shown(list));
                !writes.contains(&read) || kept.contains(&read)
            }
        });
    }
    !Oracle::new(kind, &part, respect).allows(snapshots)
}

/// The longest list that was read of a key, as if by somebody without a place in time.
fn longest(seen: &[Seen], key: u32) -> Seen {
    let read = |step: &Step| match step {
        Step::Read(other, list) if *other == key => Some(list.clone()),
        _ => None,
    };
    let ok = seen.iter().filter(|seen| seen.txn.is_ok());
    let list = ok.flat_map(|seen| &seen.txn.steps).filter_map(read).max_by_key(Vec::len).unwrap_or_default();
    let txn = Txn {
        process: 1_000 + key,
        outcome: Outcome::Ok,
        invoked: 1_000,
        completed: Some(1_000),
        steps: vec![Step::Read(key, list)],
    };
    Seen { txn, bare: true }
}

#[derive(Debug, Default)]
struct Tally {
    held: u32,
    broken: u32,
    found: u32,
    without_anomaly: u32,
    by_circle: u32,
}

impl Tally {
    fn add(&mut self, more: &Self) {
        self.held += more.held;
        self.broken += more.broken;
        self.found += more.found;
        self.without_anomaly += more.without_anomaly;
        self.by_circle += more.by_circle;
    }
}

fn compare(kind: Kind, seed: u64, tallies: &mut [Tally; 6]) {
    let mut dice = Dice::new(seed);
    let transactions = 2 + dice.below(5);
    let seen = match kind {
        Kind::Registers => some_history(&mut dice, transactions),
        Kind::Lists => some_lists(&mut dice, transactions.min(5)),
    };
    let history = typed(kind, &seen);
    for ((level, snapshots, respect), tally) in LEVELS.into_iter().zip(tallies) {
        let verdict = judge(kind, &history, level);
        assert_eq!(verdict.problem, None);
        let expected = Oracle::new(kind, &seen, respect).allows(snapshots);
        let context = || format!("seed {seed}, {level}, all orders say {expected}: {verdict:#?}\n{seen:#?}");
        assert_eq!(verdict.verdict != Gravity::Invalid, expected, "{}", context());
        // A history that says nothing of order is not called valid.
        assert!(verdict.verdict != Gravity::Unknown || verdict.has(Anomaly::EmptyTransactionGraph), "{}", context());
        tally.held += u32::from(expected);
        tally.broken += u32::from(!expected);
        match &verdict.settled {
            Settled::Open => assert_eq!(verdict.verdict, Gravity::Invalid, "{}", context()),
            Settled::Holds => tally.found += 1,
            Settled::Broken(broken, finding) => {
                assert_eq!((*broken, verdict.not.as_slice()), (level, [level].as_slice()), "{}", context());
                assert!(finding.steps.len() > 1 && !finding.operations.is_empty(), "{}", context());
                assert!(suffices(kind, &seen, finding, snapshots, respect), "{}", context());
                tally.without_anomaly += 1;
                tally.by_circle += u32::from(!finding.cycle.is_empty());
            }
        }
    }
}

fn compare_all(kind: Kind, usual: u64) -> [Tally; 6] {
    let asked = std::env::var("DSJEPSEN_FUZZ").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(usual);
    let half = |first: u64| {
        let mut tallies: [Tally; 6] = Default::default();
        (first..cases).step_by(2).for_each(|seed| compare(kind, seed, &mut tallies));
        tallies
    };
    let (mut tallies, more) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join().unwrap())
    });
    for (tally, more) in tallies.iter_mut().zip(&more) {
        tally.add(more);
    }
    tallies
}

#[test]
fn every_level_is_decided_as_by_trying_all_orders() {
    let tallies = compare_all(Kind::Registers, 3_000);
    for ((level, snapshots, _), tally) in LEVELS.iter().zip(&tallies) {
        println!("{level}: {tally:?}");
        let least = if *snapshots { 2 } else { 7 };
        assert!(tally.held > 500 && tally.broken > 500 && tally.without_anomaly > least, "{level}: {tally:?}");
    }
}

#[test]
fn every_level_of_lists_is_decided_as_by_trying_all_orders() {
    let tallies = compare_all(Kind::Lists, 3_000);
    for ((level, snapshots, _), tally) in LEVELS.iter().zip(&tallies) {
        println!("{level}: {tally:?}");
        let by_order = !snapshots || (tally.found > 100 && tally.without_anomaly > 10);
        assert!(tally.held > 500 && tally.broken > 500 && by_order, "{level}: {tally:?}");
    }
}
