//! Long histories. What is measured is work that grows: the time is for people to see, with `--nocapture`.

use std::time::Instant;

use dsjepsen_checkers::CounterRule;

use crate::script::{STRONG, Script};

/// `rounds` rounds of four additions that meet, one of them in doubt, and a read beside them.
fn busy(rounds: u64) -> Script {
    let mut script = Script::new(STRONG);
    let mut value = 0;
    for round in 0..rounds {
        let open: Vec<_> = (0..4).map(|at| script.add(at, round * 4 + u64::from(at), 1)).collect();
        let read = script.ask(9);
        for (at, operation) in open.into_iter().enumerate() {
            value += 1;
            match at {
                0 => script.info(operation),
                1 => script.told(operation, None),
                _ => script.told(operation, Some(value)),
            }
        }
        script.shows(read, value);
    }
    script.rests_at(value);
    script
}

/// 50,000 operations: anything quadratic would take minutes here.
#[test]
fn a_long_history_is_judged() {
    let mut script = busy(10_000);
    let start = Instant::now();
    assert_eq!(script.broken(), []);
    println!("{} operations, all rules: {:?}", script.history.operations.len(), start.elapsed());
    let last = script.history.operations.len() as i64;
    script.read(1, last);
    assert!(script.breaks(CounterRule::Bounds));
}
