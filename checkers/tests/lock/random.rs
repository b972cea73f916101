//! Histories without sense, in which anything may be answered to anything; and senseless changes to sensible ones.

use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_history::{Outcome, Promises, Reason};

use crate::script::{MS, Script, plan};

/// Short, so that leases end within a few steps: 40 ms, of which 30 are certain.
pub(crate) const TTL_MS: u64 = 40;

/// One step: what to do, with what, what comes of it, after how long, and a number.
pub(crate) type Step = [u8; 5];

/// Multiples of the same few milliseconds, so that events and ends of leases often meet.
pub(crate) fn pause(byte: u8) -> u64 {
    [0, 0, 5, 5, 10, 15, 30, 45][usize::from(byte % 8)] * MS
}

pub(crate) fn promises(byte: u8) -> Promises {
    Promises {
        leases: byte & 1 == 0,
        fencing_tokens: byte & 2 == 0,
        enforcing_guard: byte & 4 == 0,
        ..Promises::default()
    }
}

pub(crate) fn script(setting: u8) -> Script {
    let holder = if setting & 8 == 0 { "naive" } else { "careful" };
    Script::with(plan(promises(setting), TTL_MS, holder))
}

/// A history of at most `limit` operations.
pub(crate) fn history(setting: u8, steps: &[Step], limit: usize) -> Script {
    let mut script = script(setting);
    let mut open = Vec::new();
    let mut acquires: Vec<(u32, u64)> = Vec::new();
    let mut asked = Vec::new();
    let mut now = 0;
    for &[action, pick, outcome, wait, number] in steps {
        now += pause(wait);
        let chosen = usize::from(pick);
        if action % 2 == 0 && script.history.operations.len() < limit {
            let (lock, hold) = match acquires.get(chosen % acquires.len().max(1)) {
                Some(&known) if action % 3 != 0 => known,
                _ => {
                    acquires.push((u32::from(number % 8 == 0), acquires.len() as u64));
                    acquires[acquires.len() - 1]
                }
            };
            let call = match outcome % 8 {
                _ if !asked.contains(&hold) => {
                    asked.push(hold);
                    LockCall::Acquire { lock, hold }
                }
                0..=2 => LockCall::Write { lock, hold, token: token(number) },
                3 | 4 => LockCall::Renew { lock, hold },
                5 => LockCall::GiveUp { lock, hold },
                _ => LockCall::Release { lock, hold },
            };
            open.push(script.invoke_ns(now, hold as u32, call));
        } else if !open.is_empty() {
            let operation = open.remove(chosen % open.len());
            let outcome = answer(&script, operation, outcome, number, now);
            script.complete_ns(now, operation, outcome);
        }
    }
    script
}

fn token(number: u8) -> Option<u64> {
    (!number.is_multiple_of(5)).then_some(u64::from(number % 5))
}

fn answer(script: &Script, operation: usize, outcome: u8, number: u8, now: u64) -> Outcome<LockReply> {
    let operation = &script.history.operations[operation];
    let sent = operation.invoked.time;
    match outcome % 8 {
        0 => Outcome::Info(Reason::new("timeout")),
        1 | 2 => Outcome::Fail(Reason::new("not-held")),
        3 => Outcome::Fail(Reason::new("held")),
        _ => Outcome::Ok(match operation.call {
            LockCall::Acquire { .. } => {
                LockReply::Acquire { token: token(number), leased_ns: sent + (now - sent) / 4 * u64::from(number % 5) }
            }
            LockCall::Renew { .. } => LockReply::Renew,
            LockCall::Release { .. } => LockReply::Release,
            LockCall::GiveUp { .. } => LockReply::GiveUp,
            LockCall::Write { .. } => LockReply::Write {
                // The index of the invocation keeps the resource's positions apart.
                position: u64::from(number % 3) * 1000 + operation.invoked.index,
                accepted: !number.is_multiple_of(4),
            },
        }),
    }
}

/// Changes a history in one place.
pub(crate) fn mutate(script: &mut Script, [what, pick, ..]: Step) {
    let end = script.history.end.time;
    let operations = &mut script.history.operations;
    if operations.is_empty() {
        return;
    }
    let chosen = usize::from(pick) % operations.len();
    let operation = &mut operations[chosen];
    match (&mut operation.call, &mut operation.outcome) {
        (_, _) if what % 5 == 0 => drop(operations.remove(chosen)),
        (_, Outcome::Ok(LockReply::Acquire { token, .. })) if what % 2 == 0 => *token = token.map(|token| token / 2),
        (_, Outcome::Ok(LockReply::Acquire { leased_ns, .. })) => {
            *leased_ns = operation.completed.map_or(end, |completed| completed.time);
        }
        (_, Outcome::Ok(LockReply::Write { accepted, .. })) if what % 2 == 0 => *accepted = !*accepted,
        (LockCall::Write { token, .. }, _) => *token = token.map(|token| token / 2),
        (LockCall::Renew { .. } | LockCall::Release { .. }, outcome @ Outcome::Ok(_)) => {
            *outcome = Outcome::Fail(Reason::new("not-held"));
        }
        (LockCall::Renew { .. }, outcome @ Outcome::Fail(_)) => *outcome = Outcome::Ok(LockReply::Renew),
        (LockCall::Release { .. }, outcome @ Outcome::Fail(_)) => *outcome = Outcome::Ok(LockReply::Release),
        (LockCall::Acquire { .. }, outcome @ Outcome::Fail(_)) => {
            *outcome =
                Outcome::Ok(LockReply::Acquire { token: Some(u64::from(what)), leased_ns: operation.invoked.time });
        }
        (_, _) => {}
    }
}
