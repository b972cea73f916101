//! A node's log: each line of its output, stamped on arrival, up to a limit that is told.

use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tokio::sync::watch;

use crate::clock::RunClock;

/// A log stops growing at this size; what follows is read and thrown away, so that the node never blocks.
const LOG_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// A longer line is broken into several.
const LINE_LIMIT_BYTES: u64 = 64 * 1024;

/// Copies a node's output into its log until all its writers are gone. `awaited` is set when a line contains its text.
pub(crate) fn copy_log(
    output: PipeReader,
    path: &Path,
    clock: RunClock,
    awaited: Option<(String, watch::Sender<bool>)>,
) -> io::Result<()> {
    let mut log = File::options().create(true).append(true).open(path)?;
    let mut written = log.metadata()?.len();
    let mut full = written >= LOG_LIMIT_BYTES;
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        line.extend_from_slice(clock.now().to_string().as_bytes());
        let stamp = line.len();
        line.push(b' ');
        let read = (&mut output).take(LINE_LIMIT_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        // The line arrived now, not when we began to wait for it.
        let now = clock.now().to_string();
        line.splice(..stamp, now.bytes());
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        if let Some((text, seen)) = &awaited
            && contains(&line, text.as_bytes())
        {
            seen.send_replace(true);
        }
        if full {
            continue;
        }
        if written + line.len() as u64 > LOG_LIMIT_BYTES {
            full = true;
            let limit = LOG_LIMIT_BYTES >> 20;
            line = format!("{now} [dsjepsen: the log reached {limit} MiB; the rest is not kept]\n").into_bytes();
        }
        log.write_all(&line)?;
        written += line.len() as u64;
    }
}

fn contains(line: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && line.windows(text.len()).any(|window| window == text)
}

/// The last lines of a log, without their stamps.
pub(crate) fn last_lines(path: &Path, count: usize) -> Vec<String> {
    const TAIL_BYTES: u64 = 64 * 1024;
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest)).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(chunks: &[&[u8]], awaited: &str) -> (String, bool, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (reader, mut writer) = io::pipe().unwrap();
        let (seen, watch) = watch::channel(false);
        std::thread::scope(|scope| {
            let log = scope.spawn(|| copy_log(reader, &path, RunClock::start(), Some((awaited.to_owned(), seen))));
            for chunk in chunks {
                writer.write_all(chunk).unwrap();
            }
            drop(writer);
            log.join().unwrap().unwrap();
        });
        let text = std::fs::read_to_string(&path).unwrap();
        (text, *watch.borrow(), last_lines(&path, 2))
    }

    #[test]
    fn stamps_every_line_and_sees_the_awaited_one() {
        let (text, seen, last) = copied(&[b"one\ntw", b"o is ready\nthree"], "is ready");
        assert!(seen);
        assert_eq!(text.lines().count(), 3);
        for line in text.lines() {
            line.split(' ').next().unwrap().parse::<u64>().expect("a stamp");
        }
        assert_eq!(last, ["two is ready", "three"]);
        assert!(!copied(&[b"not yet\n"], "is ready").1);
    }

    #[test]
    fn breaks_endless_lines_and_stops_at_the_limit_with_a_note() {
        let megabyte = vec![b'x'; 1 << 20];
        let chunks: Vec<&[u8]> = std::iter::repeat_n(megabyte.as_slice(), 70).collect();
        let (text, _, _) = copied(&chunks, "never");
        assert!(text.len() as u64 <= LOG_LIMIT_BYTES + 200, "{} bytes", text.len());
        assert!(text.lines().all(|line| line.len() as u64 <= LINE_LIMIT_BYTES + 30));
        assert!(text.ends_with("the rest is not kept]\n"));
    }
}
