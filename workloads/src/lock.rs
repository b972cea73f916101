//! Workload `lock`: clients acquire locks with leases, write to a resource that the lock guards, and release. After Jepsen's
//! etcd suite; the resource stands in the controller, so that the order of writes is exact.

mod client;
#[cfg(test)]
mod client_tests;
mod generator;
mod guard;
mod lanes;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use dsjepsen_checkers::{Checker, LockCall, LockReply, RunView, lock_checkers};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::generator::{EachWorker, Stagger};
use dsjepsen_engine::{Purpose, Seat, nanos, stream};
use dsjepsen_history::{JepsenShape, JepsenValue, Lanes, Options};

use crate::workload::{OptionKind, OptionSpec, Prepared, Setup, Workload};

use client::{LockClient, Manners, Wires};
use generator::{HoldPlan, LockGenerator};
use guard::Guard;

/// The workload `lock`.
pub(crate) const WORKLOAD: Lock = Lock;

pub(crate) struct Lock;

/// The options, with their types.
#[derive(Debug, Clone, Copy)]
struct LockOptions {
    locks: u32,
    ttl: Duration,
    acquire_timeout: Duration,
    careful: bool,
}

impl LockOptions {
    fn read(options: &Options) -> Self {
        Self {
            locks: u32::try_from(options.number("locks", 4)).unwrap_or(u32::MAX),
            ttl: Duration::from_millis(options.number("lease-ttl-ms", 2000)),
            acquire_timeout: Duration::from_millis(options.number("acquire-timeout-ms", 5000)),
            careful: options.word("holder", "naive") == "careful",
        }
    }
}

impl Workload for Lock {
    const NAME: &'static str = "lock";
    const ABOUT: &'static str = "locks with leases that guard a resource: nobody else holds while I hold, no stale write";
    /// Jepsen's mutex, with the fencing token where there is one. Renewals and what gives up run beside a process's operations, and
    /// the guarded resource is the harness's own: no model of a lock knows them.
    const JEPSEN: &'static [JepsenShape] = &[
        JepsenShape::new("acquire", JepsenValue::Nil, JepsenValue::Member("token")).of_object("lock"),
        JepsenShape::new("release", JepsenValue::Nil, JepsenValue::Nil).of_object("lock"),
        JepsenShape::left_out("renew"),
        JepsenShape::left_out("give-up"),
        JepsenShape::left_out("write"),
    ];
    type Call = LockCall;
    type Reply = LockReply;
    type Client = LockClient;

    fn options(&self) -> Vec<OptionSpec> {
        let number = |name, help, default, least| OptionSpec { name, help, kind: OptionKind::Number { default, least, most: u64::MAX } };
        vec![
            number("locks", "How many locks the clients contend for", 4, 1),
            number("lease-ttl-ms", "How long a lease lasts without a renewal", 2000, 100),
            number("acquire-timeout-ms", "How long a client waits for a lock before it gives up", 5000, 1),
            OptionSpec {
                name: "holder",
                help: "What a client does when its lease may have ended: `naive` writes on until it is told, `careful` stops",
                kind: OptionKind::Choice(&["naive", "careful"]),
            },
        ]
    }

    fn required(&self) -> &'static [&'static str] {
        &["acquire", "write", "release"]
    }

    fn is_served_by(&self, abilities: &Abilities) -> bool {
        abilities.locks.is_some()
    }

    fn prepare(&self, setup: &Setup<'_>) -> Option<Prepared<Self>> {
        let serve = setup.abilities.locks.clone()?;
        let options = LockOptions::read(setup.options);
        let conditions = setup.conditions.clone();
        let settings = &conditions.settings;
        let workers = conditions.gates.len();
        let plan = HoldPlan { locks: options.locks, longest_ns: 4 * nanos(options.ttl) };
        let seed = conditions.seed;
        let each = EachWorker::new(workers, |worker| {
            LockGenerator::new(plan, worker as u64, workers as u64, stream(seed, Purpose::Calls, worker))
        });
        let generator = Box::new(Stagger::new(settings.rate, stream(seed, Purpose::Stagger, 0), each));

        let guard = Rc::new(RefCell::new(Guard::new(setup.promises.enforcing_guard)));
        let op_timeout = Duration::from_millis(settings.op_timeout_ms);
        let manners = Manners {
            ttl: options.ttl,
            acquire_timeout: options.acquire_timeout,
            op_timeout,
            careful: options.careful,
        };
        let cluster = setup.cluster.clone();
        let connect = Rc::new(move |seat: Seat<LockCall, LockReply>| {
            // A third of the deadline: an attempt that hangs leaves time to try again.
            let access = cluster.access(seat.process, seat.node, seat.node, op_timeout / 3);
            // Renewals have a connection of their own: a broken one must not take the other's request with it.
            let wires = Wires { calls: serve(&access)?, renewals: serve(&access)? };
            Ok(LockClient::new(seat, wires, manners, Rc::clone(&guard)))
        });
        Some(Prepared { generator, connect })
    }

    fn checkers(&self, clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<LockCall, LockReply>>> {
        lock_checkers(clock_rate_error_ppm)
    }

    fn lanes(&self, run: &RunView<'_, LockCall, LockReply>) -> Lanes {
        lanes::lanes(run)
    }
}
