//! Where the files go that are asked for by name: a link stays a link, and what is no file is never replaced. No test names a device
//! of the machine: they make pipes, links and devices of their own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{DSJEPSEN, Store, text};

/// A folder with a history that is linearizable.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let line =
            |kind: &str, index: u64| format!("{{:process 0, :type :{kind}, :f :write, :value 1, :index {index}}}\n");
        fs::write(folder.at("history.edn"), line("invoke", 0) + &line("ok", 1)).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pipe(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// `dsjepsen check` of the history, with a file to write.
    fn check(&self, option: &str, file: &Path) -> Output {
        let mut command = Command::new(DSJEPSEN);
        command.arg("check").arg(self.at("history.edn")).args(["--model", "register", option]).arg(file);
        command.output().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

/// Before any work: nothing is judged, nothing is told but this.
fn is_refused(folder: &Folder, file: &Path) {
    let (kind, before) = (fs::symlink_metadata(file).unwrap().file_type(), folder.names());
    for option in ["--html", "--junit"] {
        let output = folder.check(option, file);
        assert_eq!(output.status.code(), Some(254), "{option} {}: {}", file.display(), text(&output));
        assert!(text(&output).contains(&format!("{option} {}: it is no file that can be replaced", file.display())));
        assert!(output.stdout.is_empty(), "{}", text(&output));
        assert_eq!(fs::symlink_metadata(file).unwrap().file_type(), kind, "{option} {}", file.display());
        assert_eq!(folder.names(), before);
    }
}

#[test]
fn pages_and_junit_files_replace_no_pipe_and_no_folder() {
    let folder = Folder::new();
    let pipe = folder.pipe("pipe");
    is_refused(&folder, &pipe);
    symlink("pipe", folder.at("link")).unwrap();
    is_refused(&folder, &folder.at("link"));
    fs::create_dir(folder.at("folder")).unwrap();
    is_refused(&folder, &folder.at("folder"));
    // As `/dev/stdout` is one.
    symlink("/proc/self/fd/1", folder.at("stdout")).unwrap();
    is_refused(&folder, &folder.at("stdout"));
}

#[test]
fn pages_and_junit_files_replace_no_device() {
    let folder = Folder::new();
    let device = folder.at("full");
    // The numbers of /dev/full, under a name of our own.
    if !Command::new("mknod").arg(&device).args(["c", "1", "7"]).status().unwrap().success() {
        eprintln!("SKIPPED: no device can be made here");
        return;
    }
    is_refused(&folder, &device);
    symlink("full", folder.at("link")).unwrap();
    is_refused(&folder, &folder.at("link"));
}

#[test]
fn pages_and_junit_files_go_to_the_file_behind_a_link() {
    let folder = Folder::new();
    symlink("file", folder.at("second")).unwrap();
    symlink(folder.at("second"), folder.at("first")).unwrap();
    for (option, holds) in [("--html", "<!DOCTYPE html>"), ("--junit", "<testsuite"), ("--html", "<!DOCTYPE html>")] {
        let output = folder.check(option, &folder.at("first"));
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert!(folder.at("first").is_symlink() && folder.at("second").is_symlink());
        assert!(fs::read_to_string(folder.at("file")).unwrap().contains(holds), "{option}");
        assert_eq!(folder.names(), ["file", "first", "history.edn", "second"]);
    }
}

#[test]
fn an_exported_history_goes_where_it_is_sent() {
    let (folder, store) = (Folder::new(), Store::new());
    store.run("--workload register --nemesis none --seed 1 --time-limit 1 --recovery-time 1");
    let run = store.latest();
    let export = |file: &Path| {
        let mut command = Command::new(DSJEPSEN);
        command.arg("export").arg(&run).arg("--output").arg(file);
        command
    };
    let whole = Command::new(DSJEPSEN).arg("export").arg(&run).output().unwrap().stdout;
    assert!(whole.starts_with(b"{:index 0"), "{}", String::from_utf8_lossy(&whole));

    let pipe = folder.pipe("pipe");
    let reader = Command::new("timeout").args(["60", "cat"]).arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let output = export(&pipe).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(reader.wait_with_output().unwrap().stdout, whole);

    // As `/dev/stdout` is one.
    let stdout = folder.at("stdout");
    symlink("/proc/self/fd/1", &stdout).unwrap();
    assert_eq!(export(&stdout).output().unwrap().stdout, whole);
    let file = folder.at("file");
    fs::write(&file, "of an earlier command\n").unwrap();
    let appending = File::options().append(true).open(&file).unwrap();
    assert!(export(&stdout).stdout(appending).status().unwrap().success());
    assert_eq!(fs::read(&file).unwrap(), [b"of an earlier command\n", &whole[..]].concat());

    symlink("file", folder.at("link")).unwrap();
    assert!(export(&folder.at("link")).status().unwrap().success());
    assert_eq!(fs::read(&file).unwrap(), whole);
    assert_eq!(folder.names(), ["file", "history.edn", "link", "pipe", "stdout"]);
    assert!(folder.at("link").is_symlink() && stdout.is_symlink() && !pipe.is_file());
}
