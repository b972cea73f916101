//! The client of the lock workload against a system whose attempts wait for the lock.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_checkers::{LockCall, LockReply};
use dsjepsen_engine::api::{Attempt, CallError, Deadline, HoldId, LeaseId, Locks, Presence};
use dsjepsen_engine::generator::Phase;
use dsjepsen_engine::{Client, Gate, Purpose, Recording, RunClock, Seat, stream};
use dsjepsen_history::{NodeId, Outcome, Process, Reason};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{LockClient, Manners, Wires};
use super::guard::Guard;

/// A lock that somebody else has for ever, or, granted late, for a while; and a lease that may have ended meanwhile.
#[derive(Default)]
struct Busy {
    granted_after: Option<Duration>,
    lease_gone: AtomicBool,
    waits: Mutex<Vec<Duration>>,
    renewals: AtomicU32,
    given_up: AtomicU32,
}

#[async_trait]
impl Locks for Busy {
    async fn start_lease(&self, _ttl: Duration, _deadline: Deadline) -> Result<Option<LeaseId>, CallError> {
        Ok(Some(LeaseId("7".to_owned())))
    }

    fn waits_for_the_lock(&self) -> bool {
        true
    }

    async fn try_acquire(&self, _hold: &HoldId, deadline: Deadline) -> Result<Attempt, CallError> {
        self.waits.lock().unwrap().push(deadline - Instant::now());
        if let Some(after) = self.granted_after {
            sleep(after).await;
            return Ok(Attempt::Granted { token: None });
        }
        sleep_until(deadline).await;
        Err(CallError::Indefinite(Reason::new("timeout: no reply in time")))
    }

    async fn renew(&self, _hold: &HoldId, _deadline: Deadline) -> Result<Presence, CallError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        Ok(if self.lease_gone.load(Ordering::SeqCst) { Presence::Gone } else { Presence::Held })
    }

    async fn release(&self, _hold: &HoldId, _deadline: Deadline) -> Result<Presence, CallError> {
        Ok(Presence::Held)
    }

    async fn give_up(&self, _hold: &HoldId, _deadline: Deadline) -> Result<Presence, CallError> {
        self.given_up.fetch_add(1, Ordering::SeqCst);
        Ok(Presence::Held)
    }
}

const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(400);

/// Calls a client of this system.
async fn invoke(system: &Arc<Busy>, calls: &[LockCall]) -> Vec<Outcome<LockReply>> {
    let folder = tempfile::tempdir().unwrap();
    let (path, clock) = (folder.path().join("history.jsonl"), RunClock::start());
    std::fs::write(&path, "").unwrap();
    let recording = Recording::<LockCall, LockReply>::begin(&path, "lock", clock).unwrap();
    let (_phase, phases) = watch::channel(Phase::Main);
    let seat = Seat {
        worker: 0,
        process: Process(0),
        node: NodeId::at(0),
        clock,
        recorder: recording.recorder(),
        phase: phases,
        occupancy: Gate::default().occupancy(),
        random: stream(1, Purpose::Client, 0),
    };
    let manners = Manners {
        ttl: Duration::from_millis(150),
        acquire_timeout: ACQUIRE_TIMEOUT,
        op_timeout: Duration::from_millis(100),
        careful: false,
    };
    let wires = Wires { calls: Arc::clone(system) as Arc<dyn Locks>, renewals: Arc::clone(system) as Arc<dyn Locks> };
    let mut client = LockClient::new(seat, wires, manners, Rc::new(RefCell::new(Guard::new(false))));
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(client.invoke(call).await);
    }
    outcomes
}

const ACQUIRE: LockCall = LockCall::Acquire { lock: 1, hold: 1 };

#[tokio::test(flavor = "current_thread")]
async fn one_attempt_has_all_the_time_and_is_given_up_after_it() {
    let system = Arc::new(Busy::default());
    let outcomes = invoke(&system, &[ACQUIRE]).await;
    assert!(outcomes[0].is_info(), "{outcomes:?}");
    let waits = system.waits.lock().unwrap().clone();
    assert!(waits.len() == 1 && waits[0] > ACQUIRE_TIMEOUT - Duration::from_millis(100), "{waits:?}");
    assert!(system.renewals.load(Ordering::SeqCst) >= 2, "the lease was not renewed beside it");
    assert_eq!(system.given_up.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_naive_client_believes_a_grant_whatever_it_was_told_before() {
    let system = Arc::new(Busy { granted_after: Some(Duration::from_millis(200)), ..Busy::default() });
    system.lease_gone.store(true, Ordering::SeqCst);
    let write = LockCall::Write { lock: 1, hold: 1, token: None };
    let outcomes = invoke(&system, &[ACQUIRE, write]).await;
    assert_eq!(system.renewals.load(Ordering::SeqCst), 1, "it was told once");
    assert!(outcomes.iter().all(|outcome| outcome.ok().is_some()), "{outcomes:?}");
}
