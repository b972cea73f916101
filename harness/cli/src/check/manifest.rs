//! `dsjepsen check --manifest FILE`: judges a table of histories whose verdicts are known, and compares.
//!
//! The table is tab-separated: file, format, model, expected verdict, and columns that say where it comes from. A model's
//! options stand within its column, in the words of the tool that gave the verdict.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use clap::ArgMatches;
use dsjepsen_checkers::foreign::{ForeignModel, ForeignRequest, RegisterAssumptions, find_foreign_model};
use dsjepsen_history::Gravity;
use dsjepsen_history::foreign::{Format, Value, read_value};
use serde_json::json;

use super::foreign::judge;
use crate::exit::{Exit, Failure, harness, usage};

/// The command.
pub(super) fn check(table: &Path, arguments: &ArgMatches) -> Result<Exit, Failure> {
    let text = fs::read_to_string(table).map_err(|error| usage(format!("{}: {error}", table.display())))?;
    let folder = table.parent().unwrap_or(Path::new("."));
    let (mut rows, mut expected, mut not_judged) = (0_u64, 0_u64, 0_u64);
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let malformed = |problem: String| harness(format!("{}, line {}: {problem}", table.display(), number + 1));
        let row = Row::read(line).map_err(malformed)?;
        let began = Instant::now();
        let came = row.judge(folder);
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        rows += 1;
        expected += u64::from(came.is(row.expected));
        not_judged += u64::from(matches!(came, Came::NotJudged(_)));
        if arguments.get_flag("json") {
            println!("{}", row.as_json(&came, milliseconds));
        } else if !arguments.get_flag("quiet") {
            println!("{}", row.as_line(&came, milliseconds));
        }
    }
    if !arguments.get_flag("json") && !arguments.get_flag("quiet") {
        let missing = if not_judged > 0 { format!(" ({not_judged} not judged)") } else { String::new() };
        println!("{rows} rows, {expected} as expected{missing}");
    }
    Ok(if rows > 0 && rows == expected { Exit::Valid } else { Exit::Invalid })
}

/// What came of a row.
enum Came {
    /// A verdict, and its sentence.
    Verdict(Gravity, String),
    /// There is no such model.
    NotJudged(String),
    /// It cannot be judged.
    Refused(String),
}

impl Came {
    fn is(&self, expected: Gravity) -> bool {
        matches!(self, Self::Verdict(verdict, _) if *verdict == expected)
    }
}

/// One row.
struct Row<'a> {
    file: &'a str,
    format: Format,
    model: &'a str,
    expected: Gravity,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, format, model, expected, ..] = columns.as_slice() else {
            return Err("a row is `file format model verdict …`, with tabs between".to_owned());
        };
        // Words may follow: anomalies, and what is ruled out by them.
        let word = expected.split([' ', ';']).next().unwrap_or_default();
        let expected = match word {
            "true" => Gravity::Valid,
            "false" => Gravity::Invalid,
            "unknown" => Gravity::Unknown,
            _ => return Err(format!("`{expected}` is no verdict")),
        };
        Ok(Self { file, format: format.parse()?, model, expected })
    }

    fn judge(&self, folder: &Path) -> Came {
        let (model, request) = match asked(self.model) {
            Ok(Some(asked)) => asked,
            Ok(None) => return Came::NotJudged(format!("not judged: model {}", self.model)),
            Err(problem) => return Came::Refused(problem),
        };
        match judge(&folder.join(self.file), Some(self.format), model, &request) {
            Ok(verdict) => Came::Verdict(verdict.verdict, verdict.sentence),
            Err(failure) => Came::Refused(failure.to_string()),
        }
    }

    fn as_line(&self, came: &Came, milliseconds: u64) -> String {
        let (verdict, said) = match came {
            Came::Verdict(verdict, sentence) => (verdict.to_string(), sentence.as_str()),
            Came::NotJudged(said) => ("-".to_owned(), said.as_str()),
            Came::Refused(said) => ("refused".to_owned(), said.as_str()),
        };
        let mark = if came.is(self.expected) { "ok " } else { "NOT" };
        let line =
            format!("{mark}  {:<8} {verdict:<8} {milliseconds:>7} ms  {}  {}", self.expected, self.file, self.model);
        if came.is(self.expected) { line } else { format!("{line}\n     {said}") }
    }

    fn as_json(&self, came: &Came, milliseconds: u64) -> serde_json::Value {
        let (verdict, said) = match came {
            Came::Verdict(verdict, sentence) => (Some(verdict.to_string()), sentence),
            Came::NotJudged(said) | Came::Refused(said) => (None, said),
        };
        json!({
            "file": self.file,
            "model": self.model,
            "expected": self.expected.to_string(),
            "verdict": verdict,
            "as_expected": came.is(self.expected),
            "not_judged": matches!(came, Came::NotJudged(_)),
            "sentence": said,
            "milliseconds": milliseconds,
        })
    }
}

type Asked = (&'static dyn ForeignModel, ForeignRequest);

/// The model and the options that a column names; `None` where there is no such model.
fn asked(column: &str) -> Result<Option<Asked>, String> {
    if let Some(levels) = column.strip_prefix("txn-rw ") {
        // That serializability includes session order is so for every level of this model.
        let level = levels.trim_end_matches("(+session order)").to_owned();
        let request = ForeignRequest { consistency: Some(vec![level]), ..ForeignRequest::default() };
        return Ok(find_foreign_model("txn-rw").map(|model| (model, request)));
    }
    for (prefix, name) in [("txn-list-append elle", "list-append"), ("txn-rw-register elle", "rw-register")] {
        if let Some(rest) = column.strip_prefix(prefix) {
            let request = elle(rest)?;
            return Ok(find_foreign_model(name).map(|model| (model, request)));
        }
    }
    let (name, options) = match column.split_once('(') {
        Some((name, options)) => (name, options.trim_end_matches(')')),
        None => (column, ""),
    };
    let name = match name {
        "kv-get-put-append" => "kv",
        "priorityqueue" | "pqueue" => "priority-queue",
        name => name,
    };
    let Some(model) = find_foreign_model(name) else { return Ok(None) };
    let mut request = ForeignRequest::default();
    match options {
        // Where jepsen-in-java writes 0 for want of a value, it means the initial one. All groups of long-fork are found.
        "read/write" => request.init = Some(Value::Integer(0)),
        "" | "group-size 3" => {}
        _ => {
            let init = options.strip_prefix("init=").ok_or_else(|| format!("`{options}` is no option of a model"))?;
            request.init = Some(read_value(init.trim_end_matches(" per key"))?).filter(|init| !init.is_nil());
        }
    }
    Ok(Some((model, request)))
}

/// Elle's options: a map as Elle takes it, or a level in brackets.
fn elle(text: &str) -> Result<ForeignRequest, String> {
    let mut request = ForeignRequest::default();
    if let Some(level) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        request.consistency = Some(vec![level.trim_end_matches(" default").to_owned()]);
        return Ok(request);
    }
    let value = read_value(text)?;
    for (key, value) in value.as_map().ok_or_else(|| format!("`{text}` is no map of options"))? {
        let is_set = *value == Value::Bool(true);
        match key.as_word() {
            Some("consistency-models") => request.consistency = Some(words(value)?),
            Some("anomalies") => {
                let anomalies = words(value)?.into_iter().map(|name| name.parse().map_err(|error| format!("{error}")));
                request.anomalies = anomalies.collect::<Result<_, _>>()?;
            }
            Some("linearizable-keys?") => request.assume.linearizable_keys = is_set,
            Some("sequential-keys?") => request.assume.sequential_keys = is_set,
            Some("wfr-keys?") => request.assume.writes_follow_reads = is_set,
            Some("transaction-order") => {
                request.assume = RegisterAssumptions { transaction_order: ranks(value)?, ..request.assume }
            }
            _ => return Err(format!("`{key}` is no option of Elle's that is known here")),
        }
    }
    Ok(request)
}

fn words(value: &Value) -> Result<Vec<String>, String> {
    let word = |word: &Value| word.as_word().map(str::to_owned).ok_or_else(|| format!("{word} is no name"));
    match value {
        Value::Nil => Ok(Vec::new()),
        other => {
            other.as_collection().ok_or_else(|| format!("{other} is no list of names"))?.iter().map(word).collect()
        }
    }
}

fn ranks(value: &Value) -> Result<BTreeMap<u64, i64>, String> {
    let wrong = || format!("{value} does not give each transaction a rank");
    let rank = |(at, rank): &(Value, Value)| {
        let at = at.as_integer().and_then(|at| u64::try_from(at).ok());
        at.zip(rank.as_integer()).ok_or_else(wrong)
    };
    value.as_map().ok_or_else(wrong)?.iter().map(rank).collect()
}
