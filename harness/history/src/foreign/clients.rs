//! Clients that have names in place of numbers.
//!
//! Jepsen numbers its clients, and writes what its nemesis does under `:nemesis`. Other tools name their clients. So a name is a
//! client as soon as it invokes something, or was answered; events of a name that are all `:info`, as a nemesis writes them, are
//! no operations. `nemesis` itself never is a client.

use std::collections::HashMap;

use super::error::Trouble;
use super::event::{ForeignEvent, ForeignProcess};
use super::value::Text;
use crate::EventType;

/// The name of the process that is no client, whatever the type of its events.
pub(super) const NEMESIS: &str = "nemesis";

/// The process number of the first client that has a name. No history may have one as low.
const FIRST: i64 = i64::MIN;

/// How many numbers are kept for clients with names.
const NUMBERS: i64 = 1 << 32;

/// How many names a note tells.
const TOLD: usize = 5;

/// Whether a history may give a process this number.
pub(super) fn is_free(number: i64) -> bool {
    number >= FIRST + NUMBERS
}

/// The clients of a history that have names, each with a number of its own.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientNames {
    names: Vec<Text>,
    numbers: HashMap<Text, i64>,
    /// Names with nothing but `:info` so far: how many there are, and the line of the first.
    bystanders: HashMap<Text, (u64, u32)>,
}

impl ClientNames {
    /// The name of the client that operations have under this number; `None` of one that has no name.
    pub fn get(&self, process: i64) -> Option<&str> {
        self.names.get(place(process)?).map(Text::as_str)
    }

    /// Whether no client has a name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Makes a name of a number again.
    pub(super) fn give_back(&self, process: &mut ForeignProcess) {
        if let ForeignProcess::Client(number) = process
            && let Some(place) = place(*number)
            && let Some(name) = self.names.get(place)
        {
            *process = ForeignProcess::Named(name.clone());
        }
    }

    /// The number of the client whose event this is; `None` of what is no client's.
    pub(super) fn number(&mut self, name: &Text, event: &ForeignEvent) -> Result<Option<i64>, Trouble> {
        if name.eq_ignore_ascii_case(NEMESIS) {
            return Ok(None);
        }
        if let Some(number) = self.numbers.get(name) {
            return Ok(Some(*number));
        }
        if event.event_type == EventType::Info {
            self.bystanders.entry(name.clone()).or_insert((0, event.line)).0 += 1;
            return Ok(None);
        }
        if let Some((_, line)) = self.bystanders.get(name) {
            let problem = format!(
                "process `{name}` invokes or completes an operation, so that it is a client, and its :info of line {line} \
                 before that has no invocation, as only a nemesis writes it: name the two differently, or add the invocation"
            );
            return Err(Trouble::at_line(event.line, problem));
        }
        let number = i64::try_from(self.names.len()).ok().filter(|place| *place < NUMBERS).map(|place| FIRST + place);
        let Some(number) = number else { return Err(Trouble::at_line(event.line, "too many processes have names")) };
        self.names.push(name.clone());
        self.numbers.insert(name.clone(), number);
        Ok(Some(number))
    }

    /// What was decided.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.names.is_empty() {
            let several = self.names.len() > 1;
            let told: Vec<String> = self.names.iter().take(TOLD).map(|name| format!("`{name}`")).collect();
            let more = match self.names.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let (who, what) = if several { ("processes", "are clients") } else { ("process", "is a client") };
            notes.push(format!("{who} {}{more} {what}, told apart by name", told.join(", ")));
        }
        let mut bystanders: Vec<_> = self.bystanders.iter().collect();
        bystanders.sort_unstable_by_key(|(_, (_, line))| *line);
        for (name, (count, line)) in bystanders.into_iter().take(TOLD) {
            notes.push(format!(
                "process `{name}` only tells what happened, as a nemesis does, and is no client: its :info events are left out \
                 ({count}, first on line {line})"
            ));
        }
        notes
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        128 * (self.names.len() + self.bystanders.len())
    }
}

/// The place among the names of a client with this number.
fn place(number: i64) -> Option<usize> {
    usize::try_from(number.checked_sub(FIRST)?).ok()
}

/// Whether this is the process that is no client whatever it does.
pub(super) fn is_nemesis(process: &ForeignProcess) -> bool {
    matches!(process, ForeignProcess::Named(name) if name.eq_ignore_ascii_case(NEMESIS))
}

/// A process, in a sentence.
pub(super) fn who(names: &ClientNames, process: Option<i64>) -> String {
    match process {
        None => "a process without a number".to_owned(),
        Some(number) => match names.get(number) {
            Some(name) => format!("process `{name}`"),
            None => format!("process {number}"),
        },
    }
}

/// The process of a text: a number, where JSON has it as a string.
pub(super) fn of_text(name: Text) -> ForeignProcess {
    match name.parse::<i64>() {
        Ok(number) if is_free(number) => ForeignProcess::Client(number),
        _ => ForeignProcess::Named(name),
    }
}
