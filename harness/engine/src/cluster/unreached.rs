//! The processes of a node that have the machine's time beside those that have the node's own: a program that a node starts by
//! fork and `exec` gets a fresh vDSO from the kernel, and what the node's clock shows it does not see. What the others read proves
//! nothing of it.
//!
//! Not each of them matters, and a run is not to be called unknown for a shell that waits or a `sleep` between two looks. So
//! a process counts if it has a say and may have read the clock:
//!
//! - It has a say if it can tell others something: by a socket, the writing end of a pipe (but the one to the node's log), or
//!   memory that is shared for writing. A helper that has none of them (`sleep`, `tee` to the log, a loop of shell) can only write
//!   files and its own output; that is told, and taken for no part of the service.
//! - It may have read the clock unless it has not run for a single moment since the skew began, by the kernel's account. That
//!   spares those that merely hold a socket that they inherited, or wait for a child.
//!
//! A script that becomes the node's program (`wrappers = N`) is followed, so that this one has the node's clock; a loop that the script
//! left running beside it has not, and has no say.
//!
//! What was started and has ended between the two looks, at the start of a skew and at its end, is not seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use dsjepsen_history::NodeId;

use super::Cluster;
use super::owners::{Process, node_of};

/// A process of a node that the node's clock does not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    pid: i32,
    name: String,
    /// Whether it can tell others something; also where that cannot be found out.
    pub has_a_say: bool,
    /// How long it has run on a processor so far, in ns, where the kernel tells it.
    ran_ns: Option<u64>,
}

impl Unreached {
    /// Whether it has surely not run since it was among `earlier`.
    pub fn has_not_run_since(&self, earlier: &[Self]) -> bool {
        let before = earlier.iter().find(|other| other.pid == self.pid);
        self.ran_ns.is_some() && before.is_some_and(|before| before.ran_ns == self.ran_ns)
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (process {})", self.name, self.pid)
    }
}

impl Cluster {
    /// The processes of a node that its clock does not reach, of those that are seen at this moment; none where the node has no
    /// clock of its own, or does not run.
    pub fn unreached(&self, node: NodeId) -> Vec<Unreached> {
        let group = self.lock().get(&node).and_then(|state| state.group());
        let (Some(group), Some(page)) = (group, self.inner.clocks.page(node)) else { return Vec::new() };
        let (table, groups) = (Process::all(), BTreeMap::from([(group, node)]));
        let of_node = table.keys().filter(|pid| node_of(**pid, &table, &groups).is_some());
        let ours = pipes_of_ours();
        of_node.filter_map(|pid| look(*pid, page, &ours)).collect()
    }
}

/// A process that the clock with this page does not reach; `None` where it does, or the process has ended.
fn look(pid: i32, page: u64, ours: &BTreeSet<PathBuf>) -> Option<Unreached> {
    let of_process = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let name = of_process("comm").ok()?.trim_end().to_owned();
    // One that has ended and was not reaped has no memory. One that may not be looked at may be anything.
    let maps = match of_process("maps") {
        Ok(maps) if maps.is_empty() => return None,
        Ok(maps) => Some(maps),
        Err(_) if of_process("comm").is_err() => return None,
        Err(_) => None,
    };
    if maps.as_ref().is_some_and(|maps| maps.lines().any(|line| is_page(line, page))) {
        return None;
    }
    let ran_ns = of_process("schedstat").ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
    let shares = maps.is_none_or(|maps| maps.lines().any(|line| line.split_whitespace().nth(1) == Some("rw-s")));
    Some(Unreached { pid, name, has_a_say: shares || can_tell(pid, ours), ran_ns })
}

/// Whether a line of a memory map is of the page with this inode.
fn is_page(line: &str, page: u64) -> bool {
    let mut fields = line.split_whitespace().skip(4);
    fields.next().and_then(|inode| inode.parse().ok()) == Some(page) && line.contains("memfd:")
}

/// The pipes that this process has open, those of the nodes' logs among them.
fn pipes_of_ours() -> BTreeSet<PathBuf> {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).filter(|file| is_pipe(file)).collect()
}

/// Whether a process has a socket open, or the writing end of a pipe of others.
fn can_tell(pid: i32, ours: &BTreeSet<PathBuf>) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return true };
    open.flatten().any(|entry| {
        let Ok(file) = fs::read_link(entry.path()) else { return false };
        let writes = || fs::symlink_metadata(entry.path()).is_ok_and(|entry| entry.mode() & 0o200 != 0);
        file.to_string_lossy().starts_with("socket:") || (is_pipe(&file) && !ours.contains(&file) && writes())
    })
}

/// Whether `/proc` shows an open file as a pipe without a name.
fn is_pipe(file: &Path) -> bool {
    file.to_string_lossy().starts_with("pipe:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_run_since_is_known_by_the_kernels_account_alone() {
        let process = |pid, ran_ns| Unreached { pid, name: "server".to_owned(), has_a_say: true, ran_ns };
        let earlier = [process(7, Some(100)), process(8, None)];
        assert!(process(7, Some(100)).has_not_run_since(&earlier));
        for other in [process(7, Some(101)), process(7, None), process(8, None), process(9, Some(0))] {
            assert!(!other.has_not_run_since(&earlier), "{other:?}");
        }
    }

    #[test]
    fn the_page_is_known_by_its_inode() {
        let line = "7f00-7f01 r--s 00000000 00:01 4711                       /memfd:dsjepsen-clock (deleted)";
        assert!(is_page(line, 4711) && !is_page(line, 471) && !is_page("7f00-7f01 rw-p 00000000 00:00 0", 0));
    }
}
