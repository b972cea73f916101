//! One direction of a connection: what was read from its source and not yet written to its sink.
//!
//! Bulk that no rule keeps back passes in a pipe of the kernel, without a copy ([`splice`](super::splice)). As soon as a rule
//! asks for more than to let everything pass, what is in there is taken out and treated like all that was read.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::TcpStream;

use super::BUFFER_BYTES;
use super::rules::RuleId;
use super::shape::{Limit, Shape};
use super::splice::{KernelPipe, KernelPipes};

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
    /// The rule by which the stream was ended, if its end has just been passed on.
    pub(super) half_closed_by: Option<RuleId>,
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

/// Chunks with a release time of their own that one direction keeps at most: a stream of single bytes under a delay must
/// not cost more memory than its bytes.
const CHUNKS: usize = 1024;

/// What all directions share for the time of a step.
#[derive(Debug)]
pub(super) struct Means {
    scratch: Box<[u8; BUFFER_BYTES]>,
    kernel_pipes: KernelPipes,
}

impl Means {
    pub(super) fn new() -> Self {
        Self { scratch: Box::new([0; BUFFER_BYTES]), kernel_pipes: KernelPipes::default() }
    }
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Fin,
    Reset,
}

/// Where the end of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
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

/// The end that a rule sets to a stream.
#[derive(Debug)]
struct SetEnd {
    rule: RuleId,
    /// How many bytes still pass before it.
    left: u64,
    /// Whether it has come; nothing passes any more.
    has_come: bool,
}

/// What was read from one side and not yet written to the other.
#[derive(Debug)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    /// What is in the kernel's hands instead; then `bytes` is empty.
    spliced: Option<KernelPipe>,
    /// All that was read and not yet written, wherever it is.
    chunks: VecDeque<Chunk>,
    /// Whether so much came at once that more is likely to.
    is_bulk: bool,
    pub(super) tail: Tail,
    /// By which its pieces are told from those of all other pipes.
    seed: u64,
    /// How many pieces were read.
    pieces: u64,
    /// How many bytes have left since they were last counted anew.
    pub(super) passed: u64,
    /// When the next slice may leave.
    resumes: Option<Instant>,
    set_end: Option<SetEnd>,
}

impl Pipe {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            bytes: VecDeque::new(),
            spliced: None,
            chunks: VecDeque::new(),
            is_bulk: false,
            tail: Tail::Open,
            seed,
            pieces: 0,
            passed: 0,
            resumes: None,
            set_end: None,
        }
    }

    /// Has a rule end the stream after so many more bytes, unless another ends it before.
    pub(super) fn end_after(&mut self, rule: RuleId, bytes: u64) {
        let is_later = self.set_end.as_ref().is_some_and(|set| set.has_come || set.left <= bytes);
        if !is_later && !matches!(self.tail, Tail::Passed | Tail::Broken) {
            self.set_end = Some(SetEnd { rule, left: bytes, has_come: false });
        }
    }

    /// Takes back an end that this rule has set, if it has not come yet; whether it has.
    pub(super) fn unset_end(&mut self, rule: RuleId) -> bool {
        let has_come = self.set_end.as_ref().filter(|set| set.rule == rule).map(|set| set.has_come);
        if has_come == Some(false) {
            self.set_end = None;
        }
        has_come == Some(true)
    }

    /// Ends the stream where a rule says that enough has passed; what was read beyond that goes nowhere.
    fn end_where_set(&mut self, now: Instant) {
        let is_open = self.tail == Tail::Open;
        let Some(set) = self.set_end.as_mut().filter(|set| set.left == 0 && !set.has_come) else { return };
        if is_open || !self.chunks.is_empty() {
            set.has_come = true;
            self.discard();
            self.tail = Tail::Ending { end: End::Fin, read_at: now };
        }
    }

    /// So many bytes have been written.
    fn count(&mut self, passed: usize) {
        self.passed += passed as u64;
        if let Some(set) = &mut self.set_end {
            set.left = set.left.saturating_sub(passed as u64);
        }
    }

    /// The piece that is read next.
    #[cfg(test)]
    pub(super) fn next_piece(&self) -> super::shape::Piece {
        (self.seed, self.pieces)
    }

    /// How many bytes were read and not yet written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.spliced_bytes()
    }

    pub(super) fn spliced_bytes(&self) -> usize {
        self.spliced.as_ref().map_or(0, KernelPipe::len)
    }

    pub(super) fn discard(&mut self) {
        self.bytes = VecDeque::new();
        self.spliced = None;
        self.chunks = VecDeque::new();
    }

    /// Moves what can be moved now from the source to the sink: reads once, writes what is due, and says what to wait for.
    /// The end of the stream is returned once it has been passed on. An error is the sink's.
    pub(super) fn advance(
        &mut self,
        [source, sink]: [&TcpStream; 2],
        opposite: Tail,
        leave: &Leave<'_>,
        means: &mut Means,
        step: &mut Step,
    ) -> io::Result<Option<End>> {
        if !leave.shape.is_free() {
            self.take_out(means)?;
        }
        if self.room(leave.shape) > 0 {
            let end = if opposite == Tail::Broken { End::Reset } else { End::Fin };
            match self.fill(source, sink, leave, means, step)? {
                Filled::Nothing | Filled::Some => {}
                Filled::End => self.tail = Tail::Ending { end, read_at: leave.now },
                Filled::Reset => self.tail = Tail::Ending { end: End::Reset, read_at: leave.now },
            }
        }
        self.flush(sink, leave, means, step)
    }

    /// How many bytes may be read now. Without a delay nothing is read ahead of what waits to be written.
    fn room(&self, shape: &Shape) -> usize {
        let chunks = CHUNKS.saturating_sub(self.chunks.len());
        let length = self.len();
        if self.tail != Tail::Open || !(length == 0 || shape.is_late()) {
            return 0;
        }
        let before_end = self
            .set_end
            .as_ref()
            .map_or(usize::MAX, |set| usize::try_from(set.left).unwrap_or(usize::MAX).saturating_sub(length));
        BUFFER_BYTES.saturating_sub(length).min(chunks.saturating_mul(shape.piece())).min(before_end)
    }

    /// Reads once, as much as there is room for, and writes it on at once if nothing stands before it.
    fn fill(
        &mut self,
        source: &TcpStream,
        sink: &TcpStream,
        leave: &Leave<'_>,
        means: &mut Means,
        step: &mut Step,
    ) -> io::Result<Filled> {
        let Leave { shape, now, .. } = *leave;
        if self.is_bulk
            && shape.is_free()
            && self.set_end.is_none()
            && let Some(mut kernel_pipe) = means.kernel_pipes.take()
        {
            let filled = kernel_pipe.fill(source);
            let length = kernel_pipe.len();
            if length == 0 {
                means.kernel_pipes.give_back(kernel_pipe);
            } else {
                self.is_bulk = length >= BUFFER_BYTES / 2;
                self.push(length, now, shape, step);
                self.spliced = Some(kernel_pipe);
            }
            if !means.kernel_pipes.are_refused_by(&filled) {
                return Ok(Filled::of(filled));
            }
        }
        let room = self.room(shape);
        let read = source.try_read(&mut means.scratch[..room]);
        if let Ok(length @ 1..) = read {
            self.is_bulk = length == BUFFER_BYTES;
            let passed = if shape.is_free() { written(sink.try_write(&means.scratch[..length]))? } else { 0 };
            step.written = passed;
            self.count(passed);
            self.bytes.extend(&means.scratch[passed..length]);
            self.push(length - passed, now, shape, step);
        }
        Ok(Filled::of(read))
    }

    /// Puts down what was read.
    fn push(&mut self, mut length: usize, read_at: Instant, shape: &Shape, step: &mut Step) {
        while length > 0 {
            let piece = length.min(shape.piece());
            let number = self.pieces;
            self.pieces += 1;
            step.delayed.extend(shape.lags_of((self.seed, number)).map(|(rule, _)| (rule, piece as u64)));
            self.chunks.push_back(Chunk { read_at, length: piece, number });
            length -= piece;
        }
    }

    /// Takes what is in the kernel's hands out of them.
    fn take_out(&mut self, means: &mut Means) -> io::Result<()> {
        if let Some(mut kernel_pipe) = self.spliced.take() {
            kernel_pipe.take_out(&mut self.bytes, &mut means.scratch[..])?;
            means.kernel_pipes.give_back(kernel_pipe);
        }
        Ok(())
    }

    /// Writes bytes from the head of the pipe, at most so many; how many that were.
    fn write(&mut self, sink: &TcpStream, most: usize, means: &mut Means) -> io::Result<usize> {
        let Some(kernel_pipe) = &mut self.spliced else {
            let (head, _) = self.bytes.as_slices();
            if head.is_empty() {
                // The count of what is here would be wrong; such a stream must not go on.
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let passed = written(sink.try_write(&head[..most.min(head.len())]))?;
            self.bytes.drain(..passed);
            if self.bytes.is_empty() {
                // An idle connection keeps no buffer.
                self.bytes = VecDeque::new();
            }
            return Ok(passed);
        };
        let passed = written(kernel_pipe.drain(sink, most))?;
        if kernel_pipe.len() == 0
            && let Some(kernel_pipe) = self.spliced.take()
        {
            means.kernel_pipes.give_back(kernel_pipe);
        }
        Ok(passed)
    }

    /// Forgets bytes that were written; what pieces have left by that, and how long they waited.
    fn consume(&mut self, mut length: usize, now: Instant) -> (u64, Duration) {
        let (mut pieces, mut waited) = (0, Duration::ZERO);
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

    /// How many bytes at the head of the pipe are due.
    fn due_bytes(&self, shape: &Shape, now: Instant) -> usize {
        let due = |chunk: &&Chunk| {
            let lag = shape.lag((self.seed, chunk.number));
            chunk.read_at.checked_add(lag).is_some_and(|due| due <= now)
        };
        self.chunks.iter().take_while(due).map(|chunk| chunk.length).sum()
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
        if let Some(set) = &self.set_end {
            most = most.min(usize::try_from(set.left).unwrap_or(usize::MAX));
        }
        (most, None)
    }

    /// Writes what is due, and says what to wait for. The end of the stream is returned once it has been passed on.
    fn flush(
        &mut self,
        sink: &TcpStream,
        leave: &Leave<'_>,
        means: &mut Means,
        step: &mut Step,
    ) -> io::Result<Option<End>> {
        let Leave { shape, now, .. } = *leave;
        loop {
            let due = self.due_bytes(shape, now);
            if due == 0 {
                break;
            }
            let (most, limit) = self.most(leave, step.written);
            if most == 0 {
                // Enough has passed where nothing is to come.
                step.limited_by = limit.map(|(limit, _)| limit);
                step.wait.until = limit.map(|(_, more_at)| more_at);
                break;
            }
            let passed = self.write(sink, due.min(most), means)?;
            if passed == 0 {
                step.wait.writable = true;
                break;
            }
            step.written += passed;
            self.count(passed);
            let (pieces, waited) = self.consume(passed, now);
            step.left.0 += pieces;
            step.left.1 += waited;
            if let Some((_, gap)) = shape.slice {
                self.resumes = now.checked_add(gap);
            }
        }
        self.end_where_set(now);
        let mut passed_end = None;
        if let Some(Due::At(due)) = self.due(shape) {
            match self.tail {
                Tail::Ending { end, .. } if self.chunks.is_empty() && due <= now => {
                    if end == End::Fin {
                        SockRef::from(sink).shutdown(Shutdown::Write)?;
                    }
                    self.tail = Tail::Passed;
                    passed_end = Some(end);
                    step.half_closed_by = self.set_end.as_ref().filter(|set| set.has_come).map(|set| set.rule);
                }
                _ if due > now => step.wait.until = Some(due),
                _ => {}
            }
        }
        step.wait.readable = self.room(shape) > 0;
        Ok(passed_end)
    }
}

/// What came of a read.
enum Filled {
    Some,
    Nothing,
    End,
    Reset,
}

impl Filled {
    fn of(read: io::Result<usize>) -> Self {
        match read {
            Ok(0) => Self::End,
            Ok(_) => Self::Some,
            Err(error) if is_transient(&error) => Self::Nothing,
            Err(_) => Self::Reset,
        }
    }
}

enum Due {
    At(Instant),
    Never,
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
