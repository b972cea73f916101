//! Draws the page of a run: `index.html`, made from the run's directory alone; and that of another tool's history that was judged
//! here.
//!
//! This crate reads what a run left behind and writes one self-contained file. It judges nothing: the verdict is read from
//! `verdict.json`, and a part that is missing or damaged is said so in its section and changes no verdict.

use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use dsjepsen_history::{RunDirectory, RunDirectoryError, Verdict, replace_file};
use maud::Markup;
use thiserror::Error;

use crate::plot::bands::DrawnFault;

mod campaign;
mod check;
mod data;
mod load;
mod log;
mod marks;
mod page;
mod plot;
mod plots;
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
    /// A drawing cannot be made a file of.
    #[error("cannot draw plots: {0}")]
    Plot(String),
}

/// What [`write_page_and_plots`] wrote.
#[derive(Debug)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The drawings as files of their own, an SVG and a PNG each.
    pub plots: Vec<PathBuf>,
    /// Why drawings are missing.
    pub problem: Option<ReportError>,
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
    let (sections, data) = parts(&record);
    write_whole(&path, &page::page(&record, &sections, &data).into_string())?;
    Ok(path)
}

/// The same, and writes every drawing of the page into `plots/` as an SVG and a PNG. That a drawing cannot be written is said in the
/// result; the page is there all the same.
///
/// # Errors
/// As [`write_page`].
pub fn write_page_and_plots(directory: &RunDirectory) -> Result<Written, ReportError> {
    let record = load::RunRecord::read(directory)?;
    let (sections, data) = parts(&record);
    let page = directory.page_file();
    write_whole(&page, &page::page(&record, &sections, &data).into_string())?;
    let (plots, problem) = match plots::write(directory, &record, &sections) {
        Ok(plots) => (plots, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Written { page, plots, problem })
}

/// Draws the page of a run into a file of its own, with a verdict that was just given.
///
/// # Errors
/// As [`write_page`]; the verdict in the directory is not read.
pub fn write_page_as(directory: &RunDirectory, verdict: Verdict, path: &Path) -> Result<(), ReportError> {
    let record = load::RunRecord::read_with(directory, verdict)?;
    let (sections, data) = parts(&record);
    write_whole(path, &page::page(&record, &sections, &data).into_string())
}

/// The sections of a page, and the data that it carries, each made on a core of its own.
fn parts(record: &load::RunRecord) -> (Vec<sections::Section>, Markup) {
    thread::scope(|scope| {
        let data = scope.spawn(|| data::embedded(record, &DrawnFault::of(record)));
        let sections = sections::sections(record);
        (sections, data.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

fn write_whole(path: &Path, text: &str) -> Result<(), ReportError> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    replace_file(path, |file| file.write_all(content))
        .map_err(|source| ReportError::Write { path: path.to_owned(), source })
}
