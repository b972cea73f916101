//! How long the page of a long run takes, how large it is, and how much memory its writing needs:
//!
//! ```text
//! cargo run --release -p dsjepsen-reports --example large_page -- make FOLDER 1000000
//! cargo run --release -p dsjepsen-reports --example large_page -- draw FOLDER
//! ```
//! The run is made by one process and drawn by another, so that the memory is that of drawing alone.
#![expect(clippy::print_stdout, reason = "it is a program that tells what it measured")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dsjepsen_history::RunDirectory;
use dsjepsen_reports::write_page;

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use fixture::Shape;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["make", folder, operations] => make(Path::new(folder), operations.parse()?),
        ["draw", folder] => draw(Path::new(folder)),
        _ => Err("say `make FOLDER OPERATIONS` or `draw FOLDER`".into()),
    }
}

fn make(folder: &Path, operations: u64) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir(folder)?;
    let directory = fixture::write(folder, "large", Shape::Large(operations))?;
    let verdict = directory.read_verdict()?;
    println!("{}: {} operations", directory.path().display(), verdict.operations.total);
    Ok(())
}

fn draw(folder: &Path) -> Result<(), Box<dyn Error>> {
    let directory = RunDirectory::open(&folder.join("large"))?;
    let started = Instant::now();
    let page = write_page(&directory)?;
    let took = started.elapsed();
    let size = std::fs::metadata(&page)?.len() as f64 / 1e6;
    println!("{}: {size:.1} MB in {:.2} s, {}", page.display(), took.as_secs_f64(), peak_memory());
    Ok(())
}

/// The most memory that this process has held, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "memory not known here".to_owned(), |peak| format!("{} at most", peak.trim()))
}
