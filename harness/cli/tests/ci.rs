//! What CI systems read of runs and checks, of the real binary. Files are held against `junit.xsd` by `xmllint` (Debian's
//! `libxml2-utils`); without it those tests are skipped by name.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use common::{
    DSJEPSEN, Running, Store, Trials, check, decided, eventually, nothing_left_soon, read_json, run_trials, text,
};
use libtest_mimic::Failed;
use nix::sys::signal::Signal;
use serde_json::Value;

const XMLLINT: &str = "xmllint";

const TRIALS: Trials = &[
    ("runs_that_are_valid_pass_and_each_has_its_cases", &[XMLLINT], valid_runs),
    ("a_run_that_is_invalid_fails_with_its_proof", &[XMLLINT], invalid_run),
    ("a_set_up_that_fails_is_an_error_and_what_is_not_here_is_skipped", &[XMLLINT], no_run),
    ("a_run_that_was_killed_is_no_success", &[XMLLINT], killed),
    ("nothing_that_a_run_says_breaks_the_file", &[XMLLINT], hostile),
    ("histories_of_other_tools_and_tables_of_them_have_files_too", &[XMLLINT], foreign),
    ("github_shows_what_was_found_what_was_broken_and_how_to_see_it_again", &[], github),
    ("github_is_told_why_nothing_was_run_and_nothing_where_all_is_as_expected", &[], github_without_a_run),
    ("every_line_of_a_run_with_faults_keeps_to_the_schema", &[], events),
    ("a_file_that_cannot_be_written_is_refused_before_the_run", &[], unwritable),
];

/// Two seconds of a lock on one node.
const SHORT: &str = "--target ttl-lock --nodes 1 --time-limit 2 --recovery-time 0 --locks 9 --seed 1";

/// Breaks a lock that does not look at owners.
const BROKEN: &str = "--target ttl-lock --nemesis pause(n2,n3,n4) --nemesis-interval 1 --lease-ttl-ms 500 --locks 2 \
                      --time-limit 13 --recovery-time 1 --seed 5";

fn main() -> ExitCode {
    run_trials(TRIALS)
}

/// A JUnit file that keeps to the schema, and whose counts are right.
struct File(PathBuf);

impl File {
    fn read(path: &Path) -> Self {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit.xsd");
        let output = Command::new(XMLLINT).args(["--noout", "--schema"]).arg(schema).arg(path).output().unwrap();
        assert!(output.status.success(), "{}: {}", path.display(), text(&output));
        let file = Self(path.to_owned());
        for suite in 1..=file.count("/testsuites/testsuite") {
            let of = |what: &str| format!("/testsuites/testsuite[{suite}]/{what}");
            for (attribute, cases) in
                [("tests", ""), ("failures", "[failure]"), ("errors", "[error]"), ("skipped", "[skipped]")]
            {
                let said = file.get(&of(&format!("@{attribute}")));
                assert_eq!(said, file.count(&of(&format!("testcase{cases}"))).to_string(), "{attribute}");
            }
        }
        file
    }

    /// An XPath expression as text.
    fn get(&self, path: &str) -> String {
        let expression = format!("string({path})");
        let output = Command::new(XMLLINT).args(["--xpath", &expression]).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{path}: {}", text(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    }

    fn count(&self, path: &str) -> usize {
        let expression = format!("count({path})");
        let output = Command::new(XMLLINT).args(["--xpath", &expression]).arg(&self.0).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    }

    fn property(&self, name: &str) -> String {
        self.get(&format!("//property[@name='{name}']/@value"))
    }
}

/// `dsjepsen check` with these arguments: its exit code and the file.
fn check_with(folder: &Path, arguments: &[&str]) -> (i32, File) {
    let file = folder.join("check.xml");
    let mut command = Command::new(DSJEPSEN);
    command.arg("check").args(arguments).arg("--junit").arg(&file).arg("--quiet");
    let output = command.output().unwrap();
    (output.status.code().unwrap(), File::read(&file))
}

fn valid_runs() -> Result<(), Failed> {
    let store = Store::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    fs::write(&path, "of an earlier run").unwrap();
    let output = decided(store.test(&format!("{SHORT} --test-count 2")).arg("--junit").arg(&path));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let file = File::read(&path);
    let verdict = read_json(&store.latest().join("verdict.json"));
    let checkers = verdict["checkers"].as_array().unwrap();
    assert_eq!(file.count("//testsuite"), 2);
    assert_eq!(file.count("//testcase"), 2 * (checkers.len() + 1));
    for checker in checkers {
        let name = checker["checker"].as_str().unwrap();
        assert_eq!(file.count(&format!("//testcase[@name='{name}']")), 2, "{name}");
    }
    let idle = checkers.iter().filter(|checker| checker["judged"] == 0).count();
    assert_eq!(
        (file.count("//testcase/*"), file.count("//skipped")),
        (2 * idle, 2 * idle),
        "all that judged something pass"
    );
    assert_eq!(file.get("//testcase[1]/@classname"), "lock.ttl-lock.none");
    assert_eq!(file.get("//testsuite[2]/testcase[1]/@classname"), "lock.ttl-lock.none.run-2");
    let time: f64 = file.get("//testsuite[1]/@time").parse().unwrap();
    assert!((1.0..60.0).contains(&time), "{time}");
    assert_eq!(file.get("//testsuite[2]/properties/property[@name='seed']/@value"), "2");
    for (name, value) in [("workload", "lock"), ("target", "ttl-lock"), ("nemesis", "none"), ("verdict", "valid")] {
        assert_eq!(file.property(name), value);
    }
    assert_eq!(file.property("dsjepsen"), env!("CARGO_PKG_VERSION"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

    let run = store.latest();
    let (code, again) = check_with(folder.path(), &[run.to_str().unwrap()]);
    assert_eq!((code, again.count("//testcase"), again.count("//testcase/*")), (0, checkers.len() + 1, idle));
    // A torn history: nothing is broken, and nothing is said in favour.
    let history = fs::read_to_string(run.join("history.jsonl")).unwrap();
    fs::write(run.join("history.jsonl"), &history[..history.len() - 9]).unwrap();
    let (code, torn) = check_with(folder.path(), &[run.to_str().unwrap()]);
    assert_eq!((code, torn.count("//failure")), (2, 0));
    assert_eq!(torn.get("//testcase[@name='run']/error/@type"), "interrupted");
    fs::write(run.join("history.jsonl"), "no history").unwrap();
    let (code, damaged) = check_with(folder.path(), &[run.to_str().unwrap()]);
    assert_eq!((code, damaged.count("//testcase"), damaged.get("//error/@type").as_str()), (255, 1, "harness"));
    Ok(())
}

fn invalid_run() -> Result<(), Failed> {
    let store = Store::new();
    let path = store.path().with_extension("xml");
    let output = store.test(BROKEN).arg("--junit").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let file = File::read(&path);
    let verdict = read_json(&store.latest().join("verdict.json"));
    let invalid = |checker: &&Value| checker["verdict"] == "invalid";
    assert_eq!(file.count("//failure"), verdict["checkers"].as_array().unwrap().iter().filter(invalid).count());
    let findings = verdict["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["rule"] == "lock.exclusion").unwrap();
    let failure = "//testcase[@name='lock.exclusion']/failure";
    assert_eq!(file.get(&format!("{failure}/@message")), finding["sentence"].as_str().unwrap());
    let said = file.get(failure);
    for step in finding["steps"].as_array().unwrap() {
        assert!(said.contains(step["text"].as_str().unwrap()), "{step}: {said}");
    }
    assert!(said.contains("again: dsjepsen test --workload lock --target ttl-lock"), "{said}");
    assert!(said.contains(&format!("page: {}", store.path().display())), "{said}");
    Ok(())
}

/// The file of a system whose nodes are this command.
fn system(folder: &Path, command: &str) -> PathBuf {
    let file = folder.join("target.toml");
    let text = format!(
        "name = \"system\"\nnodes = 1\nports = [7300]\n[node]\ncommand = [{command:?}]\nready = {{ url = \"/\" }}\n\
         [clients]\ncontract = [\"counter\"]\n"
    );
    fs::write(&file, text).unwrap();
    file
}

fn no_run() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let run = |target: &str| {
        let store = Store::new();
        let mut command = store.test("--workload counter --time-limit 1 --quiet");
        let output = command.args(["--target", target]).arg("--junit").arg(&path).output().unwrap();
        (output.status.code().unwrap(), File::read(&path))
    };
    let (code, file) = run(system(folder.path(), "false").to_str().unwrap());
    assert_eq!((code, file.count("//failure")), (255, 0));
    let said = file.get("//testcase[@name='run']/error");
    assert!(said.contains("The cluster never came up"), "{said}");
    assert_eq!(file.count("//testcase[not(*)]"), 0, "nothing passes of a cluster that never came up");

    let (code, file) = run(system(folder.path(), "no-such-program-anywhere").to_str().unwrap());
    assert_eq!((code, file.count("//testcase"), file.count("//error")), (254, 1, 0));
    let said = file.get("//skipped/@message");
    assert!(said.contains("no-such-program-anywhere"), "{said}");

    let (code, file) = run("rapt");
    assert_eq!((code, file.get("//error/@type").as_str()), (254, "usage"));
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let store = Store::new();
    let path = store.path().with_extension("xml");
    let mut command = store.test("--target ttl-lock --nodes 1 --time-limit 60 --seed 1");
    command.arg("--junit").arg(&path);
    let mut run = Running::quietly(command);
    eventually("the run directory", || store.path().join("latest").exists());
    let name = store.latest_name();
    run.signal(Signal::SIGKILL);
    run.wait();
    nothing_left_soon(&name);
    let file = File::read(&path);
    assert_eq!((file.count("//testcase"), file.get("//error/@type").as_str()), (1, "interrupted"));
    Ok(())
}

/// What a system may say of itself.
const HOSTILE: &str = "<script>alert(\"1\")</script> ' & ]]> <![CDATA[ \u{0}\u{1b}[31m\u{ffff}\r\n::error::no | `x` é";
/// The same, as XML can hold it.
const TAMED: &str =
    "<script>alert(\"1\")</script> ' & ]]> <![CDATA[ \u{fffd}\u{fffd}[31m\u{fffd}\r\n::error::no | `x` é";

fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = read_json(file);
    change(&mut value);
    fs::write(file, value.to_string()).unwrap();
}

fn hostile() -> Result<(), Failed> {
    let store = Store::new();
    let output = store.decide(SHORT);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = store.latest();
    edit(&run.join("plan.json"), |plan| {
        plan["target"] = HOSTILE.into();
        plan["nemesis"] = "<".repeat(1_000_000).into();
        plan["command"] = vec![HOSTILE.to_owned(), "y".repeat(1_000_000)].into();
        plan["started"] = "whenever".into();
    });
    edit(&run.join("verdict.json"), |verdict| verdict["harness_error"] = HOSTILE.into());
    let folder = tempfile::tempdir().unwrap();
    let (code, file) = check_with(folder.path(), &[run.to_str().unwrap()]);
    assert_eq!(code, 255);
    assert_eq!(file.property("target"), TAMED);
    assert_eq!(file.get("//error/@message"), format!("the harness or the set-up failed: {TAMED}"));
    let nemesis = file.property("nemesis");
    assert!(nemesis.ends_with("< … (cut: it has 1000000 bytes)") && nemesis.len() <= 2_000, "{}", nemesis.len());
    let said = file.get("//error");
    // What stands for a control is longer than it was.
    assert!(said.len() < 65 * 1024 && said.contains("bytes)"), "{}", said.len());
    assert!(fs::metadata(&file.0).unwrap().len() < 1_000_000);
    assert_eq!(check(&run).0, 255);
    Ok(())
}

fn foreign() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("a <b> \"c\" & d.edn");
    let events = "{:process 0 :type :invoke :f :write :value \"<script>\"}\n{:process 0 :type :ok :f :write :value \"<script>\"}\n\
                  {:process 0 :type :invoke :f :read :value nil}\n{:process 0 :type :ok :f :read :value \"]]>\"}\n";
    fs::write(&history, events).unwrap();
    let (code, file) = check_with(folder.path(), &[history.to_str().unwrap(), "--model", "register"]);
    assert_eq!((code, file.count("//failure"), file.count("//testcase")), (1, 1, 2));
    assert_eq!(file.get("//testcase[failure]/@name"), "register.linearizable");
    assert!(file.get("//failure").contains("]]>"), "{}", file.get("//failure"));
    assert_eq!(file.get("//testsuite/@name"), history.to_str().unwrap());

    let table = folder.path().join("table.tsv");
    let name = history.file_name().unwrap().to_str().unwrap();
    let rows = format!(
        "file\tformat\tmodel\tverdict\n{name}\tedn-lines\tregister\tfalse\n{name}\tedn-lines\tregister\ttrue\n"
    );
    fs::write(&table, rows).unwrap();
    let (code, file) = check_with(folder.path(), &["--manifest", table.to_str().unwrap()]);
    assert_eq!(
        (code, file.count("//testcase"), file.count("//failure")),
        (1, 2, 1),
        "{}",
        fs::read_to_string(&file.0).unwrap()
    );
    assert_eq!(file.count("//testcase[starts-with(@name, '3: ')]/failure"), 1);
    Ok(())
}

fn unwritable() -> Result<(), Failed> {
    let store = Store::new();
    let pipe = store.path().with_extension("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    let output = store.test(SHORT).arg("--junit").arg(&pipe).output().unwrap();
    assert_eq!(output.status.code(), Some(254), "{}", text(&output));
    assert!(text(&output).contains("it is no file that can be replaced"), "{}", text(&output));
    assert!(!store.path().exists() && fs::metadata(&pipe).is_ok_and(|pipe| !pipe.is_file()));
    Ok(())
}

fn github() -> Result<(), Failed> {
    let store = Store::new();
    let summary = store.path().with_extension("md");
    fs::write(&summary, "of an earlier command\n").unwrap();
    let mut command = store.test(BROKEN);
    let output = command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let verdict = read_json(&store.latest().join("verdict.json"));
    let findings = verdict["findings"].as_array().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let annotations: Vec<&str> = out.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), findings.len());
    for (annotation, finding) in annotations.iter().zip(findings) {
        let rule = finding["rule"].as_str().unwrap();
        assert!(annotation.starts_with(&format!("::error title=dsjepsen%3A {rule}::{rule}: ")), "{annotation}");
        assert!(annotation.contains("%0Aagain: dsjepsen test --workload lock --target ttl-lock"), "{annotation}");
    }
    let said = fs::read_to_string(&summary).unwrap();
    let start = "of an earlier command\n\n### INVALID: lock on ttl-lock under pause&#40;n2,n3,n4&#41;, seed 5\n";
    assert!(said.starts_with(start), "{said}");
    for checker in verdict["checkers"].as_array().unwrap() {
        let row = format!("| {} | {} |", checker["checker"].as_str().unwrap(), checker["verdict"].as_str().unwrap());
        assert!(said.contains(&row), "{row}: {said}");
    }
    let plan = read_json(&store.latest().join("plan.json"));
    assert_eq!(said.matches("| pause | ").count(), plan["faults"].as_array().unwrap().len(), "{said}");
    assert!(said.contains("| seen to act, healed | n2&#58; "), "{said}");
    for words in ["```sh\ndsjepsen test --workload lock", "\nPage: ", "<pre>lock.exclusion: Two clients"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    Ok(())
}

fn github_without_a_run() -> Result<(), Failed> {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    let run = |arguments: &[&str]| {
        let store = Store::new();
        let mut command = store.test("--time-limit 1 --recovery-time 0 --seed 1 --nodes 1");
        command.args(arguments).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
        let output = command.output().unwrap();
        let said = fs::read_to_string(&summary).unwrap();
        fs::remove_file(&summary).unwrap();
        let lines = |bytes: Vec<u8>| -> Vec<String> {
            String::from_utf8(bytes).unwrap().lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect()
        };
        (output.status.code().unwrap(), lines(output.stdout), lines(output.stderr), said)
    };
    let (code, out, err, said) = run(&["--target", "rapt,"]);
    assert_eq!((code, out.len(), err.len()), (254, 1, 0));
    assert!(out[0].starts_with("::error title=dsjepsen::there is no target `rapt,`"), "{out:?}");
    assert!(said.starts_with("\n### FAILED: dsjepsen test\n\nthere is no target &#96;rapt,&#96;"), "{said}");

    let missing = system(folder.path(), "no-such-program-anywhere");
    let (code, out, _, said) = run(&["--target", missing.to_str().unwrap(), "--workload", "counter"]);
    assert_eq!((code, out.len()), (254, 1));
    assert!(out[0].starts_with("::warning title=dsjepsen::") && out[0].contains("no-such-program-anywhere"), "{out:?}");
    assert!(said.starts_with("\n### SKIPPED: dsjepsen test\n"), "{said}");

    let (code, out, err, said) = run(&["--target", "ttl-lock", "--locks", "9"]);
    assert_eq!((code, out.len(), err.len()), (0, 0, 0));
    assert!(said.starts_with("\n### VALID: lock on ttl-lock under none, seed 1\n"), "{said}");

    let (code, out, err, _) = run(&["--target", "ttl-lock", "--locks", "9", "--json", "--expect", "invalid"]);
    assert_eq!((code, out.len(), err.len()), (1, 0, 1), "JSON lines are left alone");
    assert!(err[0].starts_with("::error title=dsjepsen::valid, and that was not expected: No rule"), "{err:?}");
    Ok(())
}

fn events() -> Result<(), Failed> {
    let output = Command::new(DSJEPSEN).args(["list", "--json-schema"]).output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let store = Store::new();
    let mut command = store.test("--workload counter --target raft --nodes 3 --time-limit 9 --seed 2 --json");
    let faults = ["partition(one) at 1s for 1s", "kill(one) at 3s for 1s", "pause(one) at 5s for 1s"];
    let clock = (cfg!(target_arch = "x86_64")).then_some("; clock(one, +60s) at 2s for 1s").unwrap_or_default();
    let output = decided(command.args(["--nemesis", &(faults.join("; ") + clock)]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let lines = |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let shown = lines(&String::from_utf8(output.stdout).unwrap());
    let kept = lines(&fs::read_to_string(store.latest().join("events.jsonl")).unwrap());
    for event in shown.iter().chain(&kept) {
        let problems: Vec<String> = validator.iter_errors(event).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{event}: {problems:?}");
    }
    let kind = |event: &Value| event["event"].as_str().unwrap().to_owned();
    let kinds: std::collections::BTreeSet<String> = kept.iter().map(kind).collect();
    let mut expected = vec![
        "opened",
        "node-started",
        "node-ready",
        "node-ended",
        "health",
        "phase",
        "fault",
        "progress",
        "first-ok",
        "link",
        "note",
        "finished",
    ];
    expected.extend(cfg!(target_arch = "x86_64").then_some("clock-read"));
    for expected in expected {
        assert!(kinds.contains(expected), "no {expected} in {kinds:?}");
    }
    // A schema that takes anything would say nothing: no member may be away, or of another type.
    for event in kept.iter().chain(&shown) {
        let members: Vec<&String> = event.as_object().unwrap().keys().collect();
        for member in members {
            let mut without = event.clone();
            without.as_object_mut().unwrap().remove(member);
            assert!(!validator.is_valid(&without), "without {member}: {without}");
            let mut other = event.clone();
            other[member] = serde_json::json!({"no": ["such", "thing"]});
            assert!(!validator.is_valid(&other), "{member} is anything: {other}");
        }
    }
    Ok(())
}
