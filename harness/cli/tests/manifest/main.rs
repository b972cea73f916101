//! Judges every history of the collection with known verdicts. The collection is not part of the project: it is looked for in
//! `DSJEPSEN_HISTORIES`, then in `../shared/histories` beside the project, and the test says so where it is missing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the counts are for whoever runs it by hand")]

mod objects;
mod sessions;
mod transactions;
mod witness;
mod workloads;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dsjepsen_history::foreign::read_foreign;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

/// A row that is otherwise here on purpose.
struct Exception {
    file: &'static str,
    /// The verdict that comes, and the anomalies that are named.
    verdict: &'static str,
    anomalies: &'static [&'static str],
    /// What speaks for ours; for people.
    #[expect(dead_code, reason = "it is there to be read in the list")]
    because: &'static str,
}

const EXCEPTIONS: [Exception; 2] = [
    Exception {
        file: "knossos/cas-register-good-mongodb-v0-ack-rollback-.edn",
        verdict: "unknown",
        anomalies: &[],
        because: "The file holds no operation. Knossos calls that valid; here nothing was observed, and nothing is not called \
                  valid.",
    },
    Exception {
        file: "elle/huge-scc.edn.gz",
        verdict: "invalid",
        anomalies: &["G-single-item-realtime"],
        because: "Elle's search for G-single-item-realtime times out, so it names the G2-item-realtime of a circle that it happens \
                  to have. Here the search ends, and what it finds implies the other; both rule out strong snapshot isolation.",
    },
];

fn main() -> ExitCode {
    let name = "every_row_of_a_model_that_is_there_is_as_expected";
    let trial = match folder() {
        Some(folder) => Trial::test(name, move || judges(&folder)),
        None => {
            let name = format!("{name} (skipped: no histories in DSJEPSEN_HISTORIES or ../shared/histories)");
            Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    };
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("DSJEPSEN_HISTORIES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/histories");
    named.into_iter().chain([beside]).find(|folder| folder.join("MANIFEST.tsv").is_file())
}

fn judges(folder: &Path) -> Result<(), Failed> {
    let table = folder.join("MANIFEST.tsv");
    let output =
        Command::new(env!("CARGO_BIN_EXE_dsjepsen")).args(["check", "--json", "--manifest"]).arg(&table).output()?;
    let text = String::from_utf8(output.stdout)?;
    let rows: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), std::fs::read_to_string(&table)?.lines().count() - 1, "rows are missing");
    let mut counts: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    let (mut wrong, mut shown, mut needed, mut named) = (Vec::new(), 0, 0, 0);
    for row in &rows {
        let word = |name: &str| row[name].as_str().unwrap_or_default();
        let count = counts.entry(model(word("model"))).or_default();
        let exception = EXCEPTIONS.iter().find(|exception| {
            exception.file == word("file")
                && exception.verdict == word("verdict")
                && row["anomalies"] == Value::from(exception.anomalies)
        });
        if row["verdict"] == "invalid" {
            let file = folder.join(word("file"));
            let history = read_foreign(File::open(file)?, word("file"), None)?;
            match witness::shows(&history, row) {
                Ok(()) => {
                    shown += 1;
                    for spoilt in witness::spoilt(row).iter().filter(|row| witness::shows(&history, row).is_ok()) {
                        let (witness, cycle) = (&spoilt["witness"], &spoilt["cycle"]);
                        wrong.push(format!("{} {}: {witness} {cycle} passes", word("file"), word("model")));
                    }
                    let fewer = witness::fewer(row);
                    let refused = fewer.iter().filter(|row| witness::shows(&history, row).is_err()).count();
                    if refused == 0 {
                        wrong.push(format!("{} {}: no operation of the witness matters", word("file"), word("model")));
                    }
                    (needed, named) = (needed + refused, named + fewer.len());
                }
                Err(why) => wrong.push(format!("{} {}: the witness shows nothing: {why}", word("file"), word("model"))),
            }
        }
        match (row["as_expected"] == true, row["not_judged"] == true) {
            (true, _) => count[0] += 1,
            (_, true) => count[1] += 1,
            _ if exception.is_some() => count[2] += 1,
            _ => wrong.push(format!(
                "{} {}: {} {} came, {} {} expected: {}",
                word("file"),
                word("model"),
                row["verdict"],
                row["anomalies"],
                word("expected"),
                row["expected_anomalies"],
                row["differs"].as_str().unwrap_or(word("sentence"))
            )),
        }
    }
    for (model, [expected, not_judged, exceptions]) in &counts {
        println!("{model}: {expected} as expected, {not_judged} not judged, {exceptions} otherwise on purpose");
    }
    println!("{shown} witnesses show what they are said to; {needed} of their {named} operations are needed for that");
    let otherwise: u32 = counts.values().map(|count| count[2]).sum();
    assert_eq!(otherwise as usize, EXCEPTIONS.len(), "the list of exceptions holds what is none any more");
    assert!(wrong.is_empty(), "{} rows are not as expected:\n{}", wrong.len(), wrong.join("\n"));
    let all = rows.iter().all(|row| row["as_expected"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!all)), "the exit code");
    Ok(())
}

/// A model without its options.
fn model(column: &str) -> String {
    column.split(['(', '{', ' ']).next().unwrap_or_default().to_owned()
}
