//! Pipes of the kernel, by which bulk goes from socket to socket without a copy.
//!
//! What is in one was read from its source and not yet written to its sink, like bytes in a buffer, and it is counted to the
//! byte. A system without splice(2), or without descriptors to spare, copies.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice};
use nix::unistd;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// How many there are at most, with two descriptors each. Only directions whose sink is slower than their source keep one for
/// longer than a step; more of them than this copy.
const MOST: usize = 16;

/// The most bytes that are in one: with more, or with fewer, a stream was slower.
pub(super) const SPLICED_BYTES: usize = 256 * 1024;

/// A pipe of the kernel.
#[derive(Debug)]
pub(super) struct KernelPipe {
    out: OwnedFd,
    into: OwnedFd,
    length: usize,
    /// Its place among all.
    _counted: Arc<()>,
}

impl KernelPipe {
    /// How many bytes are in it.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Takes what a socket has received. It must be empty, so that to block can only be the socket's doing.
    pub(super) fn fill(&mut self, source: &TcpStream) -> io::Result<usize> {
        let filled = source.try_io(Interest::READABLE, || move_bytes(source, &self.into, SPLICED_BYTES))?;
        self.length += filled;
        Ok(filled)
    }

    /// Gives a socket at most so many bytes; how many that were.
    pub(super) fn drain(&mut self, sink: &TcpStream, most: usize) -> io::Result<usize> {
        let most = most.min(self.length);
        let drained = sink.try_io(Interest::WRITABLE, || move_bytes(&self.out, sink, most))?;
        self.length -= drained;
        Ok(drained)
    }

    /// Takes everything out again.
    pub(super) fn take_out(&mut self, to: &mut VecDeque<u8>, scratch: &mut [u8]) -> io::Result<()> {
        while self.length > 0 {
            match unistd::read(&self.out, scratch)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    to.extend(&scratch[..read]);
                    self.length -= read;
                }
            }
        }
        Ok(())
    }
}

fn move_bytes(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    let flags = SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE;
    Ok(splice(from, None, to, None, most, flags)?)
}

/// The pipes of a network.
#[derive(Debug, Default)]
pub(super) struct KernelPipes {
    idle: Vec<KernelPipe>,
    all: Arc<()>,
    /// Whether this system cannot splice.
    are_refused: bool,
}

impl KernelPipes {
    /// An empty pipe; none where there are too many, or the kernel gives none.
    pub(super) fn take(&mut self) -> Option<KernelPipe> {
        self.idle.pop().or_else(|| {
            let open = Arc::strong_count(&self.all) - 1;
            let may_open = open < MOST && !self.are_refused;
            let (out, into) = may_open.then(|| unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).ok())??;
            // One that stays smaller takes less at once.
            let _ = fcntl(&into, FcntlArg::F_SETPIPE_SZ(SPLICED_BYTES as i32));
            Some(KernelPipe { out, into, length: 0, _counted: Arc::clone(&self.all) })
        })
    }

    /// Whether this is the answer of a system that cannot splice; then there will be no pipes any more.
    pub(super) fn are_refused_by(&mut self, answer: &io::Result<usize>) -> bool {
        let errno = answer.as_ref().err().and_then(io::Error::raw_os_error).map(Errno::from_raw);
        if matches!(errno, Some(Errno::EINVAL | Errno::ENOSYS | Errno::EPERM)) {
            self.are_refused = true;
            self.idle.clear();
        }
        self.are_refused
    }

    /// Keeps a pipe for the next; one that is not empty is closed with all that is in it.
    pub(super) fn give_back(&mut self, kernel_pipe: KernelPipe) {
        if kernel_pipe.length == 0 {
            self.idle.push(kernel_pipe);
        }
    }
}
