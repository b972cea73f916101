//! Operations of foreign histories: an invocation and its completion as one, in 64 bytes.

use std::num::NonZeroU32;

use super::event::{ForeignEvent, ForeignProcess};
use super::value::{Text, Value};

/// What came of a foreign operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForeignOutcome {
    /// It happened.
    Ok,
    /// It did not and will not happen.
    Fail,
    /// It may have happened, or will.
    Info,
}

/// One operation of a foreign history. Positions count the events of the history from 0, in the order by which it is judged.
// There are millions of them: what has few states is packed, and stands behind methods.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignOperation {
    /// Its kind, in the history's own word.
    pub f: Option<Text>,
    /// What was asked. Where that was nil and the operation succeeded, what came back: Knossos fills a read in like that.
    pub call: Value,
    /// What the completion says; nil where there is none.
    pub reply: Value,
    /// What came of it.
    pub outcome: ForeignOutcome,
    flags: Flags,
    /// The position of its invocation.
    pub invoked: u32,
    /// The position of its completion, plus one.
    completed: Option<NonZeroU32>,
    /// The line that its first event begins on, counted from 1.
    pub line: u32,
    /// Of no meaning where none is stated.
    process: i64,
}

impl ForeignOperation {
    /// An operation of which nothing but its invocation is known.
    pub(super) fn invoked(process: Option<i64>, position: u32, event: ForeignEvent) -> Self {
        Self {
            f: event.f,
            call: event.value,
            reply: Value::Nil,
            outcome: ForeignOutcome::Info,
            flags: Flags::default().with(Flags::STATED, process.is_some()),
            invoked: position,
            completed: None,
            line: event.line,
            process: process.unwrap_or_default(),
        }
    }

    /// A completion without an invocation.
    pub(super) fn bare(process: Option<i64>, position: u32, event: ForeignEvent, outcome: ForeignOutcome) -> Self {
        let (has_error, reply) = (event.has_error, event.value.clone());
        let mut operation = Self::invoked(process, position, event);
        operation.reply = reply;
        operation.outcome = outcome;
        operation.set_completed(position);
        operation.flags = operation.flags.with(Flags::BARE, true).with(Flags::ERROR, has_error);
        operation
    }

    /// An operation that succeeded, for histories that show both its ends at once.
    ///
    /// `value` is what was asked as well as what came back. `completed` is less than [`u32::MAX`].
    pub fn succeeded(process: i64, f: Text, value: Value, [invoked, completed]: [u32; 2], line: u32) -> Self {
        let mut operation = Self {
            f: Some(f),
            call: value.clone(),
            reply: value,
            outcome: ForeignOutcome::Ok,
            flags: Flags::default().with(Flags::STATED, true),
            invoked,
            completed: None,
            line,
            process,
        };
        operation.set_completed(completed);
        operation
    }

    /// Adds the completion; says whether its value is kept beside that of the call as one copy.
    pub(super) fn complete(&mut self, position: u32, event: ForeignEvent, outcome: ForeignOutcome) -> bool {
        let fills = outcome == ForeignOutcome::Ok && self.call.is_nil() && !event.value.is_nil();
        self.flags = self.flags.with(Flags::FILLED, fills).with(Flags::ERROR, event.has_error);
        self.f = self.f.take().or(event.f);
        self.reply = event.value;
        self.outcome = outcome;
        self.set_completed(position);
        let is_shared = !fills && self.call == self.reply;
        if fills {
            self.call = self.reply.clone();
        } else if is_shared {
            self.reply = self.call.clone();
        }
        is_shared
    }

    /// Takes another call and reply: those of one key.
    pub(super) fn restate(&mut self, call: Value, reply: Value) {
        let fills = self.outcome == ForeignOutcome::Ok && call.is_nil() && !reply.is_nil();
        self.flags = self.flags.with(Flags::FILLED, fills);
        self.call = if fills { reply.clone() } else { call };
        self.reply = reply;
    }

    /// Says that its real time is unknown.
    pub(super) fn set_bare(&mut self) {
        self.flags = self.flags.with(Flags::BARE, true);
    }

    fn set_completed(&mut self, position: u32) {
        self.completed = NonZeroU32::new(position.saturating_add(1));
    }

    /// Whose operation it is; `None` where the history does not say.
    pub fn process(&self) -> Option<i64> {
        self.flags.has(Flags::STATED).then_some(self.process)
    }

    pub(super) fn owner(&self) -> ForeignProcess {
        self.process().map_or(ForeignProcess::Unstated, ForeignProcess::Client)
    }

    /// The position of its completion, also of an indeterminate one; `None` where the history has none.
    pub fn completed(&self) -> Option<u32> {
        self.completed.map(|next| next.get() - 1)
    }

    /// Whether the completion names an error: a `:fail` of a cas without one says that the register held something else.
    pub fn has_error(&self) -> bool {
        self.flags.has(Flags::ERROR)
    }

    /// Whether [`ForeignOperation::call`] was filled in from the reply.
    pub fn is_filled(&self) -> bool {
        self.flags.has(Flags::FILLED)
    }

    /// Whether its real time is unknown: it has a completion without an invocation (both positions are then the same), or it
    /// cannot be told which of several equal invocations is its own. It has no real-time order with others.
    pub fn is_bare(&self) -> bool {
        self.flags.has(Flags::BARE)
    }
}

/// Four truths in a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Flags(u8);

impl Flags {
    const STATED: u8 = 1;
    const ERROR: u8 = 2;
    const FILLED: u8 = 4;
    const BARE: u8 = 8;

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flag: u8, is_set: bool) -> Self {
        Self(if is_set { self.0 | flag } else { self.0 & !flag })
    }
}
