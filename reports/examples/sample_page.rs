//! Writes sample runs and their pages into a folder: `cargo run -p dsjepsen-reports --example sample_page -- FOLDER`.
#![expect(clippy::print_stdout, reason = "it is a program that tells what it wrote")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use dsjepsen_reports::write_page;

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use fixture::Shape;

fn main() -> Result<(), Box<dyn Error>> {
    let store = PathBuf::from(std::env::args().nth(1).ok_or("name a folder that is yet to be made")?);
    std::fs::create_dir(&store)?;
    for (name, shape) in [
        ("invalid", Shape::Invalid),
        ("valid", Shape::Valid),
        ("unknown", Shape::Unknown),
        ("harness", Shape::Harness),
        ("empty", Shape::Empty),
        ("awkward", Shape::Awkward),
        ("hostile", Shape::Hostile),
        ("large", Shape::Large(100_000)),
    ] {
        let directory = fixture::write(&store, name, shape)?;
        let lines = std::fs::read_to_string(directory.history_file())?.lines().count();
        let started = Instant::now();
        let page = write_page(&directory)?;
        let took = started.elapsed();
        let size = std::fs::metadata(&page)?.len();
        println!("{}: {lines} history lines, {size} bytes, {} ms", page.display(), took.as_millis());
    }
    Ok(())
}
