//! The small combinators: a mix of calls, a rate, a limit, phases, until it works.

use dsjepsen_history::{Nanos, Outcome};
use rand::RngExt;

use super::{Completion, Context, Generator, Phase, Step};
use crate::random::Random;

/// Calls from a closure, each by the first free worker, without end.
pub struct Calls<F>(pub F);

impl<C, R, F: FnMut() -> C> Generator<C, R> for Calls<F> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        match context.free.iter().position(|free| *free) {
            Some(worker) => Step::Invoke { worker, call: (self.0)(), scheduled: context.now },
            None => Step::Pending,
        }
    }
}

/// Calls drawn from several kinds by weight.
pub struct Mix<C> {
    random: Random,
    kinds: Vec<(u32, CallMaker<C>)>,
}

/// Makes one call of a kind.
type CallMaker<C> = Box<dyn FnMut(&mut Random) -> C>;

impl<C> Mix<C> {
    /// A mix without kinds yet, which is done at once.
    pub fn new(random: Random) -> Self {
        Self { random, kinds: Vec::new() }
    }

    /// Adds a kind; `weight` is its share relative to the others.
    #[must_use]
    pub fn with(mut self, weight: u32, make: impl FnMut(&mut Random) -> C + 'static) -> Self {
        self.kinds.push((weight, Box::new(make)));
        self
    }
}

impl<C, R> Generator<C, R> for Mix<C> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        let Some(worker) = context.free.iter().position(|free| *free) else {
            return Step::Pending;
        };
        let total: u32 = self.kinds.iter().map(|(weight, _)| weight).sum();
        if total == 0 {
            return Step::Done;
        }
        let mut drawn = self.random.random_range(0..total);
        for (weight, make) in &mut self.kinds {
            if drawn < *weight {
                return Step::Invoke { worker, call: make(&mut self.random), scheduled: context.now };
            }
            drawn -= *weight;
        }
        Step::Done
    }
}

/// Spreads calls to a mean rate, with exponential gaps, so that they do not march in step. A call that comes late keeps the
/// time that it was meant for; the schedule never falls behind by more than [`Stagger::BACKLOG`].
pub struct Stagger<G> {
    inner: G,
    random: Random,
    mean_gap: f64,
    next_at: Option<Nanos>,
}

impl<G> Stagger<G> {
    /// How far the schedule may lag behind, in ns: after a long stop the calls go on at the rate, not in one burst.
    const BACKLOG: Nanos = 100_000_000;

    /// `rate` calls a second over all workers; 0 is without limit.
    pub fn new(rate: u64, random: Random, inner: G) -> Self {
        let mean_gap = if rate == 0 { 0.0 } else { 1e9 / rate as f64 };
        Self { inner, random, mean_gap, next_at: None }
    }
}

impl<C, R, G: Generator<C, R>> Generator<C, R> for Stagger<G> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        if self.mean_gap == 0.0 || context.phase == Phase::Final {
            return self.inner.next(context);
        }
        let slot = self.next_at.unwrap_or(context.now).max(context.now.saturating_sub(Self::BACKLOG));
        if slot > context.now {
            return Step::WaitUntil(slot);
        }
        match self.inner.next(context) {
            Step::Invoke { worker, call, scheduled } => {
                let drawn: f64 = self.random.random();
                let gap = -(1.0 - drawn).ln() * self.mean_gap;
                self.next_at = Some(slot + gap as Nanos);
                Step::Invoke { worker, call, scheduled: scheduled.max(slot) }
            }
            other => other,
        }
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, C, R>) {
        self.inner.observe(context, completion);
    }
}

/// At most so many calls.
pub struct Limit<G> {
    inner: G,
    left: u64,
}

impl<G> Limit<G> {
    /// The first `count` calls of `inner`.
    pub fn new(count: u64, inner: G) -> Self {
        Self { inner, left: count }
    }
}

impl<C, R, G: Generator<C, R>> Generator<C, R> for Limit<G> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        if self.left == 0 {
            return Step::Done;
        }
        let step = self.inner.next(context);
        if matches!(step, Step::Invoke { .. }) {
            self.left -= 1;
        }
        step
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, C, R>) {
        self.inner.observe(context, completion);
    }
}

/// One generator for the main and the recovery phase, another for the final one. Completions go to the generator that made
/// the call.
pub struct ByPhase<G, F> {
    main: G,
    last: F,
    made_by_last: Vec<bool>,
}

impl<G, F> ByPhase<G, F> {
    /// `main` runs until the final phase, then `last`.
    pub fn new(main: G, last: F) -> Self {
        Self { main, last, made_by_last: Vec::new() }
    }
}

impl<C, R, G: Generator<C, R>, F: Generator<C, R>> Generator<C, R> for ByPhase<G, F> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        let last = context.phase == Phase::Final;
        let step = if last { self.last.next(context) } else { self.main.next(context) };
        if let Step::Invoke { worker, .. } = &step {
            self.made_by_last.resize(self.made_by_last.len().max(worker + 1), false);
            self.made_by_last[*worker] = last;
        }
        step
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, C, R>) {
        if self.made_by_last.get(completion.worker).copied().unwrap_or(false) {
            self.last.observe(context, completion);
        } else {
            self.main.observe(context, completion);
        }
    }
}

/// One call, made again (by whichever worker is free) until it is ok.
pub struct UntilOk<C> {
    call: C,
    state: UntilOkState,
}

enum UntilOkState {
    Waiting,
    InFlight(usize),
    Succeeded,
}

impl<C> UntilOk<C> {
    /// Repeats `call` until it is ok.
    pub fn new(call: C) -> Self {
        Self { call, state: UntilOkState::Waiting }
    }
}

impl<C: Clone, R> Generator<C, R> for UntilOk<C> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        match self.state {
            UntilOkState::Succeeded => Step::Done,
            UntilOkState::InFlight(_) => Step::Pending,
            UntilOkState::Waiting => match context.free.iter().position(|free| *free) {
                Some(worker) => {
                    self.state = UntilOkState::InFlight(worker);
                    Step::Invoke { worker, call: self.call.clone(), scheduled: context.now }
                }
                None => Step::Pending,
            },
        }
    }

    fn observe(&mut self, _context: &Context<'_>, completion: &Completion<'_, C, R>) {
        if matches!(self.state, UntilOkState::InFlight(worker) if worker == completion.worker) {
            self.state = match completion.outcome {
                Outcome::Ok(_) => UntilOkState::Succeeded,
                Outcome::Fail(_) | Outcome::Info(_) => UntilOkState::Waiting,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::Reason;

    use super::*;
    use crate::generator::EachWorker;
    use crate::random::{Purpose, stream};

    const SECOND: Nanos = 1_000_000_000;

    /// Runs a generator against workers that answer after `latency`, and lists (time, worker, call).
    fn simulate(
        generator: &mut impl Generator<u32, ()>,
        workers: usize,
        latency: Nanos,
        until: Nanos,
        mut outcome: impl FnMut(u32) -> Outcome<()>,
    ) -> Vec<(Nanos, usize, u32)> {
        let mut busy: Vec<Option<(Nanos, u32)>> = vec![None; workers];
        let (mut now, mut made) = (0, Vec::new());
        while now < until {
            let free: Vec<bool> = busy.iter().map(Option::is_none).collect();
            let context = Context { now, phase: Phase::Main, free: &free };
            let wake = match generator.next(&context) {
                Step::Invoke { worker, call, .. } => {
                    assert!(free[worker], "worker {worker} is busy");
                    busy[worker] = Some((now + latency, call));
                    made.push((now, worker, call));
                    continue;
                }
                Step::WaitUntil(time) => Some(time.max(now + 1)),
                Step::Pending => None,
                Step::Done if busy.iter().all(Option::is_none) => break,
                Step::Done => None,
            };
            let completion = busy.iter().flatten().map(|(time, _)| *time).min();
            now = match (wake, completion) {
                (Some(wake), Some(completion)) => wake.min(completion),
                (Some(time), None) | (None, Some(time)) => time,
                (None, None) => panic!("nothing can ever happen"),
            };
            for (worker, slot) in busy.iter_mut().enumerate() {
                if let Some((_, call)) = slot.take_if(|(time, _)| *time <= now) {
                    let free = vec![true; workers];
                    let context = Context { now, phase: Phase::Main, free: &free };
                    generator.observe(&context, &Completion { worker, call: &call, outcome: &outcome(call) });
                }
            }
        }
        made
    }

    #[test]
    fn stagger_keeps_the_mean_rate() {
        let mut generator = Stagger::new(200, stream(7, Purpose::Stagger, 0), Calls(|| 1));
        let made = simulate(&mut generator, 20, SECOND / 1000, 60 * SECOND, |_| Outcome::Ok(()));
        assert!((11_000..13_000).contains(&made.len()), "{} calls in 60 s at 200 a second", made.len());
    }

    #[test]
    fn stagger_does_not_burst_after_a_stop() {
        let mut generator = Stagger::new(100, stream(7, Purpose::Stagger, 0), Calls(|| 1));
        let step: Step<u32> =
            Generator::<u32, ()>::next(&mut generator, &Context { now: 0, phase: Phase::Main, free: &[true] });
        assert!(matches!(step, Step::Invoke { .. }));
        let late = Context { now: 60 * SECOND, phase: Phase::Main, free: &[true; 4] };
        let burst = (0..1000)
            .take_while(|_| matches!(Generator::<u32, ()>::next(&mut generator, &late), Step::Invoke { .. }))
            .count();
        assert!(burst <= 40, "{burst} calls at one instant");
    }

    #[test]
    fn mix_follows_its_weights_and_its_seed() {
        let make = |seed| {
            let mut mix = Mix::new(stream(seed, Purpose::Calls, 0)).with(3, |_| 1).with(1, |_| 2);
            simulate(&mut mix, 1, 1, 4000, |_| Outcome::Ok(()))
        };
        let made = make(5);
        let twos = made.iter().filter(|(_, _, call)| *call == 2).count();
        assert!((800..1200).contains(&twos), "{twos} of 4000");
        assert_eq!(made, make(5));
        assert_ne!(made, make(6));
    }

    #[test]
    fn limit_and_until_ok_end() {
        let mut limit = Limit::new(7, Calls(|| 1));
        assert_eq!(simulate(&mut limit, 3, 10, SECOND, |_| Outcome::Ok(())).len(), 7);
        let mut tries = 0;
        let made = simulate(&mut UntilOk::new(9), 2, 10, SECOND, |_| {
            tries += 1;
            if tries < 4 { Outcome::Info(Reason::new("timeout")) } else { Outcome::Ok(()) }
        });
        assert_eq!(made.len(), 4);
    }

    #[test]
    fn each_worker_gets_its_own_and_all_take_turns() {
        let mut each = EachWorker::new(3, |worker| Limit::new(5, Calls(move || worker as u32)));
        let made = simulate(&mut each, 3, 10, SECOND, |_| Outcome::Ok(()));
        assert_eq!(made.len(), 15);
        assert!(made.iter().all(|(_, worker, call)| *worker as u32 == *call));
    }

    #[test]
    fn the_final_phase_has_its_own_generator() {
        let mut generator = ByPhase::new(Calls(|| 1), UntilOk::new(2));
        let main = Context { now: 0, phase: Phase::Main, free: &[true] };
        let last = Context { now: 1, phase: Phase::Final, free: &[true] };
        let next = |generator: &mut ByPhase<_, _>, context| Generator::<u32, ()>::next(generator, context);
        assert!(matches!(next(&mut generator, &main), Step::Invoke { call: 1, .. }));
        // The main call completes only now: it must not be taken for the final one.
        generator.observe(&last, &Completion { worker: 0, call: &1, outcome: &Outcome::Ok(()) });
        assert!(matches!(next(&mut generator, &last), Step::Invoke { call: 2, .. }));
        generator.observe(&last, &Completion { worker: 0, call: &2, outcome: &Outcome::Ok(()) });
        assert!(matches!(next(&mut generator, &last), Step::Done));
    }
}
