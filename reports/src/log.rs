//! The nodes' logs as the page carries them: whole, or of a huge one what matters, and what is left out in words.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use dsjepsen_history::{Nanos, NodeId};

use crate::text::{bytes, cut_with_note, thousands, without_colour};

/// Around an operation, log lines this far away in time are shown with it, in ns.
pub(crate) const NEAR: Nanos = 500_000_000;
/// The longest line that is carried whole, in bytes.
const LONGEST_LINE: usize = 4_000;
/// How much of one log a page carries at most, in bytes of text.
pub(crate) const MOST_OF_ONE: usize = 8 << 20;
/// How much of all logs together.
const MOST_OF_ALL: usize = 24 << 20;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// When it arrived, in ns since the start of the run; absent where the line does not begin with it.
    pub(crate) time: Option<Nanos>,
    /// The line without its time.
    pub(crate) text: String,
}

impl LogLine {
    /// A line as it stands in the file: the time of its arrival, a space, what the node said.
    pub(crate) fn parse(line: &str) -> Self {
        let (time, text) = match line.split_once(' ') {
            Some((first, rest)) => match first.parse() {
                Ok(time) => (Some(time), rest),
                Err(_) => (None, line),
            },
            None => (None, line),
        };
        Self { time, text: without_colour(text) }
    }
}

/// What a page carries of a node's log.
#[derive(Debug)]
pub(crate) struct NodeLog {
    /// Its lines, in the order of the file.
    pub(crate) lines: Vec<LogLine>,
    /// Size of the whole file in bytes.
    pub(crate) size: u64,
    /// What is left out and where it is, in words; empty where the log is whole.
    pub(crate) left_out: String,
}

/// Intervals of time, none of which touch, in order.
#[derive(Debug, Default)]
pub(crate) struct Windows(Vec<(Nanos, Nanos)>);

impl Windows {
    /// The intervals, each widened by [`NEAR`] on both sides.
    pub(crate) fn around(mut intervals: Vec<(Nanos, Nanos)>) -> Self {
        intervals.sort_unstable();
        let mut merged: Vec<(Nanos, Nanos)> = Vec::new();
        for (from, to) in intervals {
            let (from, to) = (from.saturating_sub(NEAR), to.saturating_add(NEAR));
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    fn hold(&self, time: Nanos) -> bool {
        let next = self.0.partition_point(|window| window.1 < time);
        self.0.get(next).is_some_and(|window| window.0 <= time)
    }
}

/// How much of each log may be carried where there are so many, in bytes.
pub(crate) fn share(nodes: usize) -> usize {
    MOST_OF_ONE.min(MOST_OF_ALL / nodes.max(1))
}

/// Reads a node's log. Of one over `most` bytes: an eighth of them from its head, an eighth from its end, and what lies in
/// the windows while there is room.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn read(node: NodeId, path: &Path, windows: &Windows, most: usize) -> io::Result<NodeLog> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let whole = size <= most as u64;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut kept = Kept { most, ..Kept::default() };
    let mut raw = Vec::new();
    let mut time = 0;
    loop {
        raw.clear();
        if reader.read_until(b'\n', &mut raw)? == 0 {
            break;
        }
        let mut line = LogLine::parse(String::from_utf8_lossy(&raw).trim_end_matches(['\n', '\r']));
        if let Some(start) = cut_with_note(&line.text, LONGEST_LINE) {
            line.text = start;
        }
        // A line without a time continues the one before.
        time = line.time.unwrap_or(time);
        kept.total += 1;
        if whole {
            kept.lines.push(line);
        } else {
            kept.take(line, windows.hold(time));
        }
    }
    kept.lines.extend(kept.end.into_iter().map(|(line, _)| line));
    let left = kept.total - kept.lines.len() as u64;
    let left_out = if left == 0 { String::new() } else { in_words(node, left, kept.total, size, kept.full, most) };
    Ok(NodeLog { lines: kept.lines, size, left_out })
}

fn in_words(node: NodeId, left: u64, total: u64, size: u64, full: bool, most: usize) -> String {
    let full = if full { format!(", of these no more than {} in all", bytes(most as u64)) } else { String::new() };
    format!(
        "{node}: {} of {} lines are left out of this page, for the log is {}. Kept are its head, its end, and what arrived \
         within 500 ms of the operations of findings, of info operations and of the slowest{full}. The whole log is \
         nodes/{node}/log.",
        thousands(left),
        thousands(total),
        bytes(size),
    )
}

/// The lines that are kept so far of a log that is too long.
#[derive(Debug, Default)]
struct Kept {
    lines: Vec<LogLine>,
    /// Bytes of `lines`.
    held: usize,
    /// The end of what has been read, which may turn out to be the end of the file; with whether a line lies in a window.
    end: VecDeque<(LogLine, bool)>,
    /// Bytes of `end`.
    waiting: usize,
    total: u64,
    most: usize,
    /// Whether a line in a window found no room.
    full: bool,
}

impl Kept {
    fn take(&mut self, line: LogLine, matters: bool) {
        let eighth = self.most / 8;
        let length = line.text.len() + 1;
        if self.end.is_empty() && self.held + length <= eighth {
            self.held += length;
            self.lines.push(line);
            return;
        }
        self.end.push_back((line, matters));
        self.waiting += length;
        while self.waiting > eighth
            && let Some((oldest, matters)) = self.end.pop_front()
        {
            let length = oldest.text.len() + 1;
            self.waiting -= length;
            let room = self.held + length <= self.most - eighth;
            self.full |= matters && !room;
            if matters && room {
                self.held += length;
                self.lines.push(oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;

    fn logged(text: &str, windows: &Windows, most: usize) -> NodeLog {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(NodeId::at(2), file.path(), windows, most).unwrap()
    }

    #[test]
    fn a_log_that_fits_is_whole() {
        let log = logged("7 one\r\nno time\n9 \u{1b}[31mred\n\nlast", &Windows::default(), 100);
        let texts: Vec<_> = log.lines.iter().map(|line| (line.time, line.text.as_str())).collect();
        assert_eq!(texts, [(Some(7), "one"), (None, "no time"), (Some(9), "red"), (None, ""), (None, "last")]);
        assert_eq!((log.size, log.left_out.as_str()), (31, ""));
    }

    #[test]
    fn of_a_huge_log_head_end_and_what_matters_is_kept_and_the_rest_is_told() {
        let mut text = String::new();
        for line in 0..10_000_u64 {
            // A line each ms, and a second one without a time.
            writeln!(text, "{} line {line}\n  more", line * 1_000_000).unwrap();
        }
        let windows = Windows::around(vec![(5_000_000_000, 5_010_000_000), (5_020_000_000, 5_020_000_000)]);
        let log = logged(&text, &windows, 64_000);
        let kept = |line: u64| {
            let at = log.lines.iter().position(|kept| kept.text == format!("line {line}"));
            at.is_some_and(|at| log.lines.get(at + 1).is_some_and(|next| next.text == "  more"))
        };
        assert!(kept(0) && kept(300) && !kept(2_000) && !kept(4_499));
        assert!(kept(4_500) && kept(5_000) && kept(5_520) && !kept(5_521));
        assert!(!kept(9_000) && kept(9_900) && kept(9_999));
        assert!(log.lines.iter().map(|line| line.text.len() + 1).sum::<usize>() <= 64_000);
        assert!(log.left_out.contains("of 20,000 lines are left out") && log.left_out.contains("nodes/n3/log"));
        assert!(!log.left_out.contains("no more than"));

        let all = logged(&text, &Windows::around(vec![(0, u64::MAX)]), 64_000);
        assert!(all.left_out.contains("no more than 64.0 kB"), "{}", all.left_out);
        let order: Vec<_> = all.lines.iter().filter_map(|line| line.time).collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn one_endless_line_is_cut_and_says_so() {
        let log = logged(&format!("5 {}", "é".repeat(100_000)), &Windows::default(), 1 << 20);
        let [line] = log.lines.as_slice() else { panic!("{} lines", log.lines.len()) };
        assert!(line.text.ends_with("… (cut: 200,000 bytes in all)") && line.text.len() < 5_000);
    }

    #[test]
    fn lines_near_each_other_share_a_window() {
        let windows = Windows::around(vec![(3_000_000_000, 3_000_000_000), (0, 1), (900_000_000, 900_000_000)]);
        assert_eq!(windows.0, [(0, 1_400_000_000), (2_500_000_000, 3_500_000_000)]);
        assert!(windows.hold(1_400_000_000) && !windows.hold(2_000_000_000) && windows.hold(2_500_000_000));
    }
}
