//! The judges of one workload each.

use std::collections::BTreeMap;

use dsjepsen_checkers::transactions::{
    BankAccounts, BankOptions, BankRead, CausalOperation, LongForkOperation, SessionGuarantee, check_bank,
    check_causal_reverse, check_long_fork, check_session_guarantees,
};
use dsjepsen_history::{Gravity, Judgement};
use proptest::prelude::*;

use crate::script::{r, registers, serial, w};

fn rules(judgement: &Judgement) -> Vec<&str> {
    judgement.findings.iter().map(|finding| finding.rule.as_ref()).collect()
}

fn read(index: u64, balances: &[(&str, Option<i64>)]) -> BankRead {
    BankRead { index, balances: balances.iter().map(|&(account, balance)| (account.to_owned(), balance)).collect() }
}

#[test]
fn a_bank_keeps_its_accounts_and_its_total() {
    let options = BankOptions {
        accounts: BankAccounts::Only(vec!["a".to_owned(), "b".to_owned()]),
        total: Some(10),
        negative_balances: false,
    };
    let good = read(0, &[("a", Some(4)), ("b", Some(6))]);
    assert_eq!(check_bank(std::slice::from_ref(&good), &options).verdict, Gravity::Valid);
    assert_eq!(check_bank(&[], &options).verdict, Gravity::Unknown);
    for (bad, rule) in [
        (read(1, &[("a", Some(4)), ("b", Some(5))]), "bank.wrong-total"),
        (read(1, &[("a", Some(-1)), ("b", Some(11))]), "bank.negative-balance"),
        (read(1, &[("a", Some(10))]), "bank.missing-balance"),
        (read(1, &[("a", Some(10)), ("b", None)]), "bank.missing-balance"),
        (read(1, &[("a", Some(10)), ("b", Some(0)), ("c", Some(0))]), "bank.unexpected-account"),
    ] {
        let judgement = check_bank(&[good.clone(), bad.clone(), bad], &options);
        assert_eq!((rules(&judgement), judgement.findings[0].count), (vec![rule], 2));
        assert!(judgement.findings[0].operations.contains(&1));
    }
    let overdrawn = BankOptions { negative_balances: true, ..options };
    assert_eq!(check_bank(&[read(1, &[("a", Some(-1)), ("b", Some(11))])], &overdrawn).verdict, Gravity::Valid);
}

#[test]
fn a_bank_of_which_nothing_is_known_still_keeps_its_total() {
    let same = [read(0, &[("a", Some(4)), ("b", Some(6))]), read(2, &[("a", Some(10)), ("b", Some(0))])];
    assert_eq!(check_bank(&same, &BankOptions::default()).verdict, Gravity::Valid);
    let changed = [read(0, &[("a", Some(4)), ("b", Some(6))]), read(2, &[("a", Some(10)), ("b", Some(1))])];
    let judgement = check_bank(&changed, &BankOptions::default());
    assert_eq!((rules(&judgement), &judgement.findings[0].operations), (vec!["bank.wrong-total"], &vec![0, 2]));
}

fn group(index: u64, seen: &[bool]) -> LongForkOperation {
    let value = |(key, &seen): (usize, &bool)| (key.to_string(), seen.then(|| "1".to_owned()));
    LongForkOperation::Read { index, values: seen.iter().enumerate().map(value).collect() }
}

#[test]
fn two_reads_must_not_disagree_on_which_write_came_first() {
    let fork = check_long_fork(&[group(3, &[true, false]), group(5, &[false, true])]);
    assert_eq!((rules(&fork), &fork.findings[0].operations), (vec!["long-fork.order"], &vec![3, 5]));
    assert_eq!(check_long_fork(&[group(3, &[true, false]), group(5, &[true, true])]).verdict, Gravity::Valid);
    assert_eq!(check_long_fork(&[]).verdict, Gravity::Unknown);
    let write = |index| LongForkOperation::Write { index, key: "0".to_owned() };
    let twice = check_long_fork(&[write(0), write(1), group(3, &[true, false])]);
    assert_eq!(twice.verdict, Gravity::Unknown);
    let values = |value: &str| BTreeMap::from([("0".to_owned(), Some(value.to_owned()))]);
    let differ = [
        LongForkOperation::Read { index: 0, values: values("1") },
        LongForkOperation::Read { index: 1, values: values("2") },
    ];
    assert_eq!(rules(&check_long_fork(&differ)), ["long-fork.value"]);
}

fn insert(invoked: u64, completed: u64, value: usize) -> CausalOperation {
    CausalOperation::Write { invoked, completed: Some(completed), value: value.to_string() }
}

fn look(invoked: u64, values: &[usize]) -> CausalOperation {
    CausalOperation::Read { invoked, values: values.iter().map(usize::to_string).collect() }
}

#[test]
fn whoever_sees_an_effect_sees_what_came_before_it() {
    let writes = [insert(0, 1, 1), insert(2, 3, 2)];
    let judge = |shown: &[usize]| check_causal_reverse(&[writes.as_slice(), &[look(4, shown)]].concat());
    assert_eq!(judge(&[1]).verdict, Gravity::Valid);
    assert_eq!(judge(&[1, 2]).verdict, Gravity::Valid);
    let reversed = judge(&[2]);
    assert_eq!((rules(&reversed), &reversed.findings[0].operations), (vec!["causal-reverse.order"], &vec![0, 2, 4]));
    assert_eq!(check_causal_reverse(&writes).verdict, Gravity::Unknown);
}

proptest! {
    #[test]
    fn long_forks_are_all_pairs_that_cannot_be_compared(reads in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 3), 1..7)) {
        let operations: Vec<_> = reads.iter().enumerate().map(|(at, seen)| group(at as u64, seen)).collect();
        let within = |a: &[bool], b: &[bool]| a.iter().zip(b).all(|(a, b)| !a || *b);
        let forked = reads.iter().any(|a| reads.iter().any(|b| !within(a, b) && !within(b, a)));
        prop_assert_eq!(check_long_fork(&operations).verdict == Gravity::Invalid, forked);
    }

    #[test]
    fn causal_reverse_is_any_write_that_came_before_one_that_is_shown(
        times in proptest::collection::vec((0_u64..20, 1_u64..8), 1..6),
        shown in proptest::collection::vec(any::<bool>(), 6),
    ) {
        let writes: Vec<_> = times.iter().enumerate().map(|(at, &(start, length))| insert(start, start + length, at)).collect();
        let values: Vec<usize> = (0..times.len()).filter(|&at| shown[at]).collect();
        let reversed = values.iter().any(|&later| {
            (0..times.len()).any(|earlier| !shown[earlier] && times[earlier].0 + times[earlier].1 < times[later].0)
        });
        let operations = [writes, vec![look(100, &values)]].concat();
        prop_assert_eq!(check_causal_reverse(&operations).verdict == Gravity::Invalid, reversed);
    }
}

#[test]
fn a_session_keeps_what_it_guarantees() {
    use SessionGuarantee::{MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads};
    let by = |sessions: &'static [u32]| move |at: usize| sessions[at];
    let broken = |script: Vec<crate::script::Txn>, guarantees: &[SessionGuarantee]| {
        check_session_guarantees(&registers(&script), guarantees).verdict == Gravity::Invalid
    };
    let forgot = || serial(&[&[w(0, 1)], &[r(0, &[])]], by(&[0, 0]));
    assert!(broken(forgot(), &[ReadYourWrites]) && !broken(forgot(), &[MonotonicReads]));
    let back = || serial(&[&[w(0, 1)], &[r(0, &[1])], &[r(0, &[])]], by(&[0, 1, 1]));
    assert!(
        broken(back(), &[MonotonicReads]) && !broken(back(), &[ReadYourWrites, MonotonicWrites, WritesFollowReads])
    );
    let apart = || {
        serial(
            &[&[w(0, 1)], &[w(0, 2)], &[r(0, &[1])], &[r(0, &[2])], &[r(0, &[2])], &[r(0, &[1])]],
            by(&[0, 1, 2, 2, 3, 3]),
        )
    };
    assert!(broken(apart(), &[MonotonicReads]));
    let swapped = || serial(&[&[w(0, 1)], &[w(0, 2)], &[r(0, &[2])], &[r(0, &[1])]], by(&[0, 0, 1, 1]));
    assert!(broken(swapped(), &[MonotonicReads, MonotonicWrites]) && !broken(swapped(), &[MonotonicReads]));
    let follows =
        || serial(&[&[w(0, 1)], &[r(0, &[1])], &[w(0, 2)], &[r(0, &[2])], &[r(0, &[1])]], by(&[0, 1, 1, 2, 2]));
    assert!(
        broken(follows(), &[MonotonicReads, WritesFollowReads])
            && !broken(follows(), &[MonotonicReads, MonotonicWrites])
    );
    let fine = serial(&[&[w(0, 1)], &[r(0, &[1])], &[w(0, 2)], &[r(0, &[2])]], by(&[0, 0, 0, 0]));
    assert_eq!(check_session_guarantees(&registers(&fine), &SessionGuarantee::ALL).verdict, Gravity::Valid);
    assert_eq!(check_session_guarantees(&registers(&[]), &SessionGuarantee::ALL).verdict, Gravity::Unknown);
}
