//! One proxied connection: its two sockets and what is under way between them in either direction.
//!
//! Nothing here waits. The registry, under its lock, asks for one step at a time; the tasks of the proxy wait for what
//! the step says.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Shutdown};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::rules::{Flow, RuleId};
use super::shape::{Limit, Shape};
use super::{BUFFER_BYTES, kernel};

/// Chunks with a release time of their own that one direction keeps at most: a stream of single bytes under a delay must
/// not cost more memory than its bytes.
const CHUNKS: usize = 1024;

/// The two directions of a connection, seen from its dialler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Back,
}

/// What a direction waits for; besides a change of the rules, for which it always waits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) until: Option<Instant>,
}

/// What one step did.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) wait: Wait,
    pub(super) written: usize,
    /// The rules that made what was read wait, with how many bytes.
    pub(super) delayed: Vec<(RuleId, u64)>,
    /// Pieces that left, and how long they had waited.
    pub(super) left: (u64, Duration),
    /// Why something waits that could leave by its time.
    pub(super) limited_by: Option<Limit>,
    /// Whether it broke because enough had passed.
    pub(super) broke: bool,
}

/// What the rules let a direction do in one step.
pub(super) struct Leave<'a> {
    pub(super) shape: &'a Shape,
    /// How many bytes may be written, by the rate of the flow.
    pub(super) bytes: usize,
    /// From when on more may.
    pub(super) until: Option<Instant>,
    pub(super) now: Instant,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both directions came to their end and everything was passed on.
    Finished,
    /// It was broken off: both sides are told by RST.
    Aborted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Fin,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// The source may send more.
    Open,
    /// The source came to its end, which takes its turn after the bytes before it.
    Ending { end: End, read_at: Instant },
    /// The end was passed on.
    Passed,
    /// The sink is gone.
    Broken,
}

#[derive(Debug)]
struct Chunk {
    read_at: Instant,
    length: usize,
    /// Which piece of the stream it is.
    number: u64,
}

/// What was read from one side and not yet written to the other.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    chunks: VecDeque<Chunk>,
    tail: Tail,
    /// By which its pieces are told from those of all other pipes.
    seed: u64,
    /// How many pieces were read.
    pieces: u64,
    /// How many bytes have left since they were last counted anew.
    passed: u64,
    /// When the next slice may leave.
    resumes: Option<Instant>,
}

impl Pipe {
    fn new(seed: u64) -> Self {
        let (bytes, chunks) = (VecDeque::new(), VecDeque::new());
        Self { bytes, chunks, tail: Tail::Open, seed, pieces: 0, passed: 0, resumes: None }
    }

    /// How many bytes may be read now. Without a delay nothing is read ahead of what waits to be written.
    fn room(&self, shape: &Shape) -> usize {
        let chunks = CHUNKS.saturating_sub(self.chunks.len());
        if self.tail != Tail::Open || !(self.bytes.is_empty() || shape.is_late()) {
            return 0;
        }
        (BUFFER_BYTES - self.bytes.len()).min(chunks.saturating_mul(shape.piece()))
    }

    fn push(&mut self, bytes: &[u8], read_at: Instant, shape: &Shape, delayed: &mut Vec<(RuleId, u64)>) {
        self.bytes.extend(bytes);
        for piece in bytes.chunks(shape.piece()) {
            let number = self.pieces;
            self.pieces += 1;
            delayed.extend(shape.lags_of((self.seed, number)).map(|(rule, _)| (rule, piece.len() as u64)));
            self.chunks.push_back(Chunk { read_at, length: piece.len(), number });
        }
    }

    /// Forgets bytes that were written; what pieces have left by that, and how long they waited.
    fn consume(&mut self, mut length: usize, now: Instant) -> (u64, Duration) {
        let (mut pieces, mut waited) = (0, Duration::ZERO);
        self.bytes.drain(..length);
        while let Some(chunk) = self.chunks.front_mut().filter(|_| length > 0) {
            let taken = length.min(chunk.length);
            chunk.length -= taken;
            length -= taken;
            if chunk.length == 0 {
                pieces += 1;
                waited += now.saturating_duration_since(chunk.read_at);
                self.chunks.pop_front();
            }
        }
        if self.bytes.is_empty() {
            // An idle connection keeps no buffer.
            self.bytes = VecDeque::new();
        }
        (pieces, waited)
    }

    /// When the next thing in the pipe may leave it. An instant beyond what the clock can tell never comes.
    fn due(&self, shape: &Shape) -> Option<Due> {
        let (read_at, number) = match (self.chunks.front(), self.tail) {
            (Some(chunk), _) => (chunk.read_at, chunk.number),
            (None, Tail::Ending { read_at, .. }) => (read_at, self.pieces),
            (None, _) => return None,
        };
        Some(read_at.checked_add(shape.lag((self.seed, number))).map_or(Due::Never, Due::At))
    }

    /// The bytes at the head of the pipe that are due.
    fn due_bytes(&self, shape: &Shape, now: Instant) -> &[u8] {
        let due = |chunk: &&Chunk| {
            let lag = shape.lag((self.seed, chunk.number));
            chunk.read_at.checked_add(lag).is_some_and(|due| due <= now)
        };
        let length: usize = self.chunks.iter().take_while(due).map(|chunk| chunk.length).sum();
        let (head, _) = self.bytes.as_slices();
        &head[..length.min(head.len())]
    }

    /// How many bytes may be written now, of which so many were; and if none may, why, and from when on. Where that is
    /// unknown, no rule says that more will.
    fn most(&self, leave: &Leave<'_>, written: usize) -> (usize, Option<(Limit, Instant)>) {
        let Leave { shape, bytes, until, now } = *leave;
        let by_slice = self.resumes.filter(|resumes| shape.slice.is_some() && *resumes > now);
        let by_rate = shape.rate.filter(|_| bytes <= written).map(|rate| {
            // After a full part; the rate says at the next step from when on more may be, and it is about then.
            until.unwrap_or_else(|| now + Duration::from_secs_f64(written as f64 / rate as f64))
        });
        match (by_rate, by_slice) {
            // What lets them go later is what they wait for.
            (Some(rate), Some(slice)) if slice > rate => return (0, Some((Limit::Slice, slice))),
            (Some(_), _) => return (0, Some((Limit::Rate, until.unwrap_or(now)))),
            (None, Some(slice)) => return (0, Some((Limit::Slice, slice))),
            (None, None) => {}
        }
        let mut most = if shape.rate.is_some() { bytes - written } else { usize::MAX };
        if let Some((slice, _)) = shape.slice {
            most = most.min(slice);
        }
        if let Some(last) = shape.most {
            most = most.min(usize::try_from(last.saturating_sub(self.passed)).unwrap_or(usize::MAX));
        }
        (most, None)
    }

    fn discard(&mut self) {
        self.bytes = VecDeque::new();
        self.chunks = VecDeque::new();
    }
}

enum Due {
    At(Instant),
    Never,
}

/// A connection from its acceptance to its end.
#[derive(Debug)]
pub(super) struct Connection {
    /// The position of its link in the registry.
    pub(super) link: usize,
    pub(super) dialler: Ipv4Addr,
    flow: Option<Flow>,
    client: Arc<TcpStream>,
    /// Absent until the node has been dialled.
    node: Option<Arc<TcpStream>>,
    forward: Pipe,
    back: Pipe,
    ending: Option<Ending>,
    /// Whether the dialler had ended its stream, and the node been told, before the connection was held.
    half_closed_before_hold: bool,
    changes: watch::Sender<()>,
}

impl Connection {
    /// A connection that was accepted as the `number`-th.
    pub(super) fn new(number: u64, link: usize, flow: Option<Flow>, dialler: Ipv4Addr, client: Arc<TcpStream>) -> Self {
        Self {
            link,
            dialler,
            flow,
            client,
            node: None,
            forward: Pipe::new(2 * number),
            back: Pipe::new(2 * number + 1),
            ending: None,
            half_closed_before_hold: false,
            changes: watch::Sender::new(()),
        }
    }

    pub(super) fn flow(&self, way: Way) -> Option<Flow> {
        match way {
            Way::Forward => self.flow,
            Way::Back => self.flow.map(Flow::reversed),
        }
    }

    pub(super) fn flows(&self) -> [Option<Flow>; 2] {
        [self.flow(Way::Forward), self.flow(Way::Back)]
    }

    pub(super) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Makes the connection's task look at the rules again.
    pub(super) fn wake(&self) {
        self.changes.send_replace(());
    }

    pub(super) fn attach(&mut self, node: Arc<TcpStream>) {
        self.node = Some(node);
    }

    pub(super) fn is_attached(&self) -> bool {
        self.node.is_some()
    }

    /// Ends the connection for good: what it holds is discarded at once, the sockets are closed by its task.
    pub(super) fn abort(&mut self) {
        self.forward.discard();
        self.back.discard();
        self.ending = Some(Ending::Aborted);
        self.wake();
    }

    pub(super) fn begin_hold(&mut self) {
        self.half_closed_before_hold = self.forward.tail == Tail::Passed;
    }

    /// Whether the dialler closed the connection while it was held: its FIN has arrived, maybe behind unread data, or
    /// its RST.
    pub(super) fn was_closed_while_held(&self) -> bool {
        let close = kernel::peer_close(self.client.as_fd());
        close.over || (close.fin && !self.half_closed_before_hold)
    }

    /// How many bytes wait in this direction, read or not.
    pub(super) fn waiting(&self, way: Way) -> u64 {
        let (source, pipe) = match way {
            Way::Forward => (Some(&self.client), &self.forward),
            Way::Back => (self.node.as_ref(), &self.back),
        };
        let unread = source.map_or(0, |source| kernel::unread_bytes(source.as_fd()));
        pipe.bytes.len() as u64 + unread
    }

    /// Counts anew from here on what passes in a direction.
    pub(super) fn begin_count(&mut self, way: Way) {
        match way {
            Way::Forward => self.forward.passed = 0,
            Way::Back => self.back.passed = 0,
        }
    }

    /// Moves what can be moved in this direction now: reads once, writes what is due. Whether the direction passes at
    /// all is for the caller to know.
    pub(super) fn step(&mut self, way: Way, leave: &Leave<'_>, scratch: &mut [u8; BUFFER_BYTES]) -> Step {
        let mut step = Step::default();
        let Some(node) = &self.node else { return step };
        let (source, sink, pipe, opposite) = match way {
            Way::Forward => (&self.client, node, &mut self.forward, &self.back),
            Way::Back => (node, &self.client, &mut self.back, &self.forward),
        };
        let moved = fill(pipe, source, sink, opposite.tail, leave, scratch, &mut step)
            .and_then(|()| flush(pipe, sink, leave, &mut step));
        let wake = match moved {
            _ if leave.shape.most.is_some_and(|most| pipe.passed >= most) => {
                self.ending = Some(Ending::Aborted);
                step.broke = true;
                true
            }
            Ok(None) => false,
            Ok(Some(End::Fin)) => self.pass_fin(way),
            Ok(Some(End::Reset)) => {
                self.ending = Some(Ending::Aborted);
                true
            }
            Err(_) => self.lose_sink(way, leave.now),
        };
        if wake {
            self.wake();
        }
        step
    }

    /// The end of one direction was passed on.
    fn pass_fin(&mut self, way: Way) -> bool {
        let opposite = match way {
            Way::Forward => self.back.tail,
            Way::Back => self.forward.tail,
        };
        if opposite == Tail::Passed {
            self.ending = Some(Ending::Finished);
        }
        self.ending.is_some()
    }

    /// The side that this direction writes to is gone. That news goes to the other side by the opposite direction, when
    /// that passes, and after what the lost side still said.
    fn lose_sink(&mut self, way: Way, now: Instant) -> bool {
        let (pipe, opposite) = match way {
            Way::Forward => (&mut self.forward, &mut self.back),
            Way::Back => (&mut self.back, &mut self.forward),
        };
        pipe.discard();
        pipe.tail = Tail::Broken;
        opposite.tail = match opposite.tail {
            // It will come to the end of what the lost side sent, and then find this direction broken.
            Tail::Open => Tail::Open,
            Tail::Ending { read_at, .. } => Tail::Ending { end: End::Reset, read_at },
            Tail::Passed => Tail::Ending { end: End::Reset, read_at: now },
            Tail::Broken => {
                self.ending = Some(Ending::Aborted);
                Tail::Broken
            }
        };
        true
    }
}

/// Reads once, if there is room, and writes it on at once if nothing stands before it.
fn fill(
    pipe: &mut Pipe,
    source: &TcpStream,
    sink: &TcpStream,
    opposite: Tail,
    leave: &Leave<'_>,
    scratch: &mut [u8; BUFFER_BYTES],
    step: &mut Step,
) -> io::Result<()> {
    let room = pipe.room(leave.shape);
    if room == 0 {
        return Ok(());
    }
    let read_at = leave.now;
    match source.try_read(&mut scratch[..room]) {
        Ok(0) => {
            let end = if opposite == Tail::Broken { End::Reset } else { End::Fin };
            pipe.tail = Tail::Ending { end, read_at };
        }
        Ok(length) => {
            let passed = if leave.shape.is_free() { written(sink.try_write(&scratch[..length]))? } else { 0 };
            step.written = passed;
            pipe.push(&scratch[passed..length], read_at, leave.shape, &mut step.delayed);
        }
        Err(error) if is_transient(&error) => {}
        Err(_) => pipe.tail = Tail::Ending { end: End::Reset, read_at },
    }
    Ok(())
}

/// Writes what is due, and says what to wait for. The end of the stream is returned once it has been passed on.
fn flush(pipe: &mut Pipe, sink: &TcpStream, leave: &Leave<'_>, step: &mut Step) -> io::Result<Option<End>> {
    let Leave { shape, now, .. } = *leave;
    loop {
        let due = pipe.due_bytes(shape, now);
        if due.is_empty() {
            break;
        }
        let (most, limit) = pipe.most(leave, step.written);
        if most == 0 {
            // Enough has passed where nothing is to come.
            step.limited_by = limit.map(|(limit, _)| limit);
            step.wait.until = limit.map(|(_, more_at)| more_at);
            break;
        }
        let passed = written(sink.try_write(&due[..due.len().min(most)]))?;
        if passed == 0 {
            step.wait.writable = true;
            break;
        }
        step.written += passed;
        pipe.passed += passed as u64;
        let (pieces, waited) = pipe.consume(passed, now);
        step.left.0 += pieces;
        step.left.1 += waited;
        if let Some((_, gap)) = shape.slice {
            pipe.resumes = now.checked_add(gap);
        }
    }
    let mut passed_end = None;
    if let Some(Due::At(due)) = pipe.due(shape) {
        match pipe.tail {
            Tail::Ending { end, .. } if pipe.chunks.is_empty() && due <= now => {
                if end == End::Fin {
                    SockRef::from(sink).shutdown(Shutdown::Write)?;
                }
                pipe.tail = Tail::Passed;
                passed_end = Some(end);
            }
            _ if due > now => step.wait.until = Some(due),
            _ => {}
        }
    }
    step.wait.readable = pipe.room(shape) > 0;
    Ok(passed_end)
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if is_transient(&error) => Ok(0),
        other => other,
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
