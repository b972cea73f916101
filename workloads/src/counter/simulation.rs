//! The generator against simulated systems.

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_engine::generator::{Calls, Completion, Context, Generator, Limit, Phase, Step};
use dsjepsen_engine::{Purpose, stream};
use dsjepsen_history::{Nanos, NodeId, Outcome, Reason};

use super::generator::{CounterGenerator, Ending};

const SECOND: Nanos = 1_000_000_000;
/// When the final phase begins.
const FINAL: Nanos = 2 * SECOND;
/// How long a call takes.
const LATENCY: Nanos = SECOND / 100;
const WORKERS: usize = 3;
/// The additions of the main phase, of 1 each.
const ADDITIONS: u64 = 30;

type Answer = Outcome<CounterReply>;

fn ok_add() -> Answer {
    Outcome::Ok(CounterReply::Add { value: None })
}

fn shows(value: i64) -> Answer {
    Outcome::Ok(CounterReply::Read { value })
}

fn no_answer() -> Answer {
    Outcome::Info(Reason::new("timeout"))
}

/// A call of the final phase, and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    at: Nanos,
    call: CounterCall,
}

/// Runs the workload to its end: `answer` is given the time at which a call was made, and gives what comes of it and how long
/// that takes. Lists the calls of the final phase and says when it was over.
fn simulate(keyed: bool, mut answer: impl FnMut(Nanos, &CounterCall) -> (Nanos, Answer)) -> (Vec<Made>, Nanos) {
    let mut next = 0;
    let add = Calls(move || {
        next += 1;
        CounterCall::Add { id: next, delta: 1 }
    });
    let ending = Ending { nodes: vec![NodeId::at(0), NodeId::at(1)], keyed, longest_call: SECOND };
    let random = stream(1, Purpose::Calls, WORKERS);
    let mut generator = CounterGenerator::new(Limit::new(ADDITIONS, add), ending, random);
    let mut busy: Vec<Option<(Nanos, CounterCall, Answer)>> = vec![None; WORKERS];
    let (mut now, mut made) = (0, Vec::new());
    loop {
        let free: Vec<bool> = busy.iter().map(Option::is_none).collect();
        let phase = if now < FINAL { Phase::Main } else { Phase::Final };
        let wake = match generator.next(&Context { now, phase, free: &free }) {
            Step::Invoke { worker, call, .. } => {
                assert!(free[worker], "worker {worker} is busy");
                if phase == Phase::Final {
                    made.push(Made { at: now, call: call.clone() });
                }
                let (takes, outcome) = answer(now, &call);
                busy[worker] = Some((now + takes, call, outcome));
                continue;
            }
            Step::WaitUntil(time) => Some(time.max(now + 1)),
            Step::Done if phase == Phase::Final && free.iter().all(|free| *free) => return (made, now),
            Step::Pending | Step::Done => None,
        };
        let completion = busy.iter().flatten().map(|(time, ..)| *time).min();
        let change = (phase == Phase::Main).then_some(FINAL);
        now = wake.into_iter().chain(completion).chain(change).min().expect("nothing can ever happen");
        assert!(now < 60 * SECOND, "it never ends");
        for (worker, slot) in busy.iter_mut().enumerate() {
            if let Some((_, call, outcome)) = slot.take_if(|(time, ..)| *time <= now) {
                let free = vec![true; WORKERS];
                let phase = if now < FINAL { Phase::Main } else { Phase::Final };
                let completion = Completion { worker, call: &call, outcome: &outcome };
                generator.observe(&Context { now, phase, free: &free }, &completion);
            }
        }
    }
}

/// The ids sent again, and the rounds of reads with the nodes asked in each.
fn parts(made: &[Made]) -> (Vec<u64>, Vec<Vec<NodeId>>) {
    let (mut again, mut rounds) = (Vec::new(), Vec::new());
    for Made { call, .. } in made {
        match *call {
            CounterCall::Add { id, .. } => {
                assert!(rounds.is_empty(), "an addition after the first read");
                again.push(id);
            }
            CounterCall::Read { node, round } => {
                rounds.resize(rounds.len().max(round.unwrap() as usize), Vec::new());
                rounds[round.unwrap() as usize - 1].push(node.unwrap());
            }
        }
    }
    (again, rounds)
}

fn both() -> Vec<NodeId> {
    vec![NodeId::at(0), NodeId::at(1)]
}

#[test]
fn doubtful_additions_are_sent_again_and_two_exact_rounds_are_enough() {
    let (made, over) = simulate(true, |now, call| {
        let outcome = match call {
            CounterCall::Add { id, .. } if now < FINAL && id % 7 == 0 => no_answer(),
            CounterCall::Add { id: 8, .. } => Outcome::Fail(Reason::new("refused")),
            CounterCall::Add { .. } => ok_add(),
            CounterCall::Read { .. } => shows(29),
        };
        (LATENCY, outcome)
    });
    assert_eq!(parts(&made), (vec![7, 14, 21, 28], vec![both(); 2]));
    assert!(over < FINAL + SECOND, "{over}");
    let reads: Vec<_> = made.iter().filter(|made| matches!(made.call, CounterCall::Read { .. })).collect();
    let pause = reads[2].at - reads[1].at - LATENCY;
    assert!((SECOND / 10..=SECOND / 4).contains(&pause), "{pause}");
}

#[test]
fn without_keys_nothing_is_sent_again() {
    let (made, _) = simulate(false, |now, call| {
        let outcome = match call {
            CounterCall::Add { id, .. } if now < FINAL && id % 7 == 0 => no_answer(),
            CounterCall::Add { .. } => ok_add(),
            // Between 26 and 30 everything may be.
            CounterCall::Read { .. } => shows(27),
        };
        (LATENCY, outcome)
    });
    assert_eq!(parts(&made), (vec![], vec![both(); 2]));
}

#[test]
fn an_addition_that_is_not_acknowledged_is_sent_again_until_it_is() {
    let mut left = 3;
    let (made, _) = simulate(true, |now, call| match call {
        CounterCall::Add { id: 5, .. } if now < FINAL => (LATENCY, no_answer()),
        CounterCall::Add { id: 5, .. } => {
            left -= 1;
            (LATENCY, if left > 0 { Outcome::Fail(Reason::new("no-leader")) } else { ok_add() })
        }
        CounterCall::Add { .. } => (LATENCY, ok_add()),
        CounterCall::Read { .. } => (LATENCY, shows(30)),
    });
    assert_eq!(parts(&made), (vec![5; 3], vec![both(); 2]));
}

#[test]
fn what_is_in_flight_ends_first() {
    let slow = FINAL + SECOND / 2;
    let (made, _) = simulate(true, |now, call| match call {
        CounterCall::Add { id: 30, .. } if now < FINAL => (slow - now, no_answer()),
        CounterCall::Add { .. } => (LATENCY, ok_add()),
        CounterCall::Read { .. } => (LATENCY, shows(30)),
    });
    assert_eq!(made[0], Made { at: slow, call: CounterCall::Add { id: 30, delta: 1 } });
    assert_eq!(parts(&made), (vec![30], vec![both(); 2]));
}

#[test]
fn a_slow_node_gets_its_time() {
    let catches_up = FINAL + 5 * SECOND;
    let (made, over) = simulate(true, |now, call| match call {
        CounterCall::Read { node, .. } if now < catches_up && *node == Some(NodeId::at(1)) => (LATENCY, shows(29)),
        CounterCall::Read { .. } => (LATENCY, shows(30)),
        CounterCall::Add { .. } => (LATENCY, ok_add()),
    });
    let (_, rounds) = parts(&made);
    assert!(rounds.iter().all(|round| *round == both()));
    assert!((catches_up..catches_up + SECOND).contains(&over), "{over}");
}

#[test]
fn a_counter_that_is_wrong_for_good_is_read_for_eight_seconds() {
    let (made, over) = simulate(true, |_, call| match call {
        CounterCall::Read { .. } => (LATENCY, shows(31)),
        CounterCall::Add { .. } => (LATENCY, ok_add()),
    });
    assert!((FINAL + 7 * SECOND..FINAL + 9 * SECOND).contains(&over), "{over}");
    assert!(parts(&made).1.len() > 20);
}

#[test]
fn nothing_goes_on_for_longer_than_the_final_phase() {
    // No addition is acknowledged any more, and n2 is dead: every call takes all its time.
    let (made, over) = simulate(true, |now, call| match call {
        CounterCall::Add { id, .. } if now < FINAL && id % 2 == 0 => (LATENCY, ok_add()),
        CounterCall::Add { .. } => (if now < FINAL { LATENCY } else { SECOND }, no_answer()),
        CounterCall::Read { node, .. } if *node == Some(NodeId::at(1)) => {
            (SECOND, Outcome::Fail(Reason::new("refused")))
        }
        CounterCall::Read { .. } => (LATENCY, shows(15)),
    });
    let (again, rounds) = parts(&made);
    assert!(again.len() >= 15 && rounds.len() >= 5, "{again:?}, {rounds:?}");
    assert!(over < FINAL + 20 * SECOND, "{over}");
    let last_addition = made.iter().rfind(|made| matches!(made.call, CounterCall::Add { .. })).unwrap();
    assert!(last_addition.at < FINAL + 8 * SECOND);
}
