//! `dsjepsen export`: a recorded run's history in the notation of Jepsen's own tools.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use dsjepsen_history::{ExportError, JepsenNotation, RunDirectory};
use dsjepsen_workloads::AnyWorkload;

use crate::aside::aside;
use crate::exit::{Exit, Failure, harness, usage};
use crate::naming;

/// The command.
pub(crate) fn export(arguments: &ArgMatches) -> Result<Exit, Failure> {
    let path: &PathBuf = arguments.get_one("run").ok_or_else(|| usage("which run?"))?;
    let format = arguments.get_one::<String>("format").map_or("edn", String::as_str);
    let notation: JepsenNotation = format.parse().map_err(usage)?;
    let directory = RunDirectory::open(path).map_err(usage)?;
    let plan = directory.read_plan().map_err(harness)?;
    let run = Run { workload: naming::workload(&plan.workload)?, directory, notation };
    let notes = match arguments.get_one::<PathBuf>("output") {
        Some(file) => run.write_file(file)?,
        None => run.write_out()?,
    };
    for note in notes {
        aside(format_args!("note: {}: {note}", path.display()));
    }
    Ok(Exit::Valid)
}

struct Run {
    workload: &'static dyn AnyWorkload,
    directory: RunDirectory,
    notation: JepsenNotation,
}

impl Run {
    fn write(&self, out: &mut dyn Write) -> Result<Vec<String>, ExportError> {
        self.workload.export(&self.directory, self.notation, out)
    }

    /// Writes beside the file's name and renames, so that nobody reads half of it.
    fn write_file(&self, file: &Path) -> Result<Vec<String>, Failure> {
        let failed = |error: io::Error| usage(format!("{}: cannot be written: {error}", file.display()));
        let mut fresh = file.as_os_str().to_owned();
        fresh.push(".tmp");
        let fresh = PathBuf::from(fresh);
        let written =
            File::create(&fresh).map_err(ExportError::from).and_then(|out| self.write(&mut BufWriter::new(out)));
        let written = written.and_then(|notes| fs::rename(&fresh, file).map(|()| notes).map_err(ExportError::from));
        written.map_err(|error| {
            let _ = fs::remove_file(&fresh);
            match error {
                ExportError::Write(error) => failed(error),
                error => harness(error),
            }
        })
    }

    /// A reader who has seen enough is no failure.
    fn write_out(&self) -> Result<Vec<String>, Failure> {
        match self.write(&mut BufWriter::new(io::stdout().lock())) {
            Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Vec::new()),
            written => written.map_err(harness),
        }
    }
}
