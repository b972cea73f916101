//! Large histories are decided by other means than small ones; here small ones are called large, and both ways compared.

use proptest::prelude::*;

use super::exact::{Decided, Scale, decide, decide_at};
use crate::interrupt::Interrupt;
use crate::transactions::history::{MicroOperation, Outcome, Transaction, TransactionHistory};
use crate::transactions::level::Level;
use crate::transactions::registers::versions::Versions;

const KEYS: u32 = 3;
const LEVELS: [Level; 5] = [
    Level::Serializable,
    Level::StrongSessionSerializable,
    Level::SnapshotIsolation,
    Level::StrongSessionSnapshotIsolation,
    Level::StrongSnapshotIsolation,
];

/// What one process does next: it begins, or it takes effect and ends.
#[derive(Debug, Clone)]
struct Turn {
    process: u8,
    /// Of each step its key, whether it writes, and how old the version is that it reads.
    steps: Vec<(u32, bool, u8)>,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    // Mostly the newest version is read.
    let age = prop_oneof![6 => Just(0_u8), 2 => Just(1), 1 => Just(2)];
    let steps = prop::collection::vec((0..KEYS, any::<bool>(), age), 1..4);
    prop::collection::vec((0..3_u8, steps).prop_map(|(process, steps)| Turn { process, steps }), 8..24)
}

fn history(turns: &[Turn]) -> TransactionHistory {
    let mut history = TransactionHistory::new();
    let mut versions: Vec<Vec<u32>> = vec![Vec::new(); KEYS as usize];
    let mut begun = [None; 3];
    for (now, turn) in (0..).zip(turns) {
        let Some(invoked) = begun[usize::from(turn.process)].take() else {
            begun[usize::from(turn.process)] = Some(now);
            continue;
        };
        let mut own = [None; KEYS as usize];
        let mut steps = Vec::new();
        for (at, &(key, writes, age)) in (0..).zip(&turn.steps) {
            let known = &versions[key as usize];
            if writes {
                let value = now as u32 * 10 + at;
                own[key as usize] = Some(value);
                steps.push(MicroOperation::Write { key, value });
            } else {
                let seen = known.len().checked_sub(1 + usize::from(age)).map(|at| known[at]);
                // One that reads a key twice reads the same.
                let before = steps.iter().find_map(|step| match *step {
                    MicroOperation::Read { key: other, value } if other == key => Some(value),
                    _ => None,
                });
                let value = own[key as usize].or(before.unwrap_or(seen));
                steps.push(MicroOperation::Read { key, value });
            }
        }
        for key in 0..KEYS as usize {
            versions[key].extend(own[key]);
        }
        let transaction = Transaction {
            process: turn.process.into(),
            outcome: Outcome::Ok,
            invoked,
            completed: Some(now),
            bare: false,
            times: None,
        };
        history.push(transaction, steps);
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn large_histories_are_decided_as_small_ones(turns in turns(), reach in 0_usize..4) {
        let history = history(&turns);
        let versions = Versions::of(&history).expect("every value is written once");
        let scale = Scale { clock_entries_max: 0, reaches: [0, reach] };
        for level in LEVELS {
            let holds = |decided: Option<(Decided, usize)>| match decided.expect("a level of orders").0 {
                Decided::Holds => Some(true),
                Decided::Broken(_) => Some(false),
                Decided::Open => None,
            };
            let never = Interrupt::default();
            let small = holds(decide(&versions, &[], level, 100_000, &never));
            let large = holds(decide_at(&versions, &[], level, (100_000, scale), &never));
            prop_assert!(small.is_none() || large.is_none() || small == large, "{level}: {small:?}, {large:?}");
        }
    }
}

#[test]
fn a_part_shows_what_is_wrong_with_the_whole() {
    // Of each pair both write, and each reads the key of the other as it was before.
    let mut history = TransactionHistory::new();
    for pair in 0..40_u32 {
        for (own, other) in [(0, 1), (1, 0)] {
            let (key, missed) = (2 * pair + own, 2 * pair + other);
            let at = u64::from(pair * 4 + own);
            let transaction = Transaction {
                process: own,
                outcome: Outcome::Ok,
                invoked: at,
                completed: Some(at + 2),
                bare: false,
                times: None,
            };
            let steps = [MicroOperation::Read { key: missed, value: None }, MicroOperation::Write { key, value: 1 }];
            // The first pairs miss nothing.
            history.push(transaction, steps.into_iter().skip(usize::from(pair != 33)));
        }
    }
    let versions = Versions::of(&history).expect("every value is written once");
    let scale = Scale { clock_entries_max: 0, reaches: [0, 2] };
    let decided = decide_at(&versions, &[], Level::Serializable, (100_000, scale), &Interrupt::default());
    let Some((Decided::Broken(finding), _)) = decided else { panic!("{decided:?}") };
    assert_eq!(finding.operations.len(), 2, "{finding:?}");
}
