//! Gates before workers: while one is closed, the worker's whole future, renewals included, is not polled. That is what a
//! stopped client process looks like from outside.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// The gate of one worker; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    closed: AtomicBool,
    holding: AtomicBool,
    withheld: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    /// Closes the gate: the worker stands still at its next await. Closing a closed gate changes nothing.
    pub fn close(&self) {
        if !self.shared.closed.load(Ordering::SeqCst) {
            self.shared.withheld.store(0, Ordering::SeqCst);
            self.shared.closed.store(true, Ordering::SeqCst);
        }
    }

    /// How often the worker would have gone on since the gate was closed.
    pub fn withheld(&self) -> u64 {
        self.shared.withheld.load(Ordering::SeqCst)
    }

    /// Opens the gate, and says how often the worker would have gone on meanwhile.
    pub fn open(&self) -> u64 {
        self.shared.closed.store(false, Ordering::SeqCst);
        if let Some(waker) = self.shared.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
        self.withheld()
    }

    /// Whether the worker says that it holds something.
    pub fn is_holding(&self) -> bool {
        self.shared.holding.load(Ordering::SeqCst)
    }

    /// The worker's side.
    pub fn occupancy(&self) -> Occupancy {
        Occupancy { gate: self.clone() }
    }

    /// A future that stands still while the gate is closed.
    pub fn guard<F: Future>(&self, future: F) -> Gated<F> {
        Gated { gate: self.clone(), future: Box::pin(future) }
    }
}

/// By which a client tells the nemesis whether it holds something.
#[derive(Debug, Clone)]
pub struct Occupancy {
    gate: Gate,
}

impl Occupancy {
    /// Says so.
    pub fn set(&self, holding: bool) {
        self.gate.shared.holding.store(holding, Ordering::SeqCst);
    }
}

/// See [`Gate::guard`].
pub struct Gated<F> {
    gate: Gate,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = &self.gate.shared;
        if shared.closed.load(Ordering::SeqCst) {
            *shared.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            // Opened between the two lines above: nobody would wake us.
            if shared.closed.load(Ordering::SeqCst) {
                shared.withheld.fetch_add(1, Ordering::SeqCst);
                return Poll::Pending;
            }
        }
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn a_closed_gate_stops_even_what_is_due() {
        let gate = Gate::default();
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        let task = tokio::spawn(gate.guard(async move {
            for _ in 0..10 {
                sleep(Duration::from_millis(10)).await;
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }));
        sleep(Duration::from_millis(35)).await;
        gate.close();
        let before = steps.load(Ordering::SeqCst);
        advance(Duration::from_secs(5)).await;
        sleep(Duration::from_millis(1)).await;
        gate.close();
        assert!(gate.withheld() >= 1, "closed by two, it forgets nothing");
        assert_eq!(steps.load(Ordering::SeqCst), before);
        assert!(gate.open() >= 1, "the timer fired, and was withheld");
        task.await.unwrap();
        assert_eq!(steps.load(Ordering::SeqCst), 10);
    }
}
