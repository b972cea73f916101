//! One generator a worker.

use super::{Completion, Context, Generator, Step};

/// Gives each worker a generator of its own, which sees no other worker. Free workers take turns.
pub struct EachWorker<G> {
    generators: Vec<G>,
    turn: usize,
}

impl<G> EachWorker<G> {
    /// `make` is asked once for each of `workers`.
    pub fn new(workers: usize, make: impl FnMut(usize) -> G) -> Self {
        Self { generators: (0..workers).map(make).collect(), turn: 0 }
    }
}

impl<C, R, G: Generator<C, R>> Generator<C, R> for EachWorker<G> {
    fn next(&mut self, context: &Context<'_>) -> Step<C> {
        let count = self.generators.len();
        let mut earliest: Option<u64> = None;
        let mut busy = false;
        for offset in 0..count {
            let worker = (self.turn + offset) % count;
            if !context.free.get(worker).copied().unwrap_or(false) {
                busy = true;
                continue;
            }
            let alone = Context { free: &[true], ..*context };
            match self.generators[worker].next(&alone) {
                Step::Invoke { call, scheduled, .. } => {
                    self.turn = (worker + 1) % count;
                    return Step::Invoke { worker, call, scheduled };
                }
                Step::WaitUntil(time) => earliest = Some(earliest.map_or(time, |other| other.min(time))),
                Step::Pending => busy = true,
                Step::Done => {}
            }
        }
        match earliest {
            Some(time) => Step::WaitUntil(time),
            None if busy => Step::Pending,
            None => Step::Done,
        }
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, C, R>) {
        if let Some(generator) = self.generators.get_mut(completion.worker) {
            let alone = Context { free: &[true], ..*context };
            generator.observe(&alone, &Completion { worker: 0, ..*completion });
        }
    }
}
