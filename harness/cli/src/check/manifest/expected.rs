//! The column of a manifest that says what another tool's verdict was: a word, then perhaps the anomalies and the levels that
//! they rule out, as Elle prints them: `false :anomaly-types [:G1a], :not #{:read-committed}`.

use std::collections::BTreeSet;

use dsjepsen_checkers::transactions::{Anomaly, Level, named_anomalies};
use dsjepsen_history::{Gravity, Verdict};

/// What is expected of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// The verdict.
    pub(super) verdict: Gravity,
    /// Anomalies that must be among those found.
    pub(super) anomalies: BTreeSet<Anomaly>,
    /// The weakest levels that are ruled out, exactly, where they are told.
    pub(super) ruled_out: Option<BTreeSet<Level>>,
}

/// What the next names are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Anomalies,
    Levels,
    Others,
}

impl Expected {
    /// Reads the column.
    ///
    /// # Errors
    /// A sentence that names the word that is neither a verdict nor an anomaly nor a level.
    pub(super) fn read(column: &str) -> Result<Self, String> {
        let is_part = |character: char| character.is_alphanumeric() || ":-+._?".contains(character);
        let mut words = column.split(|character: char| !is_part(character)).filter(|word| !word.is_empty());
        let verdict = match words.next() {
            Some("true") => Gravity::Valid,
            Some("false") => Gravity::Invalid,
            Some("unknown") => Gravity::Unknown,
            _ => return Err(format!("`{column}` is no verdict")),
        };
        let mut expected = Self { verdict, anomalies: BTreeSet::new(), ruled_out: None };
        let (mut names, mut before) = (Names::Anomalies, "");
        for word in words {
            match (word, names) {
                (":anomaly-types" | ":anomalies", _) => names = Names::Anomalies,
                (":not", _) => {
                    names = Names::Levels;
                    expected.ruled_out.get_or_insert_default();
                }
                (":also-not", _) => names = Names::Others,
                (name, Names::Anomalies) if name.starts_with(':') => {
                    expected.anomalies.insert(name.parse().map_err(|error| format!("{error}"))?);
                }
                (name, Names::Levels) if name.starts_with(':') => {
                    let level = name.parse().map_err(|error| format!("{error}"))?;
                    expected.ruled_out.get_or_insert_default().insert(level);
                }
                // Prose may name one too: `one anomaly G1a`.
                (name, _) if before == "anomaly" => {
                    expected.anomalies.insert(name.parse().map_err(|error| format!("{error}"))?);
                }
                _ => {}
            }
            before = word;
        }
        Ok(expected)
    }

    /// What differs from it, in words; `None` where nothing does.
    pub(super) fn differs(&self, verdict: &Verdict) -> Option<String> {
        if verdict.verdict != self.verdict {
            return Some(verdict.sentence.clone());
        }
        let (found, ruled_out) = named_anomalies(&verdict.checkers);
        let missing: Vec<&str> =
            self.anomalies.iter().filter(|anomaly| !found.contains(anomaly)).map(|anomaly| anomaly.name()).collect();
        if !missing.is_empty() {
            return Some(format!(
                "{} was not found, but {}",
                missing.join(", "),
                list(found.iter().map(|it| it.name()))
            ));
        }
        let ruled_out: BTreeSet<Level> = ruled_out.into_iter().collect();
        let expected = self.ruled_out.as_ref().filter(|expected| **expected != ruled_out)?;
        let names = |levels: &BTreeSet<Level>| list(levels.iter().map(|level| level.name()));
        Some(format!("{} should be ruled out, and {} is", names(expected), names(&ruled_out)))
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use dsjepsen_checkers::transactions::Options;
    use dsjepsen_checkers::transactions::{
        MicroOperation, Name, Outcome, Transaction, TransactionHistory, check_list_append,
    };
    use dsjepsen_history::OperationCounts;

    use super::*;

    #[test]
    fn columns_are_read_as_elle_prints_them_and_in_prose() {
        let read = |column: &str| Expected::read(column).unwrap();
        let one = read("false :anomaly-types [:G1a :empty-transaction-graph], :not #{:read-committed");
        assert_eq!(one.anomalies, [Anomaly::G1a, Anomaly::EmptyTransactionGraph].into());
        assert_eq!(one.ruled_out, Some([Level::ReadCommitted].into()));
        assert_eq!(read("false; [:G2-item]; :not #{:PL-2.99}").ruled_out, Some([Level::RepeatableRead].into()));
        let prose = read("false; :not #{:strong-snapshot-isolation}; one anomaly G2-item-realtime");
        assert_eq!(prose.anomalies, [Anomaly::G2ItemRealtime].into());
        assert_eq!(read("unknown :anomaly-types (:internal), :not #{").ruled_out, Some(BTreeSet::new()));
        let plain = read("true (no SI anomaly)");
        assert_eq!((plain.verdict, plain.anomalies.len(), plain.ruled_out), (Gravity::Valid, 0, None));
        assert_eq!(read("false :not #{:PL-1}, :also-not #{:PL-2}").ruled_out, Some([Level::ReadUncommitted].into()));
        for column in ["", "maybe", "false :anomaly-types [:G7]", "false :not #{:acid}", "false :G7"] {
            assert!(Expected::read(column).is_err(), "{column}");
        }
    }

    /// Two transactions that each miss the other's write.
    fn write_skew() -> Verdict {
        let mut history = TransactionHistory::new();
        let keys = [history.key(Name::Integer(0)), history.key(Name::Integer(1))];
        let empty = history.list(Vec::new());
        for (process, at) in [(0, 0), (1, 1)] {
            let value = history.value(Name::Integer(at));
            let steps = vec![
                MicroOperation::Append { key: keys[process as usize], value },
                MicroOperation::ReadList { key: keys[1 - process as usize], list: empty },
            ];
            let transaction = Transaction {
                process,
                outcome: Outcome::Ok,
                invoked: u64::from(process),
                completed: Some(2 + u64::from(process)),
                bare: false,
                times: None,
            };
            history.push(transaction, steps);
        }
        // Both appends are read, so that their versions are known.
        let lists = [0, 1].map(|at| {
            let value = history.value(Name::Integer(at));
            history.list(vec![value])
        });
        let steps: Vec<_> =
            (0..2).map(|place| MicroOperation::ReadList { key: keys[place], list: lists[place] }).collect();
        let last =
            Transaction { process: 2, outcome: Outcome::Ok, invoked: 4, completed: Some(5), bare: false, times: None };
        history.push(last, steps);
        let judgement = check_list_append(&history, &Options::default()).judgement("list-append");
        Verdict::merge(vec![judgement], OperationCounts::default(), "")
    }

    #[test]
    fn anomalies_and_levels_must_agree_not_the_word_alone() {
        let verdict = write_skew();
        let differs = |column: &str| Expected::read(column).unwrap().differs(&verdict);
        assert_eq!(differs("false"), None);
        assert_eq!(differs("false :anomaly-types [:G2-item], :not #{:repeatable-read}"), None);
        assert!(differs("true").is_some() && differs("unknown").is_some());
        assert!(differs("false :anomaly-types [:G1c]").unwrap().contains("G1c was not found, but G2-item"));
        assert!(differs("false :not #{:read-committed}").unwrap().contains("repeatable-read is"));
        assert!(differs("false :not #{}").is_some());
    }
}
