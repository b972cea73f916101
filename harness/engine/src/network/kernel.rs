//! Two questions to the kernel about a socket that the safe interfaces cannot ask, and a descriptor for the runtime to watch.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::sys::timerfd::TimerFd;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes that the kernel has received on this socket and nobody has read.
pub(super) fn unread_bytes(socket: BorrowedFd<'_>) -> u64 {
    let mut unread: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int through the pointer, which is valid for the call; the descriptor is open because
    // it is borrowed.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::FIONREAD, &raw mut unread) };
    if result == 0 { u64::try_from(unread).unwrap_or(0) } else { 0 }
}

/// How the peer of a socket closed it, as far as the kernel has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerClose {
    /// Its FIN has arrived, maybe behind bytes that nobody has read yet.
    pub(super) fin: bool,
    /// The connection is over altogether, by RST for example.
    pub(super) over: bool,
}

/// Whether the peer has closed its end. Reading could not tell while unread bytes precede the FIN.
pub(super) fn peer_close(socket: BorrowedFd<'_>) -> PeerClose {
    let mut asked = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: the pointer is to one pollfd, valid for the call; the descriptor is open because it is borrowed.
    let answered = unsafe { libc::poll(&raw mut asked, 1, 0) };
    let seen = if answered == 1 { asked.revents } else { 0 };
    PeerClose { fin: seen & libc::POLLRDHUP != 0, over: seen & (libc::POLLHUP | libc::POLLERR) != 0 }
}

/// A timer of the kernel's whose descriptor the runtime watches.
pub(super) struct WatchedTimer(TimerFd);

impl WatchedTimer {
    /// The timer.
    pub(super) fn timer(&self) -> &TimerFd {
        &self.0
    }
}

impl AsRawFd for WatchedTimer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Has the runtime watch when a timer goes off.
pub(super) fn watched(timer: TimerFd) -> io::Result<AsyncFd<WatchedTimer>> {
    // SAFETY: the descriptor must stay open and the same while it is watched. It is owned by the timer, which is private here
    // and only lent; nothing replaces or closes it before the AsyncFd that owns it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(WatchedTimer(timer), Interest::READABLE) }?)
}
