//! The limits of another process: the system call, for which there is no safe interface here.

use std::io;
use std::ptr::{null, null_mut};

use nix::libc;

/// A soft limit and the hard one above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) soft: u64,
    pub(super) hard: u64,
}

/// The limit of a process, by a number `RLIMIT_…`.
pub(super) fn read(pid: i32, resource: u32) -> io::Result<Bounds> {
    let mut bounds = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one `rlimit64` through the last pointer, which leads to one that lives as long as the call; the null
    // pointer before it says that nothing is to be set.
    let result = unsafe { libc::prlimit64(pid, resource, null(), &raw mut bounds) };
    if result == 0 {
        Ok(Bounds { soft: bounds.rlim_cur, hard: bounds.rlim_max })
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets the soft limit of a process, and leaves the hard one as it is: so whoever owns the process may raise it again.
pub(super) fn set_soft(pid: i32, resource: u32, soft: u64) -> io::Result<()> {
    let bounds = libc::rlimit64 { rlim_cur: soft, rlim_max: read(pid, resource)?.hard };
    // SAFETY: the kernel reads one `rlimit64` through the first pointer, which leads to one that lives as long as the call; the null
    // pointer behind it says that nothing is asked.
    let result = unsafe { libc::prlimit64(pid, resource, &raw const bounds, null_mut()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_limit_is_set_and_raised_again_under_its_hard_one() {
        let own = std::process::id() as i32;
        let before = read(own, libc::RLIMIT_CORE).unwrap();
        set_soft(own, libc::RLIMIT_CORE, 0).unwrap();
        assert_eq!(read(own, libc::RLIMIT_CORE).unwrap(), Bounds { soft: 0, ..before });
        set_soft(own, libc::RLIMIT_CORE, before.soft).unwrap();
        assert_eq!(read(own, libc::RLIMIT_CORE).unwrap(), before);
    }
}
