//! A disk that fills, on a small file system in a mount namespace of the test's own. Skipped by name where the kernel grants
//! no such namespace.

mod common;

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

use common::{DSJEPSEN, nothing_left_soon, text};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let available = in_small_store(Path::new("/tmp"), "size=64k", "true").is_ok_and(|output| output.status.success());
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        let name = if available { name.to_owned() } else { format!("{name} (skipped: no mount namespaces here)") };
        Trial::test(name, test).with_ignored_flag(!available)
    };
    let trials = vec![
        trial("a_disk_that_fills_ends_the_run_and_says_so", fills_while_running),
        trial("a_node_without_a_place_for_its_data_never_comes_up", full_from_the_start),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs a shell line with a small file system on `folder`, as root or as the root of a user namespace.
fn in_small_store(folder: &Path, options: &str, line: &str) -> std::io::Result<Output> {
    let script = format!("mount -t tmpfs -o {options} none '{}' && {line}", folder.display());
    let namespaces = if nix::unistd::geteuid().is_root() { "-m" } else { "-Urm" };
    Command::new("unshare").args([namespaces, "sh", "-c", &script]).stdin(Stdio::null()).output()
}

fn fills_while_running() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let store = folder.path().display();
    let line = format!(
        "{DSJEPSEN} test --target ttl-lock --nodes 3 --locks 20 --rate 0 --time-limit 60 --store {store}; \
         code=$?; ls {store}; exit $code"
    );
    let output = in_small_store(folder.path(), "size=400k", &line)?;
    assert_eq!(output.status.code(), Some(255), "{}", text(&output));
    assert!(text(&output).contains("the history cannot be written: No space left on device"), "{}", text(&output));
    leaves_nothing(&output);
    Ok(())
}

fn full_from_the_start() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let store = folder.path().display();
    // Enough files for the run and the node's log, none for the node's database.
    let line = format!(
        "{DSJEPSEN} test --target raft --nodes 1 --time-limit 5 --store {store}; code=$?; ls {store}; exit $code"
    );
    let output = in_small_store(folder.path(), "size=4m,nr_inodes=10", &line)?;
    assert_eq!(output.status.code(), Some(255), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains("The cluster never came up: n1 ended before it was ready"), "{said}");
    leaves_nothing(&output);
    Ok(())
}

/// The names of runs that `ls` has shown.
fn leaves_nothing(output: &Output) {
    let shown = String::from_utf8_lossy(&output.stdout);
    let runs: Vec<&str> = shown.lines().filter(|line| line.starts_with("20") && line.contains("-lock-")).collect();
    assert!(!runs.is_empty(), "no run is in the store: {shown}");
    for run in runs {
        nothing_left_soon(run);
    }
}
