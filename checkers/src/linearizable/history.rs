//! A history that is recorded call by call: the short way from another project's test to [`decide`](super::decide).

use dsjepsen_history::Index;

use super::{Entry, EntryOf, Model};

/// A history of one object, recorded while it happens. Threads share it behind a mutex.
///
/// What is invoked and never completed may take effect at any later time, or never: an operation whose client crashed, or whose
/// answer was lost, needs no further word.
#[derive(Debug, Clone)]
pub struct History<M: Model> {
    operations: Vec<Option<EntryOf<M>>>,
    now: Index,
}

/// An operation that was invoked in a [`History`]. It can be ended once.
#[derive(Debug, PartialEq, Eq)]
pub struct Invoked(usize);

impl<M: Model> Default for History<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Model> History<M> {
    /// A history in which nothing has happened yet.
    pub fn new() -> Self {
        Self { operations: Vec::new(), now: 0 }
    }

    /// Records an invocation; to be called right before the operation is sent.
    pub fn invoke(&mut self, call: M::Call) -> Invoked {
        let position = self.operations.len();
        let invoked = self.tick();
        self.operations.push(Some(Entry { position, call, invoked, answer: None }));
        Invoked(position)
    }

    /// Records what was answered; to be called right after the answer is there.
    ///
    /// # Panics
    /// Where the operation is one of a longer history.
    pub fn complete(&mut self, invoked: Invoked, reply: M::Reply) {
        let now = self.tick();
        if let Some(entry) = &mut self.operations[invoked.0] {
            entry.answer = Some((reply, now));
        }
    }

    /// Takes back an operation that surely never took effect, and never will.
    ///
    /// # Panics
    /// Where the operation is one of a longer history.
    pub fn fail(&mut self, invoked: Invoked) {
        self.operations[invoked.0] = None;
    }

    /// What was recorded, as [`decide`](super::decide) takes it. A position is the number of invocations before.
    pub fn entries(&self) -> Vec<EntryOf<M>> {
        self.operations.iter().flatten().cloned().collect()
    }

    fn tick(&mut self) -> Index {
        self.now += 1;
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::History;
    use crate::linearizable::{Answer, CONFIGURATIONS, decide};
    use crate::models::register::{Call, Register, Reply};

    const REGISTER: Register<u8> = Register { initial: 0 };

    fn answer(history: &History<Register<u8>>) -> Answer {
        decide(&REGISTER, &history.entries(), CONFIGURATIONS)
    }

    #[test]
    fn an_answer_is_later_than_its_invocation() {
        let mut history = History::<Register<u8>>::new();
        let (write, read) = (history.invoke(Call::Write(1)), history.invoke(Call::Read));
        history.complete(write, Reply::Done);
        history.complete(read, Reply::Found(0));
        let times: Vec<_> = history.entries().iter().map(|entry| (entry.invoked, entry.returned())).collect();
        assert_eq!(times, [(1, Some(3)), (2, Some(4))]);
        assert_eq!(answer(&history), Answer::Exists);
        let read = history.invoke(Call::Read);
        history.complete(read, Reply::Found(0));
        assert_eq!(answer(&history), Answer::Impossible);
    }

    #[test]
    fn what_crashed_may_have_happened_and_what_failed_did_not() {
        let written = |is_failed: bool| {
            let mut history = History::<Register<u8>>::new();
            let write = history.invoke(Call::Write(1));
            if is_failed {
                history.fail(write);
            }
            let read = history.invoke(Call::Read);
            history.complete(read, Reply::Found(1));
            history
        };
        assert_eq!(answer(&written(false)), Answer::Exists);
        assert_eq!(answer(&written(true)), Answer::Impossible);
        assert_eq!(written(true).entries()[0].position, 1);
    }
}
