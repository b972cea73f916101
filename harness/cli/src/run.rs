//! One run: directory, cluster, clients and faults, verdict, page. What was recorded is always judged and reported, also
//! when the set-up or the harness failed.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dsjepsen_engine::nemesis::{MONOTONIC_WARNING, needs_own_clocks, skews_monotonic};
use dsjepsen_engine::runner::Conditions;
use dsjepsen_engine::{Cluster, ClusterPlan, Events, Gate, RunClock, Stop, StopReason, Subscriber};
use dsjepsen_history::{
    Finding, Gravity, Plan, RunDirectory, RunDirectoryError, RunEvent, SCHEMA, UnknownReason, Verdict, shell_line,
};
use dsjepsen_workloads::RunInput;

use crate::exit::{Failure, harness};
use crate::schedule::Request;
use crate::terminal::{Style, Terminal};

/// How long the nodes may take to become ready.
const READY_TIME: Duration = Duration::from_secs(20);

/// How much of the schedule's text stands in the name of a run.
const LONGEST_NEMESIS: usize = 60;

/// What one run needs.
pub(crate) struct RunRequest<'a> {
    pub(crate) request: &'a Request,
    pub(crate) seed: u64,
    pub(crate) store: PathBuf,
    /// The run's name, where its caller has chosen one.
    pub(crate) name: Option<&'a str>,
    pub(crate) style: Style,
    pub(crate) stop: Stop,
    pub(crate) process_began: Instant,
    pub(crate) leave_running: bool,
}

/// What came of one run.
pub(crate) struct Ran {
    pub(crate) plan: Plan,
    pub(crate) directory: RunDirectory,
    pub(crate) verdict: Verdict,
    /// The page, if it could be drawn.
    pub(crate) page: Option<String>,
    /// From its beginning to its verdict.
    pub(crate) took: Duration,
}

/// Runs from the plan to the page.
pub(crate) async fn run(one: RunRequest<'_>) -> Result<Ran, Failure> {
    let began = Instant::now();
    let mut plan = one.request.plan(one.seed)?;
    let directory = make_directory(&one, &mut plan).map_err(harness)?;
    let _hold = directory.hold().map_err(harness)?;
    for (name, content) in one.request.target.documents() {
        directory.write_document(&name, &content).map_err(harness)?;
    }
    let clock = RunClock::start();
    let terminal = std::sync::Arc::new(std::sync::Mutex::new(Terminal::new(one.style)));
    let subscribers = vec![write_events(&directory, &plan)?, show_events(&terminal)];
    let conditions = Conditions {
        clock,
        events: Events::new(clock, subscribers),
        stop: one.stop.clone(),
        settings: plan.settings.clone(),
        seed: plan.seed,
        nodes: one.request.nodes(),
        gates: (0..plan.settings.concurrency).map(|_| Gate::default()).collect(),
        process_began: one.process_began,
    };
    conditions
        .events
        .emit(RunEvent::Note { text: format!("{} on {}, seed {}", plan.workload, plan.target, plan.seed) });
    if skews_monotonic(&plan.faults) {
        conditions.events.warn(MONOTONIC_WARNING);
    }
    conditions.events.emit(RunEvent::Phase { phase: "setup".to_owned() });
    let (mut verdict, cluster) = carry_out(&one, &plan, &directory, &conditions).await?;
    let page = conclude(&directory, &conditions, &mut verdict);
    let command = shell_line(&plan.command);
    conditions.events.emit(RunEvent::Finished {
        verdict: verdict.verdict,
        sentence: verdict.sentence.clone(),
        page: page.as_ref().map(|page| page.display().to_string()),
        command: command.clone(),
    });
    let (page, took) = (page.map(|page| page.display().to_string()), began.elapsed());
    terminal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).conclude(&verdict, page.as_deref(), &command);
    if let Some(cluster) = cluster.filter(|_| one.leave_running && one.stop.reason().is_none()) {
        let text = left_running(&cluster);
        conditions.events.emit(RunEvent::Note { text });
        one.stop.asked().await;
    }
    let written = terminal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).written();
    written.await;
    Ok(Ran { plan, directory, verdict, page, took })
}

/// That the nodes are left, and where clients dial each.
fn left_running(cluster: &Cluster) -> String {
    let mut text = "the nodes are left running; Ctrl-C ends them".to_owned();
    for node in cluster.nodes() {
        let dialled: Vec<String> = cluster.dialled(node).iter().map(ToString::to_string).collect();
        text += &format!("\n    {node} at {}", dialled.join(", "));
    }
    text
}

/// Through the cluster's life, as far as it came. Dropping the cluster ends it.
async fn carry_out(
    one: &RunRequest<'_>,
    plan: &Plan,
    directory: &RunDirectory,
    conditions: &Conditions,
) -> Result<(Verdict, Option<Cluster>), Failure> {
    let request = one.request;
    let started = async {
        let executable =
            crate::executable::executable().map_err(|error| format!("cannot find this executable: {error}"))?;
        Cluster::start(ClusterPlan {
            run: plan.run.clone(),
            target: request.target,
            variants: request.variants.clone(),
            nodes: request.nodes(),
            directory: directory.clone(),
            executable,
            own_clocks: needs_own_clocks(&plan.faults),
            ready_time: READY_TIME,
            clock: conditions.clock,
            events: conditions.events.clone(),
        })
        .await
        .map_err(|error| error.to_string())
    };
    let started = tokio::select! {
        started = started => started,
        () = one.stop.asked() => Err("interrupted while the nodes were starting".to_owned()),
    };
    let cluster = match started {
        Ok(cluster) => cluster,
        Err(error) => return Ok((never_up(one, plan, directory, conditions, error)?, None)),
    };
    let abilities = request.target.abilities(&request.variants);
    let input = RunInput { plan, abilities: &abilities, conditions, cluster: cluster.clone(), directory };
    let verdict = request.workload.run(input, one.leave_running).await.map_err(harness)?;
    Ok((verdict, Some(cluster)))
}

/// The cluster never came up: nothing was observed, and the reason is told.
fn never_up(
    one: &RunRequest<'_>,
    plan: &Plan,
    directory: &RunDirectory,
    conditions: &Conditions,
    error: String,
) -> Result<Verdict, Failure> {
    conditions.events.warn(error.clone());
    let mut verdict = one.request.workload.judge(directory, plan, true).map_err(harness)?.verdict;
    verdict.interrupted = one.stop.reason() == Some(StopReason::Interrupted);
    if !verdict.interrupted {
        let first = error.split([';', '\n']).next().unwrap_or_default();
        let sentence = format!("The cluster never came up: {first}.");
        lead_with_set_up(&mut verdict, Finding::unknown(UnknownReason::SetupFailed, sentence));
        verdict.harness_error = Some(error);
    }
    Ok(verdict)
}

/// Puts a finding of the set-up in the place of all that is unknown only because of it: that the run ended at its beginning, and
/// that final reads are missing.
pub(crate) fn lead_with_set_up(verdict: &mut Verdict, finding: Finding) {
    verdict.findings.retain(|found| found.gravity == Gravity::Invalid);
    for checker in &mut verdict.checkers {
        checker.found.retain(|rule| verdict.findings.iter().any(|found| found.rule == *rule));
    }
    verdict.verdict = verdict.verdict.max(finding.gravity);
    verdict.sentence.clone_from(&finding.sentence);
    verdict.findings.insert(0, finding);
}

/// Writes verdict and page. A page that cannot be drawn is told, and changes nothing; a verdict that cannot be kept is a
/// failure of the harness.
fn conclude(directory: &RunDirectory, conditions: &Conditions, verdict: &mut Verdict) -> Option<PathBuf> {
    conditions.events.emit(RunEvent::Phase { phase: "check".to_owned() });
    if let Err(error) = directory.write_verdict(verdict) {
        conditions.events.warn(error.to_string());
        verdict.harness_error.get_or_insert(error.to_string());
    }
    match dsjepsen_reports::write_page_and_plots(directory) {
        Ok(written) => {
            if let Some(problem) = written.problem {
                conditions.events.warn(format!("the page is there, its plots are not: {problem}"));
            }
            Some(written.page)
        }
        Err(error) => {
            conditions.events.warn(format!("there is no page: {error}"));
            None
        }
    }
}

/// `store/<time>-<workload>-<target>-<nemesis>-<seed>`; a name that is taken gets a number behind it, unless the caller chose it.
fn make_directory(one: &RunRequest<'_>, plan: &mut Plan) -> Result<RunDirectory, RunDirectoryError> {
    let now = jiff::Timestamp::now();
    plan.started = now.to_string();
    let base = match one.name {
        Some(name) => name.to_owned(),
        None => run_name(now, &plan.workload, one.request.target_label(), &plan.nemesis, plan.seed),
    };
    let mut attempt = 1;
    loop {
        plan.run = if attempt == 1 { base.clone() } else { format!("{base}-{attempt}") };
        plan.command = one.request.command(plan, &one.store.join(&plan.run));
        match RunDirectory::create(&one.store, plan) {
            Err(RunDirectoryError::Io { source, .. }) if is_taken(&source) && one.name.is_none() && attempt < 100 => {
                attempt += 1;
            }
            other => return other,
        }
    }
}

/// What a run is called.
pub(crate) fn run_name(began: jiff::Timestamp, workload: &str, target: &str, nemesis: &str, seed: u64) -> String {
    let plain = |text: &str| -> String {
        let kept = text
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' });
        kept.collect::<String>().trim_end_matches('_').to_owned()
    };
    // Microseconds: the name is also the marker of the run's processes, and must be no other run's on this machine.
    let time = began.strftime("%Y%m%dT%H%M%S%.6f");
    // A name of a file has 255 bytes at most, and a schedule may be long.
    let nemesis: String = plain(nemesis).chars().take(LONGEST_NEMESIS).collect();
    format!("{time}-{workload}-{}-{nemesis}-{seed}", plain(target))
}

/// Whether a directory could not be made because there is one of its name.
pub(crate) fn is_taken(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// Appends every event to `events.jsonl`, at once.
fn write_events(directory: &RunDirectory, plan: &Plan) -> Result<Subscriber, Failure> {
    let path = directory.events_file();
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| harness(format!("cannot create {}: {error}", path.display())))?;
    let opened = serde_json::json!({"time_ns": 0, "event": "opened", "schema": SCHEMA, "run": plan.run});
    writeln!(file, "{opened}").map_err(|error| harness(format!("cannot write {}: {error}", path.display())))?;
    Ok(Box::new(move |stamped| {
        if let Ok(mut text) = serde_json::to_vec(stamped) {
            text.push(b'\n');
            // A full disk is noticed by the recorder, which ends the run.
            let _ = file.write_all(&text);
        }
    }))
}

fn show_events(terminal: &std::sync::Arc<std::sync::Mutex<Terminal>>) -> Subscriber {
    let terminal = std::sync::Arc::clone(terminal);
    Box::new(move |stamped| {
        terminal.lock().unwrap_or_else(std::sync::PoisonError::into_inner).show(stamped);
    })
}
