//! The recorder: the single queue through which every event of a run passes. An event's place in it is its index; its time
//! is read inside, so that times never contradict the order. What is on disk is always a prefix of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dsjepsen_history::{
    Call, EventType, FaultInterval, FaultStage, History, Index, Line, LineBody, Moment, Nanos, NodeId, Operation,
    Outcome, Process, ProcessLabel, Reason, Reply,
};

use crate::clock::RunClock;

/// An event is on disk (in the kernel's hands) at most this long after it was recorded …
const FLUSH_EVERY: Duration = Duration::from_millis(10);
/// … or as soon as this many bytes wait.
const FLUSH_BYTES: usize = 64 * 1024;

/// The way to the single queue; cheap to clone.
pub struct Recorder<C, R> {
    shared: Arc<Shared<C, R>>,
}

impl<C, R> Clone for Recorder<C, R> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// An operation in flight. It can be completed once.
#[derive(Debug)]
#[must_use = "an operation whose ticket is dropped stays indeterminate"]
pub struct Ticket {
    position: usize,
}

/// The end of a recording: stops the writer when the run is over.
pub struct Recording<C, R> {
    recorder: Recorder<C, R>,
    writer: Option<JoinHandle<()>>,
}

struct Shared<C, R> {
    clock: RunClock,
    state: Mutex<State<C, R>>,
    wake: Condvar,
}

struct State<C, R> {
    workload: String,
    next_index: Index,
    last: Moment,
    log: Log,
    operations: Vec<Operation<C, R>>,
    faults: Vec<(Moment, FaultStage)>,
    counts: [u64; 3],
    closed: bool,
}

/// What waits for the disk.
struct Log {
    waiting: Vec<u8>,
    failure: Option<String>,
}

/// What records faults, whatever the workload.
pub trait FaultRecorder: Send + Sync {
    /// Records one step of a fault.
    fn record_fault(&self, stage: FaultStage) -> Moment;
}

impl<C: Call, R: Reply> Recording<C, R> {
    /// Begins a recording in the history file of a new run, which has its header and no event yet.
    ///
    /// # Errors
    /// Where the file cannot be opened or the writer's thread cannot be made.
    pub fn begin(path: &Path, workload: &str, clock: RunClock) -> std::io::Result<Self> {
        let file = File::options().append(true).open(path)?;
        let state = State {
            workload: workload.to_owned(),
            next_index: 0,
            last: Moment { index: 0, time: 0 },
            log: Log { waiting: Vec::with_capacity(2 * FLUSH_BYTES), failure: None },
            operations: Vec::new(),
            faults: Vec::new(),
            counts: [0; 3],
            closed: false,
        };
        let shared = Arc::new(Shared { clock, state: Mutex::new(state), wake: Condvar::new() });
        let of_writer = Arc::clone(&shared);
        let writer =
            std::thread::Builder::new().name("recorder".to_owned()).spawn(move || write_all(&of_writer, file))?;
        Ok(Self { recorder: Recorder { shared }, writer: Some(writer) })
    }

    /// The way to the queue.
    pub fn recorder(&self) -> Recorder<C, R> {
        self.recorder.clone()
    }

    /// Ends the recording: all is on disk, and here is the history. Operations without completion are indeterminate.
    ///
    /// The text says why the file lacks its end, if it does.
    pub fn finish(mut self) -> (History<C, R>, Option<String>) {
        self.close();
        let mut state = self.recorder.shared.lock();
        let history = History {
            workload: std::mem::take(&mut state.workload),
            operations: std::mem::take(&mut state.operations),
            faults: FaultInterval::gather(std::mem::take(&mut state.faults)),
            end: state.last,
            notes: Vec::new(),
        };
        (history, state.log.failure.clone())
    }
}

impl<C, R> Recording<C, R> {
    fn close(&mut self) {
        self.recorder.shared.lock().closed = true;
        self.recorder.shared.wake.notify_all();
        if let Some(writer) = self.writer.take() {
            // The writer never panics; if it did, the failure would show as a history without its end.
            let _ = writer.join();
        }
    }
}

impl<C, R> Drop for Recording<C, R> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<C, R> Shared<C, R> {
    fn lock(&self) -> MutexGuard<'_, State<C, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Call, R: Reply> Recorder<C, R> {
    /// Records an invocation, before its request is sent. `scheduled` is when the generator meant it to be.
    pub fn invoke(&self, process: Process, node: Option<NodeId>, call: C, scheduled: Option<Nanos>) -> Ticket {
        let mut state = self.shared.lock();
        let invoked = state.stamp(self.shared.clock);
        state.log.write(&Line {
            index: invoked.index,
            time_ns: invoked.time,
            process: ProcessLabel::Client(process),
            node,
            event_type: EventType::Invoke,
            body: LineBody::<C, R>::Call(&call),
            error: None,
            scheduled_ns: scheduled,
        });
        let position = state.operations.len();
        let outcome = Outcome::Info(Reason::unfinished());
        state.operations.push(Operation { process, node, call, invoked, outcome, completed: None });
        self.shared.wake_if_full(&state);
        Ticket { position }
    }

    /// Records a completion, after its reply was read.
    pub fn complete(&self, ticket: Ticket, outcome: Outcome<R>) -> Moment {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let completed = state.stamp(self.shared.clock);
        let operation = &mut state.operations[ticket.position];
        operation.completed = Some(completed);
        operation.outcome = outcome;
        let (event_type, body, error) = match &operation.outcome {
            Outcome::Ok(reply) => (EventType::Ok, LineBody::Reply(reply), None),
            Outcome::Fail(reason) => (EventType::Fail, LineBody::Call(&operation.call), Some(reason)),
            Outcome::Info(reason) => (EventType::Info, LineBody::Call(&operation.call), Some(reason)),
        };
        state.counts[match event_type {
            EventType::Ok => 0,
            EventType::Fail => 1,
            EventType::Info | EventType::Invoke => 2,
        }] += 1;
        state.log.write(&Line {
            index: completed.index,
            time_ns: completed.time,
            process: ProcessLabel::Client(operation.process),
            node: operation.node,
            event_type,
            body,
            error,
            scheduled_ns: None,
        });
        self.shared.wake_if_full(&guard);
        completed
    }

    /// Invocations so far, and how many of them are ok, fail, info.
    pub fn counts(&self) -> (u64, [u64; 3]) {
        let state = self.shared.lock();
        (state.operations.len() as u64, state.counts)
    }

    /// Why nothing more reaches the disk, if so.
    pub fn failure(&self) -> Option<String> {
        self.shared.lock().log.failure.clone()
    }
}

impl<C: Call, R: Reply> FaultRecorder for Recorder<C, R> {
    fn record_fault(&self, stage: FaultStage) -> Moment {
        let mut state = self.shared.lock();
        let at = state.stamp(self.shared.clock);
        let event_type = if stage.value.outcome.is_none() { EventType::Invoke } else { EventType::Info };
        state.log.write(&Line::<C, R> {
            index: at.index,
            time_ns: at.time,
            process: ProcessLabel::NEMESIS,
            node: None,
            event_type,
            body: LineBody::Fault(&stage),
            error: None,
            scheduled_ns: None,
        });
        state.faults.push((at, stage));
        at
    }
}

impl<C, R> State<C, R> {
    fn stamp(&mut self, clock: RunClock) -> Moment {
        let moment = Moment { index: self.next_index, time: clock.now() };
        self.next_index += 1;
        self.last = moment;
        moment
    }
}

impl Log {
    fn write<C: Call, R: Reply>(&mut self, line: &Line<'_, C, R>) {
        if self.failure.is_some() {
            return;
        }
        let before = self.waiting.len();
        if let Err(error) = serde_json::to_writer(&mut self.waiting, line) {
            self.waiting.truncate(before);
            self.failure = Some(format!("event {} cannot be written as JSON: {error}", line.index));
            return;
        }
        self.waiting.push(b'\n');
    }
}

impl<C, R> Shared<C, R> {
    fn wake_if_full(&self, state: &State<C, R>) {
        if state.log.waiting.len() >= FLUSH_BYTES {
            self.wake.notify_one();
        }
    }
}

/// The writer's thread: takes what waits, in order, until the recording is closed.
fn write_all<C, R>(shared: &Shared<C, R>, mut file: File) {
    let mut taken = Vec::with_capacity(2 * FLUSH_BYTES);
    loop {
        let closed = {
            let state = shared.lock();
            let deadline = Instant::now() + FLUSH_EVERY;
            let mut state = wait_until(shared, state, deadline);
            std::mem::swap(&mut state.log.waiting, &mut taken);
            state.closed
        };
        if !taken.is_empty()
            && let Err(error) = file.write_all(&taken)
        {
            shared.lock().log.failure.get_or_insert(format!("the history cannot be written: {error}"));
            return;
        }
        taken.clear();
        if closed && shared.lock().log.waiting.is_empty() {
            return;
        }
    }
}

fn wait_until<'a, C, R>(
    shared: &'a Shared<C, R>,
    mut state: MutexGuard<'a, State<C, R>>,
    deadline: Instant,
) -> MutexGuard<'a, State<C, R>> {
    while !state.closed && state.log.waiting.len() < FLUSH_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        state = shared.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    state
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::{FaultAction, FaultDetail, FaultOutcome, read_history, type_history};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "f", content = "value", rename_all = "kebab-case")]
    enum Ask {
        Add(u64),
    }

    impl Call for Ask {
        fn kind(&self) -> &'static str {
            "add"
        }
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "f", content = "value", rename_all = "kebab-case")]
    enum Answer {
        Add(u64),
    }

    fn new_history(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("history.jsonl");
        std::fs::write(&path, "{\"schema\":1,\"workload\":\"sample\"}\n").unwrap();
        path
    }

    fn fault(action: FaultAction, outcome: Option<FaultOutcome>) -> FaultStage {
        let value = FaultDetail {
            id: 1,
            action,
            target: "n1".to_owned(),
            nodes: vec![NodeId::at(0)],
            outcome,
            confirmed: outcome.is_some(),
            evidence: Default::default(),
            params: serde_json::Value::Null,
        };
        FaultStage { f: "pause".to_owned(), value }
    }

    #[test]
    fn the_file_reads_as_the_history_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = new_history(folder.path());
        let recording = Recording::<Ask, Answer>::begin(&path, "sample", RunClock::start()).unwrap();
        let recorder = recording.recorder();
        recorder.record_fault(fault(FaultAction::Inject, None));
        recorder.record_fault(fault(FaultAction::Inject, Some(FaultOutcome::Installed)));
        std::thread::scope(|scope| {
            for process in 0..4 {
                let recorder = recorder.clone();
                scope.spawn(move || {
                    for value in 0..500 {
                        let ticket = recorder.invoke(Process(process), Some(NodeId::at(0)), Ask::Add(value), Some(7));
                        let outcome = match value % 3 {
                            0 => Outcome::Fail(Reason::new("refused")),
                            _ => Outcome::Ok(Answer::Add(value)),
                        };
                        recorder.complete(ticket, outcome);
                    }
                    let _open = recorder.invoke(Process(process), None, Ask::Add(0), None);
                });
            }
        });
        let (history, failure) = recording.finish();
        assert_eq!(failure, None);
        assert_eq!(history.operations.len(), 2004);
        let read = type_history::<Ask, Answer>(read_history(&path).unwrap(), &path).unwrap();
        assert_eq!(read, history);
    }

    #[test]
    fn a_prefix_is_on_disk_while_the_run_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = new_history(folder.path());
        let recording = Recording::<Ask, Answer>::begin(&path, "sample", RunClock::start()).unwrap();
        let ticket = recording.recorder().invoke(Process(0), None, Ask::Add(1), None);
        let deadline = Instant::now() + Duration::from_secs(10);
        while read_history(&path).unwrap().operations.is_empty() {
            assert!(Instant::now() < deadline, "the event never reached the disk");
            std::thread::yield_now();
        }
        recording.recorder().complete(ticket, Outcome::Ok(Answer::Add(1)));
    }

    #[test]
    fn a_full_disk_is_told_and_loses_no_event_in_memory() {
        let recording = {
            let state = State {
                workload: "sample".to_owned(),
                next_index: 0,
                last: Moment { index: 0, time: 0 },
                log: Log { waiting: Vec::new(), failure: None },
                operations: Vec::new(),
                faults: Vec::new(),
                counts: [0; 3],
                closed: false,
            };
            let shared = Arc::new(Shared { clock: RunClock::start(), state: Mutex::new(state), wake: Condvar::new() });
            let of_writer = Arc::clone(&shared);
            let full = File::options().write(true).open("/dev/full").unwrap();
            let writer = std::thread::spawn(move || write_all(&of_writer, full));
            Recording::<Ask, Answer> { recorder: Recorder { shared }, writer: Some(writer) }
        };
        let ticket = recording.recorder().invoke(Process(0), None, Ask::Add(1), None);
        let deadline = Instant::now() + Duration::from_secs(10);
        while recording.recorder().failure().is_none() {
            assert!(Instant::now() < deadline, "the full disk went unnoticed");
            std::thread::yield_now();
        }
        recording.recorder().complete(ticket, Outcome::Ok(Answer::Add(1)));
        let (history, failure) = recording.finish();
        assert!(failure.unwrap().contains("cannot be written"));
        assert_eq!(history.operations[0].outcome, Outcome::Ok(Answer::Add(1)));
    }
}
