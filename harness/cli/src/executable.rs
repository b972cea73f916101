//! This very program, by a path that can be started, also when another file has taken its place meanwhile (an installation, a build).

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the kernel keeps of a process's program, whatever becomes of its name.
pub(crate) const OWN: &str = "/proc/self/exe";

/// A path that others can start it by as long as this process lives: its name where that still names it, for people to read.
///
/// # Errors
/// Where there is no `/proc`.
pub(crate) fn executable() -> io::Result<PathBuf> {
    let named = std::env::current_exe()?;
    let is_it = identity(&named).is_ok_and(|named| identity(Path::new(OWN)).is_ok_and(|own| own == named));
    Ok(if is_it { named } else { format!("/proc/{}/exe", std::process::id()).into() })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}
