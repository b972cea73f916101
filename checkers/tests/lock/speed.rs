//! A hundred thousand operations, well behaved and not at all. The time is printed and decides nothing:
//! `cargo test --release -p dsjepsen-checkers --test lock speed -- --nocapture`.

use std::time::Instant;

use dsjepsen_checkers::{LockCall, LockRule};

use crate::script::{FENCED, LEASES, Script};

const OPERATIONS: usize = 100_000;

fn judged(script: &Script, what: &str) -> [u64; 5] {
    assert_eq!(script.history.operations.len(), OPERATIONS);
    let start = Instant::now();
    let violations = LockRule::ALL.map(|rule| script.violations(rule));
    println!("{OPERATIONS} operations, {what}: {:?} for all rules", start.elapsed());
    violations
}

#[test]
fn holds_one_after_another() {
    let mut script = Script::new(FENCED);
    for hold in 0..OPERATIONS as u64 / 10 {
        let (at, process, lock) = (hold * 100, (hold % 10) as u32, (hold % 4) as u32);
        // Four locks take turns, so each is free again when its turn comes.
        script.acquired((at, at + 1), process, lock, hold, Some(hold));
        for step in 1..4 {
            script.renewed((at + 10 * step, at + 10 * step + 1), process, lock, hold);
        }
        for step in 0..4 {
            script.wrote((at + 50 + step, at + 50 + step), (process, lock, hold), Some(hold), (hold * 4 + step, true));
        }
        let refused = script.invoke(at + 60, process + 10, LockCall::Acquire { lock, hold: hold + 1_000_000 });
        script.fail(at + 61, refused, "held");
        script.released((at + 70, at + 71), process, lock, hold);
    }
    assert_eq!(judged(&script, "all valid"), [0; 5]);
}

#[test]
fn everybody_at_once() {
    let mut script = Script::new(LEASES);
    let holds = OPERATIONS as u64 / 4;
    for hold in 0..holds {
        script.acquired((hold, hold), hold as u32, 1, hold, None);
        script.renewed((hold, hold), hold as u32, 1, hold);
    }
    for hold in 0..holds {
        script.wrote((holds, holds), (hold as u32, 1, hold), None, (holds - hold, true));
        script.not_renewed((holds, holds), hold as u32, 1, hold);
    }
    let [exclusion, fencing, stale, belief, loss] = judged(&script, "all invalid");
    assert_eq!((exclusion, fencing, belief), (holds - 1, 0, holds - 1));
    assert!(stale > holds / 2 && (1980..=2000).contains(&loss), "{stale}, {loss}");
}
