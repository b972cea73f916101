//! `dsjepsen check` of other tools' histories: exit codes, what is said, what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{DSJEPSEN, text};

const GOOD: &str = "{:process 0, :type :invoke, :f :write, :value 1}\n{:process 0, :type :ok, :f :write, :value 1}\n";
const BAD: &str = "{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :ok, :f :read, :value 3}\n";
/// A transaction read what a failed one appended.
const ABORTED: &str = "{:process 0, :type :invoke, :f :txn, :value [[:append 1 1]]}\n\
                       {:process 0, :type :fail, :f :txn, :value [[:append 1 1]]}\n\
                       {:process 1, :type :invoke, :f :txn, :value [[:append 1 2] [:r 1 nil]]}\n\
                       {:process 1, :type :ok, :f :txn, :value [[:append 1 2] [:r 1 [1 2]]]}\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn check(path: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = Command::new(DSJEPSEN).arg("check").arg(path).args(arguments.split_whitespace()).output().unwrap();
    (output.status.code(), text(&output))
}

#[test]
fn exit_codes_are_those_of_runs() {
    let folder = Folder::new();
    let (good, bad) = (folder.file("good.edn", GOOD), folder.file("bad.edn", &[GOOD, BAD].concat()));
    assert_eq!(check(&good, "--model register").0, Some(0));
    let (code, said) = check(&bad, "--model register");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("INVALID") && said.contains("returns 3"), "{said}");
    assert!(said.contains("However  process 0's read (line 3)"), "{said}");
    let (code, said) = check(&folder.file("empty.edn", "; nothing\n"), "--model register --format edn-lines");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no-observations"), "{said}");
}

#[test]
fn one_operation_is_told_in_sentences() {
    let folder = Folder::new();
    let (good, bad) = (folder.file("good.edn", GOOD), folder.file("bad.edn", BAD));
    let (code, said) = check(&good, "--model register");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("The one operation agrees with model `register`."), "{said}");
    assert!(said.contains(&format!("again  dsjepsen check {}", good.display())), "{said}");
    let (code, said) = check(&bad, "--model register");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("No order explains that process 0's read returns 3."), "{said}");
    assert!(
        said.contains("Then     whatever comes first must find it so.") && !said.contains("order of them"),
        "{said}"
    );
    let (code, said) = check(&folder.file("two.edn", &[GOOD, GOOD].concat()), "--model register");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("All 2 operations agree with model `register`."), "{said}");
}

/// A history in short: a process, the letter of a type, what is done, and the value, by line.
fn history(lines: &[&str]) -> String {
    let types = [("i", "invoke"), ("o", "ok"), ("?", "info")];
    let event = |line: &&str| {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let [process, kind, f, value] = words[..] else { panic!("{line}") };
        let (_, kind) = types.iter().find(|(letter, _)| *letter == kind).unwrap();
        format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}\n")
    };
    lines.iter().map(event).collect()
}

#[test]
fn what_is_peculiar_to_a_history_is_neither_a_false_alarm_nor_passed_over() {
    let folder = Folder::new();
    let late = ["0 i enqueue 1", "0 ? enqueue 1", "0 o enqueue 1"];
    let sums =
        ["0 i add 3", "1 i add 1", "0 o add 3", "1 o add 1", "1 i add 2", "0 i read nil", "0 o read 5", "1 o add 2"];
    let cases: [(&str, String, i32, &str); 11] = [
        ("stack", "# stack\npop -1 1 2\npush 1 3 4\n".to_owned(), 0, "VALID"),
        ("stack", "# stack\npush 1 1 2\npop -1 3 4\n".to_owned(), 1, "INVALID"),
        (
            "register",
            history(&[":a i write 1", ":a o write 1", "1 i read nil", "1 o read 1"]),
            0,
            "given  Read so: process `a` is a client, told apart by name.",
        ),
        ("register", history(&[":a i write 1", ":a o write 1", "1 i read nil", "1 o read 2"]), 1, "INVALID"),
        (
            "register",
            history(&["0 i write 1", "0 o write 2", "1 i read nil", "1 o read 2"]),
            0,
            "given  Read so: completions with another value than their invocations: 1, first of the write that begins on line 1: \
             1 and then 2; that of the completion is judged, as Knossos does.",
        ),
        ("register", history(&[":nemesis ? kill nil", "1 i write 1", "1 o write 1"]), 0, "VALID"),
        ("kv --init \"x\"", history(&["0 i get nil", "0 o get nil"]), 0, "VALID"),
        // An answer without its question came from before it.
        ("register", history(&["0 o read 1", "1 i write 1", "1 o write 1"]), 1, "INVALID"),
        // It lies between 4 and 6, and is no sum of those that may have been added.
        ("counter", history(&sums), 1, "counter.linearizable"),
        ("queue", history(&late), 255, "after that was said to be indeterminate"),
        (
            "set",
            history(&["0 i insert [5 nil]", "0 ? insert [5 1]", "1 i contains [5 nil]", "1 o contains [5 1]"]),
            0,
            "VALID",
        ),
    ];
    for (model, text, code, says) in cases {
        let path = folder.file("history", &text);
        let (came, said) = check(&path, &format!("--model {model}"));
        assert!(came == Some(code) && said.contains(says), "{model}: {came:?} {said}\n{text}");
    }
}

#[test]
fn bad_usage_and_bad_files_are_told_apart() {
    let folder = Folder::new();
    let good = folder.file("good.edn", GOOD);
    let cases = [
        ("--model regster", 254, "did you mean `register`"),
        ("--model register --format edn", 254, "[possible values: edn-lines, "),
        ("--model register --init [", 254, "--init"),
        ("--model register --consistency causal", 254, "--consistency means nothing to model `register`"),
        ("--model list-append --consistency acid", 254, "no consistency level `acid`"),
        ("--model register --independent --no-split", 254, "--no-split"),
        ("--init 0", 254, "--model"),
        ("", 254, "--model"),
        ("--model bank", 255, "line 1: `write` is no operation of model `bank`"),
        ("--model register --format json-array", 255, "line 1"),
    ];
    for (arguments, code, says) in cases {
        let (came, said) = check(&good, arguments);
        assert_eq!(came, Some(code), "{arguments}: {said}");
        assert!(said.contains(says), "{arguments} says: {said}");
    }
    assert_eq!(check(&folder.0.path().join("missing"), "--model register").0, Some(254));
    assert_eq!(check(folder.0.path(), "--model register").0, Some(254));
    assert_eq!(check(&folder.file("torn.edn", &GOOD[..60]), "--model register").0, Some(255));
}

/// Puts of many clients at once, taken out again, and a value that nobody put in: every order of the puts must be tried.
fn hopeless() -> String {
    let event = |process: u32, kind: &str, f: &str, value: String| {
        format!("{{:process {process}, :type :{kind}, :f :{f}, :value {value}}}\n")
    };
    let puts = |kind| {
        (0..40).map(move |process| event(process, kind, "enqueue", (process / 2).to_string())).collect::<String>()
    };
    let takes: String = (0..40)
        .map(|at| if at == 39 { 99 } else { at * 7 % 40 / 2 })
        .map(|value| event(0, "invoke", "dequeue", "nil".to_owned()) + &event(0, "ok", "dequeue", value.to_string()))
        .collect();
    [puts("invoke"), puts("ok"), takes].concat()
}

#[test]
fn a_hopeless_history_ends_with_its_time_and_says_so() {
    let folder = Folder::new();
    let hopeless = folder.file("hopeless.edn", &hopeless());
    let (code, said) = check(&hopeless, "--model queue --budget-s 1");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("UNKNOWN") && said.contains("deadline"), "{said}");
    assert!(said.contains("the time budget of 1 s was used up") && said.contains("--budget-s"), "{said}");
    let good = folder.file("good.edn", GOOD);
    assert_eq!(check(&good, "--model register --budget-s 1000").0, Some(0));
    assert_eq!(check(&good, "--model register --budget-s 0").0, Some(254));
    assert_eq!(check(&good, "--budget-s 1").0, Some(254), "it is for histories");
}

/// Starts to judge what comes from the standard input, within a second.
fn check_input_within_a_second() -> std::process::Child {
    let mut command = Command::new(DSJEPSEN);
    command.args(["check", "-", "--model", "register", "--format", "edn-lines", "--budget-s", "1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn reading_ends_with_its_time() {
    let mut child = check_input_within_a_second();
    let mut input = child.stdin.take().unwrap();
    // Until nobody reads any more.
    let writer = std::thread::spawn(move || while input.write_all(GOOD.as_bytes()).is_ok() {});
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("was not read to its end: the time budget of 1 s was used up"), "{}", text(&output));
}

#[test]
fn a_source_that_falls_silent_is_not_waited_for() {
    let mut child = check_input_within_a_second();
    let mut input = child.stdin.take().unwrap();
    input.write_all(GOOD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("The history is undecided: the time budget of 1 s was used up"),
        "{}",
        text(&output)
    );
}

#[test]
fn a_verdict_can_be_a_page() {
    let folder = Folder::new();
    let hostile = "\"<script src='http://evil.example/x.js'></script>\"";
    let bad = folder.file("bad.edn", &[GOOD, BAD].concat().replace(":value 3", &format!(":value {hostile}")));
    let page = folder.0.path().join("page.html");
    let (code, said) = check(&bad, &format!("--model register --html {}", page.display()));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("page   {}", page.display())), "{said}");
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("However") && text.contains("&lt;script src="));
    assert!(!text.contains("<script src") && !text.contains("src=\"http") && !text.contains("href=\"http"));
    assert!(text.contains("register.linearizable") && text.contains("dsjepsen check"));

    let good = folder.file("good.edn", GOOD);
    assert_eq!(check(&good, &format!("--model register --quiet --html {}", page.display())), (Some(0), String::new()));
    assert!(std::fs::read_to_string(&page).unwrap().contains("VALID"), "it was replaced");
    let nowhere = folder.0.path().join("nowhere/page.html");
    let (code, said) = check(&good, &format!("--model register --html {}", nowhere.display()));
    assert_eq!(code, Some(255), "{said}");
    assert!(said.contains("VALID") && said.contains("nowhere/page.html"), "the verdict is told all the same: {said}");
    assert_eq!(check(&bad, &format!("--model register --html {}", nowhere.display())).0, Some(1), "invalid is graver");
}

#[test]
fn standard_input_and_json() {
    let mut command = Command::new(DSJEPSEN);
    command.args(["check", "-", "--model", "cas-register", "--json"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all([GOOD, BAD].concat().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((verdict["verdict"].as_str(), &verdict["operations"]["total"]), (Some("invalid"), &2.into()));
    assert_eq!(verdict["findings"][0]["rule"], "cas-register.linearizable");
    let folder = Folder::new();
    let other = folder.file("other.edn", &GOOD.replace(":ok, :f :write, :value 1", ":ok, :f :write, :value 2"));
    let (code, said) = check(&other, "--model register --json");
    let verdict: serde_json::Value = serde_json::from_str(&said).unwrap();
    let assumptions = verdict["checkers"][0]["assumptions"].to_string();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        assumptions.contains("Read so: completions with another value than their invocations: 1, first of"),
        "{said}"
    );
}

/// A shell gives the process little memory, and a generator that never ends gives it a history.
#[test]
fn a_history_that_is_too_large_is_refused_before_memory_ends() {
    let endless = r#"yes '{"p":1,"t":"invoke","f":"read","v":null}
{"p":1,"t":"ok","f":"read","v":3}' | (ulimit -v 500000; exec "$0" check - --model register)"#;
    let output = Command::new("sh").args(["-c", endless, DSJEPSEN]).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(255), "{said}");
    assert!(said.contains("standard input, line ") && said.contains("split the history by its keys"), "{said}");
}

#[test]
fn a_manifest_is_0_only_if_all_rows_are_as_expected() {
    let folder = Folder::new();
    folder.file("good.edn", GOOD);
    folder.file("bad.edn", &[GOOD, BAD].concat());
    let table = |rows: &[&str]| {
        let rows: String = rows.iter().map(|row| format!("{}\n", row.replace(' ', "\t"))).collect();
        folder.file("table.tsv", &format!("file\tformat\tmodel\texpected\n{rows}"))
    };
    let manifest = |path: PathBuf| {
        let output = Command::new(DSJEPSEN).args(["check", "--manifest"]).arg(path).output().unwrap();
        (output.status.code(), text(&output))
    };
    let fine = ["good.edn edn-lines register(init=nil) true", "bad.edn edn-lines cas-register(init=0) false"];
    let (code, said) = manifest(table(&fine));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 rows, 2 as expected"), "{said}");
    let (code, said) = manifest(table(&[fine[0], "bad.edn edn-lines register(init=nil) true"]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("2 rows, 1 as expected"), "{said}");
    let (code, said) =
        manifest(table(&[fine[0], "good.edn edn-lines abacus true", "none.edn edn-lines register true"]));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not judged: model abacus"), "{said}");
    assert!(said.contains("3 rows, 1 as expected (1 not judged)"), "{said}");
    folder.file("aborted.edn", ABORTED);
    let row = |said: &str| {
        let path = folder.0.path().join("table.tsv");
        let columns = "aborted.edn\tedn-lines\ttxn-list-append elle(read-committed)";
        std::fs::write(&path, format!("file\tformat\tmodel\texpected\n{columns}\t{said}\n")).unwrap();
        manifest(path)
    };
    assert_eq!(row("false :anomaly-types [:G1a], :not #{:read-committed}").0, Some(0));
    let (code, said) = row("false :anomaly-types [:G1c]");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("G1c was not found, but dirty-update, G1a"), "{said}");
    assert_eq!(row("false :anomaly-types [:G1a], :not #{:serializable}").0, Some(1));
    assert_eq!(row("false :anomaly-types [:G7]").0, Some(255));
    assert_eq!(manifest(table(&[])).0, Some(1), "a table without rows shows nothing");
    assert_eq!(manifest(table(&["good.edn edn-lines register maybe"])).0, Some(255));
}
