//! The journal: what is about to be done and how it is undone, on disk before it is done.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::Path;

use dsjepsen_history::{PlannedFault, SCHEMA};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Undo;

/// `journal.jsonl` of a run.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

/// A fault that was about to be put in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Journaled {
    id: u32,
    fault: String,
    undo: Vec<Value>,
}

impl Journaled {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.fault
    }

    /// Where it was in force. An undo that a newer dsjepsen wrote is told as it stands.
    pub fn places(&self) -> String {
        let place = |undo: &Value| Undo::deserialize(undo).map_or_else(|_| undo.to_string(), |undo| undo.place());
        let mut places: Vec<String> = self.undo.iter().map(place).collect();
        places.sort_unstable();
        places.dedup();
        places.join(", ")
    }
}

impl Journal {
    /// The faults of a journal that were not healed, in their order. There is none where there is no journal: a run that ended
    /// before its nodes were up broke nothing.
    ///
    /// # Errors
    /// Where it cannot be read. A line that was cut off in writing was followed by no deed.
    pub fn unhealed(path: &Path) -> io::Result<Vec<Journaled>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        let mut open = BTreeMap::new();
        for line in BufReader::new(file).split(b'\n') {
            let Ok(line) = serde_json::from_slice::<Value>(&line?) else { continue };
            if let Ok(fault) = Journaled::deserialize(&line) {
                open.insert(fault.id, fault);
            } else if line["healed"] == true
                && let Some(id) = line["id"].as_u64()
            {
                open.remove(&u32::try_from(id).unwrap_or(u32::MAX));
            }
        }
        Ok(open.into_values().collect())
    }

    /// Notes that these faults were healed, after the run.
    ///
    /// # Errors
    /// Where the journal cannot be written.
    pub fn close(path: &Path, faults: &[Journaled]) -> io::Result<()> {
        let mut journal = Self { file: File::options().append(true).open(path)? };
        // The last line may have been cut off.
        journal.file.write_all(b"\n")?;
        faults
            .iter()
            .try_for_each(|fault| journal.write(&json!({"id": fault.id, "healed": true, "after_the_run": true})))
    }

    /// Makes the file.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut journal = Self { file: File::options().write(true).create_new(true).open(path)? };
        journal.write(&json!({"schema": SCHEMA}))?;
        Ok(journal)
    }

    /// A fault is about to be put in force.
    ///
    /// # Errors
    /// Where it does not reach the disk; then the fault must not be put in force.
    pub fn note(&mut self, planned: &PlannedFault, undo: &[Undo]) -> io::Result<()> {
        self.write(&json!({"id": planned.id, "fault": planned.fault, "undo": undo}))?;
        self.file.sync_data()
    }

    /// A fault was healed. Healing again does no harm, so a failure to write this is of no consequence.
    pub fn healed(&mut self, id: u32) {
        let _ = self.write(&json!({"id": id, "healed": true}));
    }

    fn write(&mut self, line: &serde_json::Value) -> io::Result<()> {
        let mut text = line.to_string();
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use dsjepsen_history::NodeId;

    use super::*;

    fn planned(id: u32, fault: &str) -> PlannedFault {
        let params = Value::Null;
        PlannedFault { id, fault: fault.to_owned(), target: "n1".to_owned(), params, start_ns: 0, heal_ns: 1 }
    }

    #[test]
    fn what_was_not_healed_is_found_also_where_the_last_line_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        assert_eq!(Journal::unhealed(&path).unwrap(), []);
        let mut journal = Journal::create(&path).unwrap();
        let (n1, n2) = (NodeId::at(0), NodeId::at(1));
        let cut = Undo::Reconnect { cut: vec![(n1, n2)], rule: None, probed: false };
        journal.note(&planned(1, "pause"), &[Undo::Resume { node: n1 }]).unwrap();
        journal.note(&planned(2, "partition"), &[cut.clone(), cut, Undo::OpenGate { worker: 3 }]).unwrap();
        journal.note(&planned(3, "kill"), &[Undo::Restart { node: n2 }, Undo::Restart { node: n1 }]).unwrap();
        journal.healed(1);
        journal.file.write_all(br#"{"id": 4, "fault": "pau"#).unwrap();
        let left = Journal::unhealed(&path).unwrap();
        let told: Vec<_> = left.iter().map(|fault| (fault.name(), fault.places())).collect();
        let expected = [("partition", "the controller"), ("kill", "the processes of n1, the processes of n2")];
        assert_eq!(told, expected.map(|(name, places)| (name, places.to_owned())));
        Journal::close(&path, &left).unwrap();
        assert_eq!(Journal::unhealed(&path).unwrap(), []);
    }

    #[test]
    fn every_undo_is_read_as_it_was_written() {
        let node = NodeId::at(0);
        let undos = [
            json!({"undo": "reconnect", "cut": [["n1", "n2"]]}),
            json!({"undo": "clear", "links": [["n1", "n2"]]}),
            json!({"undo": "resume", "node": node}),
            json!({"undo": "restart", "node": node}),
            json!({"undo": "boot", "node": node, "boot": 7}),
            json!({"undo": "restore", "node": node, "with": "slow"}),
            json!({"undo": "restore", "node": node, "elsewhere": true}),
            json!({"undo": "lift", "node": node, "resource": "files", "most": 64}),
            json!({"undo": "unskew", "node": node, "skew": "strobe", "by_ns": -5, "every_ns": 6}),
            json!({"undo": "unthrottle", "node": node, "percent": 30}),
            json!({"undo": "open-gate", "worker": 1}),
        ];
        for undo in undos {
            let read = Undo::deserialize(&undo).unwrap_or_else(|error| panic!("{undo}: {error}"));
            assert_eq!(serde_json::to_value(read).unwrap(), undo);
        }
    }
}
