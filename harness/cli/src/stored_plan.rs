//! `--plan FILE`: the plan of an earlier run, perhaps edited, run again as it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use dsjepsen_engine::nemesis::{faults, find_fault, parse_nemesis, plan_faults};
use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_history::{NodeId, OptionValue, Options, Plan, RunSettings, read_plan_file};
use dsjepsen_targets::DOCUMENT;
use dsjepsen_workloads::{AnyWorkload, OptionSpec, workloads};

use crate::arguments::{LONGEST_S, NODES, OP_TIMEOUT_MS, WORKERS};
use crate::aside::aside;
use crate::exit::{Failure, unavailable, usage};
use crate::naming;

/// The options of `test` whose place in a plan is this one.
const IN_THE_PLAN: [(&str, &str); 11] = [
    ("workload", "workload"),
    ("target", "target"),
    ("nemesis", "faults"),
    ("nodes", "settings.nodes"),
    ("concurrency", "settings.concurrency"),
    ("time-limit", "settings.time_limit_ms"),
    ("rate", "settings.rate"),
    ("nemesis-interval", "settings.nemesis_interval_ms"),
    ("recovery-time", "settings.recovery_time_ms"),
    ("op-timeout-ms", "settings.op_timeout_ms"),
    ("seed", "seed"),
];

/// A plan, and the file that it came from.
pub(crate) struct StoredPlan {
    path: PathBuf,
    pub(crate) plan: Plan,
}

impl StoredPlan {
    /// Reads the plan in this file, or in this directory of a run.
    ///
    /// # Errors
    /// Names the file and the field, also where the command line says what the plan says already.
    pub(crate) fn read(path: &Path, arguments: &ArgMatches) -> Result<Self, Failure> {
        let path = if path.is_dir() { path.join("plan.json") } else { path.to_owned() };
        let plan = read_plan_file(&path).map_err(usage)?;
        let stored = Self { path, plan };
        stored.refuse_contradictions(arguments)?;
        Ok(stored)
    }

    /// The target that the plan names. That of a file is as it was then, where the plan is still in the directory of its run.
    pub(crate) fn target(&self) -> Result<(&'static dyn Target, Variants), Failure> {
        let wrong = |problem| self.wrong("target", problem);
        if !naming::is_path(&self.plan.target) {
            return naming::target(&self.plan.target).map_err(wrong);
        }
        let original = Path::new(&self.plan.directory).join(&self.plan.target);
        let copy = self.path.with_file_name(DOCUMENT);
        let kept = if copy.is_file() { &copy } else { &original };
        if std::fs::read(&original).ok() != std::fs::read(kept).ok() {
            aside(format_args!(
                "note: {} is not what it was: the system is that of {}, unless you copy the plan elsewhere",
                original.display(),
                copy.display()
            ));
        }
        naming::kept_target(kept, &original).map(|target| (target, Variants::default())).map_err(wrong)
    }

    /// Something is wrong in this field.
    pub(crate) fn wrong(&self, field: &str, problem: impl Display) -> Failure {
        usage(format!("{}: {field}: {problem}", self.path.display()))
    }

    /// What this field asks for is not to be had here.
    pub(crate) fn unavailable(&self, field: &str, problem: impl Display) -> Failure {
        unavailable(format!("{}: {field}: {problem}", self.path.display()))
    }

    fn refuse_contradictions(&self, arguments: &ArgMatches) -> Result<(), Failure> {
        let options = workloads().iter().flat_map(|workload| workload.options());
        let options = options.map(|spec| (spec.name, format!("options.{}", spec.name)));
        let all = IN_THE_PLAN.into_iter().map(|(name, field)| (name, field.to_owned())).chain(options);
        for (name, field) in all {
            if arguments.value_source(name) == Some(ValueSource::CommandLine) {
                let file = self.path.display();
                return Err(usage(format!(
                    "--{name} and --plan do not go together: leave --{name} away, or edit `{field}` in {file}"
                )));
            }
        }
        Ok(())
    }

    /// The settings, each within what the command line takes too.
    pub(crate) fn settings(&self) -> Result<RunSettings, Failure> {
        let settings = &self.plan.settings;
        let limits: [(&str, u64, RangeInclusive<u64>); 6] = [
            ("nodes", settings.nodes.into(), NODES),
            ("concurrency", settings.concurrency.into(), WORKERS),
            ("time_limit_ms", settings.time_limit_ms, 1..=LONGEST_S * 1_000),
            ("recovery_time_ms", settings.recovery_time_ms, 0..=LONGEST_S * 1_000),
            ("op_timeout_ms", settings.op_timeout_ms, OP_TIMEOUT_MS),
            ("nemesis_interval_ms", settings.nemesis_interval_ms, 1..=LONGEST_S * 1_000),
        ];
        for (name, value, range) in limits {
            if !range.contains(&value) {
                let problem = format!("it must be from {} to {}, not {value}", range.start(), range.end());
                return Err(self.wrong(&format!("settings.{name}"), problem));
            }
        }
        Ok(settings.clone())
    }

    /// The options of the workload; those that the plan does not name, as an older plan may not, have their defaults.
    pub(crate) fn options(&self, workload: &dyn AnyWorkload) -> Result<Options, Failure> {
        let specs: BTreeMap<&str, OptionSpec> = workload.options().into_iter().map(|spec| (spec.name, spec)).collect();
        let mut options: BTreeMap<String, OptionValue> =
            specs.values().map(|spec| (spec.name.to_owned(), spec.default_value())).collect();
        for (name, value) in &self.plan.options.0 {
            let field = format!("options.{name}");
            let spec = specs
                .get(name.as_str())
                .ok_or_else(|| self.wrong(&field, format!("workload `{}` has no such option", workload.name())))?;
            let text = match value {
                OptionValue::Number(number) => number.to_string(),
                OptionValue::Word(word) => word.clone(),
            };
            options.insert(name.clone(), spec.parse(&text).map_err(|problem| self.wrong(&field, problem))?);
        }
        Ok(Options(options))
    }

    /// Refuses faults that cannot be carried out as they stand.
    pub(crate) fn check_faults(&self, target: &dyn Target, nodes: &[NodeId]) -> Result<(), Failure> {
        let limit_ns = self.plan.settings.time_limit_ms.saturating_mul(1_000_000);
        let mut ids = BTreeSet::new();
        for (number, planned) in self.plan.faults.iter().enumerate() {
            let wrong = |field: &str, problem: String| Err(self.wrong(&format!("faults[{number}].{field}"), problem));
            let Some(fault) = find_fault(&planned.fault) else {
                let known: Vec<_> = faults().iter().map(|fault| fault.name()).collect();
                return wrong("fault", format!("there is no fault `{}`: use {}", planned.fault, known.join(", ")));
            };
            if let Err(problem) = fault.available() {
                return Err(self.unavailable(&format!("faults[{number}].fault"), problem));
            }
            if !ids.insert(planned.id) {
                return wrong("id", format!("another fault has the number {} too: each needs its own", planned.id));
            }
            if planned.heal_ns <= planned.start_ns {
                return wrong("heal_ns", "it must be later than `start_ns`".to_owned());
            }
            if planned.heal_ns > limit_ns {
                let problem = format!("it is after the end of the main phase: use at most {limit_ns}");
                return wrong("heal_ns", format!("{problem}, or raise `settings.time_limit_ms`"));
            }
            let checked = fault.check(&planned.params, nodes);
            if let Err(problem) = checked.and_then(|()| fault.check_target(&planned.params, target)) {
                return wrong("params", problem);
            }
        }
        Ok(())
    }

    /// What the faults are called: as they were asked for, if that still gives the same; else that they are a stored plan's.
    pub(crate) fn nemesis(&self, nodes: &[NodeId]) -> String {
        let Plan { settings, seed, nemesis, faults, .. } = &self.plan;
        let milliseconds = Duration::from_millis;
        let (limit, interval) = (milliseconds(settings.time_limit_ms), milliseconds(settings.nemesis_interval_ms));
        let again = parse_nemesis(nemesis).and_then(|schedule| plan_faults(&schedule, nodes, *seed, limit, interval));
        if again.is_ok_and(|again| again == *faults) {
            return nemesis.clone();
        }
        let names: BTreeSet<&str> = faults.iter().map(|fault| fault.fault.as_str()).collect();
        if names.is_empty() {
            return "none".to_owned();
        }
        format!("stored plan: {}", names.into_iter().collect::<Vec<_>>().join(", "))
    }
}

/// The command that runs a plan again from its run's directory.
pub(crate) fn command(run: &Path) -> Vec<String> {
    let plan = run.join("plan.json").display().to_string();
    ["dsjepsen", "test", "--plan", &plan].map(str::to_owned).into()
}
