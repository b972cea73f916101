//! Waiting to within some hundredths of a millisecond. The runtime's own timers tick by the millisecond, which a delay of ten or a
//! pause of one would show.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::unix::AsyncFd;

use super::kernel::{self, WatchedTimer};

/// One timer of the kernel for all who wait in a thread.
#[derive(Clone)]
pub(super) struct Timer {
    shared: Arc<Shared>,
}

struct Shared {
    kernel: AsyncFd<WatchedTimer>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    /// Whoever waits, in the order in which they are woken.
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// When the kernel's timer goes off.
    set_for: Option<Instant>,
    number: u64,
}

impl Timer {
    /// Makes the timer, in a runtime; whoever [`runs`](Self::run) it wakes all others.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let kernel = kernel::watched(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?)?;
        Ok(Self { shared: Arc::new(Shared { kernel, waiting: Mutex::default() }) })
    }

    /// Wakes whoever's time has come, for ever.
    pub(super) async fn run(self) {
        loop {
            let Ok(mut ready) = self.shared.kernel.readable().await else { return };
            // It is read to be set back; how often it went off is no matter.
            let _ = self.shared.kernel.get_ref().timer().wait();
            ready.clear_ready();
            let mut waiting = self.shared.lock();
            waiting.set_for = None;
            let now = Instant::now();
            while let Some(first) = waiting.wakers.first_entry().filter(|first| first.key().0 <= now) {
                first.remove().wake();
            }
            self.shared.set(&mut waiting);
        }
    }

    /// Waits until then.
    pub(super) fn until(&self, at: Instant) -> Sleep<'_> {
        Sleep { shared: &self.shared, at, number: None }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the kernel's timer for whoever is to be woken first, if it would go off later.
    fn set(&self, waiting: &mut Waiting) {
        let Some((&(first, _), _)) = waiting.wakers.first_key_value() else { return };
        if waiting.set_for.is_some_and(|set_for| set_for <= first) {
            return;
        }
        // Nothing would stop it.
        let after = first.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let expiration = Expiration::OneShot(TimeSpec::from_duration(after));
        match self.kernel.get_ref().timer().set(expiration, TimerSetTimeFlags::empty()) {
            Ok(()) => waiting.set_for = Some(first),
            Err(error) => tracing::warn!(%error, "the timer of the links cannot be set"),
        }
    }
}

/// The wait of one.
pub(super) struct Sleep<'a> {
    shared: &'a Shared,
    at: Instant,
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        let shared = self.shared;
        let mut waiting = shared.lock();
        let number = *self.number.get_or_insert_with(|| {
            waiting.number += 1;
            waiting.number
        });
        waiting.wakers.insert((self.at, number), context.waker().clone());
        shared.set(&mut waiting);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.lock().wakers.remove(&(self.at, number));
        }
    }
}
