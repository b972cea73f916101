//! What all ways to a node have in common: one request, several attempts, and what their results come to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dsjepsen_history::{Process, Reason, RunEvent};
use tokio::time::Instant;

use super::{CallError, Deadline};
use crate::events::Events;

/// Whether a request may be sent again after an attempt of which nobody knows whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Yes: it carries an idempotency key, and the node answers a repeated one with the first result.
    Keyed,
    /// No: only attempts that surely had no effect are repeated.
    OnlyUnsent,
}

/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A request on its way to a result, over one attempt or several.
#[derive(Debug)]
pub(super) struct Effort {
    process: Process,
    request: &'static str,
    repeat: Repeat,
    deadline: Deadline,
    /// The least time that makes another attempt worth while.
    least: Duration,
    failed: u32,
    doubt: Option<Reason>,
}

impl Effort {
    /// No attempt was made yet. `request` is its name in events.
    pub(super) fn new(process: Process, request: &'static str, repeat: Repeat, deadline: Deadline) -> Self {
        Self { process, request, repeat, deadline, least: Duration::ZERO, failed: 0, doubt: None }
    }

    /// The same, with attempts that are not worth while with less time than this.
    pub(super) fn of_at_least(mut self, least: Duration) -> Self {
        self.least = least;
        self
    }

    /// An attempt failed: returns when the next may be made.
    ///
    /// # Errors
    /// What the request comes to, where it may not be repeated or no time is left: definite only if every attempt was.
    pub(super) async fn go_on(&mut self, events: &Events, error: CallError) -> Result<(), CallError> {
        let may_repeat = matches!(error, CallError::Definite(_)) || self.repeat == Repeat::Keyed;
        if let CallError::Indefinite(reason) = &error {
            self.doubt.get_or_insert_with(|| reason.clone());
        }
        if !may_repeat || Instant::now() + RETRY_PAUSE + self.least >= self.deadline {
            return Err(match self.doubt.take() {
                Some(reason) => CallError::Indefinite(reason),
                None => error,
            });
        }
        self.failed += 1;
        events.emit(RunEvent::Retry {
            process: self.process.0,
            request: self.request.to_owned(),
            attempt: self.failed,
            reason: error.reason().to_string(),
        });
        tokio::time::sleep(RETRY_PAUSE).await;
        Ok(())
    }
}

/// An idempotency key that nothing else in this program has had or will have.
pub(super) fn fresh_key(process: Process) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("p{process}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
