//! The one stream of run events: every subscriber (terminal, `events.jsonl`) sees each event once, in one order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use dsjepsen_history::{RunEvent, StampedEvent};

use crate::clock::RunClock;

/// What receives events. A subscriber must return quickly and never panics: a run does not break for its listeners.
pub type Subscriber = Box<dyn FnMut(&StampedEvent) + Send>;

/// The stream; cheap to clone.
#[derive(Clone)]
pub struct Events {
    clock: RunClock,
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// A stream with these subscribers.
    pub fn new(clock: RunClock, subscribers: Vec<Subscriber>) -> Self {
        Self { clock, subscribers: Arc::new(Mutex::new(subscribers)) }
    }

    /// Tells every subscriber.
    pub fn emit(&self, event: RunEvent) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        let stamped = StampedEvent { time_ns: self.clock.now(), event };
        for subscriber in subscribers.iter_mut() {
            subscriber(&stamped);
        }
    }

    /// Warns.
    pub fn warn(&self, text: impl Into<String>) {
        self.emit(RunEvent::Warning { text: text.into() });
    }
}
