//! Writes a random history of one register to standard output, an event a line, as `dsjepsen check --model cas-register` reads it:
//!
//! `cargo run --release --example cas_histories -- OPERATIONS CLIENTS LOST_PERCENT small|unique SEED ok|bad|stale`
#![allow(clippy::print_stderr, reason = "what it cannot do, it says there")]

mod generator;
mod lines;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::str::FromStr;

use generator::{Family, Options, Twin, generate};
use lines::write_lines;

const USAGE: &str = "usage: cas_histories OPERATIONS CLIENTS LOST_PERCENT small|unique SEED ok|bad|stale";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match write_history(&words, BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write_history(words: &[String], to: impl Write) -> Result<(), String> {
    let history =
        generate(&options(words)?).ok_or("no read of this history can be made wrong in this way; take another seed")?;
    write_lines(&history, to).map_err(|error| format!("the history could not be written: {error}"))
}

fn options(words: &[String]) -> Result<Options, String> {
    let [operations, clients, lost_percent, family, seed, twin] = words else { return Err(USAGE.to_owned()) };
    let options = Options {
        operations: number(operations)?,
        clients: number(clients)?,
        lost_percent: number(lost_percent)?,
        family: match family.as_str() {
            "small" => Family::Small,
            "unique" => Family::Unique,
            _ => return Err(format!("`{family}` is neither `small` nor `unique`")),
        },
        seed: number(seed)?,
        twin: match twin.as_str() {
            "ok" => Twin::Ok,
            "bad" => Twin::Bad,
            "stale" => Twin::Stale,
            _ => return Err(format!("`{twin}` is none of `ok`, `bad` and `stale`")),
        },
    };
    if !(0.0..=100.0).contains(&options.lost_percent) {
        return Err(format!("`{lost_percent}` is no percentage between 0 and 100"));
    }
    Ok(options)
}

fn number<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("`{word}` is no such number\n{USAGE}"))
}

#[test]
fn a_history_is_written_and_nonsense_is_refused() {
    let write = |words: &str| {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let mut text = Vec::new();
        write_history(&words, &mut text).map(|()| String::from_utf8(text).unwrap())
    };
    let text = write("10 2 5 unique 1 bad").unwrap();
    assert_eq!(text.lines().count(), 20, "{text}");
    assert_eq!(write("10 2 5 unique 1 bad").unwrap(), text);
    for nonsense in
        ["", "10 2 5 small 1", "x 2 5 small 1 ok", "10 2 101 small 1 ok", "10 2 NaN small 1 ok", "1 2 5 x 1 ok"]
    {
        assert!(write(nonsense).is_err(), "{nonsense}");
    }
    assert!(write("0 2 5 small 1 stale").unwrap_err().contains("another seed"));
}
