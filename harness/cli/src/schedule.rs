//! From the command line to a plan: settings, faults, promises, the command that runs it again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_engine::nemesis::{Schedule, find_fault, parse_nemesis, plan_faults, skews_monotonic};
use dsjepsen_engine::target::{Target, Variants, runs_here};
use dsjepsen_history::{NodeId, Options, Plan, PlannedFault, RunSettings, SCHEMA, Versions};
use dsjepsen_workloads::{AnyWorkload, workloads};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::arguments::{WORKERS, read_options};
use crate::aside::aside;
use crate::exit::{Failure, unavailable, usage};
use crate::naming;
use crate::stored_plan::{self, StoredPlan};

/// Everything that the command line asks for, found and checked.
pub(crate) struct Request {
    pub(crate) workload: &'static dyn AnyWorkload,
    pub(crate) target: &'static dyn Target,
    pub(crate) target_text: String,
    /// Where the path of a target's file begins.
    directory: String,
    pub(crate) variants: Variants,
    nemesis_text: String,
    faults: Faults,
    options: Options,
    pub(crate) settings: RunSettings,
    target_version: String,
    /// Whether faults may change the rate of CLOCK_MONOTONIC.
    skew_monotonic: bool,
}

/// Where the faults of a run come from.
enum Faults {
    /// From a schedule, drawn anew for each seed.
    Asked(Schedule),
    /// From a stored plan, with its seed.
    Stored { faults: Vec<PlannedFault>, seed: u64 },
}

impl Request {
    /// Reads the arguments of `test`.
    pub(crate) fn read(arguments: &ArgMatches) -> Result<Self, Failure> {
        let mut request = match arguments.get_one::<PathBuf>("plan") {
            Some(path) => Self::from_plan(StoredPlan::read(path, arguments)?)?,
            None => Self::from_arguments(arguments)?,
        };
        if !request.workload.is_served_by(&request.target.abilities(&request.variants)) {
            return Err(usage(does_not_serve(request.target, &request.variants, request.workload)));
        }
        // What cannot be carried out is refused before anything is written or started.
        request.skew_monotonic = allows_monotonic(arguments, &request.faults(0)?)?;
        request.open_enough_files()?;
        Ok(request)
    }

    /// A stored plan as it stands. What the target promises is the target's to say.
    fn from_plan(stored: StoredPlan) -> Result<Self, Failure> {
        let plan = &stored.plan;
        let workload = naming::workload(&plan.workload).map_err(|problem| stored.wrong("workload", problem))?;
        let (target, variants) = stored.target()?;
        let target_version = runs_here(target).map_err(|problem| stored.unavailable("target", problem))?;
        let settings = stored.settings()?;
        let nodes: Vec<NodeId> = (0..usize::from(settings.nodes)).map(NodeId::at).collect();
        stored.check_faults(target, &nodes)?;
        if target.promises(&variants) != plan.promises {
            aside(format_args!(
                "warning: the plan names other promises than `{}` makes: the run is held to those that it makes",
                plan.target
            ));
        }
        Ok(Self {
            workload,
            target,
            target_text: plan.target.clone(),
            directory: plan.directory.clone(),
            variants,
            nemesis_text: stored.nemesis(&nodes),
            options: stored.options(workload)?,
            settings,
            target_version,
            skew_monotonic: false,
            faults: Faults::Stored { seed: plan.seed, faults: stored.plan.faults },
        })
    }

    fn from_arguments(arguments: &ArgMatches) -> Result<Self, Failure> {
        let word = |name: &str| arguments.get_one::<String>(name).map_or("", String::as_str);
        let workload = naming::workload(word("workload"))?;
        let (target, variants) = naming::target(word("target"))?;
        let options = read_options(arguments, workload)?;
        let schedule = parse_nemesis(word("nemesis")).map_err(usage)?;
        for one in schedule.asked() {
            one.fault.available().map_err(unavailable)?;
        }
        let target_version = runs_here(target).map_err(unavailable)?;
        let settings = read_settings(arguments, schedule.takes_turns(), target.default_nodes())?;
        let nodes: Vec<NodeId> = (0..usize::from(settings.nodes)).map(NodeId::at).collect();
        schedule.check_target(target, &nodes).map_err(usage)?;
        Ok(Self {
            workload,
            target,
            target_text: word("target").to_owned(),
            directory: directory(),
            variants,
            nemesis_text: word("nemesis").to_owned(),
            faults: Faults::Asked(schedule),
            options,
            settings,
            target_version,
            skew_monotonic: false,
        })
    }

    /// Raises the limit of open files to what it may be, and refuses a run that would not fit: a client that cannot open a
    /// connection would look like a node that refuses it.
    fn open_enough_files(&self) -> Result<(), Failure> {
        /// A client has two connections, each with a socket of its own and two in its link; or two client programs, each with
        /// three pipes, a descriptor of its process and two sockets in its link.
        const PER_WORKER: u64 = 12;
        /// The program itself, and connections that hang at a cut.
        const SPARE: u64 = 300;
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(usage)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most).map_err(usage)?;
        let nodes = u64::from(self.settings.nodes);
        let links = 2 * nodes * nodes * self.target.ports().len() as u64;
        // Nodes keep connections to one another, each with two sockets in its link.
        let needed = SPARE + links + 4 * nodes * nodes + PER_WORKER * u64::from(self.settings.concurrency);
        if needed > most {
            return Err(usage(format!(
                "{} workers and {nodes} nodes need about {needed} open files, and the limit is {most}: lower --concurrency \
                 or --nodes, or raise the limit (ulimit -Hn)",
                self.settings.concurrency
            )));
        }
        Ok(())
    }

    /// The target in the names of its runs: that of a file is the name in it.
    pub(crate) fn target_label(&self) -> &str {
        if naming::is_path(&self.target_text) { self.target.name() } else { &self.target_text }
    }

    /// The nodes, in order.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        (0..usize::from(self.settings.nodes)).map(NodeId::at).collect()
    }

    /// The seed of every run, where a stored plan fixes it.
    pub(crate) fn seed(&self) -> Option<u64> {
        match &self.faults {
            Faults::Asked(_) => None,
            Faults::Stored { seed, .. } => Some(*seed),
        }
    }

    fn faults(&self, seed: u64) -> Result<Vec<PlannedFault>, Failure> {
        let schedule = match &self.faults {
            Faults::Asked(schedule) => schedule,
            Faults::Stored { faults, .. } => return Ok(faults.clone()),
        };
        let limit = Duration::from_millis(self.settings.time_limit_ms);
        let interval = Duration::from_millis(self.settings.nemesis_interval_ms);
        plan_faults(schedule, &self.nodes(), seed, limit, interval).map_err(usage)
    }

    /// The plan of one run. Its name is filled in when its directory is made.
    pub(crate) fn plan(&self, seed: u64) -> Result<Plan, Failure> {
        let faults = self.faults(seed)?;
        let mut names: Vec<_> = faults.iter().map(|fault| fault.fault.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let bands = names.into_iter().filter_map(find_fault).map(|fault| fault.band()).collect();
        Ok(Plan {
            schema: SCHEMA,
            run: String::new(),
            started: String::new(),
            seed,
            workload: self.workload.name().to_owned(),
            target: self.target_text.clone(),
            directory: self.directory.clone(),
            nemesis: self.nemesis_text.clone(),
            settings: self.settings.clone(),
            options: self.options.clone(),
            promises: self.target.promises(&self.variants),
            faults,
            bands,
            versions: Versions {
                dsjepsen: env!("CARGO_PKG_VERSION").to_owned(),
                target: self.target_version.clone(),
                system: system(),
            },
            command: Vec::new(),
        })
    }

    /// The command that makes this plan again, once its run has a directory.
    pub(crate) fn command(&self, plan: &Plan, run: &Path) -> Vec<String> {
        let mut words = match &self.faults {
            Faults::Asked(schedule) => self.full_command(plan.seed, schedule.takes_turns() > 0),
            Faults::Stored { .. } => stored_plan::command(run),
        };
        words.extend(self.skew_monotonic.then(|| format!("--{SKEW_MONOTONIC}")));
        words
    }

    /// The command that runs the same plan again, with every setting spelled out that is no default of its own.
    fn full_command(&self, seed: u64, takes_turns: bool) -> Vec<String> {
        let settings = &self.settings;
        let mut words: Vec<String> = ["dsjepsen", "test"].map(str::to_owned).into();
        let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        add("workload", self.workload.name().to_owned());
        add("target", self.target_text.clone());
        add("nemesis", self.nemesis_text.clone());
        add("nodes", settings.nodes.to_string());
        add("concurrency", settings.concurrency.to_string());
        add("time-limit", seconds(settings.time_limit_ms));
        add("rate", settings.rate.to_string());
        if takes_turns {
            add("nemesis-interval", seconds(settings.nemesis_interval_ms));
        }
        add("recovery-time", seconds(settings.recovery_time_ms));
        add("op-timeout-ms", settings.op_timeout_ms.to_string());
        for spec in self.workload.options() {
            let value = self.options.0.get(spec.name);
            if let Some(value) = value.filter(|value| **value != spec.default_value()) {
                add(
                    spec.name,
                    match value {
                        dsjepsen_history::OptionValue::Number(number) => number.to_string(),
                        dsjepsen_history::OptionValue::Word(word) => word.clone(),
                    },
                );
            }
        }
        add("seed", seed.to_string());
        words
    }
}

fn seconds(milliseconds: u64) -> String {
    (milliseconds as f64 / 1000.0).to_string()
}

/// The flag without which no fault changes the rate of CLOCK_MONOTONIC.
const SKEW_MONOTONIC: &str = "skew-monotonic";

/// Whether the flag is there; it must be where a fault needs it, of a stored plan too, and else means that something was forgotten.
fn allows_monotonic(arguments: &ArgMatches, faults: &[PlannedFault]) -> Result<bool, Failure> {
    match (arguments.get_flag(SKEW_MONOTONIC), skews_monotonic(faults)) {
        (false, true) => Err(usage(format!(
            "clock: a wrong rate of CLOCK_MONOTONIC may break programs in ways in which hardware does not, for the kernel ends their \
             waits by the true one: if that is meant, say --{SKEW_MONOTONIC}; without the word `monotonic` the wall clock drifts"
        ))),
        (true, false) => Err(usage(format!(
            "--{SKEW_MONOTONIC} allows what no fault of this run does: name one as in `clock(n1, monotonic drift +10%)`, or leave it away"
        ))),
        (allowed, _) => Ok(allowed),
    }
}

pub(crate) fn does_not_serve(target: &dyn Target, variants: &Variants, workload: &dyn AnyWorkload) -> String {
    let abilities = target.abilities(variants);
    let served = workloads().iter().filter(|workload| workload.is_served_by(&abilities));
    let served: Vec<_> = served.map(|workload| format!("--workload {}", workload.name())).collect();
    let mend = if served.is_empty() { "it serves none".to_owned() } else { format!("try {}", served.join(" or ")) };
    format!("target `{}` does not serve workload `{}`: {mend}", target.name(), workload.name())
}

/// The directory in which this program runs; nothing where it has none.
fn directory() -> String {
    std::env::current_dir().map(|path| path.display().to_string()).unwrap_or_default()
}

fn read_settings(arguments: &ArgMatches, kinds: usize, default_nodes: u16) -> Result<RunSettings, Failure> {
    let count = |name: &str| arguments.get_one::<u64>(name).copied().unwrap_or_default();
    let milliseconds = |name: &str| arguments.get_one::<f64>(name).map(|seconds| (seconds * 1000.0).round() as u64);
    let nodes = arguments.get_one::<u16>("nodes").copied().unwrap_or(default_nodes);
    let time_limit_ms = milliseconds("time-limit").unwrap_or(30_000);
    if time_limit_ms == 0 {
        return Err(usage("--time-limit 0 leaves no time for anything"));
    }
    let default_interval = (0.8 * time_limit_ms as f64 / (2.0 * kinds.max(1) as f64)).clamp(500.0, 3000.0);
    let nemesis_interval_ms = milliseconds("nemesis-interval").unwrap_or(default_interval as u64);
    if nemesis_interval_ms == 0 {
        return Err(usage("--nemesis-interval 0 leaves no time for a fault"));
    }
    Ok(RunSettings {
        nodes,
        concurrency: read_concurrency(arguments.get_one::<String>("concurrency").map_or("2n", String::as_str), nodes)?,
        time_limit_ms,
        recovery_time_ms: milliseconds("recovery-time").unwrap_or(5_000),
        rate: count("rate"),
        op_timeout_ms: count("op-timeout-ms"),
        nemesis_interval_ms,
    })
}

/// `10`, or `2n` for two a node.
fn read_concurrency(text: &str, nodes: u16) -> Result<u32, Failure> {
    let parsed = match text.strip_suffix('n') {
        Some("") => Some(u32::from(nodes)),
        Some(factor) => factor.parse::<u32>().ok().and_then(|factor| factor.checked_mul(u32::from(nodes))),
        None => text.parse().ok(),
    };
    parsed.filter(|workers| WORKERS.contains(&u64::from(*workers))).ok_or_else(|| {
        let (least, most) = (WORKERS.start(), WORKERS.end());
        usage(format!("--concurrency takes a number of workers, {least} to {most}, or `2n`, not `{text}`"))
    })
}

/// Kernel and architecture.
pub(crate) fn system() -> String {
    let name = nix::sys::utsname::uname();
    name.map_or_else(
        |_| std::env::consts::ARCH.to_owned(),
        |name| {
            let (system, release) = (name.sysname().to_string_lossy(), name.release().to_string_lossy());
            format!("{system} {release} {}", name.machine().to_string_lossy())
        },
    )
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use dsjepsen_engine::{NoClock, try_clocks};

    use super::*;

    #[test]
    fn concurrency_counts_workers_or_multiples_of_nodes() {
        assert_eq!(read_concurrency("2n", 5).unwrap(), 10);
        assert_eq!(read_concurrency("n", 5).unwrap(), 5);
        assert_eq!(read_concurrency("7", 5).unwrap(), 7);
        for bad in ["0", "", "-1", "2m", "99999999999n", "0n"] {
            assert!(read_concurrency(bad, 5).is_err(), "{bad}");
        }
    }

    fn request(line: &str) -> Result<Request, String> {
        request_of(line.split_whitespace())
    }

    fn request_of<'a>(words: impl Iterator<Item = &'a str>) -> Result<Request, String> {
        let words = std::iter::once("dsjepsen").chain(words);
        let matches = crate::arguments::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        let (_, arguments) = matches.subcommand().ok_or("no command")?;
        Request::read(arguments).map_err(|failure| failure.to_string())
    }

    fn planned(request: &Request) -> Plan {
        let mut plan = request.plan(17).unwrap();
        plan.command = request.command(&plan, Path::new("store/run"));
        plan
    }

    #[test]
    fn the_command_of_a_plan_makes_the_same_plan() {
        let line = "test --target ttl-lock --nemesis pause(one),partition --time-limit 20 --locks 2 --holder careful";
        let plan = planned(&request(line).unwrap());
        let again = planned(&request(&plan.command[1..].join(" ")).unwrap());
        assert_eq!(plan, again);
    }

    #[test]
    fn the_monotonic_clock_is_skewed_only_where_schedule_and_command_line_both_say_so() {
        if let Err(NoClock::Refused(why)) = try_clocks() {
            writeln!(std::io::stderr(), "skipped, a clock cannot be skewed here: {why}").unwrap();
            return;
        }
        let of = |nemesis: &str, more: &[&str]| {
            request_of(["test", "--nemesis", nemesis].into_iter().chain(more.iter().copied()))
        };
        let drift = "pause; clock(n1, monotonic drift +10%) at 5s";
        let refused = of(drift, &[]).err().unwrap();
        assert!(refused.contains("say --skew-monotonic") && refused.contains("CLOCK_MONOTONIC"), "{refused}");
        let needless = of("pause; clock(n1, drift +10%) at 5s", &["--skew-monotonic"]).err().unwrap();
        assert!(needless.contains("`clock(n1, monotonic drift +10%)`"), "{needless}");
        let plan = planned(&of(drift, &["--skew-monotonic"]).unwrap());
        let again = planned(&request_of(plan.command[1..].iter().map(String::as_str)).unwrap());
        assert_eq!((&again, again.command.last().unwrap().as_str()), (&plan, "--skew-monotonic"));

        // A stored plan is held to the same.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        std::fs::write(&file, serde_json::to_string(&plan).unwrap()).unwrap();
        let stored = |more: &[&str]| {
            request_of(["test", "--plan", file.to_str().unwrap()].into_iter().chain(more.iter().copied()))
        };
        assert!(stored(&[]).err().unwrap().contains("say --skew-monotonic"));
        let command = planned(&stored(&["--skew-monotonic"]).unwrap()).command;
        assert_eq!(command[1..], ["test", "--plan", "store/run/plan.json", "--skew-monotonic"]);
    }

    #[test]
    fn the_command_of_a_schedule_with_times_makes_the_same_plan() {
        let text = "partition(leader) for 3s every 8s; pause(one) for 2s; kill(minority) at 5s";
        let words = ["test", "--nemesis", text, "--time-limit", "20"];
        let plan = planned(&request_of(words.into_iter()).unwrap());
        assert!(dsjepsen_history::shell_line(&plan.command).contains(&format!("--nemesis '{text}'")));
        let again = planned(&request_of(plan.command[1..].iter().map(String::as_str)).unwrap());
        assert_eq!(plan, again);
        assert!(plan.faults.len() >= 5, "{:?}", plan.faults);
    }

    /// What the README tells people to type is understood.
    #[test]
    fn the_schedules_of_the_readme_can_be_given() {
        let readme = include_str!("../../../README.md");
        let schedules: Vec<&str> =
            readme.split("--nemesis '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
        assert!(schedules.iter().filter(|text| text.contains(';')).count() >= 3, "{schedules:?}");
        let refused = if let Err(NoClock::Refused(why)) = try_clocks() { Some(why) } else { None };
        for text in schedules {
            if let Some(why) = refused.as_ref().filter(|_| text.contains("clock")) {
                // Past what keeps the words of a test that passes to itself.
                writeln!(std::io::stderr(), "skipped, schedule `{text}` of the README: {why}").unwrap();
                continue;
            }
            let flag = text.contains("monotonic").then_some("--skew-monotonic");
            let problem = request_of(["test", "--nemesis", text].into_iter().chain(flag)).err();
            assert_eq!(problem, None, "{text}");
        }
        let shown =
            request_of(["test", "--nemesis", "pause; partition(thirds) for 3s every 8s"].into_iter()).err().unwrap();
        assert!(readme.contains(&format!("error: {shown}\n")), "{shown}");
    }

    #[test]
    fn bad_input_is_refused_with_the_mend() {
        let problem = |line: &str| request(line).err().unwrap_or_default();
        assert!(problem("test --nemesis partitoin").contains("did you mean `partition`"));
        assert!(problem("test --nemesis partition,pause,kill --time-limit 3").contains("at least 3.75 s"));
        assert!(problem("test --nemesis pause;partitoin").contains("(column 7):\n\n    pause;partitoin\n          ^"));
        assert!(problem("test --locks 0").contains("from 1 on"));
        assert!(problem("test --holder bold").contains("naive or careful"));
        assert!(problem("test --nemesis pause(n9)").contains("no node n9"));
        let nemesis = |text: &str| request_of(["test", "--nemesis", text].into_iter()).err().unwrap_or_default();
        for (text, column, says) in [
            (
                "pause; restart(one, with nosuch)",
                16,
                "target `raft` has no option `nosuch` to be started with: it has unfenced, ",
            ),
            ("restart(one, elsewere)", 9, "`elsewere` means nothing behind whom it hits: use `elsewhere`, or `with`"),
            ("pause; kill(n9, boot)", 13, "no node n9"),
            ("kill(one, boots) at 3s", 6, "`boots` means nothing behind whom it hits: use `boot`"),
            ("limit(one, files 0)", 7, "`files 0` means nothing"),
        ] {
            let said = nemesis(text);
            assert!(said.contains(says) && said.contains(&format!("(column {column}):")), "{text}: {said}");
        }
        assert_eq!(
            nemesis("restart(one, with stale-reads); limit(leader, memory +1GiB) at 2s; kill(boot) every 9s"),
            ""
        );
        assert!(problem("test --time-limit 0").contains("no time"));
        assert!(problem("test --frobnicate").contains("--frobnicate"));
    }
}
