//! How much memory a history may take: what the machine, the container and the shell leave to this process.

use std::fs;
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};

/// Of what is free, one part in so many goes to what is read: to judge small operations by a search takes up to some seven times
/// as much again.
const SHARE: u64 = 8;

/// The bytes that the operations of a history may take. Where nobody says what is free there is no limit.
pub(super) fn for_history() -> u64 {
    let free = [machine(), container(), shell()].into_iter().flatten().min();
    free.map_or(u64::MAX, |free| free / SHARE)
}

/// What the kernel thinks can be had without swapping.
fn machine() -> Option<u64> {
    stated(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// A line `Name: 123 kB`, in bytes.
fn stated(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control groups of this process leave: its own and those around it, in their second version. Files that the kernel
/// keeps in memory count as taken, though it would give them up.
fn container() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = Path::new("/sys/fs/cgroup");
    root.join(own).ancestors().take_while(|group| group.starts_with(root)).filter_map(left).min()
}

/// What a control group with a limit leaves.
fn left(group: &Path) -> Option<u64> {
    let number = |file: &str| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

/// What `ulimit -v` leaves.
fn shell() -> Option<u64> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok().filter(|(limit, _)| *limit != nix::libc::RLIM_INFINITY)?;
    let taken = stated(&fs::read_to_string("/proc/self/status").ok()?, "VmSize:")?;
    Some(limit.saturating_sub(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_proc_are_read_in_bytes() {
        let text = "MemTotal:       16384 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(stated(text, "MemAvailable:"), Some(2 << 20));
        assert_eq!(stated(text, "MemFree:"), None);
    }

    #[test]
    fn this_machine_has_some_memory_and_not_all_there_is() {
        let free = machine().unwrap();
        assert!(free > 1 << 20 && free < 1 << 50, "{free}");
        assert!(for_history() <= free / SHARE * 2);
    }

    #[test]
    fn a_control_group_leaves_what_is_not_taken() {
        let group = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(group.path().join(file), text).unwrap();
        write("memory.current", "3000\n");
        assert_eq!(left(group.path()), None);
        write("memory.max", "max\n");
        assert_eq!(left(group.path()), None);
        write("memory.max", "5000\n");
        assert_eq!(left(group.path()), Some(2000));
        write("memory.max", "2000\n");
        assert_eq!(left(group.path()), Some(0));
    }
}
