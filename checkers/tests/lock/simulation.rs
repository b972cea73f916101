//! A correct lock service with leases on a virtual clock, and clients that are slow, lose messages and outlive their leases.
//! What it records is valid by construction for every rule but that of beliefs.

use std::collections::BTreeMap;

use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_history::{Outcome, Reason};

use crate::random::{TTL_MS, pause, script};
use crate::script::{MS, Script};

const TIMEOUT: u64 = 60 * MS;

enum Item {
    /// A client decides what to do next.
    Wake(usize),
    /// A request reaches the service or the resource.
    Arrive { operation: usize, until: u64 },
    /// A reply reaches its client.
    Reply(usize, Outcome<LockReply>),
    /// A client stops waiting.
    TimeOut(usize),
}

#[derive(Default)]
struct Client {
    process: u32,
    busy: Option<usize>,
    renewing: Option<usize>,
    hold: Option<(u32, u64, Option<u64>)>,
}

#[derive(Default)]
struct Lock {
    holder: Option<(u64, u64)>,
    last_token: u64,
    largest_accepted: u64,
    arrivals: u64,
}

struct World<'a> {
    script: Script,
    bytes: std::slice::Iter<'a, u8>,
    agenda: BTreeMap<(u64, u64), Item>,
    scheduled: u64,
    clients: Vec<Client>,
    locks: [Lock; 2],
    next_hold: u64,
    limit: usize,
}

/// Runs the service until the bytes, from which every decision is drawn, or the operations are used up.
pub(crate) fn run(setting: u8, bytes: &[u8], limit: usize) -> Script {
    let mut world = World {
        script: script(setting),
        bytes: bytes.iter(),
        agenda: BTreeMap::new(),
        scheduled: 0,
        clients: (0..3).map(|process| Client { process, ..Client::default() }).collect(),
        locks: [Lock::default(), Lock::default()],
        next_hold: 0,
        limit,
    };
    for client in 0..3 {
        world.schedule(client as u64 * MS, Item::Wake(client));
    }
    while let Some(((now, _), item)) = world.agenda.pop_first() {
        match item {
            Item::Wake(client) => world.wake(now, client),
            Item::Arrive { operation, until } => world.arrive(now, operation, until),
            Item::Reply(operation, outcome) => world.complete(now, operation, outcome),
            Item::TimeOut(operation) => world.complete(now, operation, Outcome::Info(Reason::new("timeout"))),
        }
    }
    world.script
}

impl World<'_> {
    fn draw(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn schedule(&mut self, at: u64, item: Item) {
        self.scheduled += 1;
        self.agenda.insert((at, self.scheduled), item);
    }

    fn wake(&mut self, now: u64, client: usize) {
        if self.bytes.len() == 0 || self.script.history.operations.len() >= self.limit {
            return;
        }
        let choice = self.draw();
        let state = &self.clients[client];
        let call = match state.hold {
            _ if state.busy.is_some() => return,
            None => {
                let (lock, hold) = (u32::from(choice % 8 == 7), self.next_hold);
                self.next_hold += 1;
                LockCall::Acquire { lock, hold }
            }
            Some((lock, hold, _)) if choice.is_multiple_of(4) => LockCall::Release { lock, hold },
            Some((lock, hold, _)) if choice % 4 == 1 && state.renewing.is_none() => LockCall::Renew { lock, hold },
            Some((lock, hold, token)) => LockCall::Write { lock, hold, token },
        };
        self.send(now, client, call);
        let wait = pause(self.draw());
        self.schedule(now + wait, Item::Wake(client));
    }

    fn send(&mut self, now: u64, client: usize, call: LockCall) {
        let renewal = matches!(call, LockCall::Renew { .. });
        let operation = self.script.invoke_ns(now, self.clients[client].process, call);
        if renewal {
            self.clients[client].renewing = Some(operation);
        } else {
            self.clients[client].busy = Some(operation);
        }
        let delay = self.draw();
        // Some requests are lost, and some arrive when nobody waits for them any more.
        if delay % 16 < 14 {
            let late = if delay % 16 == 13 { TIMEOUT } else { 0 };
            let at = now + pause(delay) + late;
            self.schedule(at, Item::Arrive { operation, until: now + TIMEOUT / 2 });
        }
        self.schedule(now + TIMEOUT, Item::TimeOut(operation));
    }

    fn arrive(&mut self, now: u64, operation: usize, until: u64) {
        let call = self.script.history.operations[operation].call.clone();
        let sent = self.script.history.operations[operation].invoked.time;
        let enforcing = self.script.plan.promises.enforcing_guard;
        let lock = &mut self.locks[call.lock() as usize];
        lock.holder = lock.holder.filter(|&(_, expires)| now < expires);
        let held = lock.holder.is_some_and(|(holder, _)| holder == call.hold());
        let reply = match call {
            LockCall::Acquire { .. } if lock.holder.is_some() && now < until => {
                self.schedule(now + 5 * MS, Item::Arrive { operation, until });
                return;
            }
            LockCall::Acquire { .. } if lock.holder.is_some() => Outcome::Fail(Reason::new("held")),
            LockCall::Acquire { hold, .. } => {
                lock.holder = Some((hold, now + TTL_MS * MS));
                lock.last_token += 1;
                Outcome::Ok(LockReply::Acquire { token: Some(lock.last_token), leased_ns: sent })
            }
            LockCall::Renew { hold, .. } if held => {
                lock.holder = Some((hold, now + TTL_MS * MS));
                Outcome::Ok(LockReply::Renew)
            }
            LockCall::Release { .. } if held => {
                lock.holder = None;
                Outcome::Ok(LockReply::Release)
            }
            LockCall::Renew { .. } | LockCall::Release { .. } | LockCall::GiveUp { .. } => {
                Outcome::Fail(Reason::new("not-held"))
            }
            LockCall::Write { token, .. } => {
                let token = token.unwrap_or_default();
                let accepted = !enforcing || token >= lock.largest_accepted;
                if accepted {
                    lock.largest_accepted = lock.largest_accepted.max(token);
                }
                lock.arrivals += 1;
                Outcome::Ok(LockReply::Write { position: lock.arrivals, accepted })
            }
        };
        let delay = self.draw();
        if delay % 16 < 15 {
            self.schedule(now + pause(delay), Item::Reply(operation, reply));
        }
    }

    fn complete(&mut self, now: u64, operation: usize, outcome: Outcome<LockReply>) {
        if self.script.history.operations[operation].completed.is_some() {
            return;
        }
        let stopped = !matches!(outcome, Outcome::Ok(_));
        let call = self.script.history.operations[operation].call.clone();
        let granted = match outcome {
            Outcome::Ok(LockReply::Acquire { token, .. }) => Some((call.lock(), call.hold(), token)),
            _ => None,
        };
        let retired = outcome.is_info();
        self.script.complete_ns(now, operation, outcome);
        let forgets = self.draw().is_multiple_of(2);
        let concurrency = self.clients.len() as u32;
        let Some(owner) =
            self.clients.iter().position(|client| client.busy == Some(operation) || client.renewing == Some(operation))
        else {
            return;
        };
        let client = &mut self.clients[owner];
        if client.renewing == Some(operation) {
            client.renewing = None;
            // A client told of its loss, or left in doubt, may let go or go on all the same.
            if stopped && forgets && client.hold.is_some_and(|(_, hold, _)| hold == call.hold()) {
                client.hold = None;
            }
            return;
        }
        client.busy = None;
        if retired {
            client.process += concurrency;
        }
        match call {
            LockCall::Acquire { .. } => client.hold = granted,
            LockCall::Release { .. } => client.hold = None,
            LockCall::Write { .. } | LockCall::Renew { .. } | LockCall::GiveUp { .. } => {}
        }
        let wait = pause(self.draw());
        self.schedule(now + wait, Item::Wake(owner));
    }
}
