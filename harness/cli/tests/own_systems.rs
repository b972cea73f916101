//! Systems of TOML files, as a stranger uses them: the examples of the repository, what is wrong with them, and client programs
//! that misbehave. Skipped by name where their programs are missing.

#![expect(clippy::unwrap_used, reason = "a test: what cannot be had fails it")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use common::{
    DSJEPSEN, Running, Store, Trials, assert_nothing_left, check, eventually, nothing_left_soon, read_json,
    run_trials_with, text,
};
use dsjepsen_engine::target::NODE_PATH;
use libtest_mimic::Failed;
use nix::sys::signal::Signal;
use serde_json::Value;

const PYTHON: &str = "python3";
const REDIS: &str = "redis-server";

const TRIALS: Trials = &[
    ("the_python_nodes_keep_the_contract", &[PYTHON], python_check),
    ("the_python_nodes_are_valid_under_partition_and_pause", &[PYTHON], python_valid),
    ("the_python_nodes_with_one_line_changed_are_found_out", &[PYTHON], python_broken),
    ("the_toy_of_the_readme_does_what_the_readme_says", &[PYTHON], readme),
    ("redis_is_checked_and_valid_under_pause_and_kill", &[PYTHON, REDIS], redis),
    ("a_client_program_that_dies_leaves_info", &[PYTHON], dies),
    ("a_client_program_that_hangs_leaves_info", &[PYTHON], hangs),
    ("a_client_program_that_writes_nonsense_leaves_info", &[PYTHON], nonsense),
    ("a_client_program_that_writes_no_result_leaves_info", &[PYTHON], no_result),
    ("a_client_program_that_never_starts_is_no_pass", &[], never_starts),
    ("client_programs_do_not_outlive_a_killed_controller", &[PYTHON], outlives_nothing),
    ("a_node_that_stops_on_its_signal_is_asked", &[], stops_in_good_order),
    ("what_is_wrong_with_a_file_is_told", &[], bad_files),
    ("a_node_that_breaks_the_contract_fails_the_check", &[PYTHON], broken_contract),
];

fn main() -> ExitCode {
    run_trials_with(TRIALS, is_installed)
}

fn is_installed(program: &str) -> bool {
    std::env::split_paths(NODE_PATH).any(|folder| folder.join(program).exists())
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../targets/examples").join(name)
}

fn run_check(file: &Path) -> Output {
    Command::new(DSJEPSEN).args(["target", "check"]).arg(file).output().unwrap()
}

fn run(store: &Store, file: &Path, arguments: &str) -> Output {
    store.decide(&format!("--target {} {arguments}", file.display()))
}

fn python_check() -> Result<(), Failed> {
    let output = run_check(&example("python-node/target.toml"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains(" 0 failed"), "{}", text(&output));
    Ok(())
}

fn python_valid() -> Result<(), Failed> {
    let store = Store::new();
    let file = example("python-node/target.toml");
    let line = "--workload counter --nemesis partition,pause --time-limit 8 --recovery-time 2 --seed 1";
    let output = run(&store, &file, line);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // The file is kept, and the command of the plan makes the same plan.
    let kept = std::fs::read_to_string(store.latest().join("target.toml"))?;
    assert_eq!(kept, std::fs::read_to_string(&file)?);
    let plan = read_json(&store.latest().join("plan.json"));
    assert_eq!(plan["target"], file.display().to_string());
    assert_eq!(plan["settings"]["nodes"], 3, "the file's own default");
    let words: Vec<_> = plan["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(words.windows(2).any(|pair| pair == ["--target", &file.display().to_string()]), "{words:?}");
    assert!(store.latest_name().contains("-counter-python-node-partition_pause-1"), "{}", store.latest_name());
    assert_eq!(check(&store.latest()).0, 0);
    assert_nothing_left(&store.latest_name());
    Ok(())
}

fn python_broken() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("target.toml");
    std::fs::copy(example("python-node/target.toml"), &file)?;
    let node = std::fs::read_to_string(example("python-node/node.py"))?;
    assert!(node.contains("LOCAL_READS = False"));
    std::fs::write(folder.path().join("node.py"), node.replace("LOCAL_READS = False", "LOCAL_READS = True"))?;
    let store = Store::new();
    let line = "--workload register --nemesis partition --time-limit 6 --recovery-time 1 --seed 1 --expect invalid";
    let output = run(&store, &file, line);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let verdict = read_json(&store.latest().join("verdict.json"));
    let rules: Vec<_> = verdict["findings"].as_array().unwrap().iter().map(|finding| &finding["rule"]).collect();
    assert!(rules.iter().any(|rule| *rule == "register.linearizable"), "{rules:?}");
    Ok(())
}

/// The blocks of this language in the README's section about systems of one's own.
fn readme_block(language: &str) -> String {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## Bring your own system").unwrap();
    let (_, block) = section.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("\n```").unwrap().0.to_owned() + "\n"
}

fn readme() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("target.toml");
    std::fs::write(&file, readme_block("toml"))?;
    std::fs::write(folder.path().join("node.py"), readme_block("python"))?;
    let output = run_check(&file);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for (nemesis, code) in [("partition", 0), ("kill(n1)", 1)] {
        let store = Store::new();
        let line = format!("--workload counter --nemesis {nemesis} --time-limit 6 --recovery-time 2 --seed 1");
        let output = run(&store, &file, &line);
        assert_eq!(output.status.code(), Some(code), "{nemesis}: {}", text(&output));
    }
    Ok(())
}

fn redis() -> Result<(), Failed> {
    let file = example("redis/target.toml");
    let output = run_check(&file);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let store = Store::new();
    let line = "--workload counter --nodes 1 --nemesis pause,kill --time-limit 8 --recovery-time 2 --seed 1";
    let output = run(&store, &file, line);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let store = Store::new();
    let line = "--workload register --nodes 1 --nemesis kill --time-limit 5 --recovery-time 2 --seed 1";
    let output = run(&store, &file, line);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    Ok(())
}

/// A client that reads 0 and, when it is to add, does this instead of an answer.
fn moody(instead: &str) -> String {
    format!(
        "import json, os, sys, time\n\
         for line in sys.stdin:\n    \
             operation = json.loads(line)\n    \
             if operation['f'] == 'add':\n        \
                 {instead}\n    \
             print(json.dumps({{'id': operation['id'], 'ok': {{'value': 0}}}}), flush=True)\n"
    )
}

/// A system whose nodes only wait, with this client program beside it.
fn idle_nodes(folder: &Path, command: &str, client: &str) -> PathBuf {
    std::fs::write(folder.join("client.py"), client).unwrap();
    let file = folder.join("target.toml");
    let text = format!(
        "name = \"idle\"\nports = [7300]\n[node]\ncommand = [\"sh\", \"-c\", \"echo ready; exec sleep 1000\"]\n\
         ready = {{ log = \"ready\" }}\n[clients]\nprogram = [{command}]\nserves = [\"counter\"]\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

const CLIENT: &str = r#""python3", "{dir}/client.py""#;

/// What a run with such a client comes to: its verdict, its events, and its history's lines about additions.
fn misbehave(command: &str, client: &str) -> (Output, Value, Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = idle_nodes(folder.path(), command, client);
    let store = Store::new();
    let line = "--workload counter --nodes 1 --time-limit 3 --recovery-time 0 --rate 20 --op-timeout-ms 500 --seed 1";
    let output = store.run(&format!("--target {} {line}", file.display()));
    let run = store.latest();
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let warnings = events.filter(|event| event["event"] == "warning");
    let warnings = warnings.map(|event| event["text"].as_str().unwrap().to_owned()).collect();
    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    nothing_left_soon(&store.latest_name());
    (output, read_json(&run.join("verdict.json")), warnings, history)
}

/// Additions are info for this reason, it was warned once, and the verdict is no pass.
fn leaves_info(instead: &str, warning: &str, reason: &str) {
    let (output, verdict, warnings, history) = misbehave(CLIENT, &moody(instead));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert_eq!(verdict["verdict"], "unknown");
    let told = warnings.iter().filter(|text| text.contains(warning)).count();
    let additions = &verdict["operations"]["by_kind"]["add"];
    let info = additions["info"].as_u64().unwrap();
    assert!(info > 0 && additions["ok"] == 0, "{additions}");
    // What failed was not sent: its time was over before another client program was ready.
    let failed = |line: &&str| line.contains(r#""type":"fail""#) && line.contains(r#""f":"add""#);
    let sent: Vec<&str> = history.lines().filter(failed).filter(|line| !line.contains("unsent: ")).collect();
    assert!(sent.is_empty(), "{sent:?}");
    // The tenth of its kind is told again, and so on.
    assert_eq!(told as u64, 1 + u64::from(info.ilog10()), "{warnings:#?} of {info}");
    assert!(history.contains(reason), "no `{reason}` in the history");
    assert!(verdict["operations"]["by_kind"]["read"]["ok"].as_u64().unwrap() > 0, "{}", verdict["operations"]);
}

fn dies() -> Result<(), Failed> {
    leaves_info("os._exit(3)", "ended by itself: exit status: 3", "client-ended: exit status: 3");
    Ok(())
}

fn hangs() -> Result<(), Failed> {
    leaves_info("time.sleep(1000)", "did not answer `add` in time", "client-silent");
    Ok(())
}

fn nonsense() -> Result<(), Failed> {
    leaves_info("print('done!', flush=True); continue", "wrote what is no answer", "client-nonsense");
    Ok(())
}

fn no_result() -> Result<(), Failed> {
    let instead = "print(json.dumps({'id': operation['id'], 'ok': {'value': 'five'}}), flush=True); continue";
    leaves_info(instead, "wrote what is no result", "bad-response");
    Ok(())
}

fn never_starts() -> Result<(), Failed> {
    let (output, verdict, warnings, history) = misbehave(r#""sh", "-c", "exit 7""#, "");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert_eq!(verdict["operations"]["ok"], 0);
    assert!(warnings.iter().any(|text| text.contains("ended before it was ready: exit status: 7")), "{warnings:#?}");
    assert!(history.contains("unsent: client-ended: exit status: 7"), "{history}");
    assert!(!history.contains(r#""type":"info""#), "nothing was sent, so nothing is indeterminate");
    let findings = verdict["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["reason"] == "kind-never-succeeded"), "{findings:?}");
    Ok(())
}

fn outlives_nothing() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = idle_nodes(folder.path(), CLIENT, &moody("pass"));
    let store = Store::new();
    let line = format!("--target {} --workload counter --nodes 2 --time-limit 60 --seed 1", file.display());
    let mut run = Running::quietly(store.test(&line));
    eventually("the first operations", || {
        std::fs::read_to_string(store.path().join("latest/history.jsonl")).is_ok_and(|text| text.lines().count() > 20)
    });
    let name = store.latest_name();
    // Two nodes, four clients.
    assert!(dsjepsen_engine::find_marked(&name).len() >= 6, "client programs carry the marker");
    run.signal(Signal::SIGKILL);
    run.wait();
    nothing_left_soon(&name);
    Ok(())
}

fn stops_in_good_order() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("target.toml");
    let node = "trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let text = format!(
        "name = \"polite\"\nports = [7300]\n[node]\ncommand = [\"sh\", \"-c\", \"{node}\"]\nready = {{ log = \"ready\" }}\n\
         stop-signal = \"TERM\"\n[clients]\nprogram = [\"cat\"]\nserves = [\"counter\"]\n"
    );
    std::fs::write(&file, text)?;
    let store = Store::new();
    let line = "--workload counter --nodes 1 --time-limit 1 --recovery-time 0 --seed 1";
    let output = store.run(&format!("--target {} {line}", file.display()));
    assert_eq!(output.status.code(), Some(2), "{}", common::text(&output));
    let log = std::fs::read_to_string(store.latest().join("nodes/n1/log"))?;
    assert!(log.contains("goodbye"), "{log}");
    Ok(())
}

fn bad_files() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = idle_nodes(folder.path(), CLIENT, "");
    let whole = std::fs::read_to_string(&file)?;
    let refused = |change: (&str, &str), arguments: &str, says: &str| {
        std::fs::write(&file, whole.replace(change.0, change.1)).unwrap();
        let store = Store::new();
        let output = run(&store, &file, arguments);
        assert_eq!(output.status.code(), Some(254), "{change:?}: {}", text(&output));
        assert!(text(&output).contains(says), "{change:?} says: {}", text(&output));
        assert!(!store.path().exists(), "{change:?} left something in the store");
    };
    let counter = "--workload counter";
    refused(("7300", "73000"), counter, "target.toml, line 2, column 10, `ports[0]`: 73000 is no port");
    refused(("log =", "lgo ="), counter, "line 5, column 11, `node.ready.lgo`: unknown field `lgo`");
    refused(("{dir}", "{folder}"), counter, "`clients.program[1]`: there is no placeholder `{folder}` here");
    refused(("\"sh\"", "\"no-such-program\""), counter, "there is no program `no-such-program`");
    refused(("[clients]", "[clients"), counter, "line 6");
    refused(("", ""), "--workload lock", "target `idle` does not serve workload `lock`: try --workload counter");
    let output = run_check(&folder.path().join("other.toml"));
    assert_eq!(output.status.code(), Some(254), "{}", text(&output));
    Ok(())
}

fn broken_contract() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    // It answers `hello`, and every question with 0.
    let file = idle_nodes(folder.path(), CLIENT, &moody("pass"));
    // What failed leaves its logs among the temporary files; here they go with the test.
    let mut command = Command::new(DSJEPSEN);
    let output = command.args(["target", "check"]).arg(&file).env("TMPDIR", folder.path()).output()?;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    assert!(said.contains(&format!("are in {}", folder.path().display())), "{said}");
    assert!(said.contains("counter: add 5") && said.contains("FAILED"), "{said}");
    Ok(())
}
