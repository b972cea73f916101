//! From what was asked for to the runs that there are, and to what cannot be run here, before anything runs.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_engine::nemesis::{Schedule, parse_nemesis};
use dsjepsen_engine::target::{Target, Variants, runs_here};
use dsjepsen_history::{Cell, CellState, Gravity, NodeId, Unavailable, shell_line};

use super::nemesis::schedule;
use super::settings::{Matrix, Settings};
use crate::arguments::test_command;
use crate::exit::{Failure, usage};
use crate::naming;
use crate::schedule::{Request, does_not_serve};

/// The runs, and what is none.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) cells: Vec<Cell>,
    pub(super) unavailable: Vec<Unavailable>,
}

/// A combination of a matrix that can be run, but for its seeds.
struct Combination {
    workload: String,
    target: String,
    nemesis: String,
    command: Vec<String>,
    /// Its options, each as it stands in the command.
    options: Vec<String>,
    own_time_ms: u64,
}

/// Finds and checks everything that was asked for. Runs are in the order of their seeds, so that what there is no time for is missing everywhere
/// alike.
///
/// # Errors
/// For what is wrong in itself: a name that nothing has, a schedule that cannot be read, times that do not fit; and where nothing at
/// all can be run.
pub(super) fn resolve(settings: &Settings) -> Result<Resolved, Failure> {
    let mut resolved = Resolved::default();
    let mut versions = BTreeMap::new();
    let mut seen: BTreeMap<(Vec<String>, u64), Gravity> = BTreeMap::new();
    let mut rounds: Vec<Vec<(Cell, Vec<String>)>> = Vec::new();
    for matrix in &settings.matrices {
        let combinations = combinations(matrix, &mut versions, &mut resolved.unavailable)?;
        refuse_idle_options(matrix)?;
        for (round, seed) in matrix.seeds.iter().enumerate() {
            for combination in &combinations {
                let cell = combination.cell(*seed, matrix.expect);
                match seen.insert((combination.command.clone(), *seed), matrix.expect) {
                    None => {}
                    Some(expected) if expected == matrix.expect => continue,
                    Some(_) => {
                        let problem = format!(
                            "{}: it is asked for twice, and once to be another than {}",
                            cell.title(),
                            matrix.expect
                        );
                        return Err(usage(format!("{}: {problem}", matrix.place)));
                    }
                }
                if rounds.len() <= round {
                    rounds.resize_with(round + 1, Vec::new);
                }
                rounds[round].push((cell, combination.options.clone()));
            }
        }
    }
    resolved.cells = tell_apart(rounds.into_iter().flatten().collect());
    for (cell, id) in resolved.cells.iter_mut().zip(1..) {
        cell.id = id;
    }
    if resolved.cells.is_empty() {
        let reasons: Vec<String> = resolved.unavailable.iter().map(words).collect();
        return Err(usage(format!(
            "nothing of the matrix can be run here, and nothing is no pass:\n{}",
            reasons.join("\n")
        )));
    }
    Ok(resolved)
}

/// Has each run name those of its options that not all runs of its workload, target and faults have.
fn tell_apart(cells: Vec<(Cell, Vec<String>)>) -> Vec<Cell> {
    type Names = (String, String, String);
    let names = |cell: &Cell| -> Names { (cell.workload.clone(), cell.target.clone(), cell.nemesis.clone()) };
    let mut of_all: BTreeMap<Names, Vec<String>> = BTreeMap::new();
    for (cell, options) in &cells {
        of_all
            .entry(names(cell))
            .and_modify(|all| all.retain(|option| options.contains(option)))
            .or_insert_with(|| options.clone());
    }
    let told = cells.into_iter().map(|(mut cell, mut options)| {
        let all = &of_all[&names(&cell)];
        options.retain(|option| !all.contains(option));
        cell.options = options.join(" ");
        cell
    });
    told.collect()
}

/// What cannot be run here, in a line.
pub(super) fn words(unavailable: &Unavailable) -> String {
    let Unavailable { workload, target, nemesis, reason } = unavailable;
    format!("  {workload} on {target} under {nemesis}: {reason}")
}

fn combinations(
    matrix: &Matrix,
    versions: &mut BTreeMap<String, Result<String, String>>,
    unavailable: &mut Vec<Unavailable>,
) -> Result<Vec<Combination>, Failure> {
    let wrong = |problem: &dyn std::fmt::Display| usage(format!("{}: {problem}", matrix.place));
    let mut found = Vec::new();
    let schedules: Result<Vec<_>, _> = matrix.nemeses.iter().map(|cell| Faults::read(cell, matrix)).collect();
    let schedules = schedules.map_err(|problem| wrong(&problem))?;
    let targets: Result<Vec<_>, _> =
        matrix.targets.iter().map(|text| naming::target(text).map(|found| (text, found))).collect();
    let targets = targets.map_err(|problem| wrong(&problem))?;
    refuse_what_suits_no_target(matrix, &schedules, &targets)?;
    for workload in &matrix.workloads {
        let served = naming::workload(workload).map_err(|problem| wrong(&problem))?;
        for (text, (target, variants)) in &targets {
            let version =
                versions.entry((*text).clone()).or_insert_with(|| runs_here(*target).map_err(|why| why.to_string()));
            let lacks = match served.is_served_by(&target.abilities(variants)) {
                false => Some(does_not_serve(*target, variants, served)),
                true => version.as_ref().err().cloned(),
            };
            for faults in &schedules {
                let why = lacks.clone().or_else(|| faults.unavailable_on(*target, matrix));
                match why {
                    Some(reason) => {
                        let (workload, target) = (workload.clone(), (*text).clone());
                        let one = Unavailable { workload, target, nemesis: faults.name.clone(), reason };
                        if !unavailable.contains(&one) {
                            unavailable.push(one);
                        }
                    }
                    None => found.push(Combination::new(matrix, workload, text, faults)?),
                }
            }
        }
    }
    Ok(found)
}

/// A schedule of a matrix, with its name there.
struct Faults {
    name: String,
    text: String,
    schedule: Schedule,
}

impl Faults {
    fn read(cell: &str, matrix: &Matrix) -> Result<Self, String> {
        let text = schedule(cell, interval(matrix))?;
        let schedule = parse_nemesis(&text).map_err(|error| error.to_string())?;
        Ok(Self { name: cell.to_owned(), text, schedule })
    }

    /// Why these faults cannot act on a target of this machine.
    fn unavailable_on(&self, target: &dyn Target, matrix: &Matrix) -> Option<String> {
        let missing = self.schedule.asked().iter().find_map(|asked| asked.fault.available().err());
        missing
            .map(|why| why.to_string())
            .or_else(|| self.schedule.check_target(target, &nodes(target, matrix)).err().map(|why| why.to_string()))
    }

    /// Whether these faults may change the rate of CLOCK_MONOTONIC, which must be allowed; the seed never draws that form.
    fn skew_monotonic(&self) -> bool {
        self.schedule
            .asked()
            .iter()
            .any(|asked| asked.argument.as_ref().is_some_and(|argument| argument.contains("monotonic")))
    }
}

fn nodes(target: &dyn Target, matrix: &Matrix) -> Vec<NodeId> {
    let asked = matrix.options.get("nodes").and_then(Option::as_ref).and_then(|text| text.parse::<u16>().ok());
    (0..usize::from(asked.unwrap_or_else(|| target.default_nodes()))).map(NodeId::at).collect()
}

/// The rhythm of faults that take turns, if there were one of them.
fn interval(matrix: &Matrix) -> Duration {
    let seconds =
        |name: &str| matrix.options.get(name).and_then(Option::as_ref).and_then(|text| text.parse::<f64>().ok());
    let of_limit = || (0.4 * seconds("time-limit").unwrap_or(30.0)).clamp(0.5, 3.0);
    Duration::from_secs_f64(seconds("nemesis-interval").unwrap_or_else(of_limit).max(0.001))
}

/// Faults that suit no target of the matrix at all are no matter of this machine: somebody mistyped.
fn refuse_what_suits_no_target(
    matrix: &Matrix,
    schedules: &[Faults],
    targets: &[(&String, (&'static dyn Target, Variants))],
) -> Result<(), Failure> {
    for faults in schedules {
        let tried =
            targets.iter().map(|(_, (target, _))| faults.schedule.check_target(*target, &nodes(*target, matrix)));
        let problems: Vec<_> = tried.map(Result::err).collect();
        if let Some(Some(problem)) = problems.first().filter(|_| problems.iter().all(Option::is_some)) {
            return Err(usage(format!("{}: nemesis: {problem}", matrix.place)));
        }
    }
    Ok(())
}

/// An option of a workload must be one of some workload of the matrix.
fn refuse_idle_options(matrix: &Matrix) -> Result<(), Failure> {
    for name in matrix.options.keys() {
        let owners = owners(name);
        if !owners.is_empty() && !matrix.workloads.iter().any(|workload| owners.contains(&workload.as_str())) {
            let of = owners.join(", ");
            return Err(usage(format!(
                "{}: {name}: it is an option of workload {of}, which is not in the matrix",
                matrix.place
            )));
        }
        if name == "skew-monotonic" && !matrix.nemeses.iter().any(|cell| cell.contains("monotonic")) {
            return Err(usage(format!(
                "{}: {name}: it allows what no fault of the matrix does: leave it away",
                matrix.place
            )));
        }
    }
    Ok(())
}

/// The workloads that have this option; none where it is no option of a workload.
fn owners(name: &str) -> Vec<&'static str> {
    crate::arguments::workload_options().get(name).map_or_else(Vec::new, |(owners, _)| owners.clone())
}

impl Combination {
    /// Has `test` itself take or refuse the command.
    fn new(matrix: &Matrix, workload: &str, target: &str, faults: &Faults) -> Result<Self, Failure> {
        let mut command: Vec<String> =
            ["dsjepsen", "test", "--workload", workload, "--target", target].map(str::to_owned).into();
        command.extend(["--nemesis".to_owned(), faults.text.clone()]);
        let mut options = Vec::new();
        for (name, value) in &matrix.options {
            let owners = owners(name);
            if (!owners.is_empty() && !owners.contains(&workload))
                || (name == "skew-monotonic" && !faults.skew_monotonic())
            {
                continue;
            }
            let words: Vec<String> = std::iter::once(format!("--{name}")).chain(value.clone()).collect();
            options.push(shell_line(&words));
            command.extend(words);
        }
        let wrong = |problem: &dyn std::fmt::Display| {
            usage(format!("{}: {workload} on {target} under {}: {problem}", matrix.place, faults.name))
        };
        let arguments = read_command(&command).map_err(|problem| wrong(&problem))?;
        let request = Request::read(&arguments).map_err(|problem| wrong(&problem))?;
        let own_time_ms = request.settings.time_limit_ms + request.settings.recovery_time_ms;
        let (workload, target) = (workload.to_owned(), target.to_owned());
        Ok(Self { workload, target, nemesis: faults.name.clone(), command, options, own_time_ms })
    }

    fn cell(&self, seed: u64, expect: Gravity) -> Cell {
        let mut command = self.command.clone();
        command.extend(["--seed".to_owned(), seed.to_string()]);
        if expect != Gravity::Valid {
            command.extend(["--expect".to_owned(), expect.to_string()]);
        }
        Cell {
            id: 0,
            workload: self.workload.clone(),
            target: self.target.clone(),
            nemesis: self.nemesis.clone(),
            seed,
            expect,
            own_time_ms: self.own_time_ms,
            options: String::new(),
            command,
            attempts: 0,
            state: CellState::Waiting,
        }
    }
}

fn read_command(command: &[String]) -> Result<ArgMatches, String> {
    let words = command.iter().skip(1);
    test_command()
        .try_get_matches_from(words)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn resolved(line: &[&str]) -> Result<Resolved, String> {
        let words = ["campaign"].into_iter().chain(line.iter().copied());
        let matches = super::super::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        let settings = Settings::read(&matches, 7).map_err(|failure| failure.to_string())?;
        resolve(&settings).map_err(|failure| failure.to_string())
    }

    #[test]
    fn cells_are_the_product_and_each_can_be_run_by_its_command() {
        let line = [
            "--workload",
            "lock,counter",
            "--target",
            "raft,raft:unfenced",
            "--nemesis",
            "none,pause+partition",
            "--seeds",
            "31..33",
            "--time-limit",
            "5",
            "--locks",
            "2",
        ];
        let found = resolved(&line).unwrap();
        assert_eq!((found.cells.len(), found.unavailable.len()), (2 * 2 * 2 * 3, 0));
        let distinct: BTreeSet<_> =
            found.cells.iter().map(|cell| (&cell.workload, &cell.target, &cell.nemesis, cell.seed)).collect();
        assert_eq!(distinct.len(), found.cells.len());
        assert_eq!(found.cells.iter().map(|cell| cell.id).collect::<Vec<_>>(), (1..=24).collect::<Vec<_>>());
        assert!(found.cells[..8].iter().all(|cell| cell.seed == 31), "the first seed comes first everywhere");
        for cell in &found.cells {
            assert_eq!(cell.own_time_ms, 10_000);
            assert_eq!(cell.command.contains(&"--locks".to_owned()), cell.workload == "lock");
            read_command(&cell.command).unwrap();
        }
        assert!(
            found.cells[1].command.contains(&"pause every 4000ms; partition every 4000ms".to_owned()),
            "{:?}",
            found.cells[1]
        );
    }

    #[test]
    fn what_cannot_be_run_is_listed_with_the_reason() {
        let found = resolved(&["--workload", "lock,election", "--target", "raft,bully,ttl-lock"]).unwrap();
        let listed: Vec<_> = found.unavailable.iter().map(|one| (one.workload.as_str(), one.target.as_str())).collect();
        assert_eq!(listed, [("lock", "bully"), ("election", "ttl-lock")]);
        assert!(found.unavailable[0].reason.contains("--workload election"), "{:?}", found.unavailable);
        assert_eq!(found.cells.len(), 4);
        let found = resolved(&["--target", "raft,ttl-lock", "--nemesis", "none,pause(n5)", "--nodes", "5"]).unwrap();
        assert_eq!(found.cells.len(), 4);
    }

    #[test]
    fn what_is_wrong_in_itself_is_refused_and_so_is_nothing() {
        for (line, says) in [
            (&["--workload", "lokc"][..], "did you mean `lock`?"),
            (&["--target", "raft,rapt"], "did you mean `raft`?"),
            (&["--nemesis", "pause,partitoin"], "partition"),
            (&["--nemesis", "none,partition(thirds)"], "majorities-ring"),
            (&["--workload", "election", "--target", "ttl-lock"], "nothing is no pass"),
            (&["--nemesis", "pause", "--time-limit", "1", "--nemesis-interval", "3"], "at least"),
            (&["--workload", "counter", "--locks", "3"], "workload lock"),
            (&["--skew-monotonic"], "no fault of the matrix"),
            (&["--nemesis", "clock(n1, monotonic drift +10%)"], "--skew-monotonic"),
        ] {
            let error = resolved(line).map(|_| ()).unwrap_err();
            assert!(error.contains(says), "{line:?}: {error}");
        }
    }

    #[test]
    fn a_run_that_is_asked_for_twice_is_one_unless_it_should_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.toml");
        let file = path.display().to_string();
        std::fs::write(&path, "[[matrix]]\nworkload = \"lock\"\n[[matrix]]\nworkload = \"lock,counter\"\n").unwrap();
        assert_eq!(resolved(&[&file]).unwrap().cells.len(), 2);
        std::fs::write(&path, "[[matrix]]\nworkload = \"lock\"\n[[matrix]]\nexpect = \"invalid\"\n").unwrap();
        assert!(resolved(&[&file]).unwrap_err().contains("asked for twice"));
    }

    #[test]
    fn runs_of_the_same_names_tell_in_what_they_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.toml");
        let one = "[[matrix]]\nnodes = 3\ntime-limit = 10\nnemesis = \"none,pause\"\n";
        let other = "[[matrix]]\nnodes = 3\ntime-limit = 20\nnemesis = \"none\"\n";
        std::fs::write(&path, format!("{one}rate = 50\n{other}")).unwrap();
        let found = resolved(&[&path.display().to_string()]).unwrap();
        let told: Vec<_> = found.cells.iter().map(|cell| (cell.nemesis.as_str(), cell.options.as_str())).collect();
        assert_eq!(told, [("none", "--rate 50 --time-limit 10"), ("pause", ""), ("none", "--time-limit 20")]);
        let titles: BTreeSet<_> = found.cells.iter().map(Cell::title).collect();
        assert_eq!(titles.len(), 3);
    }

    #[test]
    fn only_those_runs_may_skew_that_mean_to() {
        let found = resolved(&["--nemesis", "none,clock(n1, monotonic drift +10%)", "--skew-monotonic"]).unwrap();
        let allowed: Vec<bool> =
            found.cells.iter().map(|cell| cell.command.contains(&"--skew-monotonic".to_owned())).collect();
        assert_eq!(allowed, [false, true]);
    }
}
