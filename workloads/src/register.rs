//! Workload `register`: clients read, write and compare-and-set registers, many short ones one after the other. After Jepsen's
//! linearizable register; every value is written once in a run, so that a value tells where it comes from.

mod client;
mod generator;
mod lanes;

use std::rc::Rc;
use std::time::Duration;

use dsjepsen_checkers::{Checker, RegisterCall, RegisterReply, RunView, register_checkers};
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::generator::Stagger;
use dsjepsen_engine::{Purpose, Seat, stream};
use dsjepsen_history::{JepsenShape, JepsenValue, Lanes};

use crate::reach::Reach;
use crate::workload::{OptionKind, OptionSpec, Prepared, Setup, Workload};

use client::RegisterClient;
use generator::{KeyPlan, RegisterGenerator};

/// The workload `register`.
pub(crate) const WORKLOAD: Register = Register;

pub(crate) struct Register;

impl Workload for Register {
    const NAME: &'static str = "register";
    const ABOUT: &'static str = "registers that are read, written, compared and set: each as if one operation came after the other";
    const JEPSEN: &'static [JepsenShape] = &[
        JepsenShape::new("read", JepsenValue::Nil, JepsenValue::Member("value")).of_object("key"),
        JepsenShape::new("write", JepsenValue::Member("value"), JepsenValue::AsCalled).of_object("key"),
        JepsenShape::new("cas", JepsenValue::Members(&["from", "to"]), JepsenValue::AsCalled)
            .of_object("key")
            .took_effect("swapped"),
    ];
    type Call = RegisterCall;
    type Reply = RegisterReply;
    type Client = RegisterClient;

    fn options(&self) -> Vec<OptionSpec> {
        let number = |name, help, default| OptionSpec { name, help, kind: OptionKind::Number { default, least: 1, most: u64::MAX } };
        vec![
            number("keys", "How many registers are in use at once", 5),
            number("ops-per-key", "How many operations a register gets before a new one takes its place", 100),
        ]
    }

    fn required(&self) -> &'static [&'static str] {
        &["read", "write", "cas"]
    }

    fn is_served_by(&self, abilities: &Abilities) -> bool {
        abilities.registers.is_some()
    }

    fn prepare(&self, setup: &Setup<'_>) -> Option<Prepared<Self>> {
        let serve = setup.abilities.registers.clone()?;
        let settings = &setup.conditions.settings;
        let seed = setup.conditions.seed;
        let plan = KeyPlan {
            keys: setup.options.number("keys", 5),
            operations_per_key: setup.options.number("ops-per-key", 100),
        };
        let registers =
            RegisterGenerator::new(plan, stream(seed, Purpose::Calls, 0), stream(seed, Purpose::Calls, 1));
        let generator = Box::new(Stagger::new(settings.rate, stream(seed, Purpose::Stagger, 0), registers));

        let op_timeout = Duration::from_millis(settings.op_timeout_ms);
        let cluster = setup.cluster.clone();
        let connect = Rc::new(move |seat: Seat<RegisterCall, RegisterReply>| {
            let reach = Reach::new(serve.clone(), cluster.clone(), seat.process, seat.node, op_timeout);
            Ok(RegisterClient::new(reach, op_timeout))
        });
        Some(Prepared { generator, connect })
    }

    fn checkers(&self, _clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<RegisterCall, RegisterReply>>> {
        register_checkers()
    }

    fn lanes(&self, run: &RunView<'_, RegisterCall, RegisterReply>) -> Lanes {
        lanes::lanes(run)
    }
}
