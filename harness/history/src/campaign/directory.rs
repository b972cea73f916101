//! The directory of a campaign. `cells.jsonl` is the truth: its first line is the plan, then comes a line for each run that begins and ends, each on
//! the disk before anything else happens. `campaign.json` is made of it, again and again, for others to read.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Campaign, Cell, CellResult, CellState};
use crate::SCHEMA;
use crate::run_directory::{Hold, RunDirectoryError, point_to, read_json, write_json};

/// A campaign's directory, `store/<campaign>/`.
#[derive(Debug, Clone)]
pub struct CampaignDirectory {
    path: PathBuf,
}

/// A line of `cells.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub enum JournalEntry {
    /// What is to be run: the first line, and no other.
    Planned {
        /// The campaign, of which nothing has been run.
        campaign: Box<Campaign>,
    },
    /// A run is about to begin.
    Begun {
        /// The number of its cell.
        id: u32,
        /// The run's name, which is also the marker of its processes.
        run: String,
    },
    /// A run ended.
    Ended {
        /// The number of its cell.
        id: u32,
        /// What came of it.
        result: Box<CellResult>,
    },
    /// A run was broken off from outside, and is to be made again.
    BrokenOff {
        /// The number of its cell.
        id: u32,
    },
    /// A controller was at work for so long.
    Worked {
        /// In ms.
        ms: u64,
    },
}

impl CampaignDirectory {
    /// Makes the directory `<store>/<campaign.name>` with the plan, and points `<store>/latest-campaign` to it. It appears whole or
    /// not at all, and once it is there it stays, also where the power fails.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`] where the store cannot be written, or has such a campaign already.
    pub fn create(store: &Path, campaign: &Campaign) -> Result<Self, RunDirectoryError> {
        let path = store.join(&campaign.name);
        let failed = |source| RunDirectoryError::Io { what: "create", path: path.clone(), source };
        fs::create_dir_all(store).map_err(failed)?;
        let fresh = Self { path: store.join(format!(".{}-{}", campaign.name, std::process::id())) };
        let fill = || {
            fs::create_dir(&fresh.path).map_err(failed)?;
            fs::create_dir(fresh.runs()).map_err(failed)?;
            File::create(fresh.journal_file()).map_err(failed)?;
            fresh.append(&JournalEntry::Planned { campaign: Box::new(campaign.clone()) })?;
            fresh.write(campaign)?;
            sync(&fresh.path).map_err(failed)?;
            fs::rename(&fresh.path, &path).map_err(failed)?;
            sync(store).map_err(failed)
        };
        if let Err(error) = fill() {
            let _ = fs::remove_dir_all(&fresh.path);
            return Err(error);
        }
        point_to(store, "latest-campaign", &campaign.name);
        Ok(Self { path })
    }

    /// Opens the directory of an earlier campaign.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`] where it is no directory with a journal.
    pub fn open(path: &Path) -> Result<Self, RunDirectoryError> {
        let directory = Self { path: path.to_owned() };
        let file = directory.journal_file();
        match fs::metadata(&file) {
            Ok(_) => Ok(directory),
            Err(source) => Err(RunDirectoryError::Io { what: "open the campaign: there is no", path: file, source }),
        }
    }

    /// Keeps a second controller away as long as the result lives or its process does.
    ///
    /// # Errors
    /// [`RunDirectoryError::AtWork`] where somebody is at work on it; [`RunDirectoryError::Io`] where the file system knows no locks.
    pub fn hold(&self) -> Result<Hold, RunDirectoryError> {
        Hold::of(&self.path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `campaign.json`.
    pub fn campaign_file(&self) -> PathBuf {
        self.path.join("campaign.json")
    }

    /// `cells.jsonl`.
    pub fn journal_file(&self) -> PathBuf {
        self.path.join("cells.jsonl")
    }

    /// `index.html`.
    pub fn page_file(&self) -> PathBuf {
        self.path.join("index.html")
    }

    /// The store of the campaign's runs.
    pub fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    /// What a run wrote to its terminal, where that was anything.
    pub fn output_file(&self, run: &str) -> PathBuf {
        self.path.join("output").join(format!("{run}.txt"))
    }

    /// Writes `campaign.json`, whole.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn write(&self, campaign: &Campaign) -> Result<(), RunDirectoryError> {
        write_json(&self.campaign_file(), campaign)
    }

    /// Reads `campaign.json` as it was last written: what others see, and no more than that.
    ///
    /// # Errors
    /// [`RunDirectoryError`].
    pub fn read(&self) -> Result<Campaign, RunDirectoryError> {
        read_json(&self.campaign_file())
    }

    /// What `cells.jsonl` says was planned, and came of it: the truth, also after a crash. A run that was begun and has not ended is
    /// [`CellState::Running`].
    ///
    /// # Errors
    /// [`RunDirectoryError`]; a torn last line is left out.
    pub fn replay(&self) -> Result<Campaign, RunDirectoryError> {
        let mut entries = self.journal()?.into_iter();
        let Some(JournalEntry::Planned { campaign }) = entries.next() else {
            return Err(self.damaged("its first line is no plan".to_owned()));
        };
        let mut campaign = *campaign;
        for entry in entries {
            apply(&mut campaign, entry).map_err(|problem| self.damaged(problem))?;
        }
        Ok(campaign)
    }

    fn damaged(&self, problem: String) -> RunDirectoryError {
        RunDirectoryError::Damaged { path: self.journal_file(), problem }
    }

    /// All whole lines of `cells.jsonl`.
    ///
    /// # Errors
    /// [`RunDirectoryError::Damaged`] for a line that is whole and means nothing, [`RunDirectoryError::NewerSchema`] for a plan that is
    /// newer than this program.
    pub fn journal(&self) -> Result<Vec<JournalEntry>, RunDirectoryError> {
        let path = self.journal_file();
        // A line may be torn inside a letter: only those that are whole are text.
        let content = fs::read(&path).map_err(|source| RunDirectoryError::Io { what: "read", path, source })?;
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &content[..end]);
        let lines = whole.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
        let read = |(number, line): (usize, &[u8])| {
            let damaged = |error: serde_json::Error| self.damaged(format!("line {}: {error}", number + 1));
            let value: Value = serde_json::from_slice(line).map_err(damaged)?;
            match value.pointer("/campaign/schema").and_then(Value::as_u64) {
                Some(found) if found > u64::from(SCHEMA) => {
                    Err(RunDirectoryError::NewerSchema { path: self.journal_file(), found })
                }
                _ => serde_json::from_value(value).map_err(damaged),
            }
        };
        lines.map(read).collect()
    }

    /// Adds a line to `cells.jsonl`, and sees to it that it is on the disk.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn append(&self, entry: &JournalEntry) -> Result<(), RunDirectoryError> {
        let path = self.journal_file();
        let add = || -> io::Result<()> {
            let mut file = File::options().read(true).write(true).open(&path)?;
            // A line that a crash tore is no part of the next one.
            let whole = whole_length(&mut file)?;
            file.set_len(whole)?;
            file.seek(SeekFrom::End(0))?;
            let mut line = serde_json::to_vec(entry)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()
        };
        add().map_err(|source| RunDirectoryError::Io { what: "write", path: path.clone(), source })
    }
}

/// Has the names in a folder on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Up to where a file consists of whole lines.
fn whole_length(file: &mut File) -> io::Result<u64> {
    const BLOCK: u64 = 4096;
    let mut end = file.metadata()?.len();
    let mut block = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(begin))?;
        block.clear();
        Read::by_ref(file).take(end - begin).read_to_end(&mut block)?;
        if let Some(place) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(begin + place as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// What an entry changes. One that contradicts what stands before it is damage: nothing may be counted twice.
fn apply(campaign: &mut Campaign, entry: JournalEntry) -> Result<(), String> {
    match entry {
        JournalEntry::Planned { .. } => return Err("a campaign is planned once".to_owned()),
        JournalEntry::Begun { id, run } => {
            let cell = open_cell(campaign, id)?;
            cell.attempts += 1;
            cell.state = CellState::Running { run };
        }
        JournalEntry::Ended { id, result } => open_cell(campaign, id)?.state = CellState::Done(result),
        JournalEntry::BrokenOff { id } => open_cell(campaign, id)?.state = CellState::Waiting,
        JournalEntry::Worked { ms } => campaign.worked_ms += ms,
    }
    Ok(())
}

/// The cell of this number, which has not ended. Numbers count from 1, in the order of the plan.
fn open_cell(campaign: &mut Campaign, id: u32) -> Result<&mut Cell, String> {
    let place = (id as usize).checked_sub(1).and_then(|place| campaign.cells.get_mut(place));
    let found = place.filter(|cell| cell.id == id).ok_or_else(|| format!("there is no cell {id} in the plan"))?;
    if found.result().is_some() { Err(format!("cell {id} had ended before")) } else { Ok(found) }
}
