//! The three things that the rest of this module cannot do in safe code: memory shared with another process, machine code
//! for it, and a request of a process that is about to become a program.

#[cfg(target_arch = "x86_64")]
pub(super) mod stub;

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::libc::{self, c_void};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Words that other processes may map, too. It is a file without a name: it ends with those who have it open or mapped, so
/// nothing is left of it after any end of the controller.
#[derive(Debug)]
pub(super) struct SharedWords {
    start: NonNull<AtomicU64>,
    bytes: NonZeroUsize,
    file: OwnedFd,
}

// SAFETY: it gives out nothing but references to atomics, which any thread may use.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// So many bytes of zeros; a multiple of the size of a page.
    pub(super) fn new(bytes: NonZeroUsize) -> io::Result<Self> {
        let file = File::from(memfd_create("dsjepsen-clock", MFdFlags::MFD_CLOEXEC)?);
        file.set_len(bytes.get() as u64)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses a place that is free, so nothing of ours is mapped over.
        let start = unsafe { mmap(None, bytes, access, MapFlags::MAP_SHARED, &file, 0)? };
        Ok(Self { start: start.cast(), bytes, file: file.into() })
    }

    /// The words. Whoever has mapped them may change them at any moment, so their values prove nothing but that somebody
    /// wrote them; none is used as an address or a length.
    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is `bytes` long, begins at a page and so is aligned, is readable and writable, and lives until
        // the drop, which no reference outlives. All bits are an AtomicU64. The file cannot shrink under it: its length is set only above, where nobody else has it
        // (a process that is given it is under our control until it has mapped and closed it). Others write it, but only by whole aligned
        // words, which is what atomics are for.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes.get() / size_of::<AtomicU64>()) }
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The inode of the file.
    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(nix::sys::stat::fstat(&self.file)?.st_ino)
    }

    /// The descriptor of it in this process, as long as this lives.
    pub(super) fn descriptor(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone, and no reference into it is left: they borrow from `self`.
        let _ = unsafe { munmap(self.start.cast::<c_void>(), self.bytes.get()) };
    }
}

/// Lets a process, before it becomes its program, ask to be traced by the thread that forked it, and keep these words open through
/// every `exec`: so it is held once it has become the program, and has them.
pub(super) fn hand_over(command: &mut Command, words: &SharedWords) {
    let descriptor = words.descriptor();
    // SAFETY: between fork and exec two system calls are made, both async-signal-safe, and nothing is allocated. The descriptor
    // is a number of the child's own table, a copy of ours at the fork: nothing of this process is changed, and if it was closed
    // meanwhile, the call says so.
    unsafe {
        command.pre_exec(move || {
            nix::sys::ptrace::traceme()?;
            if libc::fcntl(descriptor, libc::F_SETFD, 0) < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        });
    }
}
