//! `dsjepsen export`: a recorded run's history in the notation of Jepsen's own tools.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use dsjepsen_history::{Destination, ExportError, JepsenNotation, RunDirectory, replace_file};
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

    /// A file is replaced whole, so that nobody reads half of it; a device or a pipe is written to.
    fn write_file(&self, file: &Path) -> Result<Vec<String>, Failure> {
        let failed = |error: io::Error| usage(format!("{}: cannot be written: {error}", file.display()));
        let written = match Destination::of(file).map_err(failed)? {
            Destination::File(file) => replace_file(&file, |out| self.write(out)),
            // Behind `/dev/stdout` there may be a file in which something stands already.
            Destination::Other => OpenOptions::new()
                .append(true)
                .open(file)
                .map_err(ExportError::from)
                .and_then(|out| self.write_to_reader(out)),
        };
        written.map_err(|error| match error {
            ExportError::Write(error) => failed(error),
            error => harness(error),
        })
    }

    fn write_out(&self) -> Result<Vec<String>, Failure> {
        self.write_to_reader(io::stdout().lock()).map_err(harness)
    }

    /// A reader who has seen enough is no failure.
    fn write_to_reader(&self, out: impl Write) -> Result<Vec<String>, ExportError> {
        let mut out = BufWriter::new(out);
        match self.write(&mut out).and_then(|notes| out.flush().map(|()| notes).map_err(ExportError::from)) {
            Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Vec::new()),
            written => written,
        }
    }
}
