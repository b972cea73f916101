//! The directory of a run: the truth from which every page and every re-check is made.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::{Header, Lanes, NodeId, Plan, Process, SCHEMA, StampedEvent, Verdict, replace_file};

/// A run's directory, `store/<run>/`.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
}

/// Says, as long as it lives, that somebody is at work on a run.
#[derive(Debug)]
pub struct Hold {
    _directory: File,
}

impl Hold {
    /// Locks a directory, as long as the result lives or its process does.
    pub(crate) fn of(path: &Path) -> Result<Self, RunDirectoryError> {
        let failed = |source| RunDirectoryError::Io { what: "lock", path: path.to_owned(), source };
        let directory = File::open(path).map_err(failed)?;
        match directory.try_lock() {
            Ok(()) => Ok(Self { _directory: directory }),
            Err(TryLockError::WouldBlock) => Err(RunDirectoryError::AtWork { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// Why a run's directory cannot be made, written or read.
#[derive(Debug, Error)]
pub enum RunDirectoryError {
    /// A file or folder cannot be made, written or read.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("{path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The run is still going on, or being healed.
    #[error("{path} is still at work")]
    AtWork {
        /// The directory.
        path: PathBuf,
    },
    /// A file was written by a newer dsjepsen.
    #[error("{path} has schema {found}, and this dsjepsen reads up to {SCHEMA}: use a newer dsjepsen")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
    },
}

impl RunDirectory {
    /// Makes the directory `<store>/<plan.run>` with the plan and a history without events, and points `<store>/latest` to
    /// it. It appears whole or not at all: a run that is killed at any moment leaves a directory that can be judged.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`] where the store cannot be written, or has such a run already.
    pub fn create(store: &Path, plan: &Plan) -> Result<Self, RunDirectoryError> {
        let path = store.join(&plan.run);
        let failed = |source| RunDirectoryError::Io { what: "create", path: path.clone(), source };
        fs::create_dir_all(store).map_err(failed)?;
        let fresh = Self { path: store.join(format!(".{}-{}", plan.run, std::process::id())) };
        let fill = || {
            fs::create_dir(&fresh.path).map_err(failed)?;
            fs::create_dir(fresh.nodes()).map_err(failed)?;
            let mut header = serde_json::to_vec(&Header { schema: SCHEMA, workload: plan.workload.clone() })
                .map_err(|error| failed(error.into()))?;
            header.push(b'\n');
            fs::write(fresh.history_file(), header).map_err(failed)?;
            fresh.write_plan(plan)?;
            fs::rename(&fresh.path, &path).map_err(failed)
        };
        if let Err(error) = fill() {
            let _ = fs::remove_dir_all(&fresh.path);
            return Err(error);
        }
        point_to(store, "latest", &plan.run);
        Ok(Self { path })
    }

    /// Opens the directory of an earlier run.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`] where it is no directory with a plan.
    pub fn open(path: &Path) -> Result<Self, RunDirectoryError> {
        let directory = Self { path: path.to_owned() };
        match fs::metadata(directory.plan_file()) {
            Ok(_) => Ok(directory),
            Err(source) => {
                Err(RunDirectoryError::Io { what: "open the run: there is no", path: directory.plan_file(), source })
            }
        }
    }

    /// Marks the run as one that somebody is at work on, as long as the result lives or its process does.
    ///
    /// # Errors
    /// [`RunDirectoryError::AtWork`] where somebody else is; [`RunDirectoryError::Io`] where the file system knows no locks.
    pub fn hold(&self) -> Result<Hold, RunDirectoryError> {
        Hold::of(&self.path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `plan.json`.
    pub fn plan_file(&self) -> PathBuf {
        self.path.join("plan.json")
    }

    /// `history.jsonl`.
    pub fn history_file(&self) -> PathBuf {
        self.path.join("history.jsonl")
    }

    /// `events.jsonl`.
    pub fn events_file(&self) -> PathBuf {
        self.path.join("events.jsonl")
    }

    /// `journal.jsonl`: every injected fault with its undo, written before it acts.
    pub fn journal_file(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// `verdict.json`.
    pub fn verdict_file(&self) -> PathBuf {
        self.path.join("verdict.json")
    }

    /// `lanes.json`: who held what when, as the workload describes it.
    pub fn lanes_file(&self) -> PathBuf {
        self.path.join("lanes.json")
    }

    /// `plots/`: the drawings of the page as files of their own.
    pub fn plots(&self) -> PathBuf {
        self.path.join("plots")
    }

    /// `index.html`.
    pub fn page_file(&self) -> PathBuf {
        self.path.join("index.html")
    }

    /// The folder of all nodes.
    pub fn nodes(&self) -> PathBuf {
        self.path.join("nodes")
    }

    /// The folder of one node.
    pub fn node(&self, node: NodeId) -> PathBuf {
        self.nodes().join(node.to_string())
    }

    /// The log of one node; each line begins with its time of arrival in ns and a space.
    pub fn node_log(&self, node: NodeId) -> PathBuf {
        self.node(node).join("log")
    }

    /// The folder of client programs.
    pub fn clients(&self) -> PathBuf {
        self.path.join("clients")
    }

    /// The log of one process's client programs: what they wrote to standard error, stamped as a node's log is.
    pub fn client_log(&self, process: Process) -> PathBuf {
        self.clients().join(format!("p{process}.log"))
    }

    /// Keeps a file that describes the target, under this name.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn write_document(&self, name: &str, content: &str) -> Result<(), RunDirectoryError> {
        let path = self.path.join(name);
        fs::write(&path, content).map_err(|source| RunDirectoryError::Io { what: "write", path, source })
    }

    /// Writes the plan.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn write_plan(&self, plan: &Plan) -> Result<(), RunDirectoryError> {
        write_json(&self.plan_file(), plan)
    }

    /// Reads the plan.
    ///
    /// # Errors
    /// [`RunDirectoryError`].
    pub fn read_plan(&self) -> Result<Plan, RunDirectoryError> {
        read_plan_file(&self.plan_file())
    }

    /// Writes the verdict.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn write_verdict(&self, verdict: &Verdict) -> Result<(), RunDirectoryError> {
        write_json(&self.verdict_file(), verdict)
    }

    /// Reads the verdict.
    ///
    /// # Errors
    /// [`RunDirectoryError`].
    pub fn read_verdict(&self) -> Result<Verdict, RunDirectoryError> {
        read_json(&self.verdict_file())
    }

    /// Writes the lanes of the workload.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`].
    pub fn write_lanes(&self, lanes: &Lanes) -> Result<(), RunDirectoryError> {
        write_whole(&self.lanes_file(), |file| serde_json::to_writer(file, lanes).map_err(io::Error::from))
    }

    /// Reads the lanes of the workload; none where they were never written, as in a run of an earlier version.
    ///
    /// # Errors
    /// [`RunDirectoryError`].
    pub fn read_lanes(&self) -> Result<Option<Lanes>, RunDirectoryError> {
        match read_json(&self.lanes_file()) {
            Err(RunDirectoryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// Reads the events, without those of kinds that this version does not know and without a torn last line.
    ///
    /// # Errors
    /// [`RunDirectoryError::Io`] where the file cannot be read, [`RunDirectoryError::NewerSchema`].
    pub fn read_events(&self) -> Result<Vec<StampedEvent>, RunDirectoryError> {
        let path = self.events_file();
        let failed = |source| RunDirectoryError::Io { what: "read", path: path.clone(), source };
        let reader = BufReader::new(File::open(&path).map_err(failed)?);
        let mut events = Vec::new();
        for line in reader.split(b'\n') {
            let line = line.map_err(failed)?;
            match serde_json::from_slice::<StampedEvent>(&line) {
                Ok(StampedEvent { event: crate::RunEvent::Opened { schema, .. }, .. }) if schema > SCHEMA => {
                    return Err(RunDirectoryError::NewerSchema { path, found: u64::from(schema) });
                }
                Ok(event) => events.push(event),
                Err(_) => {}
            }
        }
        Ok(events)
    }
}

/// A link that cannot be made (another run's, a file system without links) loses a convenience, nothing else.
pub(crate) fn point_to(store: &Path, name: &str, run: &str) {
    let link = store.join(name);
    // What is no link is somebody else's.
    if fs::symlink_metadata(&link).is_ok_and(|found| !found.is_symlink()) {
        return;
    }
    let fresh = store.join(format!(".{name}-{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    if std::os::unix::fs::symlink(run, &fresh).is_ok() && fs::rename(&fresh, &link).is_err() {
        let _ = fs::remove_file(&fresh);
    }
}

/// Writes beside the file and renames, so that a reader never sees half of it.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), RunDirectoryError> {
    write_whole(path, |file| serde_json::to_writer_pretty(file, value).map_err(io::Error::from))
}

fn write_whole(
    path: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), RunDirectoryError> {
    let written = replace_file(path, |file| {
        content(file)?;
        file.write_all(b"\n")
    });
    written.map_err(|source| RunDirectoryError::Io { what: "write", path: path.to_owned(), source })
}

/// Reads a plan, which may be edited and lie anywhere.
///
/// # Errors
/// [`RunDirectoryError`]; where something in it is wrong, with the field.
pub fn read_plan_file(path: &Path) -> Result<Plan, RunDirectoryError> {
    read_json(path)
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunDirectoryError> {
    let text =
        fs::read(path).map_err(|source| RunDirectoryError::Io { what: "read", path: path.to_owned(), source })?;
    let damaged = |problem: String| RunDirectoryError::Damaged { path: path.to_owned(), problem };
    let value: Value = serde_json::from_slice(&text).map_err(|error| damaged(format!("it is no JSON: {error}")))?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(found) if found > u64::from(SCHEMA) => {
            Err(RunDirectoryError::NewerSchema { path: path.to_owned(), found })
        }
        Some(_) => serde_path_to_error::deserialize(value)
            .map_err(|error| damaged(format!("{}: {}", error.path(), error.inner()))),
        None => Err(damaged("it has no `schema`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(run: &str) -> Plan {
        Plan { workload: "lock".to_owned(), ..Plan::of_nodes(run, "raft", 1) }
    }

    #[test]
    fn a_new_run_can_be_judged_at_once_and_latest_points_to_it() {
        let store = tempfile::tempdir().unwrap();
        RunDirectory::create(store.path(), &plan("one")).unwrap();
        let two = RunDirectory::create(store.path(), &plan("two")).unwrap();
        assert_eq!(fs::read_link(store.path().join("latest")).unwrap(), Path::new("two"));
        assert_eq!(two.read_plan().unwrap(), plan("two"));
        assert!(crate::read_history(&two.history_file()).unwrap().operations.is_empty());
        assert!(RunDirectory::create(store.path(), &plan("two")).is_err(), "a run must not overwrite another");
        let names: Vec<_> = fs::read_dir(store.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let store = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(store.path(), &plan("one")).unwrap();
        fs::write(directory.plan_file(), r#"{"schema": 2, "shape": "new"}"#).unwrap();
        let error = directory.read_plan().unwrap_err().to_string();
        assert!(error.contains("plan.json has schema 2") && error.contains("newer dsjepsen"), "{error}");
        fs::write(directory.plan_file(), "{}").unwrap();
        assert!(directory.read_plan().unwrap_err().to_string().contains("no `schema`"));
        fs::write(directory.plan_file(), r#"{"schema": 1, "seed": "one"}"#).unwrap();
        let error = directory.read_plan().unwrap_err().to_string();
        assert!(error.contains("seed: invalid type"), "{error}");
    }
}
