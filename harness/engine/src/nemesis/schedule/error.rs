//! What can be wrong with a schedule, pointing at the column.

use std::time::Duration;

use thiserror::Error;

/// Why a schedule cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// Something in the text. Shown with the text, and a caret under the place.
    #[error("{problem} (column {column}):\n\n{}", pointed(.text, *.column))]
    At {
        /// The whole text.
        text: String,
        /// The place: counted in characters, from 1.
        column: usize,
        /// What is wrong there, and the mend.
        problem: Problem,
    },
    /// Not every fault asked for fits in.
    #[error(
        "a time limit of {} s is too short for {kinds} kind(s) of fault at an interval of {} s: it must be at least {} s \
         (or lower --nemesis-interval)",
        .limit.as_secs_f64(), .interval.as_secs_f64(), .minimum.as_secs_f64()
    )]
    TooShort {
        /// The limit asked for.
        limit: Duration,
        /// The interval.
        interval: Duration,
        /// The kinds asked for that take turns.
        kinds: usize,
        /// The least limit that would do.
        minimum: Duration,
    },
}

impl ScheduleError {
    /// The place in the text, counted in characters from 1; none where no single place is wrong.
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::At { column, .. } => Some(*column),
            Self::TooShort { .. } => None,
        }
    }
}

/// What is wrong at a place of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// There is no such fault.
    #[error("there is no fault `{name}`; {} (see `dsjepsen list`)", did_you_mean(.name, .known))]
    UnknownFault {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The text cannot be read.
    #[error("the schedule cannot be read: {0}")]
    Unreadable(String),
    /// What stands in brackets means nothing to the fault.
    #[error("{fault}: {why}")]
    BadArgument {
        /// The fault.
        fault: String,
        /// Why.
        why: String,
    },
    /// A time that the run does not have, or that the fault cannot keep.
    #[error("{fault}: {why}")]
    BadTime {
        /// The fault.
        fault: String,
        /// Why.
        why: String,
    },
}

/// Names the nearest, or all that there are.
fn did_you_mean(name: &str, known: &[String]) -> String {
    let nearest = known
        .iter()
        .map(|other| (strsim::jaro_winkler(&name.to_lowercase(), other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, other)) => format!("did you mean `{other}`?"),
        None => format!("there is: {}", known.join(", ")),
    }
}

/// The text, or the part of a long one around the place, in one line, and a caret under the place.
fn pointed(text: &str, column: usize) -> String {
    /// What fits on a narrow terminal.
    const WIDTH: usize = 72;
    let line: Vec<char> = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let place = column.saturating_sub(1).min(line.len());
    let begin = if line.len() <= WIDTH { 0 } else { place.saturating_sub(WIDTH / 2).min(line.len() - WIDTH) };
    let end = line.len().min(begin + WIDTH);
    let (before, after) = (if begin > 0 { "…" } else { "" }, if end < line.len() { "…" } else { "" });
    let shown: String = line[begin..end].iter().collect();
    let caret = " ".repeat(before.chars().count() + place - begin);
    format!("    {before}{shown}{after}\n    {caret}^")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place_also_in_a_long_text() {
        let under = |text: &str, column: usize| {
            let drawn = pointed(text, column);
            let (line, caret) = drawn.split_once('\n').unwrap();
            assert!(line.chars().count() <= 78, "{line}");
            line.chars().nth(caret.chars().count() - 1)
        };
        assert_eq!(under("pause; kil", 8), Some('k'));
        assert_eq!(under("pause(ü)\n; kil", 12), Some('k'));
        assert_eq!(under("pause", 6), None, "behind the end");
        for column in 1..=400 {
            let text: String = (1..=400).map(|at| if at == column { 'X' } else { '-' }).collect();
            assert_eq!(under(&text, column), Some('X'), "{column}");
        }
    }
}
