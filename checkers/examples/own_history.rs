//! Another project's test that judges its own history: threads compare and set a register, and write down what they ask and hear.
//!
//! `cargo run --example own_history` prints the answer.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example says what it found, and may panic as a test may"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use dsjepsen_checkers::linearizable::{Answer, CONFIGURATIONS, History, decide};
use dsjepsen_checkers::models::register::{Call, Register, Reply};

/// Four clients add to a register by `swap(register, from, to)`, which says whether it set the value.
fn judge(swap: impl Fn(&AtomicU64, u64, u64) -> bool + Sync) -> Answer {
    let register = AtomicU64::new(0);
    let history = Mutex::new(History::<Register<u64>>::new());
    let client = || {
        for _ in 0..50 {
            let invoked = history.lock().unwrap().invoke(Call::Read);
            let from = register.load(Ordering::SeqCst);
            history.lock().unwrap().complete(invoked, Reply::Found(from));
            let invoked = history.lock().unwrap().invoke(Call::Cas { from, to: from + 1 });
            let swapped = swap(&register, from, from + 1);
            history.lock().unwrap().complete(invoked, Reply::Swapped(swapped));
        }
    };
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(client))));
    decide(&Register { initial: 0 }, &history.into_inner().unwrap().entries(), CONFIGURATIONS)
}

fn at_once(register: &AtomicU64, from: u64, to: u64) -> bool {
    register.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

/// Says that it did, and did not.
fn not_at_all(_register: &AtomicU64, _from: u64, _to: u64) -> bool {
    true
}

fn main() {
    println!("a register that compares and sets at once: {:?}", judge(at_once));
    println!("a register that forgets what it was told:  {:?}", judge(not_at_all));
}

#[test]
fn the_answers_are_right() {
    assert_eq!(judge(at_once), Answer::Exists);
    assert_eq!(judge(not_at_all), Answer::Impossible);
}
