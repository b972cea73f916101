//! Short histories: without sense, in which anything may be answered to anything; or of a sound register, then spoilt.

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::{Outcome, Reason};

use crate::script::Script;

/// One step: what to do, with what, what comes of it, and a number.
pub(crate) type Step = [u8; 4];

/// The longest history: seven operations have 5,040 orders.
pub(crate) const LIMIT: usize = 7;

fn call(what: u8, number: u8) -> RegisterCall {
    let key = u64::from(number >= 0xC0);
    let (one, other) = (u64::from(number % 3) + 1, u64::from(number / 3 % 3) + 1);
    match what % 8 {
        0..=2 => RegisterCall::Read { key },
        3..=5 => RegisterCall::Write { key, value: one },
        _ => RegisterCall::Cas { key, from: one, to: other },
    }
}

/// Anything answered to anything.
pub(crate) fn senseless(steps: &[Step]) -> Script {
    history(steps, |_, call, number| match call {
        RegisterCall::Read { .. } => RegisterReply::Read { value: number.checked_sub(1).map(u64::from) },
        RegisterCall::Write { .. } => RegisterReply::Write,
        RegisterCall::Cas { .. } => RegisterReply::Cas { swapped: number % 2 == 0 },
    })
}

/// A sound register, except that operations without an answer and those that fail never take effect.
pub(crate) fn sound(steps: &[Step]) -> Script {
    let mut registers = [None; 2];
    history(steps, move |_, call, _| {
        let register = &mut registers[call.key() as usize];
        match *call {
            RegisterCall::Read { .. } => RegisterReply::Read { value: *register },
            RegisterCall::Write { value, .. } => {
                *register = Some(value);
                RegisterReply::Write
            }
            RegisterCall::Cas { from, to, .. } => {
                let swapped = *register == Some(from);
                *register = if swapped { Some(to) } else { *register };
                RegisterReply::Cas { swapped }
            }
        }
    })
}

fn history(steps: &[Step], mut answer: impl FnMut(usize, &RegisterCall, u8) -> RegisterReply) -> Script {
    let mut script = Script::new();
    let mut open = Vec::new();
    for &[action, pick, outcome, number] in steps {
        if action % 2 == 0 && script.history.operations.len() < LIMIT {
            open.push(script.invoke(0, script.history.operations.len() as u32, call(pick, number)));
        } else if !open.is_empty() {
            let operation = open.remove(usize::from(pick) % open.len());
            let call = script.history.operations[operation].call.clone();
            let outcome = match outcome % 8 {
                0 => Outcome::Info(Reason::new("timeout")),
                1 => Outcome::Fail(Reason::new("refused")),
                _ => Outcome::Ok(answer(operation, &call, number % 4)),
            };
            script.complete(0, operation, outcome);
        }
    }
    script
}

/// Changes one answer.
pub(crate) fn spoil(script: &mut Script, [what, pick, number, ..]: Step) {
    let operations = &mut script.history.operations;
    if operations.is_empty() {
        return;
    }
    let chosen = usize::from(pick) % operations.len();
    match &mut operations[chosen].outcome {
        Outcome::Ok(RegisterReply::Read { value }) => *value = (number % 4).checked_sub(1).map(u64::from),
        Outcome::Ok(RegisterReply::Cas { swapped }) => *swapped = !*swapped,
        Outcome::Ok(RegisterReply::Write) if what % 4 == 0 => drop(operations.remove(chosen)),
        outcome @ Outcome::Ok(_) => *outcome = Outcome::Fail(Reason::new("refused")),
        Outcome::Fail(_) | Outcome::Info(_) => {}
    }
}
