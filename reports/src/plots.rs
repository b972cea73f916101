//! The drawings of the page as files of their own, for a wiki or a paper: `plots/NAME.svg`, and `plots/NAME.png` made of the same.
//!
//! An SVG stands for itself: light, on white, with its style, its patterns and its legend inside, and no reference to anything else.

mod legend;
mod raster;
mod standalone;

use std::fs;
use std::path::{Path, PathBuf};

use dsjepsen_history::RunDirectory;

use crate::load::RunRecord;
use crate::sections::Section;
use crate::text::{NAME, harmless};
use crate::{ReportError, write_bytes};
use standalone::Standalone;

/// The sections with drawings, by which the files are named.
const NAMES: [&str; 6] = ["counterexample", "faults", "latency", "lanes", "clocks", "links"];

/// One drawing.
struct Plot<'a> {
    name: &'static str,
    /// As it stands on the page, escaped.
    title: &'a str,
    svg: &'a str,
}

/// Writes all drawings of the page into the run's directory, and takes away those of an earlier page that are no more.
///
/// # Errors
/// [`ReportError::Write`] for the first file that cannot be written, [`ReportError::Plot`] for the first that cannot be drawn; the
/// others are written where they can be.
pub(crate) fn write(
    directory: &RunDirectory,
    record: &RunRecord,
    sections: &[Section],
) -> Result<Vec<PathBuf>, ReportError> {
    let folder = directory.plots();
    fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let plots: Vec<Plot<'_>> = NAMES.iter().filter_map(|name| plot(name, sections)).collect();
    for name in NAMES.iter().filter(|name| plots.iter().all(|plot| plot.name != **name)) {
        for kind in ["svg", "png"] {
            // What is not there needs no taking away.
            let _ = fs::remove_file(folder.join(format!("{name}.{kind}")));
        }
    }
    let about = format!(
        "{} on {}, seed {}",
        harmless(&record.plan.workload, NAME),
        harmless(&record.plan.target, NAME),
        record.plan.seed
    );
    // Each drawing for itself: the slowest decides how long all take.
    let written: Vec<Result<[PathBuf; 2], ReportError>> = std::thread::scope(|scope| {
        let tasks: Vec<_> = plots.iter().map(|plot| scope.spawn(|| write_one(&folder, record, plot, &about))).collect();
        tasks
            .into_iter()
            .map(|task| task.join().unwrap_or_else(|_| Err(ReportError::Plot("a drawing failed".to_owned()))))
            .collect()
    });
    let mut paths = Vec::new();
    for files in written {
        paths.extend(files?);
    }
    Ok(paths)
}

/// The drawing of a section, if it has one.
fn plot<'a>(name: &&'static str, sections: &'a [Section]) -> Option<Plot<'a>> {
    let section = sections.iter().find(|section| section.id == *name)?;
    let body = &section.body.0;
    let svg = &body[body.find(r#"<svg class="plot"#)?..];
    let end = svg.find("</svg>")? + "</svg>".len();
    let heading = body.split_once("</h2>").and_then(|(before, _)| before.rsplit_once('>')).map(|(_, heading)| heading);
    Some(Plot { name, title: heading.unwrap_or(section.name), svg: &svg[..end] })
}

fn write_one(folder: &Path, record: &RunRecord, plot: &Plot<'_>, about: &str) -> Result<[PathBuf; 2], ReportError> {
    let problem = |problem: String| ReportError::Plot(format!("{}: {problem}", plot.name));
    let drawing = Standalone { title: plot.title, about, bands: &record.bands }.of(plot.svg);
    let drawing = drawing.ok_or_else(|| problem("it is no drawing of this page".to_owned()))?;
    let paths = ["svg", "png"].map(|kind| folder.join(format!("{}.{kind}", plot.name)));
    write_bytes(&paths[0], drawing.as_bytes())?;
    let image = raster::png(&drawing).map_err(problem)?;
    write_bytes(&paths[1], &image)?;
    Ok(paths)
}
