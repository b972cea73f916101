//! The environment marker by which every process of a run can be found, grandchildren included.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Each process of a run carries this variable with the run's name.
pub const MARKER: &str = "DSJEPSEN_RUN";

/// The processes that carry the marker of this run (as far as their environment may be read).
pub fn find_marked(run: &str) -> Vec<i32> {
    let wanted = format!("{MARKER}={run}");
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|word| word == wanted.as_bytes()))
        })
        .collect()
}

/// Kills every process that carries the marker of this run, and says how many there were at first. A process may fork while
/// the list is read, so it looks again until nothing is left, for at most `limit`.
pub fn kill_marked(run: &str, limit: Duration) -> usize {
    let deadline = Instant::now() + limit;
    let first = find_marked(run);
    let mut found = first.clone();
    while !found.is_empty() && Instant::now() < deadline {
        for pid in &found {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(1));
        found = find_marked(run);
    }
    first.len()
}
