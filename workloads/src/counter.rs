//! Workload `counter`: clients add to one counter and read it. At the end every addition of which nobody knows what became is
//! sent again under its idempotency key, where the target promises such keys, and every node is read until it shows the sum.

mod books;
mod client;
mod generator;
mod lanes;
#[cfg(test)]
mod simulation;

use std::rc::Rc;
use std::time::Duration;

use dsjepsen_checkers::{Checker, CounterCall, CounterReply, RunView, counter_checkers};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::generator::{EachWorker, Mix, Stagger};
use dsjepsen_engine::{Purpose, Random, Seat, nanos, stream};
use dsjepsen_history::{JepsenShape, JepsenValue, Lanes, Options};
use rand::RngExt;

use crate::reach::Reach;
use crate::workload::{OptionKind, OptionSpec, Prepared, Setup, Workload};

use client::CounterClient;
use generator::{CounterGenerator, Ending};

/// The workload `counter`.
pub(crate) const WORKLOAD: Counter = Counter;

pub(crate) struct Counter;

/// So that no run can bring the counter to the end of 64 bits.
const LARGEST_ADD: u64 = 1_000_000_000;

/// The options, with their types.
#[derive(Debug, Clone, Copy)]
struct CounterOptions {
    /// Out of a hundred calls; the rest are additions, one at least.
    reads: u32,
    largest: i64,
    decrements: bool,
}

impl CounterOptions {
    fn read(options: &Options) -> Self {
        Self {
            // A plan that was edited by hand may say anything.
            reads: u32::try_from(options.number("reads-percent", 30)).unwrap_or(u32::MAX).min(99),
            largest: options.number("largest-add", 1).clamp(1, LARGEST_ADD).cast_signed(),
            decrements: options.word("decrements", "no") == "yes",
        }
    }

    fn delta(self, random: &mut Random) -> i64 {
        let amount = random.random_range(1..=self.largest);
        if self.decrements && random.random() { -amount } else { amount }
    }

    /// The calls of one worker. Its additions are numbered `worker`, `worker + workers`, …, so that no two share a number.
    fn calls(self, worker: usize, workers: usize, random: Random) -> Mix<CounterCall> {
        let mut next = worker as u64;
        let add = move |random: &mut Random| {
            let id = next;
            next += workers as u64;
            CounterCall::Add { id, delta: self.delta(random) }
        };
        Mix::new(random)
            .with(self.reads, |_| CounterCall::Read { node: None, round: None })
            .with(100 - self.reads, add)
    }
}

impl Workload for Counter {
    const NAME: &'static str = "counter";
    const ABOUT: &'static str = "a counter: no addition is lost, and none is counted twice";
    const JEPSEN: &'static [JepsenShape] = &[
        JepsenShape::new("add", JepsenValue::Member("delta"), JepsenValue::AsCalled).attempts_at("id"),
        JepsenShape::new("read", JepsenValue::Nil, JepsenValue::Member("value")),
    ];
    type Call = CounterCall;
    type Reply = CounterReply;
    type Client = CounterClient;

    fn options(&self) -> Vec<OptionSpec> {
        let number =
            |name, help, default, most| OptionSpec { name, help, kind: OptionKind::Number { default, least: 1, most } };
        vec![
            number("reads-percent", "How many of a hundred calls are reads; the rest are additions", 30, 99),
            number("largest-add", "The largest amount added at once", 1, LARGEST_ADD),
            OptionSpec {
                name: "decrements",
                help: "Whether half of the additions take away instead; then order and results are not judged",
                kind: OptionKind::Choice(&["no", "yes"]),
            },
        ]
    }

    fn required(&self) -> &'static [&'static str] {
        &["add", "read"]
    }

    fn is_served_by(&self, abilities: &Abilities) -> bool {
        abilities.counter.is_some()
    }

    fn prepare(&self, setup: &Setup<'_>) -> Option<Prepared<Self>> {
        let serve = setup.abilities.counter.clone()?;
        let options = CounterOptions::read(setup.options);
        let conditions = setup.conditions.clone();
        let settings = &conditions.settings;
        let (seed, workers) = (conditions.seed, conditions.gates.len());
        let op_timeout = Duration::from_millis(settings.op_timeout_ms);
        let each = EachWorker::new(workers, |worker| {
            options.calls(worker, workers, stream(seed, Purpose::Calls, worker))
        });
        let main = Stagger::new(settings.rate, stream(seed, Purpose::Stagger, 0), each);
        let ending = Ending {
            nodes: conditions.nodes.clone(),
            keyed: setup.promises.idempotency_keys,
            longest_call: nanos(op_timeout),
        };
        // No worker's stream: the calls of the end belong to none.
        let random = stream(seed, Purpose::Calls, workers);
        let generator = Box::new(CounterGenerator::new(main, ending, random));

        let cluster = setup.cluster.clone();
        let connect = Rc::new(move |seat: Seat<CounterCall, CounterReply>| {
            let reach = Reach::new(serve.clone(), cluster.clone(), seat.process, seat.node, op_timeout);
            Ok(CounterClient::new(reach, op_timeout))
        });
        Some(Prepared { generator, connect })
    }

    fn checkers(&self, _clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<CounterCall, CounterReply>>> {
        counter_checkers()
    }

    fn lanes(&self, run: &RunView<'_, CounterCall, CounterReply>) -> Lanes {
        lanes::lanes(run)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use dsjepsen_engine::generator::{Context, Generator, Phase, Step};

    use super::*;

    fn calls(options: CounterOptions, worker: usize) -> Vec<CounterCall> {
        let mut mix = options.calls(worker, 3, stream(5, Purpose::Calls, worker));
        let context = Context { now: 0, phase: Phase::Main, free: &[true] };
        let next = || match Generator::<CounterCall, CounterReply>::next(&mut mix, &context) {
            Step::Invoke { call, .. } => call,
            other => panic!("{other:?}"),
        };
        std::iter::repeat_with(next).take(2000).collect()
    }

    #[test]
    fn a_worker_follows_its_seed_and_shares_no_number() {
        let options = CounterOptions { reads: 30, largest: 1, decrements: false };
        assert_eq!(calls(options, 1), calls(options, 1));
        let all: Vec<_> = (0..3).flat_map(|worker| calls(options, worker)).collect();
        let ids: Vec<_> = all
            .iter()
            .filter_map(|call| match call {
                CounterCall::Add { id, delta } => {
                    assert_eq!(*delta, 1);
                    Some(*id)
                }
                CounterCall::Read { .. } => None,
            })
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!((4000..4400).contains(&ids.len()), "{} additions of {}", ids.len(), all.len());
    }

    #[test]
    fn amounts_keep_to_the_options() {
        let options = CounterOptions { reads: 99, largest: 5, decrements: true };
        let deltas: BTreeSet<_> = calls(options, 0)
            .into_iter()
            .chain(calls(CounterOptions { reads: 1, ..options }, 0))
            .filter_map(|call| match call {
                CounterCall::Add { delta, .. } => Some(delta),
                CounterCall::Read { .. } => None,
            })
            .collect();
        assert_eq!(deltas.into_iter().collect::<Vec<_>>(), [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]);
    }
}
