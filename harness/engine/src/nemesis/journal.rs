//! The journal: what is about to be done and how it is undone, on disk before it is done.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use dsjepsen_history::{PlannedFault, SCHEMA};
use serde_json::json;

use super::Undo;

/// `journal.jsonl` of a run.
#[derive(Debug)]
pub struct Journal {
    file: File,
}

impl Journal {
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
