//! All levels against each other, and against every order of versions that a history leaves open.
//!
//! `DSJEPSEN_FUZZ=100000 cargo test --release -p dsjepsen-checkers --test transactions levels` tries more histories.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_checkers::transactions::{Level, Options, Outcome, RegisterOptions, check_list_append, check_registers};
use dsjepsen_history::Gravity;

use crate::oracle::Kind;
use crate::random::{Dice, Store, history, spoil};
use crate::script::{Script, Step, Txn, lists, r, registers, serial, together, w};

fn judge(kind: Kind, script: &Script, level: Level) -> Gravity {
    let verdict = match kind {
        Kind::Lists => check_list_append(&lists(script), &Options::level(level)),
        Kind::Registers => check_registers(&registers(script), &RegisterOptions::default(), &Options::level(level)),
    };
    assert_eq!(verdict.problem, None);
    verdict.verdict
}

/// Small histories; some of transactions of one step each, and some with a key that nobody reads.
fn some_history(seed: u64) -> Script {
    let mut dice = Dice::new(seed);
    let (transactions, keys) = (2 + dice.below(4), 1 + dice.below(3));
    let store = Store::ALL[dice.below(4) as usize];
    let mut script = history(store, &mut dice, transactions, keys);
    if dice.below(4) == 0 {
        script.iter_mut().for_each(|txn| txn.steps.truncate(1));
    }
    if dice.below(4) == 0 {
        for (at, txn) in (0..).zip(&mut script).filter(|(at, _)| at % 4 < 3) {
            txn.steps.push(Step::Write(keys, 30 + at));
        }
    }
    if dice.below(3) == 0 {
        spoil(&mut script, &mut dice);
    }
    if dice.below(3) == 0 {
        few_sessions(&mut script);
    }
    script
}

/// Runs transactions of which each came after the other in one session.
fn few_sessions(script: &mut Script) {
    script.sort_by_key(|txn| txn.completed.unwrap_or(u64::MAX));
    let mut last: Vec<Txn> = Vec::new();
    for txn in script {
        let place = last.iter().position(|last| last.precedes(txn)).unwrap_or(last.len());
        txn.process = place as u32;
        if place == last.len() {
            last.push(txn.clone());
        } else {
            last[place] = txn.clone();
        }
    }
}

/// A level of each pair that `Level::ALL` orders: it implies the other.
fn implications() -> Vec<(Level, Level)> {
    use Level as L;
    vec![
        (L::ReadCommitted, L::ReadUncommitted),
        (L::CursorStability, L::ReadCommitted),
        (L::MonotonicView, L::ReadCommitted),
        (L::MonotonicSnapshotRead, L::ReadCommitted),
        (L::MonotonicAtomicView, L::ReadCommitted),
        (L::ReadAtomic, L::MonotonicAtomicView),
        (L::CausalCerone, L::ReadAtomic),
        (L::UpdateAtomic, L::ReadAtomic),
        (L::ConsistentView, L::CursorStability),
        (L::ConsistentView, L::MonotonicView),
        (L::ForwardConsistentView, L::ConsistentView),
        (L::ParallelSnapshotIsolation, L::CausalCerone),
        (L::ParallelSnapshotIsolation, L::UpdateAtomic),
        (L::Prefix, L::CausalCerone),
        (L::RepeatableRead, L::CursorStability),
        (L::RepeatableRead, L::MonotonicAtomicView),
        (L::SnapshotIsolation, L::ForwardConsistentView),
        (L::SnapshotIsolation, L::MonotonicSnapshotRead),
        (L::SnapshotIsolation, L::ParallelSnapshotIsolation),
        (L::SnapshotIsolation, L::Prefix),
        (L::UpdateSerializable, L::ForwardConsistentView),
        (L::Serializable, L::RepeatableRead),
        (L::Serializable, L::SnapshotIsolation),
        (L::Serializable, L::UpdateSerializable),
        (L::Serializable, L::ViewSerializable),
        (L::StrongSessionReadUncommitted, L::ReadUncommitted),
        (L::StrongSessionReadCommitted, L::StrongSessionReadUncommitted),
        (L::StrongSessionSnapshotIsolation, L::SnapshotIsolation),
        (L::StrongSessionSnapshotIsolation, L::StrongSessionReadCommitted),
        (L::StrongSessionSerializable, L::Serializable),
        (L::StrongSessionSerializable, L::StrongSessionSnapshotIsolation),
        (L::StrongReadUncommitted, L::StrongSessionReadUncommitted),
        (L::StrongReadCommitted, L::StrongReadUncommitted),
        (L::StrongReadCommitted, L::StrongSessionReadCommitted),
        (L::StrongSnapshotIsolation, L::StrongSessionSnapshotIsolation),
        (L::StrongSnapshotIsolation, L::StrongReadCommitted),
        (L::Pram, L::MonotonicReads),
        (L::Pram, L::MonotonicWrites),
        (L::Pram, L::ReadYourWrites),
        (L::Causal, L::WritesFollowReads),
        (L::Causal, L::Pram),
        (L::Sequential, L::Causal),
        (L::Linearizable, L::Sequential),
        (L::SessionSerializable, L::OneCopySerializable),
        (L::StrictSerializable, L::StrongSnapshotIsolation),
        (L::StrictSerializable, L::StrongSessionSerializable),
        (L::StrictSerializable, L::SessionSerializable),
        (L::StrictSerializable, L::Linearizable),
    ]
}

fn cases(usual: u64) -> u64 {
    std::env::var("DSJEPSEN_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn a_level_that_holds_implies_the_weaker_and_one_that_is_broken_breaks_the_stronger() {
    let implications = implications();
    for kind in [Kind::Lists, Kind::Registers] {
        let mut tally: BTreeMap<(Level, Gravity), u64> = BTreeMap::new();
        for seed in 0..cases(60) {
            let script = some_history(seed);
            let verdicts: BTreeMap<Level, Gravity> =
                Level::ALL.iter().map(|&level| (level, judge(kind, &script, level))).collect();
            for (&level, &verdict) in &verdicts {
                *tally.entry((level, verdict)).or_default() += 1;
            }
            for &(strong, weak) in &implications {
                let both = (verdicts[&strong], verdicts[&weak]);
                assert!(
                    both.0 != Gravity::Valid || both.1 != Gravity::Invalid,
                    "{kind:?} {seed} {strong} {weak} {script:#?}"
                );
                // What holds is not left open for want of looking at what is stronger.
                let is_empty = both.0 == Gravity::Valid && both.1 == Gravity::Unknown;
                assert!(
                    !is_empty || judge_is_empty(kind, &script, weak),
                    "{kind:?} {seed} {strong} {weak} {script:#?}"
                );
            }
        }
        for &level in Level::ALL {
            let of = |verdict| tally.get(&(level, verdict)).copied().unwrap_or_default();
            println!("{kind:?} {level}: {} {} {}", of(Gravity::Valid), of(Gravity::Invalid), of(Gravity::Unknown));
            assert!(of(Gravity::Valid) > 0, "{kind:?} {level}");
        }
    }
}

/// Whether nothing that a level depends on shows in a history.
fn judge_is_empty(kind: Kind, script: &Script, level: Level) -> bool {
    let verdict = match kind {
        Kind::Lists => check_list_append(&lists(script), &Options::level(level)),
        Kind::Registers => check_registers(&registers(script), &RegisterOptions::default(), &Options::level(level)),
    };
    verdict.undecided.is_empty()
}

/// All orders of some values.
fn orders(values: &[u32]) -> Vec<Vec<u32>> {
    let Some((&first, rest)) = values.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for at in 0..=order.len() {
            let mut order = order.clone();
            order.insert(at, first);
            all.push(order);
        }
    }
    all
}

type Versions = BTreeMap<u32, Vec<u32>>;

/// All orders in which the values of each key may have been written, by whoever took effect; none where they are too many.
fn version_orders(kind: Kind, script: &Script) -> Option<Vec<Versions>> {
    let mut all = vec![Versions::new()];
    for key in 0..4 {
        let read = |step: &Step| match step {
            Step::Read(other, list) if *other == key => match kind {
                Kind::Lists => list.clone(),
                Kind::Registers => list.last().copied().into_iter().collect(),
            },
            _ => Vec::new(),
        };
        let reads: Vec<Vec<u32>> =
            script.iter().filter(|txn| txn.is_ok()).flat_map(|txn| &txn.steps).map(read).collect();
        let seen: BTreeSet<u32> = reads.iter().flatten().copied().collect();
        let counts = |txn: &&Txn| {
            let is_seen = |step: &Step| matches!(step, Step::Write(_, value) if all_seen(script, kind).contains(&(step.key(), *value)));
            txn.is_ok() || txn.steps.iter().any(is_seen)
        };
        let values: Vec<u32> = script
            .iter()
            .filter(counts)
            .flat_map(|txn| &txn.steps)
            .filter_map(|step| match *step {
                Step::Write(other, value) if other == key => Some(value),
                _ => None,
            })
            .collect();
        // A value from nowhere, or lists that contradict each other, fit no order.
        let longest = reads.iter().max_by_key(|list| list.len()).cloned().unwrap_or_default();
        let fits = seen.iter().all(|value| values.contains(value))
            && longest.iter().collect::<BTreeSet<_>>().len() == longest.len()
            && (kind == Kind::Registers || reads.iter().all(|list| longest.starts_with(list)));
        if !fits || values.len() > 5 {
            return None;
        }
        let known = if kind == Kind::Lists { longest } else { Vec::new() };
        let open: Vec<u32> = values.iter().copied().filter(|value| !known.contains(value)).collect();
        let orders = orders(&open);
        all = all
            .iter()
            .flat_map(|versions| {
                let known = &known;
                orders.iter().map(move |order| {
                    let mut versions = versions.clone();
                    versions.insert(key, [known.as_slice(), order].concat());
                    versions
                })
            })
            .collect();
        if all.len() > 200 {
            return None;
        }
    }
    Some(all)
}

fn all_seen(script: &Script, kind: Kind) -> BTreeSet<(u32, u32)> {
    let steps = script.iter().filter(|txn| txn.is_ok()).flat_map(|txn| &txn.steps);
    let seen = steps.flat_map(|step| match step {
        Step::Read(key, list) if kind == Kind::Lists => list.iter().map(|&value| (*key, value)).collect(),
        Step::Read(key, list) => list.last().map(|&value| vec![(*key, value)]).unwrap_or_default(),
        Step::Write(..) => Vec::new(),
    });
    seen.collect()
}

/// The history of lists with this order of versions, of which all is known: somebody read it to its end, and did so at no known time.
fn completed(script: &Script, versions: &Versions, process: u32) -> Script {
    let mut script = script.clone();
    for step in script.iter_mut().flat_map(|txn| &mut txn.steps) {
        if let Step::Read(key, list) = step {
            let order = versions.get(key).map(Vec::as_slice).unwrap_or_default();
            let end = list.last().and_then(|last| order.iter().position(|value| value == last)).map_or(0, |at| at + 1);
            *list = order[..end].to_vec();
        }
    }
    let steps =
        versions.iter().filter(|(_, order)| !order.is_empty()).map(|(&key, order)| Step::Read(key, order.clone()));
    let last = script.iter().filter_map(|txn| txn.completed).max().unwrap_or_default() + 1_000;
    let steps = steps.collect();
    script.push(Txn { process, outcome: Outcome::Ok, invoked: last, completed: Some(last + 1), steps });
    script
}

/// Levels that the order of all versions decides through anomalies alone.
const BY_ANOMALIES: [Level; 14] = [
    Level::ReadUncommitted,
    Level::ReadCommitted,
    Level::ConsistentView,
    Level::RepeatableRead,
    Level::SnapshotIsolation,
    Level::Serializable,
    Level::StrongSessionReadUncommitted,
    Level::StrongSessionReadCommitted,
    Level::StrongSessionSnapshotIsolation,
    Level::StrongSessionSerializable,
    Level::StrongReadUncommitted,
    Level::StrongReadCommitted,
    Level::StrongSnapshotIsolation,
    Level::StrictSerializable,
];

/// A level holds iff it does for some order of the versions that are not in a known one. The reader of it all came last, and only
/// real time says so: nothing contradicts that of what took effect.
#[test]
fn what_anomalies_say_is_so_for_some_order_of_versions() {
    for kind in [Kind::Lists, Kind::Registers] {
        let mut tally = [0_u64; 4];
        for seed in 0..cases(60) {
            let script = some_history(seed);
            let Some(orders) = version_orders(kind, &script) else { continue };
            for level in BY_ANOMALIES {
                let verdict = judge(kind, &script, level);
                let options = Options { anomalies_only: true, ..Options::level(level) };
                let holds = orders.iter().any(|versions| {
                    let verdict = check_list_append(&lists(&completed(&script, versions, 99)), &options);
                    verdict.verdict != Gravity::Invalid
                });
                let context = || format!("{kind:?} {seed} {level}: {verdict}, by all orders {holds}: {script:#?}");
                assert!(verdict != Gravity::Valid || holds, "{}", context());
                assert!(verdict != Gravity::Invalid || !holds, "{}", context());
                tally[match verdict {
                    Gravity::Valid => 0,
                    Gravity::Invalid => 1,
                    _ if holds => 2,
                    _ => 3,
                }] += 1;
            }
        }
        println!("{kind:?}: {tally:?}");
        assert!(tally[0] > 50 && tally[1] > 50, "{kind:?} {tally:?}");
    }
}

/// Whether the guarantees hold in an order of versions. `asked` are those of reads after reads, writes after writes, reads after
/// writes and writes after reads.
fn keeps(script: &Script, versions: &Versions, asked: [bool; 4]) -> bool {
    let place = |key: u32, value: Option<u32>| {
        value.map_or(0, |value| versions[&key].iter().position(|&other| other == value).unwrap() + 1)
    };
    let written: BTreeSet<u32> = versions.values().flatten().copied().collect();
    let counts = |txn: &&Txn| {
        txn.is_ok() || txn.steps.iter().any(|step| matches!(step, Step::Write(_, value) if written.contains(value)))
    };
    let txns: Vec<&Txn> = script.iter().filter(counts).collect();
    (0..4).all(|key| {
        // Who, whether it wrote, and the place of the version.
        let mut events: Vec<(usize, bool, usize)> = Vec::new();
        for (at, txn) in txns.iter().enumerate() {
            let first = txn.steps.iter().find(|step| step.key() == key);
            if let (Some(Step::Read(_, list)), true) = (first, txn.is_ok()) {
                events.push((at, false, place(key, list.last().copied())));
            }
            if let Some(value) = txn.last_write(key) {
                events.push((at, true, place(key, Some(value))));
            }
        }
        events.iter().enumerate().all(|(later_at, &(later, writes, second))| {
            events[..later_at].iter().all(|&(earlier, wrote, first)| {
                let (a, b) = (txns[earlier], txns[later]);
                let in_session = earlier == later || (a.process == b.process && a.precedes(b));
                let is_asked = match (wrote, writes) {
                    (false, false) => asked[0],
                    (true, true) => asked[1],
                    (true, false) => asked[2],
                    (false, true) => asked[3],
                };
                !in_session || !is_asked || first <= second
            })
        })
    })
}

#[test]
fn guarantees_of_sessions_are_what_some_order_of_versions_keeps() {
    let levels = [
        (Level::MonotonicReads, [true, false, false, false]),
        (Level::MonotonicWrites, [false, true, false, false]),
        (Level::ReadYourWrites, [false, false, true, false]),
        (Level::WritesFollowReads, [false, false, false, true]),
        (Level::Pram, [true, true, true, false]),
        (Level::Causal, [true; 4]),
    ];
    for kind in [Kind::Lists, Kind::Registers] {
        let mut tally: BTreeMap<(Level, Gravity, bool), u64> = BTreeMap::new();
        let mut open: BTreeMap<(Level, Option<&str>), u64> = BTreeMap::new();
        for seed in 0..cases(350) {
            let mut script = some_history(seed);
            // As they are numbered: by session and its order.
            script.sort_by_key(|txn| txn.completed.unwrap_or(u64::MAX));
            let Some(orders) = version_orders(kind, &script) else { continue };
            for (level, asked) in levels {
                let verdict = judge(kind, &script, level);
                let holds = orders.iter().any(|versions| keeps(&script, versions, asked));
                assert!(verdict != Gravity::Valid || holds, "{kind:?} {seed} {level}: {script:#?}");
                assert!(verdict != Gravity::Invalid || !holds, "{kind:?} {seed} {level}: {script:#?}");
                *tally.entry((level, verdict, holds)).or_default() += 1;
                if verdict == Gravity::Unknown && !judge_is_empty(kind, &script, level) {
                    let options = Options { anomalies_only: true, ..Options::level(Level::Serializable) };
                    let verdict = match kind {
                        Kind::Lists => check_list_append(&lists(&script), &options),
                        Kind::Registers => check_registers(&registers(&script), &RegisterOptions::default(), &options),
                    };
                    open.entry((level, verdict.anomalies.first().map(|case| case.anomaly.name())))
                        .and_modify(|count| *count += 1)
                        .or_insert(1_u64);
                }
            }
        }
        println!("{kind:?}: {tally:#?} {open:#?}");
        for (level, _) in levels.into_iter().filter(|(level, _)| *level != Level::MonotonicWrites) {
            let broken = tally.get(&(level, Gravity::Invalid, false)).copied().unwrap_or_default();
            assert!(broken > 0 || level == Level::WritesFollowReads, "{kind:?} {level}");
        }
    }
}

#[test]
fn levels_that_anomalies_do_not_characterise_are_open() {
    // Two writes that two readers see in two orders: no anomaly of registers, and yet no prefix.
    let fork = together(&[&[w(0, 1)], &[w(1, 2)], &[r(0, &[1]), r(1, &[])], &[r(0, &[]), r(1, &[2])]]);
    for kind in [Kind::Lists, Kind::Registers] {
        assert_eq!(judge(kind, &fork, Level::SnapshotIsolation), Gravity::Invalid);
        for level in [Level::Prefix, Level::ForwardConsistentView, Level::UpdateSerializable] {
            assert_eq!(judge(kind, &fork, level), Gravity::Unknown, "{kind:?} {level}");
        }
        assert_eq!(judge(kind, &fork, Level::CausalCerone), Gravity::Valid, "{kind:?}");
        // Of lists the order of versions is known, and so PL-2+ is decided.
        let known = if kind == Kind::Lists { Gravity::Valid } else { Gravity::Unknown };
        for level in [Level::ConsistentView, Level::CursorStability, Level::ParallelSnapshotIsolation] {
            assert_eq!(judge(kind, &fork, level), known, "{kind:?} {level}");
        }
        assert_eq!(judge(kind, &fork, Level::Linearizable), Gravity::Unknown, "{kind:?}");
    }
    // Of each by itself, all hold.
    let fine = serial(&[&[w(0, 1)], &[r(0, &[1])]], |at| at as u32);
    for &level in Level::ALL {
        for kind in [Kind::Lists, Kind::Registers] {
            assert_eq!(judge(kind, &fine, level), Gravity::Valid, "{kind:?} {level}");
        }
    }
}

/// What a session wrote first counts too.
#[test]
fn a_session_reads_nothing_older_than_any_of_its_writes() {
    let own = |at: usize| u32::from(at > 2);
    // The first session read 3, which so is younger than 1; the second read 1 after it wrote 3.
    let script = serial(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[3])], &[w(0, 3)], &[r(0, &[1])]], own);
    assert_eq!(judge(Kind::Registers, &script, Level::ReadYourWrites), Gravity::Invalid);
    assert_eq!(judge(Kind::Registers, &script, Level::MonotonicReads), Gravity::Valid);
}

#[test]
fn who_misses_its_own_write_keeps_no_level_for_sure() {
    let script = together(&[&[w(0, 1), r(0, &[])], &[r(0, &[1])]]);
    for kind in [Kind::Lists, Kind::Registers] {
        assert_eq!(judge(kind, &script, Level::ReadCommitted), Gravity::Unknown, "{kind:?}");
        assert_eq!(judge(kind, &script, Level::ReadAtomic), Gravity::Invalid, "{kind:?}");
    }
}
