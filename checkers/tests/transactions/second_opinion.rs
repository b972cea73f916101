//! Lists against a judge that somebody else wrote: the crate `adya`, after Elle as we are.

use std::collections::BTreeSet;

use adya::history::{Interner, Mop, Op, OpType, ReadValue, Scalar};
use adya::{Opts, Valid, Workload};
use dsjepsen_checkers::transactions::{Level, Options, Outcome, check_list_append};
use dsjepsen_history::Gravity;
use proptest::prelude::*;

use crate::lists::{cases, some_history};
use crate::random::Store;
use crate::script::{Script, Step, Txn, lists};

/// A history's events in their order, as the other judge takes them.
fn theirs(script: &Script) -> adya::History {
    let mut interner = Interner::default();
    let mut number = |number: u32| interner.intern(Scalar::Int(number.into()));
    let mut events: Vec<(u64, Op)> = Vec::new();
    for txn in script {
        let mut event = |at: u64, kind: OpType| {
            let value = txn.steps.iter().map(|step| match step {
                Step::Write(key, value) => Mop::Append { key: number(*key), value: number(*value) },
                Step::Read(key, list) if kind == OpType::Ok => Mop::Read {
                    key: number(*key),
                    value: ReadValue::List(list.iter().map(|&one| number(one)).collect()),
                },
                Step::Read(key, _) => Mop::Read { key: number(*key), value: ReadValue::Nil },
            });
            let op = Op { index: at, kind, process: Some(txn.process.into()), value: value.collect(), time: None };
            events.push((at, op));
        };
        event(txn.invoked, OpType::Invoke);
        if let Some(completed) = txn.completed {
            event(completed, kind(txn));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    adya::History::from_ops(events.into_iter().map(|(_, op)| op).collect(), interner)
}

fn kind(txn: &Txn) -> OpType {
    match txn.outcome {
        Outcome::Ok => OpType::Ok,
        Outcome::Fail => OpType::Fail,
        Outcome::Info => OpType::Info,
    }
}

/// The anomalies without a circle that both define alike. The other takes an update for lost also where its transaction had appended
/// before it read; and of updates on top of an aborted one, and of reads of what comes later, it names fewer.
const DIRECT: [&str; 4] = ["G1a", "internal", "incompatible-order", "duplicate-elements"];

/// Circles. Where many overlap, each of the two takes its own way round.
const CIRCLES: [&str; 5] = ["G0", "G1c", "G-single-item", "G-nonadjacent-item", "G2-item"];

/// Whether a history is serializable to each of the two, as far as they can tell, and which of these anomalies they name.
fn opinions(script: &Script, named: &[&str]) -> [(bool, BTreeSet<String>); 2] {
    // The other knows no garbage reads.
    let options = Options { garbage_reads: false, ..Options::level(Level::Serializable) };
    let ours = check_list_append(&lists(script), &options);
    let asked = Opts { models: vec!["serializable".to_owned()], ..Opts::default() };
    let theirs = adya::check(&theirs(script), Workload::ListAppend, &asked);
    let alike = |names: &mut dyn Iterator<Item = &str>| {
        names.filter(|name| named.contains(name)).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    [
        (ours.verdict != Gravity::Invalid, alike(&mut ours.anomalies.iter().map(|case| case.anomaly.name()))),
        (theirs.valid != Valid::False, alike(&mut theirs.anomaly_types.iter().map(String::as_str))),
    ]
}

proptest! {
    #![proptest_config(cases(1500))]

    /// These histories are longer than an oracle that tries every order can judge.
    #[test]
    fn both_say_the_same_of_a_store_that_keeps_what_it_was_given(seed: u64, store in 0..4_usize) {
        let script = some_history(seed, Store::ALL[store], false, 25);
        let circles = if Store::ALL[store] == Store::Chaos { &[][..] } else { &CIRCLES };
        let named = [&DIRECT[..], circles].concat();
        let [ours, theirs] = opinions(&script, &named);
        prop_assert_eq!(ours, theirs, "{:#?}", script);
    }

    /// Of values that come from nowhere and versions in impossible orders we say more, so that is no difference.
    #[test]
    fn what_the_other_finds_invalid_is(seed: u64, store in 0..4_usize) {
        let script = some_history(seed, Store::ALL[store], true, 25);
        let [ours, theirs] = opinions(&script, &DIRECT);
        prop_assert!(!ours.0 || theirs.0, "they found {:?}: {script:#?}", theirs.1);
    }
}
