//! The one way to cut a run short: asked for by Ctrl-C, or by the harness when it cannot go on.

use std::sync::Arc;

use tokio::sync::watch;

/// Why a run was cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The user asked for it.
    Interrupted,
    /// The harness cannot go on (a full disk, say).
    Failed(String),
}

/// Cuts a run short; cheap to clone. The first reason stays.
#[derive(Debug, Clone)]
pub struct Stop {
    reason: Arc<watch::Sender<Option<StopReason>>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { reason: Arc::new(watch::Sender::new(None)) }
    }
}

impl Stop {
    /// Asks for the end.
    pub fn ask(&self, reason: StopReason) {
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// Why the end was asked for, if it was.
    pub fn reason(&self) -> Option<StopReason> {
        self.reason.borrow().clone()
    }

    /// Returns when the end is asked for.
    pub async fn asked(&self) {
        let mut reason = self.reason.subscribe();
        // The sender lives as long as `self`, so this cannot fail.
        let _ = reason.wait_for(Option::is_some).await;
    }
}
