//! Draws the page of a run: `index.html`, made from the run's directory alone; and that of another tool's history that was judged
//! here.
//!
//! This crate reads what a run left behind and writes one self-contained file. It judges nothing: the verdict is read from
//! `verdict.json`, and a part that is missing or damaged is said so in its section and changes no verdict.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dsjepsen_history::{RunDirectory, RunDirectoryError, Verdict};
use thiserror::Error;

mod campaign;
mod check;
mod load;
mod marks;
mod page;
mod plot;
mod sections;
mod subject;
mod text;

pub use campaign::write_campaign_page;
pub use check::{CheckedHistory, write_check_page};

/// Why a page cannot be written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The plan or the verdict cannot be read, without which a page would say nothing.
    #[error(transparent)]
    Run(#[from] RunDirectoryError),
    /// The page cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The page.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Draws the page of a run into its directory and returns the page's path.
///
/// Only the plan and the verdict must be there. Where the history, the events or a node's log is missing or damaged, the
/// section concerned says so. The page is written beside its name and renamed, so that nobody reads half of it.
///
/// # Errors
/// [`ReportError::Run`] where the plan or the verdict cannot be read, [`ReportError::Write`] where the page cannot be
/// written.
pub fn write_page(directory: &RunDirectory) -> Result<PathBuf, ReportError> {
    let record = load::RunRecord::read(directory)?;
    let path = directory.page_file();
    write_whole(&path, &page::page(&record).into_string())?;
    Ok(path)
}

/// Draws the page of a run into a file of its own, with a verdict that was just given.
///
/// # Errors
/// As [`write_page`]; the verdict in the directory is not read.
pub fn write_page_as(directory: &RunDirectory, verdict: Verdict, path: &Path) -> Result<(), ReportError> {
    let record = load::RunRecord::read_with(directory, verdict)?;
    write_whole(path, &page::page(&record).into_string())
}

fn write_whole(path: &Path, text: &str) -> Result<(), ReportError> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".tmp");
    let fresh = PathBuf::from(fresh);
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&fresh);
        ReportError::Write { path: path.to_owned(), source }
    })
}
