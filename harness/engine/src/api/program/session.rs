//! The life of one client program, from its start to its end: a task that owns its pipes, so that whoever waits for an answer
//! may go away at any time without tearing a line.

use std::collections::BTreeMap;
use std::time::Duration;

use dsjepsen_history::{Process, Reason};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::cluster::{ClientCommand, Program, Programs, Trouble};

/// How long a program may take from its start to its answer to the first line.
const READY_TIME: Duration = Duration::from_secs(10);
/// The longest line that is read.
const LINE_LIMIT_BYTES: usize = 1024 * 1024;
/// The id of the first line.
const HELLO: u64 = 0;

/// An operation for the program.
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) line: String,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What the program says of an operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Ok(Value),
    Fail(String),
    Info(String),
}

/// How far the program is.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// It has not answered the first line yet.
    Starting,
    /// It takes operations.
    Ready,
    /// It is of no more use.
    Gone { reason: Reason, was_ready: bool },
}

/// The way to a program; when the last clone is dropped, the program is killed.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) state: watch::Receiver<State>,
}

impl Session {
    /// Starts a program and says hello to it, in a task of its own.
    pub(super) fn begin(programs: Programs, process: Process, command: &ClientCommand, hello: Value) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (told, state) = watch::channel(State::Starting);
        let life = Life { programs, process, command: command.clone(), inbox, told };
        let hello = json!({"id": HELLO, "f": "hello", "value": hello, "timeout_ms": READY_TIME.as_millis() as u64});
        tokio::spawn(life.live(hello.to_string()));
        Self { orders, state }
    }

    /// Why the program is of no more use, once that is known.
    pub(super) async fn end(&mut self) -> Reason {
        let gone = self.state.wait_for(|state| matches!(state, State::Gone { .. })).await;
        match gone.as_deref() {
            Ok(State::Gone { reason, .. }) => reason.clone(),
            _ => Reason::new("client-ended: the client program has ended"),
        }
    }
}

/// The program in words, for events.
pub(super) fn words(process: Process, command: &ClientCommand) -> String {
    let name = command.program.file_name().unwrap_or(command.program.as_os_str()).display();
    format!("the client program of process {process} ({name}; its log is clients/p{process}.log)")
}

struct Life {
    programs: Programs,
    process: Process,
    command: ClientCommand,
    inbox: mpsc::UnboundedReceiver<Order>,
    told: watch::Sender<State>,
}

/// Why a program is of no more use.
struct Gone {
    trouble: Trouble,
    reason: String,
    /// What is told of it, after its name.
    text: String,
}

impl Gone {
    fn new(trouble: Trouble, reason: impl Into<String>, text: impl Into<String>) -> Self {
        Self { trouble, reason: reason.into(), text: text.into() }
    }
}

impl Life {
    async fn live(mut self, hello: String) {
        // What waits for an answer learns of the end only after the state says so.
        let mut waiting = BTreeMap::new();
        let Some(gone) = self.serve(hello, &mut waiting).await else { return };
        let was_ready = matches!(*self.told.borrow(), State::Ready);
        // Whoever gave the program up wants to hear no more of it.
        if !self.inbox.is_closed() {
            self.programs.tell(gone.trouble, &format!("{} {}", words(self.process, &self.command), gone.text));
        }
        self.told.send_replace(State::Gone { reason: Reason::new(gone.reason), was_ready });
    }

    /// Until the program is of no more use; `None` once nobody wants it.
    async fn serve(&mut self, hello: String, waiting: &mut BTreeMap<u64, oneshot::Sender<Answer>>) -> Option<Gone> {
        let mut program = match self.programs.start(self.process, &self.command).await {
            Ok(program) => program,
            Err(error) => {
                let text = format!("cannot be started: {error}");
                return Some(Gone::new(Trouble::NotReady, format!("client-not-started: {error}"), text));
            }
        };
        let mut outgoing = hello.into_bytes();
        outgoing.push(b'\n');
        let mut lines = Lines::default();
        let mut chunk = [0; 8192];
        let mut largest = HELLO;
        let ready_until = Instant::now() + READY_TIME;
        loop {
            let starting = matches!(*self.told.borrow(), State::Starting);
            tokio::select! {
                biased;
                order = self.inbox.recv() => {
                    let Order { id, line, reply } = order?;
                    outgoing.extend(line.into_bytes());
                    outgoing.push(b'\n');
                    waiting.insert(id, reply);
                    largest = largest.max(id);
                }
                written = program.input.write(&outgoing), if !outgoing.is_empty() => match written {
                    Ok(length) => { outgoing.drain(..length); }
                    Err(_) => return Some(self.ended(&program).await),
                },
                read = program.output.read(&mut chunk) => match read {
                    Ok(0) | Err(_) => return Some(self.ended(&program).await),
                    Ok(length) => {
                        lines.push(&chunk[..length]);
                        while let Some(line) = lines.next() {
                            if let Some(gone) = self.take(&line, largest, waiting) {
                                return Some(gone);
                            }
                        }
                        if lines.are_too_long() {
                            return Some(nonsense("a line without an end"));
                        }
                    }
                },
                () = sleep_until(ready_until), if starting => {
                    let text = format!("did not answer `hello` within {} s", READY_TIME.as_secs());
                    return Some(Gone::new(Trouble::NotReady, "client-not-ready: no answer to hello", text));
                }
            }
        }
    }

    /// One line of the program.
    fn take(&self, line: &[u8], largest: u64, waiting: &mut BTreeMap<u64, oneshot::Sender<Answer>>) -> Option<Gone> {
        let (id, answer) = match read_answer(line, largest) {
            Ok(read) => read,
            Err(problem) => return Some(nonsense(&problem)),
        };
        if id != HELLO {
            // An answer for which nobody waits any more comes too late, and changes nothing.
            if let Some(reply) = waiting.remove(&id) {
                let _ = reply.send(answer);
            }
            return None;
        }
        match answer {
            Answer::Ok(_) => {
                self.told.send_if_modified(|state| {
                    let starting = matches!(state, State::Starting);
                    if starting {
                        *state = State::Ready;
                    }
                    starting
                });
                None
            }
            Answer::Fail(reason) | Answer::Info(reason) => {
                let text = format!("refused `hello`: {reason}");
                Some(Gone::new(Trouble::NotReady, format!("client-not-ready: {reason}"), text))
            }
        }
    }

    async fn ended(&self, program: &Program) -> Gone {
        let how = match program.status().await {
            Some(status) => status.to_string(),
            None => "it closed its standard input or output".to_owned(),
        };
        let starting = matches!(*self.told.borrow(), State::Starting);
        let trouble = if starting { Trouble::NotReady } else { Trouble::Ended };
        let when = if starting { " before it was ready" } else { " by itself" };
        Gone::new(trouble, format!("client-ended: {how}"), format!("ended{when}: {how}"))
    }
}

fn nonsense(problem: &str) -> Gone {
    let text = format!("wrote what is no answer, and is killed: {problem}");
    Gone::new(Trouble::Nonsense, format!("client-nonsense: {problem}"), text)
}

/// An answer as it is written: exactly one of the three outcomes.
#[derive(Deserialize)]
struct AnswerLine {
    id: u64,
    ok: Option<Value>,
    fail: Option<String>,
    info: Option<String>,
}

/// Reads an answer to an id up to `largest`.
fn read_answer(line: &[u8], largest: u64) -> Result<(u64, Answer), String> {
    let shown = || String::from_utf8_lossy(line).chars().take(120).collect::<String>();
    let AnswerLine { id, ok, fail, info } =
        serde_json::from_slice(line).map_err(|error| format!("`{}` ({error})", shown()))?;
    if id > largest {
        return Err(format!("`{}` (no operation has the id {id})", shown()));
    }
    match (ok, fail, info) {
        (Some(value), None, None) => Ok((id, Answer::Ok(value))),
        (None, Some(reason), None) => Ok((id, Answer::Fail(reason))),
        (None, None, Some(reason)) => Ok((id, Answer::Info(reason))),
        _ => Err(format!("`{}` (it needs exactly one of ok, fail and info)", shown())),
    }
}

/// Bytes on their way to be lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole line that is not blank.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let end = self.0.iter().position(|byte| *byte == b'\n')?;
            let line: Vec<u8> = self.0.drain(..=end).collect();
            if !line.trim_ascii().is_empty() {
                return Some(line);
            }
        }
    }

    fn are_too_long(&self) -> bool {
        self.0.len() > LINE_LIMIT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_known_id_and_exactly_one_outcome() {
        let read = |text: &str| read_answer(text.as_bytes(), 7);
        assert_eq!(read(r#"{"id":7,"ok":{"value":5}}"#), Ok((7, Answer::Ok(json!({"value": 5})))));
        assert_eq!(read(r#"{"id":0,"fail":"no","note":1}"#), Ok((0, Answer::Fail("no".to_owned()))));
        assert_eq!(read(r#"{"id":3,"info":"who knows"}"#), Ok((3, Answer::Info("who knows".to_owned()))));
        for nonsense in [
            "hello?",
            "[]",
            r#"{"ok":{}}"#,
            r#"{"id":8,"ok":{}}"#,
            r#"{"id":-1,"ok":{}}"#,
            r#"{"id":7}"#,
            r#"{"id":7,"ok":null}"#,
            r#"{"id":7,"ok":{},"fail":"both"}"#,
            r#"{"id":7,"fail":5}"#,
        ] {
            assert!(read(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn lines_come_whole_whatever_the_pieces() {
        let mut lines = Lines::default();
        lines.push(b"\n one\r\ntw");
        assert_eq!(lines.next().unwrap(), b" one\r\n");
        assert_eq!(lines.next(), None);
        lines.push(b"o\n");
        assert_eq!(lines.next().unwrap(), b"two\n");
        lines.push(&vec![b'x'; LINE_LIMIT_BYTES + 1]);
        assert!(lines.next().is_none() && lines.are_too_long());
    }
}
