//! Completions and manual pages: that shells and readers take them, and that they name what there is. Skipped by name where a
//! shell or a reader is missing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, ExitCode};

use common::{DSJEPSEN, Trials, is_installed, run_trials, text};
use libtest_mimic::Failed;

const TRIALS: Trials = &[
    ("every_shell_has_completions_of_what_is_there", &[], all_shells),
    ("bash_completes_commands_and_options", &["bash"], bash),
    ("zsh_takes_its_completions", &["zsh"], zsh),
    ("fish_takes_its_completions", &["fish"], fish),
    ("levels_and_formats_are_named_wherever_one_may_look", &[], levels),
    ("the_page_shows_every_command_with_its_options", &["groff"], page),
    ("each_command_has_a_page_in_a_folder", &["groff"], pages),
    ("mandoc_takes_the_page", &["mandoc"], mandoc),
];

/// Commands that only the harness itself uses.
const HIDDEN: [&str; 3] = ["first-process", "guardian", "node"];

fn main() -> ExitCode {
    run_trials(TRIALS)
}

fn output(arguments: &[&str]) -> String {
    let output = Command::new(DSJEPSEN).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The commands as the help names them.
fn commands() -> BTreeSet<String> {
    let help = output(&["--help"]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What a line goes on with stands further in.
    let names = lines.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    let names: BTreeSet<String> = names.filter_map(|rest| Some(rest.split_whitespace().next()?.to_owned())).collect();
    let names: BTreeSet<String> = names.into_iter().filter(|name| name != "help").collect();
    assert!(names.contains("test") && names.contains("man") && names.len() >= 8, "{names:?}");
    names
}

fn all_shells() -> Result<(), Failed> {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = output(&["completions", shell]);
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(script.contains("nemesis-interval"), "{shell}");
        assert!(!script.contains("one node of a system of our own"), "{shell} shows what is hidden");
    }
    let wrong = Command::new(DSJEPSEN).args(["completions", "csh"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(254), "{}", text(&wrong));
    Ok(())
}

fn written(folder: &Path, shell: &str) -> std::path::PathBuf {
    let file = folder.join(shell);
    std::fs::write(&file, output(&["completions", shell])).unwrap();
    file
}

/// Has a shell read a file.
fn reads(shell: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(shell).arg("-n").arg(written(folder.path(), shell)).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    Ok(())
}

fn zsh() -> Result<(), Failed> {
    reads("zsh")
}

fn fish() -> Result<(), Failed> {
    reads("fish")
}

fn bash() -> Result<(), Failed> {
    reads("bash")?;
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "bash");
    let completed = |words: &[&str]| -> Vec<String> {
        let script = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))
                      _dsjepsen dsjepsen \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"
                      printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut command = Command::new("bash");
        let output = command.args(["-c", script, "bash"]).arg(&file).args(words).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    assert_eq!(completed(&["dsjepsen", "te"]), ["test"]);
    assert_eq!(completed(&["dsjepsen", "test", "--jun"]), ["--junit"]);
    assert_eq!(completed(&["dsjepsen", "test", "--expect", "inv"]), ["invalid"]);
    let all: BTreeSet<String> = completed(&["dsjepsen", ""]).into_iter().collect();
    for command in commands() {
        assert!(all.contains(&command), "{command}: {all:?}");
    }
    assert!(HIDDEN.iter().all(|hidden| !all.contains(*hidden)), "{all:?}");
    Ok(())
}

/// A page as a terminal shows it, without its attributes; a warning fails.
fn shown(file: &Path) -> String {
    let mut command = Command::new("groff");
    command.args(["-man", "-ww", "-Tutf8", "-P-c", "-P-b", "-P-u", "-P-o", "-rLL=110n"]).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn whole_page(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("dsjepsen.1");
    std::fs::write(&file, output(&["man"])).unwrap();
    file
}

fn page() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let file = whole_page(folder.path());
    let said = shown(&file);
    for command in commands() {
        let heading = format!("DSJEPSEN {}", command.to_uppercase());
        assert!(said.lines().any(|line| line == heading), "{heading}: {said}");
    }
    assert!(said.lines().any(|line| line == "DSJEPSEN TARGET CHECK"), "{said}");
    for option in ["--nemesis-interval", "--junit", "--manifest", "--lease-ttl-ms"] {
        assert!(said.contains(option), "{option}: {said}");
    }
    assert!(!said.contains("GUARDIAN") && !said.contains("DSJEPSEN NODE"), "{said}");
    if is_installed("man") {
        let output = Command::new("man").args(["-l", "-Tutf8"]).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    Ok(())
}

/// Wherever somebody may look for what `--consistency` and `--format` take.
fn levels() -> Result<(), Failed> {
    let pages = [&["check", "--help"][..], &["list"], &["list", "--json"], &["man"]];
    for words in pages {
        let said = output(words).replace("\\-", "-");
        for value in ["strict-serializable", "PRAM", "read-atomic", "edn-lines-kv", "dbcop-yaml"] {
            assert!(said.contains(value), "{words:?}: {value}: {said}");
        }
    }
    let wrong = Command::new(DSJEPSEN).args(["check", "x", "--model", "register", "--format", "xml"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(254), "{}", text(&wrong));
    assert!(text(&wrong).contains("jepsen-util-log"), "{}", text(&wrong));
    Ok(())
}

fn pages() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    output(&["man", pages.to_str().unwrap()]);
    let files = std::fs::read_dir(&pages).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = files.collect();
    let below = commands().into_iter().map(|command| format!("dsjepsen-{command}.1"));
    let expected = below.chain(["dsjepsen.1", "dsjepsen-target-check.1"].map(str::to_owned));
    assert_eq!(files, expected.collect());
    for file in &files {
        shown(&pages.join(file));
    }
    assert!(shown(&pages.join("dsjepsen-test.1")).contains("--time-limit"));
    Ok(())
}

fn mandoc() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(whole_page(folder.path())).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    Ok(())
}
