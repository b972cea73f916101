//! The client of the lock workload: holds one lock at a time and renews its lease in the background.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_engine::api::{Attempt, CallError, Deadline, HoldId, LeaseId, Locks, Presence};
use dsjepsen_engine::generator::Phase;
use dsjepsen_engine::{Client, Recorder, RunClock, Seat, Ticket, nanos};
use dsjepsen_history::{Nanos, NodeId, Outcome, Process, Reason};
use rand::RngExt;
use tokio::time::{Instant, sleep, sleep_until};

use super::guard::{Arrival, Guard};

/// The pause between two attempts for a lock that somebody else has.
const ATTEMPT_EVERY: Duration = Duration::from_millis(100);
/// How long a write is on its way to the resource, in ms: between the holder's look at its lease and the effect.
const WRITE_TRAVEL_MS: std::ops::Range<u64> = 5..25;

/// How clients behave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manners {
    pub(super) ttl: Duration,
    pub(super) acquire_timeout: Duration,
    pub(super) op_timeout: Duration,
    pub(super) careful: bool,
}

impl Manners {
    /// How long before the end of its lease a careful client stops: a write that it sends then has surely arrived.
    fn margin(&self) -> Nanos {
        nanos(Duration::from_millis(WRITE_TRAVEL_MS.end)) + nanos(self.ttl) / 10
    }

    fn deadline(&self) -> Deadline {
        Instant::now() + self.op_timeout
    }
}

/// The ways to the system.
pub(super) struct Wires {
    pub(super) calls: Arc<dyn Locks>,
    pub(super) renewals: Arc<dyn Locks>,
}

/// What the holder knows of its lease; the renewals write it.
#[derive(Debug, Default)]
struct Lease {
    /// Until when it surely lasts, as the holder sees it, in ns.
    believed_until: Cell<Nanos>,
    /// Whether the system said that it is gone.
    gone: Cell<bool>,
}

/// An attempt to hold a lock, and what goes on under it.
struct Hold {
    id: HoldId,
    lease: Rc<Lease>,
    renewals: Pin<Box<dyn Future<Output = Infallible>>>,
}

/// One process of the lock workload.
pub(crate) struct LockClient {
    seat: Seat<LockCall, LockReply>,
    wires: Wires,
    manners: Manners,
    guard: Rc<RefCell<Guard>>,
    hold: Option<Hold>,
}

impl LockClient {
    pub(super) fn new(
        seat: Seat<LockCall, LockReply>,
        wires: Wires,
        manners: Manners,
        guard: Rc<RefCell<Guard>>,
    ) -> Self {
        Self { seat, wires, manners, guard, hold: None }
    }

    /// Takes a lease, then tries until the lock is granted, the time is over, or nobody knows what became of an attempt. Where
    /// an attempt waits for the lock, one that waited in vain is of that last kind.
    async fn acquire(&mut self, lock: u32, hold: u64) -> Outcome<LockReply> {
        let until = Instant::now() + self.manners.acquire_timeout;
        let lease_sent = self.seat.now();
        let own_lease = match self.wires.calls.start_lease(self.manners.ttl, self.manners.deadline()).await {
            Ok(lease) => lease,
            // Nothing hangs on a lease that nobody knows: whatever became of it, the lock was not touched.
            Err(error) => return Outcome::Fail(Reason::new(format!("no-lease: {}", error.reason()))),
        };
        let has_own_lease = own_lease.is_some();
        let id = HoldId {
            lock,
            lease: own_lease.unwrap_or_else(|| LeaseId(format!("h{hold}"))),
            ttl: self.manners.ttl,
        };
        let mut held = self.begin(id, hold, lease_sent);
        loop {
            let sent = self.seat.now();
            let patience = if self.wires.calls.waits_for_the_lock() { until } else { self.manners.deadline() };
            let attempt = self.wires.calls.try_acquire(&held.id, patience);
            // Only a lease of its own runs while the client waits; else it begins with the grant.
            let answer = if has_own_lease { beside(attempt, held.renewals.as_mut()).await } else { attempt.await };
            let refused = match answer {
                Ok(Attempt::Granted { token }) => {
                    let leased_ns = if has_own_lease { lease_sent } else { sent };
                    if !has_own_lease {
                        held = self.begin(held.id, hold, sent);
                    }
                    // Who was told of a loss while it waited, and is granted the lock after all, believes the grant.
                    held.lease.gone.set(false);
                    self.hold = Some(held);
                    self.seat.occupancy.set(true);
                    return Outcome::Ok(LockReply::Acquire { token, leased_ns });
                }
                Ok(Attempt::LeaseGone) => {
                    return Outcome::Fail(Reason::new("lease-lost: the lease ended while the client waited"));
                }
                Ok(Attempt::Held) => Reason::new("held: somebody else has it"),
                Err(CallError::Definite(reason)) => reason,
                Err(CallError::Indefinite(reason)) => {
                    self.give_up(&held.id, hold).await;
                    return Outcome::Info(reason);
                }
            };
            if held.lease.gone.get() {
                self.give_up(&held.id, hold).await;
                return Outcome::Fail(Reason::new("lease-lost: the lease ended while the client waited"));
            }
            let pause = sleep(ATTEMPT_EVERY);
            if has_own_lease { beside(pause, held.renewals.as_mut()).await } else { pause.await }
            if Instant::now() >= until || *self.seat.phase.borrow() == Phase::Final {
                if has_own_lease {
                    self.give_up(&held.id, hold).await;
                }
                return Outcome::Fail(refused);
            }
        }
    }

    /// Starts the renewals of an attempt whose lease was asked for at `sent`.
    fn begin(&self, id: HoldId, hold: u64, sent: Nanos) -> Hold {
        let lease = Rc::new(Lease::default());
        lease.believed_until.set(sent + nanos(self.manners.ttl));
        let renewals = Renewals {
            locks: Arc::clone(&self.wires.renewals),
            recorder: self.seat.recorder.clone(),
            process: self.seat.process,
            node: self.seat.node,
            clock: self.seat.clock,
            manners: self.manners,
            id: id.clone(),
            hold,
            lease: Rc::clone(&lease),
            first_sent: sent,
        };
        Hold { id, lease, renewals: Box::pin(renewals.renew()) }
    }

    /// Gives back what the attempt may have taken. Recorded, for where release does not look at the owner it can free the
    /// lock of another.
    async fn give_up(&self, id: &HoldId, hold: u64) {
        let call = LockCall::GiveUp { lock: id.lock, hold };
        let mut open = Background::begin(&self.seat.recorder, self.seat.process, self.seat.node, call);
        let answer = self.wires.calls.give_up(id, self.manners.deadline()).await;
        open.complete(match answer {
            Ok(Presence::Held) => Outcome::Ok(LockReply::GiveUp),
            Ok(Presence::Gone) => Outcome::Fail(Reason::new("not-held")),
            Err(error) => error.into(),
        });
    }

    /// Looks at its lease, then writes: between the two lies the way to the resource.
    async fn write(&mut self, lock: u32, token: Option<u64>) -> Outcome<LockReply> {
        let Some(hold) = &mut self.hold else {
            return Outcome::Fail(Reason::new("lost: the process holds nothing"));
        };
        if hold.lease.gone.get() {
            return Outcome::Fail(Reason::new("lost: the lease is gone, the client was told"));
        }
        let end = hold.lease.believed_until.get();
        if self.manners.careful && self.seat.clock.now() + self.manners.margin() >= end {
            return Outcome::Fail(Reason::new("lapsed: the lease may have ended, a careful client stops"));
        }
        let travel = Duration::from_millis(self.seat.random.random_range(WRITE_TRAVEL_MS));
        beside(sleep(travel), hold.renewals.as_mut()).await;
        let Arrival { position, accepted } = self.guard.borrow_mut().write(lock, token);
        Outcome::Ok(LockReply::Write { position, accepted })
    }

    async fn release(&mut self) -> Outcome<LockReply> {
        let Some(hold) = self.hold.take() else {
            return Outcome::Fail(Reason::new("lost: the process holds nothing"));
        };
        self.seat.occupancy.set(false);
        drop(hold.renewals);
        match self.wires.calls.release(&hold.id, self.manners.deadline()).await {
            Ok(Presence::Held) => Outcome::Ok(LockReply::Release),
            Ok(Presence::Gone) => Outcome::Fail(Reason::new("not-held")),
            Err(error) => error.into(),
        }
    }
}

impl Client for LockClient {
    type Call = LockCall;
    type Reply = LockReply;

    async fn invoke(&mut self, call: &LockCall) -> Outcome<LockReply> {
        match call {
            LockCall::Acquire { lock, hold } => self.acquire(*lock, *hold).await,
            LockCall::Write { lock, token, .. } => self.write(*lock, *token).await,
            LockCall::Release { .. } => self.release().await,
            LockCall::Renew { .. } | LockCall::GiveUp { .. } => {
                Outcome::Fail(Reason::new("bad-call: this happens by itself, beside the calls"))
            }
        }
    }

    async fn idle(&mut self) -> Infallible {
        match &mut self.hold {
            Some(hold) => hold.renewals.as_mut().await,
            None => pending().await,
        }
    }
}

impl Drop for LockClient {
    fn drop(&mut self) {
        self.seat.occupancy.set(false);
    }
}

/// Drives `background` while `future` goes on.
async fn beside<T>(future: impl Future<Output = T>, background: Pin<&mut dyn Future<Output = Infallible>>) -> T {
    tokio::select! {
        biased;
        never = background => match never {},
        result = future => result,
    }
}

/// The renewals of one hold.
struct Renewals {
    locks: Arc<dyn Locks>,
    recorder: Recorder<LockCall, LockReply>,
    process: Process,
    node: NodeId,
    clock: RunClock,
    manners: Manners,
    id: HoldId,
    hold: u64,
    lease: Rc<Lease>,
    first_sent: Nanos,
}

impl Renewals {
    /// Renews every third of the lease's length, until the system says that it is gone.
    async fn renew(self) -> Infallible {
        let every = self.manners.ttl / 3;
        let mut next = Instant::from_std(self.clock.instant(self.first_sent)) + every;
        loop {
            sleep_until(next).await;
            next = (next + every).max(Instant::now());
            let call = LockCall::Renew { lock: self.id.lock, hold: self.hold };
            let sent = self.clock.now();
            let mut open = Background::begin(&self.recorder, self.process, self.node, call);
            let answer = self.locks.renew(&self.id, self.manners.deadline()).await;
            match answer {
                Ok(Presence::Held) => {
                    open.complete(Outcome::Ok(LockReply::Renew));
                    let end = sent + nanos(self.manners.ttl);
                    self.lease.believed_until.set(end.max(self.lease.believed_until.get()));
                }
                Ok(Presence::Gone) => {
                    open.complete(Outcome::Fail(Reason::new("not-held")));
                    self.lease.gone.set(true);
                    return pending().await;
                }
                Err(error) => open.complete(error.into()),
            }
        }
    }
}

/// A background call in flight. When it is dropped before its end, it stays indeterminate, and the history says so.
struct Background<'a> {
    recorder: &'a Recorder<LockCall, LockReply>,
    ticket: Option<Ticket>,
}

impl<'a> Background<'a> {
    fn begin(recorder: &'a Recorder<LockCall, LockReply>, process: Process, node: NodeId, call: LockCall) -> Self {
        Self { recorder, ticket: Some(recorder.invoke(process, Some(node), call, None)) }
    }

    fn complete(&mut self, outcome: Outcome<LockReply>) {
        if let Some(ticket) = self.ticket.take() {
            self.recorder.complete(ticket, outcome);
        }
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        self.complete(Outcome::Info(Reason::new("abandoned: the hold ended while the request was on its way")));
    }
}
