//! `dsjepsen target check`: whether a system keeps the contract that it claims, step by step.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ArgMatches;
use dsjepsen_engine::Subscriber;
use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_history::{RunEvent, SCHEMA};
use dsjepsen_targets::conformance::{Check, CheckResult, Subject, examine, start_cluster};
use dsjepsen_targets::{load_target, node_programs};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure, harness, usage};
use crate::naming;
use crate::say::say;

/// The command.
pub(crate) fn target(arguments: &ArgMatches) -> Result<Exit, Failure> {
    match arguments.subcommand() {
        Some(("check", arguments)) => check(arguments),
        _ => Err(usage("there is no such command")),
    }
}

/// What is to be checked.
struct Asked {
    target: &'static dyn Target,
    variants: Variants,
    contract_port: Option<u16>,
}

impl Asked {
    fn read(text: &str) -> Result<Self, Failure> {
        if naming::is_path(text) {
            let target = Box::leak(Box::new(load_target(Path::new(text)).map_err(usage)?));
            return Ok(Self { target, variants: Variants::default(), contract_port: target.contract_port() });
        }
        let (target, variants) = naming::target(text)?;
        // Our own nodes serve the contract on their first port.
        let is_ours = node_programs().iter().any(|program| program.name == target.name());
        Ok(Self { target, variants, contract_port: target.ports().first().copied().filter(|_| is_ours) })
    }
}

fn check(arguments: &ArgMatches) -> Result<Exit, Failure> {
    let text = arguments.get_one::<String>("target").map_or("", String::as_str);
    let asked = Asked::read(text)?;
    asked.target.available().map_err(usage)?;
    let nodes = arguments.get_one::<u16>("nodes").copied().unwrap_or(asked.target.default_nodes());
    let store = Store::new(asked.target.name())?;
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| harness(format!("cannot start the runtime: {error}")))?;
    let checks = runtime.block_on(async {
        tokio::select! {
            checks = carry_out(&asked, nodes, &store, remember(&warnings)) => checks.map(Some),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    })?;
    let Some(checks) = checks else { return Ok(Exit::Interrupted) };
    let warnings = warnings.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = checks.iter().filter(|check| check.failed()).count();
    if arguments.get_flag("json") {
        say(as_json(text, nodes, &checks, &warnings));
    } else {
        print_table(&checks);
        for warning in warnings.iter() {
            say(format_args!("warning: {warning}"));
        }
        say(format_args!("\n{}", summary(text, nodes, &checks)));
    }
    if failed == 0 {
        return Ok(Exit::Valid);
    }
    let kept = store.keep();
    if !arguments.get_flag("json") {
        say(format_args!("The logs of the nodes and client programs are in {}", kept.display()));
    }
    Ok(Exit::Invalid)
}

async fn carry_out(asked: &Asked, nodes: u16, store: &Store, events: Subscriber) -> Result<Vec<Check>, Failure> {
    let Asked { target, variants, contract_port } = asked;
    let executable =
        crate::executable::executable().map_err(|error| harness(format!("cannot find this executable: {error}")))?;
    let started =
        start_cluster(*target, variants.clone(), nodes, &store.path, &store.run, executable, vec![events]).await;
    let ready = |result| Check {
        ability: "ready",
        step: format!("start {nodes} nodes"),
        expected: "each is ready within 20 s".to_owned(),
        result,
    };
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(error) => return Ok(vec![ready(CheckResult::Failed(error))]),
    };
    let mut checks = vec![ready(CheckResult::Passed("they are".to_owned()))];
    let subject = Subject { target: *target, variants, contract_port: *contract_port };
    checks.extend(examine(subject, &cluster).await);
    cluster.stop().await;
    Ok(checks)
}

/// What is worth a word beside the steps.
fn remember(warnings: &Arc<Mutex<Vec<String>>>) -> Subscriber {
    let warnings = Arc::clone(warnings);
    Box::new(move |stamped| {
        let text = match &stamped.event {
            RunEvent::Warning { text } => text.clone(),
            RunEvent::NodeEnded { node, status, expected: false } => format!("{node} ended by itself: {status}"),
            _ => return,
        };
        warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    })
}

/// A store in the folder of temporary files, removed unless it is kept.
struct Store {
    path: PathBuf,
    run: String,
}

impl Store {
    fn new(target: &str) -> Result<Self, Failure> {
        // The run's name is also the marker of its processes, and must be no other run's on this machine.
        let run = format!("check-{target}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.6f"));
        let path = std::env::temp_dir().join(format!("dsjepsen-{run}"));
        std::fs::create_dir(&path).map_err(|error| harness(format!("cannot create {}: {error}", path.display())))?;
        Ok(Self { path, run })
    }

    /// Leaves it where it is; says where that is.
    fn keep(self) -> PathBuf {
        let run = self.path.join(&self.run);
        std::mem::forget(self);
        run
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn summary(text: &str, nodes: u16, checks: &[Check]) -> String {
    let count = |wanted: fn(&CheckResult) -> bool| checks.iter().filter(|check| wanted(&check.result)).count();
    let passed = count(|result| matches!(result, CheckResult::Passed(_)));
    let failed = count(|result| matches!(result, CheckResult::Failed(_)));
    let skipped = count(|result| matches!(result, CheckResult::Skipped(_)));
    format!("{text} on {nodes} nodes: {passed} steps passed, {failed} failed, {skipped} skipped.")
}

fn print_table(checks: &[Check]) {
    let columns = |check: &Check| {
        let (mark, came) = match &check.result {
            CheckResult::Passed(came) => ("passed", came.clone()),
            CheckResult::Failed(came) => ("FAILED", came.clone()),
            CheckResult::Skipped(why) => ("skipped", why.clone()),
        };
        let check_column = format!("{}: {}", check.ability, check.step);
        [check_column, mark.to_owned(), check.expected.clone(), came]
    };
    let heading = ["check", "", "expected", "what came"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(heading).chain(checks.iter().map(columns)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default().min(60);
    let widths = [width(0), width(1), width(2)];
    for [check, mark, expected, came] in &rows {
        // Several lines (the end of a log) keep together behind the row.
        let came = came.replace('\n', "\n        ");
        let line = format!("{check:<0$}  {mark:<1$}  {expected:<2$}  {came}", widths[0], widths[1], widths[2]);
        say(line.trim_end());
    }
}

fn as_json(text: &str, nodes: u16, checks: &[Check], warnings: &[String]) -> Value {
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| {
            let (result, came) = match &check.result {
                CheckResult::Passed(came) => ("passed", came),
                CheckResult::Failed(came) => ("failed", came),
                CheckResult::Skipped(why) => ("skipped", why),
            };
            json!({
                "ability": check.ability, "step": check.step, "expected": check.expected, "result": result, "came": came,
            })
        })
        .collect();
    json!({"schema": SCHEMA, "target": text, "nodes": nodes, "checks": checks, "warnings": warnings})
}
