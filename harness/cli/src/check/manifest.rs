//! `dsjepsen check --manifest FILE`: judges a table of histories whose verdicts are known, and compares.
//!
//! The table is tab-separated: file, format, model, expected verdict, and columns that say where it comes from. A model's
//! options stand within its column ([`asked`]), and anomalies within that of the verdict ([`expected`]), in the words of the tool
//! that gave it.

mod asked;
mod expected;

use std::fs;
use std::path::Path;
use std::time::Instant;

use clap::ArgMatches;
use dsjepsen_checkers::transactions::named_anomalies;
use dsjepsen_history::Verdict;
use dsjepsen_history::foreign::Format;
use serde_json::json;

use self::asked::asked;
use self::expected::Expected;
use super::budget::Budget;
use super::foreign::judge;
use crate::exit::{Exit, Failure, harness, usage};
use crate::junit::{self, Subject, Suite};
use crate::say::say;

/// The command.
pub(super) fn check(table: &Path, arguments: &ArgMatches, subject: Subject) -> Result<(Exit, Suite), Failure> {
    let text = fs::read_to_string(table).map_err(|error| usage(format!("{}: {error}", table.display())))?;
    let folder = table.parent().unwrap_or(Path::new("."));
    let (mut rows, mut expected, mut not_judged) = (0_u64, 0_u64, 0_u64);
    let mut told = Vec::new();
    for (number, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.is_empty()) {
        let malformed = |problem: String| harness(format!("{}, line {}: {problem}", table.display(), number + 1));
        let row = Row::read(line).map_err(malformed)?;
        let began = Instant::now();
        let budget = Budget::start(arguments);
        let came = row.judge(folder, &budget);
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        rows += 1;
        expected += u64::from(came.is_as_expected());
        not_judged += u64::from(matches!(came, Came::NotJudged(_)));
        if arguments.get_flag("json") {
            say(row.as_json(&came, milliseconds));
        } else if !arguments.get_flag("quiet") {
            say(row.as_line(&came, milliseconds));
        }
        told.push((format!("{}: {} {}", number + 1, row.file, row.model), came.told()));
    }
    if !arguments.get_flag("json") && !arguments.get_flag("quiet") {
        let missing = if not_judged > 0 { format!(" ({not_judged} not judged)") } else { String::new() };
        say(format_args!("{rows} rows, {expected} as expected{missing}"));
    }
    let exit = if rows > 0 && rows == expected { Exit::Valid } else { Exit::Invalid };
    Ok((exit, Suite::of_rows(subject, told)))
}

/// What came of a row.
enum Came {
    /// A verdict, and what of it is not as expected.
    Verdict(Box<Verdict>, Option<String>),
    /// There is no such model.
    NotJudged(String),
    /// It cannot be judged.
    Refused(String),
}

impl Came {
    fn is_as_expected(&self) -> bool {
        matches!(self, Self::Verdict(_, None))
    }

    /// As a row of a JUnit file.
    fn told(&self) -> junit::Row {
        match self {
            Self::Verdict(_, None) => junit::Row::Expected,
            Self::Verdict(_, Some(how)) => junit::Row::Differs(how.clone()),
            Self::NotJudged(why) => junit::Row::NotJudged(why.clone()),
            Self::Refused(why) => junit::Row::Refused(why.clone()),
        }
    }
}

/// One row.
struct Row<'a> {
    file: &'a str,
    format: Format,
    model: &'a str,
    expected: Expected,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [file, format, model, expected, ..] = columns.as_slice() else {
            return Err("a row is `file format model verdict …`, with tabs between".to_owned());
        };
        let expected = Expected::read(expected)?;
        Ok(Self { file, format: format.parse()?, model, expected })
    }

    fn judge(&self, folder: &Path, budget: &Budget) -> Came {
        let (model, request) = match asked(self.model) {
            Ok(Some(asked)) => asked,
            Ok(None) => return Came::NotJudged(format!("not judged: model {}", self.model)),
            Err(problem) => return Came::Refused(problem),
        };
        match judge(&folder.join(self.file), Some(self.format), model, request, budget) {
            Ok(verdict) => {
                let differs = self.expected.differs(&verdict);
                Came::Verdict(Box::new(verdict), differs)
            }
            Err(failure) => Came::Refused(failure.to_string()),
        }
    }

    fn as_line(&self, came: &Came, milliseconds: u64) -> String {
        let (verdict, said) = match came {
            Came::Verdict(verdict, differs) => (verdict.verdict.to_string(), differs.as_deref().unwrap_or_default()),
            Came::NotJudged(said) => ("-".to_owned(), said.as_str()),
            Came::Refused(said) => ("refused".to_owned(), said.as_str()),
        };
        let mark = if came.is_as_expected() { "ok " } else { "NOT" };
        let expected = self.expected.verdict;
        let line = format!("{mark}  {expected:<8} {verdict:<8} {milliseconds:>7} ms  {}  {}", self.file, self.model);
        if came.is_as_expected() { line } else { format!("{line}\n     {said}") }
    }

    fn as_json(&self, came: &Came, milliseconds: u64) -> serde_json::Value {
        let verdict = match came {
            Came::Verdict(verdict, _) => Some(&**verdict),
            Came::NotJudged(_) | Came::Refused(_) => None,
        };
        let said = match came {
            Came::Verdict(verdict, _) => &verdict.sentence,
            Came::NotJudged(said) | Came::Refused(said) => said,
        };
        // The gravest finding is the first.
        let shown = verdict.and_then(|verdict| verdict.findings.first());
        let (anomalies, ruled_out) = verdict.map(|verdict| named_anomalies(&verdict.checkers)).unwrap_or_default();
        json!({
            "file": self.file,
            "model": self.model,
            "expected": self.expected.verdict.to_string(),
            "expected_anomalies": self.expected.anomalies.iter().map(|anomaly| anomaly.name()).collect::<Vec<_>>(),
            "verdict": verdict.map(|verdict| verdict.verdict.to_string()),
            "anomalies": anomalies.iter().map(|anomaly| anomaly.name()).collect::<Vec<_>>(),
            "ruled_out": ruled_out.iter().map(|level| level.name()).collect::<Vec<_>>(),
            "as_expected": came.is_as_expected(),
            "differs": if let Came::Verdict(_, differs) = came { differs.as_deref() } else { None },
            "not_judged": matches!(came, Came::NotJudged(_)),
            "sentence": said,
            "rule": shown.map(|finding| &finding.rule),
            "witness": shown.map(|finding| &finding.operations),
            "cycle": shown.map(|finding| &finding.cycle).filter(|cycle| !cycle.is_empty()),
            "milliseconds": milliseconds,
        })
    }
}
