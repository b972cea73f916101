//! What a campaign is to be, from its file and the command line, which goes before. Each word is taken or refused by the same definition,
//! wherever it stands.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use dsjepsen_history::Gravity;
use toml::{Table, Value};

use super::command::{GRACE_S, LISTS, OF_A_MATRIX, OF_THE_CAMPAIGN, is_switch, of_each_run, option};
use super::nemesis::split_list;
use super::seeds::{FirstSeed, Seeds};
use crate::exit::{Failure, usage};

/// The key of several matrices.
const MATRIX: &str = "matrix";

/// Options with their values as they would stand on the command line; a switch has `true` or `false`.
type Layer = BTreeMap<String, Vec<String>>;

/// What a campaign is to be.
#[derive(Debug)]
pub(super) struct Settings {
    /// What it is called; empty where nobody says.
    pub(super) name: String,
    pub(super) for_time: Option<Duration>,
    pub(super) jobs: Option<u16>,
    pub(super) grace: Duration,
    pub(super) store: PathBuf,
    pub(super) fail_fast: bool,
    pub(super) require_all: bool,
    /// Whether the seeds are those of a day.
    pub(super) is_of_a_day: bool,
    pub(super) matrices: Vec<Matrix>,
}

/// Workloads × targets × faults × seeds.
#[derive(Debug)]
pub(super) struct Matrix {
    /// Where it was asked for, to be named in errors.
    pub(super) place: String,
    pub(super) workloads: Vec<String>,
    pub(super) targets: Vec<String>,
    pub(super) nemeses: Vec<String>,
    pub(super) seeds: Vec<u64>,
    is_of_a_day: bool,
    pub(super) expect: Gravity,
    /// The options of each run, by name; a switch has no value.
    pub(super) options: BTreeMap<String, Option<String>>,
}

impl Settings {
    /// Reads the file, if one is named, and the command line.
    ///
    /// # Errors
    /// Names the file, the key, and the mend.
    pub(super) fn read(arguments: &ArgMatches, day: u64) -> Result<Self, Failure> {
        let given = of_command_line(arguments);
        let file = arguments.get_one::<PathBuf>("file");
        let (top, matrices) = match file {
            Some(path) => read_file(path)?,
            None => (Layer::new(), Vec::new()),
        };
        let over = |below: &Layer, above: &Layer| {
            let mut both = below.clone();
            both.extend(above.iter().map(|(name, values)| (name.clone(), values.clone())));
            both
        };
        let whole = over(&top, &given);
        let place = file.map_or_else(|| "the command line".to_owned(), |path| path.display().to_string());
        let matrices: Vec<(String, Layer)> = if matrices.is_empty() {
            vec![(place, whole.clone())]
        } else {
            let numbered = matrices.iter().enumerate();
            numbered
                .map(|(number, own)| (format!("{place}: {MATRIX}[{number}]"), over(&over(&top, own), &given)))
                .collect()
        };
        let matrices: Result<Vec<_>, _> =
            matrices.into_iter().map(|(place, layer)| Matrix::read(place, &layer, day)).collect();
        let matrices = matrices?;
        let stem = file.and_then(|path| path.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
        let one = |name: &str| whole.get(name).and_then(|values| values.last()).map(String::as_str);
        let time = one("for").map(read_time_limit).transpose().map_err(usage)?;
        Ok(Self {
            name: plain_name(one("name").map_or_else(|| stem.unwrap_or_default(), str::to_owned))?,
            for_time: time,
            jobs: one("jobs").and_then(|text| text.parse().ok()),
            grace: Duration::from_secs_f64(one("grace").and_then(|text| text.parse().ok()).unwrap_or(GRACE_S)),
            store: one("store").map_or_else(|| "store".into(), PathBuf::from),
            fail_fast: one("fail-fast") == Some("true"),
            require_all: one("require-all") == Some("true"),
            is_of_a_day: matrices.iter().any(|matrix| matrix.is_of_a_day),
            matrices,
        })
    }
}

impl Matrix {
    fn read(place: String, layer: &Layer, day: u64) -> Result<Self, Failure> {
        let wrong = |key: &str, problem: String| usage(format!("{place}: {key}: {problem}"));
        let list = |key: &str, default: &str| -> Result<Vec<String>, Failure> {
            let values = layer.get(key).cloned().unwrap_or_else(|| vec![default.to_owned()]);
            let mut all: Vec<String> = Vec::new();
            for value in values {
                for part in split_list(&value).map_err(|problem| wrong(key, problem))? {
                    if !all.contains(&part) {
                        all.push(part);
                    }
                }
            }
            if all.is_empty() {
                Err(wrong(key, "the list is empty, so there is nothing to run".to_owned()))
            } else {
                Ok(all)
            }
        };
        let one = |name: &str| layer.get(name).and_then(|values| values.last()).map(String::as_str);
        let seeds: Seeds = one("seeds").unwrap_or("1").parse().map_err(|problem| wrong("seeds", problem))?;
        let first: Option<FirstSeed> =
            one("seed").map(str::parse).transpose().map_err(|problem| wrong("seed", problem))?;
        let mut options = BTreeMap::new();
        for argument in of_each_run() {
            let name = argument.get_id().to_string();
            match (one(&name), is_switch(&argument)) {
                (Some("true"), true) => options.insert(name, None),
                (Some(value), false) => options.insert(name, Some(value.to_owned())),
                _ => None,
            };
        }
        Ok(Self {
            workloads: list("workload", "lock")?,
            targets: list("target", "raft")?,
            nemeses: list("nemesis", "none")?,
            is_of_a_day: first == Some(FirstSeed::Today),
            seeds: seeds.list(first, day).map_err(|problem| wrong("seeds", problem))?,
            expect: match one("expect") {
                Some("invalid") => Gravity::Invalid,
                Some("unknown") => Gravity::Unknown,
                _ => Gravity::Valid,
            },
            options,
            place,
        })
    }
}

/// A length of time as the language of schedules has it.
pub(super) fn read_time_limit(text: &str) -> Result<Duration, String> {
    let ns = dsjepsen_engine::read_time(text).map_err(|problem| format!("`{text}`: it {problem}"))?;
    if ns == 0 { Err("no time is no run: say how long, as in `2h`".to_owned()) } else { Ok(Duration::from_nanos(ns)) }
}

/// The name becomes part of a file's.
fn plain_name(name: String) -> Result<String, Failure> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.len() <= 60 && name.chars().all(is_plain) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(usage(format!(
        "`{name}` cannot be a campaign's name: use at most 60 letters, digits, `-`, `_` and `.`, as in --name night"
    )))
}

/// What the command line itself says.
fn of_command_line(arguments: &ArgMatches) -> Layer {
    let keys = keys().into_iter().filter(|key| arguments.value_source(key) == Some(ValueSource::CommandLine));
    keys.map(|key| {
        let raw = arguments.get_raw(&key).into_iter().flatten().map(|value| value.to_string_lossy().into_owned());
        let is_switch = option(&key).is_some_and(|argument| is_switch(&argument));
        let values = if is_switch { vec!["true".to_owned()] } else { raw.collect() };
        (key, values)
    })
    .collect()
}

/// Every key that may stand at the top of a file.
fn keys() -> Vec<String> {
    let own = OF_THE_CAMPAIGN.iter().chain(&OF_A_MATRIX).map(|name| (*name).to_owned());
    own.chain(of_each_run().iter().map(|argument| argument.get_id().to_string())).collect()
}

/// What a file says at its top, and in each matrix.
fn read_file(path: &Path) -> Result<(Layer, Vec<Layer>), Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| usage(format!("{shown}: {error}")))?;
    let mut table: Table = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or_else(String::new, |span| format!(" line {}:", line_of(&text, span.start)));
        usage(format!("{shown}:{line} {}", error.message()))
    })?;
    let matrices = match table.remove(MATRIX) {
        None => Vec::new(),
        Some(Value::Array(matrices)) if !matrices.is_empty() => matrices,
        Some(_) => {
            return Err(usage(format!("{shown}: {MATRIX}: it is a table of several: begin each with `[[{MATRIX}]]`")));
        }
    };
    let top = read_layer(&shown.to_string(), table, &keys())?;
    let of_matrices: Vec<String> = keys().into_iter().filter(|key| !OF_THE_CAMPAIGN.contains(&key.as_str())).collect();
    let matrices = matrices.into_iter().enumerate().map(|(number, value)| match value {
        Value::Table(table) => read_layer(&format!("{shown}: {MATRIX}[{number}]"), table, &of_matrices),
        _ => Err(usage(format!("{shown}: {MATRIX}[{number}]: it is no table: begin it with `[[{MATRIX}]]`"))),
    });
    Ok((top, matrices.collect::<Result<_, _>>()?))
}

fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}

fn read_layer(place: &str, table: Table, known: &[String]) -> Result<Layer, Failure> {
    let mut layer = Layer::new();
    for (key, value) in table {
        let wrong = |problem: String| usage(format!("{place}: {key}: {problem}"));
        let argument = known.contains(&key).then(|| option(&key)).flatten();
        let argument = argument.ok_or_else(|| wrong(unknown_key(&key, known)))?;
        let values = values_of(&key, value).map_err(wrong)?;
        if is_switch(&argument) {
            if !matches!(values.as_slice(), [value] if value == "true" || value == "false") {
                return Err(wrong("it is `true` or `false`".to_owned()));
            }
        } else {
            values.iter().try_for_each(|value| try_value(&argument, value)).map_err(wrong)?;
        }
        layer.insert(key, values);
    }
    Ok(layer)
}

/// A key's values as words.
fn values_of(key: &str, value: Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Integer(number) => Ok(vec![number.to_string()]),
        Value::Float(number) => Ok(vec![number.to_string()]),
        Value::Boolean(truth) => Ok(vec![truth.to_string()]),
        Value::Array(values) if LISTS.contains(&key) => values
            .into_iter()
            .map(|value| match value {
                Value::String(text) => Ok(text),
                other => Err(format!(
                    "it is a list of texts, and a value of type {} is none: put it in quotes",
                    other.type_str()
                )),
            })
            .collect(),
        other => Err(format!("it takes a text or a number, not {}", other.type_str())),
    }
}

fn unknown_key(key: &str, known: &[String]) -> String {
    if OF_THE_CAMPAIGN.contains(&key) {
        return "it holds for the whole campaign: put it before the first `[[matrix]]`".to_owned();
    }
    let near = |other: &&String| strsim::jaro_winkler(key, other);
    let nearest = known.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|other| near(other) > 0.7);
    match nearest {
        Some(other) => format!("there is no such key; did you mean `{other}`?"),
        None => "there is no such key; `dsjepsen campaign --help` shows the options that there are".to_owned(),
    }
}

/// Has the option's own definition take or refuse a value.
fn try_value(argument: &Arg, value: &str) -> Result<(), String> {
    let alone = argument.clone();
    let name = alone.get_id().to_string();
    // Alone it contradicts nothing.
    let mut fresh = Arg::new(name.clone()).long(name.clone()).value_parser(alone.get_value_parser().clone());
    fresh = fresh.allow_hyphen_values(true);
    let words = [OsString::from(format!("--{name}={value}"))];
    let tried = Command::new("campaign").no_binary_name(true).arg(fresh).try_get_matches_from(words);
    tried.map(|_| ()).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.split_once("': ").or_else(|| first.split_once("error: ")).map_or(first, |(_, problem)| problem).to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: Option<&str>, line: &str) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("night.toml");
        let mut words = vec!["campaign".to_owned()];
        if let Some(text) = file {
            std::fs::write(&path, text).unwrap();
            words.push(path.display().to_string());
        }
        words.extend(line.split_whitespace().map(str::to_owned));
        let matches = super::super::command().try_get_matches_from(words).map_err(|error| error.to_string())?;
        Settings::read(&matches, 100).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_command_line_goes_before_the_file_and_a_matrix_before_its_top() {
        let file = r#"
            seeds = 2
            seed = "today"
            for = "2h"
            require-all = true
            time-limit = 10
            nemesis = ["none", "partition,pause+kill"]

            [[matrix]]
            workload = "lock,counter"
            target = ["raft"]

            [[matrix]]
            target = "ttl-lock"
            nemesis = "pause"
            expect = "invalid"
            time-limit = 12.5
            skew-monotonic = true
        "#;
        let settings = read(Some(file), "--jobs 3 --rate 50").unwrap();
        assert_eq!(
            (settings.name.as_str(), settings.jobs, settings.for_time),
            ("night", Some(3), Some(Duration::from_secs(7200)))
        );
        assert!(settings.require_all && !read(None, "").unwrap().require_all);
        let [one, two] = settings.matrices.as_slice() else { panic!("{settings:?}") };
        assert_eq!(one.workloads, ["lock", "counter"]);
        assert_eq!(one.nemeses, ["none", "partition", "pause+kill"]);
        assert_eq!((one.seeds.as_slice(), one.expect), (&[200, 201][..], Gravity::Valid));
        assert_eq!(one.options["time-limit"].as_deref(), Some("10"));
        assert_eq!((two.workloads.as_slice(), two.expect), (&["lock".to_owned()][..], Gravity::Invalid));
        assert_eq!((two.options["time-limit"].as_deref(), two.options["rate"].as_deref()), (Some("12.5"), Some("50")));
        assert_eq!(two.options["skew-monotonic"], None);
        let settings = read(Some(file), "--seed 5 --nemesis kill --nemesis flap --name x").unwrap();
        assert_eq!(
            (settings.name.as_str(), settings.matrices[1].nemeses.len(), settings.matrices[0].seeds[0]),
            ("x", 2, 5)
        );
    }

    #[test]
    fn without_a_file_the_options_are_the_matrix() {
        let settings = read(None, "--workload lock,register --target raft --seeds 31..33 --store /tmp/x").unwrap();
        assert_eq!((settings.store.as_path(), settings.name.as_str()), (Path::new("/tmp/x"), ""));
        assert_eq!(settings.matrices[0].seeds, [31, 32, 33]);
        assert_eq!(
            (settings.matrices[0].nemeses.as_slice(), settings.grace),
            (&["none".to_owned()][..], Duration::from_secs(120))
        );
    }

    #[test]
    fn what_is_wrong_in_a_file_is_named_with_its_key_and_the_mend() {
        for (file, says) in [
            ("tme-limit = 5", "tme-limit: there is no such key; did you mean `time-limit`?"),
            ("time-limit = \"long\"", "time-limit: `long` is no number of seconds"),
            ("nodes = 200", "nodes: 200 is not in 1..=99"),
            ("seeds = \"9..3\"", "seeds: `9..3` is empty: say 3..9"),
            ("for = \"2 hours\"", "for: `2 hours`"),
            ("jobs = 0", "jobs: 0 is not in"),
            ("expect = \"invald\"", "expect: "),
            ("workload = [1]", "workload: it is a list of texts"),
            ("fail-fast = 3", "fail-fast: it is `true` or `false`"),
            ("nemesis = \"pause,\"", "nemesis: `pause,` names nothing"),
            ("matrix = 3", "matrix: it is a table of several"),
            ("[[matrix]]\njobs = 3", "matrix[0]: jobs: it holds for the whole campaign"),
            ("[[matrix]]\nworkloads = 3", "matrix[0]: workloads: there is no such key; did you mean `workload`?"),
            ("a = = 3", "line 1:"),
            ("target = []", "target: the list is empty"),
            ("plan = \"x\"", "plan: there is no such key"),
            ("name = \"../x\"", "cannot be a campaign's name"),
        ] {
            let error = read(Some(file), "").unwrap_err();
            assert!(error.contains(says) && (error.contains("night.toml") || says.contains("name")), "{file}: {error}");
        }
        let error = read(None, "no/such.toml").unwrap_err();
        assert!(error.contains("no/such.toml"), "{error}");
    }
}
