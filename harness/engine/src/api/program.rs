//! One process's client program: somebody else's client, in any language, that reads operations as JSON lines on standard
//! input and writes what came of each on standard output. `targets/CONTRACT.md` is the page of the protocol.

mod session;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsjepsen_history::{Process, Reason};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::attempts::{Effort, fresh_key};
use super::{Access, CallError, Deadline, Repeat};
use crate::cluster::{ClientCommand, Programs, Trouble};
use crate::events::Events;
use session::{Answer, Order, Session, State};

/// The version of the line protocol, as the first line tells it.
pub const PROTOCOL: u32 = 1;

/// A program that never became ready is not started again at once: 100 ms later, then after twice as long, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The doublings of that pause.
const MOST_DOUBLINGS: u32 = 5;
/// How much earlier than the harness a program should give an operation up, so that its own answer still counts.
const MARGIN: Duration = Duration::from_millis(50);

/// With less time an operation is not tried again: a program that works would look like one that fell silent.
const LEAST_TIME: Duration = Duration::from_millis(200);

/// One process's client program. One that ends, falls silent or writes nonsense is killed, and the next operation starts
/// another; dropping this value kills it, too.
#[derive(Debug)]
pub struct ClientProgram {
    process: Process,
    command: ClientCommand,
    programs: Programs,
    events: Events,
    hello: Value,
    next_id: AtomicU64,
    slot: Mutex<Slot>,
}

#[derive(Debug)]
struct Slot {
    session: Option<Session>,
    /// How many in a row never became ready, what became of the last, and when the next may be started.
    unready: u32,
    last: Reason,
    not_before: Instant,
}

impl ClientProgram {
    /// Starts the program; it is not ready yet.
    pub(super) fn start(access: &Access, command: ClientCommand) -> Arc<Self> {
        let route = &access.route;
        let hello = json!({
            "protocol": PROTOCOL,
            "process": access.process,
            "node": route.node.to_string(),
            "address": route.address.to_string(),
            "port": command.port,
        });
        let slot = Slot { session: None, unready: 0, last: Reason::new(""), not_before: Instant::now() };
        let program = Self {
            process: access.process,
            command,
            programs: access.programs.clone(),
            events: access.events.clone(),
            hello,
            next_id: AtomicU64::new(1),
            slot: Mutex::new(slot),
        };
        let _ = program.session();
        Arc::new(program)
    }

    /// An idempotency key that nothing else in this program has had or will have.
    pub fn fresh_key(&self) -> String {
        fresh_key(self.process)
    }

    /// Has the program carry out an operation until it succeeds, definitely failed for good, or the deadline is reached.
    /// `is_read` says that it has no effect, so that a failure is definite.
    ///
    /// # Errors
    /// [`CallError::Definite`] only if no attempt can have had, or ever have, an effect.
    pub async fn call(
        &self,
        name: &'static str,
        value: Value,
        is_read: bool,
        repeat: Repeat,
        deadline: Deadline,
    ) -> Result<Value, CallError> {
        let repeat = if is_read { Repeat::Keyed } else { repeat };
        let mut effort = Effort::new(self.process, name, repeat, deadline).of_at_least(LEAST_TIME);
        loop {
            let error = match self.attempt(name, &value, deadline).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let gone_on = effort.go_on(&self.events, error).await;
            if is_read { gone_on.map_err(CallError::of_a_read)? } else { gone_on? }
        }
    }

    /// The program's results are none of the contract's: it is told, and the program is not used again.
    pub fn distrust(&self, problem: &str) {
        self.lock().session = None;
        self.programs.tell(Trouble::Nonsense, &format!("{} wrote what is no result: {problem}", self.words()));
    }

    async fn attempt(&self, name: &str, value: &Value, deadline: Deadline) -> Result<Value, CallError> {
        let unsent = |reason: &str| CallError::Definite(Reason::new(format!("unsent: {reason}")));
        let mut session = self.session().map_err(|reason| unsent(reason.as_str()))?;
        let ready = async {
            match session.state.wait_for(|state| !matches!(state, State::Starting)).await.as_deref() {
                Ok(State::Gone { reason, .. }) => Err(reason.clone()),
                Ok(State::Starting | State::Ready) => Ok(()),
                Err(_) => Err(Reason::new("client-ended: the run is over")),
            }
        };
        match timeout_at(deadline, ready).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(unsent(reason.as_str())),
            Err(_) => return Err(unsent("client-not-ready: the client program has not said that it is ready")),
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let left = deadline.saturating_duration_since(Instant::now());
        let line = json!({"id": id, "f": name, "value": value, "timeout_ms": timeout_ms(left)});
        let (reply, answer) = oneshot::channel();
        if session.orders.send(Order { id, line: line.to_string(), reply }).is_err() {
            return Err(unsent("client-ended: the client program has ended"));
        }
        match timeout_at(deadline, answer).await {
            Ok(Ok(Answer::Ok(value))) => Ok(value),
            Ok(Ok(Answer::Fail(reason))) => Err(CallError::Definite(Reason::new(reason))),
            Ok(Ok(Answer::Info(reason))) => Err(CallError::Indefinite(Reason::new(reason))),
            Ok(Err(_)) => Err(CallError::Indefinite(session.end().await)),
            Err(_) => {
                let text = format!("{} did not answer `{name}` in time, and is killed", self.words());
                self.programs.tell(Trouble::Silent, &text);
                self.abandon(&session);
                Err(CallError::Indefinite(Reason::new("client-silent: the client program did not answer in time")))
            }
        }
    }

    /// The program that runs, or a new one; while none may be started, what became of the last.
    fn session(&self) -> Result<Session, Reason> {
        let mut slot = self.lock();
        if let Some(session) = &slot.session {
            let state = session.state.borrow().clone();
            let State::Gone { reason, was_ready } = state else { return Ok(session.clone()) };
            slot.session = None;
            slot.last = reason;
            slot.unready = if was_ready { 0 } else { slot.unready + 1 };
            if !was_ready {
                slot.not_before = Instant::now() + FIRST_PAUSE * 2_u32.pow((slot.unready - 1).min(MOST_DOUBLINGS));
            }
        }
        if Instant::now() < slot.not_before {
            return Err(slot.last.clone());
        }
        let session = Session::begin(self.programs.clone(), self.process, &self.command, self.hello.clone());
        Ok(slot.session.insert(session).clone())
    }

    /// Gives a program up, unless another has taken its place.
    fn abandon(&self, session: &Session) {
        self.lock().session.take_if(|current| current.orders.same_channel(&session.orders));
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn words(&self) -> String {
        session::words(self.process, &self.command)
    }
}

fn timeout_ms(left: Duration) -> u64 {
    let margin = MARGIN.min(left / 10);
    u64::try_from((left - margin).as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_to_give_up_a_little_earlier_than_the_harness_does() {
        let told = |milliseconds| timeout_ms(Duration::from_millis(milliseconds));
        assert_eq!((told(1000), told(500), told(100), told(0)), (950, 450, 90, 1));
    }
}
