//! The language of schedules: `partition(leader) for 3s every 8s; pause,kill`. Its grammar is in the README.

use dsjepsen_history::Nanos;

use super::{Asked, Problem, Schedule, ScheduleError, Time, Times};
use crate::nemesis::{faults, find_fault};
use crate::units::read_time;

/// The longest time that can be asked for: as much as `--time-limit` takes.
const LONGEST: Nanos = 10_000_000 * 1_000_000_000;

/// The words before times.
const KEYWORDS: [&str; 3] = ["for", "every", "at"];

/// Reads `none`, or faults, each with whom it hits in brackets and perhaps times.
///
/// # Errors
/// [`ScheduleError::At`], with the column and the mend.
pub fn parse_nemesis(text: &str) -> Result<Schedule, ScheduleError> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0, text };
    let mut asked = Vec::new();
    if text.trim() != "none" {
        loop {
            reader.clause(&mut asked)?;
            if reader.peek().is_none() {
                break;
            }
            reader.at += 1;
        }
    }
    Ok(Schedule { text: text.to_owned(), asked })
}

/// Reads from left to right. Columns count from 1.
struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, column: usize, problem: Problem) -> ScheduleError {
        ScheduleError::At { text: self.text.to_owned(), column, problem }
    }

    fn unreadable<T>(&self, column: usize, problem: impl Into<String>) -> Result<T, ScheduleError> {
        Err(self.error(column, Problem::Unreadable(problem.into())))
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Goes to what comes next, and says what it is.
    fn next(&mut self) -> Option<char> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.peek()
    }

    /// The next word, perhaps empty, and its column.
    fn word(&mut self) -> (String, usize) {
        self.next();
        let begin = self.at;
        while self.peek().is_some_and(|letter| !letter.is_whitespace() && !"(),;".contains(letter)) {
            self.at += 1;
        }
        (self.chars[begin..self.at].iter().collect(), begin + 1)
    }

    /// Several faults with commas, or one with times; up to a semicolon or the end.
    fn clause(&mut self, asked: &mut Vec<Asked>) -> Result<(), ScheduleError> {
        let first = asked.len();
        asked.push(self.fault()?);
        loop {
            match self.next() {
                None | Some(';') => return Ok(()),
                Some(',') => {
                    self.at += 1;
                    asked.push(self.fault()?);
                }
                Some(')') => return self.unreadable(self.at + 1, "its brackets do not match: this one closes nothing"),
                Some('(') => {
                    return self.unreadable(self.at + 1, "a second bracket follows the fault: one holds everything");
                }
                Some(_) => {
                    let listed = asked.len() - first > 1;
                    let Some(last) = asked.last_mut() else { return Ok(()) };
                    return self.times(last, listed);
                }
            }
        }
    }

    fn fault(&mut self) -> Result<Asked, ScheduleError> {
        let (name, column) = self.word();
        let fault = match find_fault(&name) {
            Some(fault) => fault,
            None if name == "none" => return self.unreadable(column, "`none` stands alone"),
            None if name.is_empty() => return self.unreadable(column, "the name of a fault is missing here"),
            None => {
                let known = faults().iter().map(|fault| fault.name().to_owned()).chain(["none".to_owned()]).collect();
                return Err(self.error(column, Problem::UnknownFault { name, known }));
            }
        };
        let mut asked = Asked { fault, argument: None, times: Times::default(), column };
        if self.next() == Some('(') {
            (asked.argument, asked.column) = self.argument().map(|(text, column)| (Some(text), column))?;
        }
        Ok(asked)
    }

    /// What stands in brackets, and its column. Brackets in it balance.
    fn argument(&mut self) -> Result<(String, usize), ScheduleError> {
        let open = self.at;
        let mut depth = 0_u32;
        while let Some(letter) = self.peek() {
            self.at += 1;
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let inside = &self.chars[open + 1..self.at - 1];
                let blank = inside.iter().take_while(|letter| letter.is_whitespace()).count();
                let text: String = inside.iter().collect();
                return Ok((text.trim().to_owned(), open + 2 + blank));
            }
        }
        self.unreadable(open + 1, "its brackets do not match: this one is never closed")
    }

    /// Times in any order, each once, up to a semicolon or the end.
    fn times(&mut self, asked: &mut Asked, listed: bool) -> Result<(), ScheduleError> {
        loop {
            match self.next() {
                None | Some(';') => return Ok(()),
                Some(',') => {
                    return self
                        .unreadable(self.at + 1, "a fault with times stands alone: put `;` here instead of `,`");
                }
                Some('(' | ')') => {
                    return self
                        .unreadable(self.at + 1, "a bracket follows a time: whom a fault hits comes before its times");
                }
                Some(_) => {}
            }
            let (keyword, column) = self.word();
            let times = &mut asked.times;
            let place = match keyword.as_str() {
                "for" => &mut times.lasts,
                "every" => &mut times.every,
                "at" => &mut times.at,
                other => return self.unreadable(column, no_keyword(other)),
            };
            if listed {
                let name = asked.fault.name();
                return self.unreadable(
                    column,
                    format!("times belong to one fault alone: put `;` before `{name}` instead of `,`"),
                );
            }
            if place.is_some() {
                return self.unreadable(column, format!("`{keyword}` is said twice"));
            }
            *place = Some(self.time(&keyword)?);
            if keyword != "at" && place.is_some_and(|time| time.ns == 0) {
                return self.unreadable(column, format!("`{keyword}` needs a time above 0"));
            }
        }
    }

    fn time(&mut self, keyword: &str) -> Result<Time, ScheduleError> {
        let (word, column) = self.word();
        match read_time(&word) {
            Ok(ns) if ns <= LONGEST => Ok(Time { ns, column }),
            Ok(_) => {
                self.unreadable(column, format!("`{word}` is too long: the most is {} s", LONGEST / 1_000_000_000))
            }
            Err(problem) => self.unreadable(column, format!("`{keyword}` {problem}")),
        }
    }
}

fn no_keyword(word: &str) -> String {
    if find_fault(word).is_some() {
        return format!("`{word}` follows another fault: put `;` before it, or `,`");
    }
    let near = |keyword: &&&str| word.len() > 1 && strsim::damerau_levenshtein(word, keyword) == 1;
    let mend = match KEYWORDS.iter().find(near) {
        Some(keyword) => format!("did you mean `{keyword}`?"),
        None => "a time has `for`, `every` or `at` before it, and another fault `;` or `,`".to_owned(),
    };
    format!("`{word}` follows a fault and means nothing there: {mend}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_the_grammar_says() {
        assert!(parse_nemesis(" none ").unwrap().asked().is_empty());
        let two = parse_nemesis(" partition(one) , pause( n1 n2 )").unwrap();
        assert_eq!(two.asked()[1].argument.as_deref(), Some("n1 n2"));
        let text = "partition ( leader )for 3s every 8s;pause at 5s ; kill(n1, (n2)) every 1.5m at 250ms for 0.001s;kill,pause";
        let schedule = parse_nemesis(text).unwrap();
        let seen: Vec<_> = schedule
            .asked()
            .iter()
            .map(|asked| {
                let ns = |time: Option<Time>| time.map(|time| time.ns / 1_000_000);
                let Times { lasts, every, at } = asked.times;
                (asked.fault.name(), asked.argument.as_deref(), ns(lasts), ns(every), ns(at))
            })
            .collect();
        let expected = [
            ("partition", Some("leader"), Some(3000), Some(8000), None),
            ("pause", None, None, None, Some(5000)),
            ("kill", Some("n1, (n2)"), Some(1), Some(90_000), Some(250)),
            ("kill", None, None, None, None),
            ("pause", None, None, None, None),
        ];
        assert_eq!(seen, expected);
        assert_eq!(schedule.takes_turns(), 2);
    }

    #[test]
    fn errors_point_at_the_column_and_say_the_mend() {
        for (text, column, says) in [
            ("partitoin", 1, "did you mean `partition`"),
            ("pause; partitoin for 3s", 8, "did you mean `partition`"),
            ("zzz", 1, "there is: partition, pause, kill"),
            ("none,kill", 1, "stands alone"),
            ("kill;none", 6, "stands alone"),
            ("", 1, "missing"),
            ("kill,", 6, "missing"),
            ("kill; ", 7, "missing"),
            ("kill(one", 5, "never closed"),
            ("ü; kill", 1, "no fault `ü`"),
            ("kill(one))", 10, "closes nothing"),
            ("kill(one)(two)", 10, "second bracket"),
            ("kill(one)x", 10, "follows"),
            ("kill(one) pause", 11, "put `;` before it"),
            ("pause fro 3s", 7, "did you mean `for`"),
            ("pause evry 3s", 7, "did you mean `every`"),
            ("pause for", 10, "needs a time"),
            ("pause for 3", 11, "`3s`"),
            ("pause for 3 s", 11, "`3s`"),
            ("pause for 3d", 11, "not in `d`"),
            ("pause for -3s", 11, "number with its unit"),
            ("pause for .5s", 11, "number with its unit"),
            ("pause for 1.2.3s", 11, "number with its unit"),
            ("pause for 0s", 7, "above 0"),
            ("pause for 1s for 2s", 14, "twice"),
            ("pause for 99999999999s", 11, "too long"),
            ("pause, kill for 3s", 13, "put `;` before `kill`"),
            ("pause for 3s, kill", 13, "put `;` here"),
            ("pause for 3s (one)", 14, "before its times"),
        ] {
            let error = parse_nemesis(text).err().unwrap_or_else(|| panic!("`{text}` was read"));
            assert_eq!(error.column(), Some(column), "`{text}`: {error}");
            assert!(error.to_string().contains(says), "`{text}`: {error}");
        }
    }

    #[test]
    fn an_error_shows_the_text_with_a_caret() {
        let error = parse_nemesis("pause; kil").err().unwrap().to_string();
        let expected = "there is no fault `kil`; did you mean `kill`? (see `dsjepsen list`) (column 8):\n\n    \
                        pause; kil\n           ^";
        assert_eq!(error, expected);
    }
}
