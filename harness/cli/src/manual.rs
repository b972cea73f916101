//! `dsjepsen completions SHELL` and `dsjepsen man`: what a shell and a reader need of the command line, made from its definition.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::visible_command;
use crate::exit::{Exit, Failure, harness, usage};

/// The command `completions`.
pub(crate) fn completions(arguments: &ArgMatches) -> Result<Exit, Failure> {
    let shell: Shell = *arguments.get_one("shell").ok_or_else(|| usage("for which shell?"))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible_command(), "dsjepsen", &mut script);
    print(&script)
}

/// The command `man`.
pub(crate) fn man(arguments: &ArgMatches) -> Result<Exit, Failure> {
    match arguments.get_one::<PathBuf>("folder") {
        Some(folder) => write_pages(folder).map_err(|error| usage(format!("{}: {error}", folder.display()))),
        None => print(whole_page().map_err(harness)?.as_bytes()),
    }
}

/// A page for each command: `dsjepsen.1`, `dsjepsen-test.1`, ….
fn write_pages(folder: &Path) -> io::Result<Exit> {
    std::fs::create_dir_all(folder)?;
    write_page(&built(), folder)?;
    Ok(Exit::Valid)
}

fn write_page(command: &Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands() {
        write_page(below, folder)?;
    }
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    std::fs::write(folder.join(man.get_filename()), in_ascii(&page))
}

/// The visible command with everything that it has below it, but without `help`.
fn built() -> Command {
    let mut command = visible_command().disable_help_subcommand(true);
    command.build();
    command
}

/// Not every reader takes a page for UTF-8, but all know the names of letters.
fn in_ascii(page: &[u8]) -> String {
    let letter = |letter: char| match letter {
        letter if letter.is_ascii() => letter.to_string(),
        letter => format!("\\[u{:04X}]", u32::from(letter)),
    };
    String::from_utf8_lossy(page).chars().map(letter).collect()
}

/// One page for everything: the command, and in sections of their own all below it.
fn whole_page() -> io::Result<String> {
    let command = built();
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    man.render_options_section(&mut page)?;
    write_below(&command, &mut page)?;
    man.render_version_section(&mut page)?;
    Ok(in_ascii(&page))
}

fn write_below(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    for below in command.get_subcommands() {
        let name = below.get_bin_name().unwrap_or_else(|| below.get_name());
        writeln!(page, ".SH \"{}\"", name.to_uppercase())?;
        let man = Man::new(below.clone());
        let mut sections = Vec::new();
        man.render_description_section(&mut sections)?;
        man.render_synopsis_section(&mut sections)?;
        man.render_options_section(&mut sections)?;
        // Its sections are sections of a section here.
        for line in String::from_utf8_lossy(&sections).lines() {
            match line.strip_prefix(".SH ") {
                Some("DESCRIPTION") => {}
                Some(title) => writeln!(page, ".SS {title}")?,
                None => writeln!(page, "{line}")?,
            }
        }
        write_below(below, page)?;
    }
    Ok(())
}

/// A reader who has seen enough is no failure.
fn print(text: &[u8]) -> Result<Exit, Failure> {
    match io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(harness(format!("standard output: {error}"))),
        _ => Ok(Exit::Valid),
    }
}
