//! What one worker of the lock workload calls: acquire, write every 50 ms while it holds, release.

use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_engine::Random;
use dsjepsen_engine::generator::{Completion, Context, Generator, Phase, Step};
use dsjepsen_history::{Nanos, Outcome};
use rand::RngExt;

/// The time between two writes of a holder, in ns.
const WRITE_EVERY: Nanos = 50_000_000;

/// What holds look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct HoldPlan {
    /// How many locks there are.
    pub(super) locks: u32,
    /// A hold lasts between nothing and this, in ns.
    pub(super) longest_ns: Nanos,
}

/// One worker's calls.
pub(super) struct LockGenerator {
    plan: HoldPlan,
    next_hold: u64,
    hold_step: u64,
    random: Random,
    state: State,
}

enum State {
    Idle,
    Acquiring { hold_for: Nanos },
    Holding { lock: u32, hold: u64, token: Option<u64>, until: Nanos, next_write: Nanos },
    Releasing,
}

impl LockGenerator {
    /// Holds are numbered `first`, `first + step`, …, so that no two workers share a number.
    pub(super) fn new(plan: HoldPlan, first: u64, step: u64, random: Random) -> Self {
        Self { plan, next_hold: first, hold_step: step, random, state: State::Idle }
    }
}

impl Generator<LockCall, LockReply> for LockGenerator {
    fn next(&mut self, context: &Context<'_>) -> Step<LockCall> {
        let now = context.now;
        let invoke = |call, scheduled: Nanos| Step::Invoke { worker: 0, call, scheduled: scheduled.min(now) };
        let ending = context.phase == Phase::Final;
        match &mut self.state {
            State::Idle if ending => Step::Done,
            State::Idle => {
                let lock = self.random.random_range(0..self.plan.locks);
                let hold_for = self.random.random_range(0..=self.plan.longest_ns);
                let hold = self.next_hold;
                self.next_hold += self.hold_step;
                self.state = State::Acquiring { hold_for };
                invoke(LockCall::Acquire { lock, hold }, now)
            }
            State::Holding { lock, hold, until, .. } if ending || *until <= now => {
                let (lock, hold, scheduled) = (*lock, *hold, *until);
                self.state = State::Releasing;
                invoke(LockCall::Release { lock, hold }, scheduled)
            }
            State::Holding { lock, hold, token, until, next_write } => {
                if *next_write > now {
                    return Step::WaitUntil((*next_write).min(*until));
                }
                let call = LockCall::Write { lock: *lock, hold: *hold, token: *token };
                let scheduled = *next_write;
                // After a stop it writes on at its pace; it does not make up for what it missed.
                *next_write = (scheduled + WRITE_EVERY).max(now);
                invoke(call, scheduled)
            }
            State::Acquiring { .. } | State::Releasing => Step::Pending,
        }
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, LockCall, LockReply>) {
        let next = match (&self.state, completion.call, completion.outcome) {
            (State::Acquiring { hold_for }, LockCall::Acquire { lock, hold }, Outcome::Ok(LockReply::Acquire { token, .. })) => {
                State::Holding {
                    lock: *lock,
                    hold: *hold,
                    token: *token,
                    until: context.now + hold_for,
                    next_write: context.now,
                }
            }
            // A write that its own client did not send: it knows that its lease is over, and releases, as a `finally` does.
            (State::Holding { lock, hold, token, next_write, .. }, LockCall::Write { .. }, Outcome::Fail(_)) => {
                State::Holding { lock: *lock, hold: *hold, token: *token, until: context.now, next_write: *next_write }
            }
            (State::Holding { .. }, LockCall::Write { .. }, Outcome::Ok(_)) => return,
            _ => State::Idle,
        };
        self.state = next;
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_engine::{Purpose, stream};
    use dsjepsen_history::Reason;

    use super::*;

    fn at(now: Nanos, phase: Phase) -> Context<'static> {
        Context { now, phase, free: &[true] }
    }

    fn generator() -> LockGenerator {
        let plan = HoldPlan { locks: 4, longest_ns: 8_000_000_000 };
        LockGenerator::new(plan, 3, 10, stream(1, Purpose::Calls, 3))
    }

    fn call(step: Step<LockCall>) -> LockCall {
        match step {
            Step::Invoke { call, .. } => call,
            other => panic!("{other:?}"),
        }
    }

    /// Acquires at time 0 and answers with a grant.
    fn holding(generator: &mut LockGenerator) -> LockCall {
        let acquire = call(generator.next(&at(0, Phase::Main)));
        let granted = Outcome::Ok(LockReply::Acquire { token: Some(7), leased_ns: 0 });
        generator.observe(&at(0, Phase::Main), &Completion { worker: 0, call: &acquire, outcome: &granted });
        acquire
    }

    #[test]
    fn a_holder_writes_under_its_token_until_its_time_is_over() {
        let mut generator = generator();
        let LockCall::Acquire { lock, hold } = holding(&mut generator) else { panic!() };
        assert_eq!(hold, 3);
        let (mut now, mut writes) = (0, 0);
        loop {
            match generator.next(&at(now, Phase::Main)) {
                Step::WaitUntil(time) => now = time,
                Step::Invoke { call: LockCall::Write { lock: of, hold: by, token }, .. } => {
                    assert_eq!((of, by, token), (lock, hold, Some(7)));
                    let ok = Outcome::Ok(LockReply::Write { position: writes, accepted: true });
                    let call = LockCall::Write { lock, hold, token };
                    generator.observe(&at(now, Phase::Main), &Completion { worker: 0, call: &call, outcome: &ok });
                    writes += 1;
                }
                Step::Invoke { call: LockCall::Release { .. }, .. } => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(writes, now / WRITE_EVERY + u64::from(now % WRITE_EVERY > 0));
    }

    #[test]
    fn a_holder_that_is_told_of_the_loss_releases() {
        let mut generator = generator();
        let LockCall::Acquire { lock, hold } = holding(&mut generator) else { panic!() };
        let write = call(generator.next(&at(0, Phase::Main)));
        let lost = Outcome::Fail(Reason::new("lost"));
        generator.observe(&at(9, Phase::Main), &Completion { worker: 0, call: &write, outcome: &lost });
        assert_eq!(call(generator.next(&at(10, Phase::Main))), LockCall::Release { lock, hold });
    }

    #[test]
    fn the_final_phase_releases_and_ends() {
        let mut generator = generator();
        holding(&mut generator);
        let release = call(generator.next(&at(1, Phase::Final)));
        assert!(matches!(release, LockCall::Release { .. }));
        assert!(matches!(generator.next(&at(2, Phase::Final)), Step::Pending));
        let done = Outcome::Info(Reason::new("timeout"));
        generator.observe(&at(3, Phase::Final), &Completion { worker: 0, call: &release, outcome: &done });
        assert!(matches!(generator.next(&at(4, Phase::Final)), Step::Done));
    }
}
