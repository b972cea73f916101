//! What comes of steps, in words for people who may never have seen Rust.

use dsjepsen_engine::api::{Attempt, LeaseId, Presence, View};

/// Has words for people.
pub(super) trait Shown {
    /// The words.
    fn shown(&self) -> String;
}

impl Shown for () {
    fn shown(&self) -> String {
        "done".to_owned()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for u64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for LeaseId {
    fn shown(&self) -> String {
        format!("`{}`", self.0)
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| "nothing".to_owned(), Shown::shown)
    }
}

impl Shown for Presence {
    fn shown(&self) -> String {
        match self {
            Self::Held => "held".to_owned(),
            Self::Gone => "gone".to_owned(),
        }
    }
}

impl Shown for Attempt {
    fn shown(&self) -> String {
        match self {
            Self::Granted { token: None } => "granted".to_owned(),
            Self::Granted { token: Some(token) } => format!("granted, token {token}"),
            Self::Held => "held by somebody else".to_owned(),
            Self::LeaseGone => "the lease is gone".to_owned(),
        }
    }
}

impl Shown for View {
    fn shown(&self) -> String {
        let leader = self.leader.map_or_else(|| "nobody leads".to_owned(), |leader| format!("{leader} leads"));
        let itself = if self.believes_leader { ", itself" } else { "" };
        let term = self.term.map_or_else(String::new, |term| format!(", term {term}"));
        let since = self.since.map_or_else(String::new, |since| format!(", since {since}"));
        format!("{leader}{itself}{term}{since}")
    }
}
