//! Histories that other tools wrote, read for what they say: Jepsen's, Knossos', Elle's, Porcupine's and others'.
//!
//! [`read_foreign`] takes bytes, plain or compressed, and tells the format by them. What comes out has one of three shapes:
//! operations (which [`Pairing`] makes of events as they are read), intervals, or sessions of transactions. Nothing here knows a
//! workload: values stay [`Value`]s, and what a `:read` means is for others to say.

mod atom;
mod clients;
mod dbcop;
mod edn;
mod error;
mod event;
mod interval;
mod json;
mod keys;
mod log;
mod operation;
mod pairing;
mod recognise;
mod room;
mod scan;
mod times;
mod transaction;
mod value;
mod window;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io::Read;
use std::str::FromStr;

pub use clients::ClientNames;
pub use edn::read_value;
pub use error::{ForeignError, Place};
pub use event::{ForeignEvent, ForeignProcess};
pub use interval::{ForeignInterval, ForeignIntervals};
pub use keys::{KeySplit, split_keys};
pub use operation::{ForeignOperation, ForeignOutcome};
pub use pairing::{Paired, Pairing, PairingRules, pair};
pub use times::Times;
pub use transaction::{ForeignAccess, ForeignSession, ForeignTransaction};
pub use value::{Items, Text, Value};

use error::Trouble;
use room::Room;
use window::Window;

/// A format of histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `edn-lines`: Jepsen's `history.edn`, a map an event.
    EdnLines,
    /// `edn-vector`: the same within one vector or list, as Knossos keeps them.
    EdnVector,
    /// `edn-lines-kv`: Porcupine's key-value tests, maps with a `:key` beside the `:value`.
    EdnLinesKv,
    /// `json-array`: one array of objects, as elle-cli takes them.
    JsonArray,
    /// `json-lines`: the same objects one after another.
    JsonLines,
    /// `jsonl-jepsen-in-java`: types and kinds in upper case, milliseconds, a flag `nemesis`.
    JepsenInJava,
    /// `history-txt`: Jepsen's `history.txt`, `process⇥:type⇥:f⇥value[⇥error]`.
    HistoryTxt,
    /// `jepsen-util-log`: such lines in a log, as Porcupine keeps those of Jepsen's etcd runs.
    JepsenUtilLog,
    /// `synthetic-jsonl`: `{"p":0,"t":"invoke","f":"write","v":1}`.
    Synthetic,
    /// `dsjepsen`: our own `history.jsonl`, as events.
    Dsjepsen,
    /// `polylin-text`: PolyLin's `method value start end`.
    Polylin,
    /// `fptlin-text`: fptlin's `process start end METHOD value`.
    Fptlin,
    /// `awdit-test-text`: AWDIT's `w key value` and `r key value`, with rules between transactions and sessions.
    Awdit,
    /// `plume-text`: Plume's `w(key,value,session,transaction)`.
    Plume,
    /// `dbcop-bincode-v1`: dbcop's binary histories.
    DbcopBincode,
    /// `dbcop-yaml`: the same as YAML.
    DbcopYaml,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 16] = [
        Self::EdnLines,
        Self::EdnVector,
        Self::EdnLinesKv,
        Self::JsonArray,
        Self::JsonLines,
        Self::JepsenInJava,
        Self::HistoryTxt,
        Self::JepsenUtilLog,
        Self::Synthetic,
        Self::Dsjepsen,
        Self::Polylin,
        Self::Fptlin,
        Self::Awdit,
        Self::Plume,
        Self::DbcopBincode,
        Self::DbcopYaml,
    ];

    /// Its name on a command line and in a manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdnLines => "edn-lines",
            Self::EdnVector => "edn-vector",
            Self::EdnLinesKv => "edn-lines-kv",
            Self::JsonArray => "json-array",
            Self::JsonLines => "json-lines",
            Self::JepsenInJava => "jsonl-jepsen-in-java",
            Self::HistoryTxt => "history-txt",
            Self::JepsenUtilLog => "jepsen-util-log",
            Self::Synthetic => "synthetic-jsonl",
            Self::Dsjepsen => "dsjepsen",
            Self::Polylin => "polylin-text",
            Self::Fptlin => "fptlin-text",
            Self::Awdit => "awdit-test-text",
            Self::Plume => "plume-text",
            Self::DbcopBincode => "dbcop-bincode-v1",
            Self::DbcopYaml => "dbcop-yaml",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let format = Self::ALL.into_iter().find(|format| format.name() == name);
        format.ok_or_else(|| format!("`{name}` is no format of histories: they are {}", known()))
    }
}

fn known() -> String {
    Format::ALL.map(Format::name).join(", ")
}

/// A history that another tool wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignHistory {
    /// The format that it was read as.
    pub format: Format,
    /// What it holds.
    pub body: ForeignBody,
    /// What the reader noticed.
    pub notes: Vec<String>,
}

/// What a foreign history holds.
#[derive(Debug, Clone, PartialEq)]
pub enum ForeignBody {
    /// Operations, made of events by [`Pairing`].
    Operations(Paired),
    /// Operations with their times.
    Intervals(ForeignIntervals),
    /// Transactions without times.
    Sessions(Vec<ForeignSession>),
}

/// What takes the events of a history.
type Take<'a> = dyn FnMut(ForeignEvent) -> Result<(), Trouble> + 'a;

/// Reads a history: plain, or compressed by gzip or zstd. The format is told by the bytes unless it is given; the name is for
/// errors alone.
///
/// # Errors
/// [`ForeignError`] says which format it is not, or which line is none of its format's.
pub fn read_foreign(source: impl Read, name: &str, format: Option<Format>) -> Result<ForeignHistory, ForeignError> {
    read_foreign_within(source, name, format, u64::MAX)
}

/// As [`read_foreign`], but takes no more than about `memory` bytes for what it reads, whatever the length.
///
/// # Errors
/// As [`read_foreign`], and [`ForeignError::TooLarge`] where that is not enough.
pub fn read_foreign_within(
    source: impl Read,
    name: &str,
    format: Option<Format>,
    memory: u64,
) -> Result<ForeignHistory, ForeignError> {
    let named = |trouble: Trouble| trouble.named(name);
    let (mut window, format) = open(source, name, format, Room::new(memory))?;
    let mut pairing = Pairing::new(name, PairingRules::of(format), memory);
    let mut history = read_as(&mut window, format, &mut |event| pairing.add(event)).map_err(named)?;
    if let ForeignBody::Operations(paired) = &mut history.body {
        *paired = pairing.end().map_err(named)?;
    }
    Ok(history)
}

/// As [`read_foreign`], but hands each event on as it comes, and pairs none: the body is left without operations.
///
/// # Errors
/// As [`read_foreign`]; the events before the place in question have been handed on by then.
pub fn read_foreign_with(
    source: impl Read,
    name: &str,
    format: Option<Format>,
    mut take: impl FnMut(ForeignEvent),
) -> Result<ForeignHistory, ForeignError> {
    let (mut window, format) = open(source, name, format, Room::new(u64::MAX))?;
    let mut take = |event| {
        take(event);
        Ok(())
    };
    read_as(&mut window, format, &mut take).map_err(|trouble| trouble.named(name))
}

/// Opens a source, and tells its format by its first bytes.
fn open<'s>(
    source: impl Read + 's,
    name: &str,
    format: Option<Format>,
    room: Room,
) -> Result<(Window<'s>, Format), ForeignError> {
    let named = |trouble: Trouble| trouble.named(name);
    let mut window = Window::open(source, room).map_err(Trouble::from).map_err(named)?;
    window.hold(recognise::SAMPLE).map_err(Trouble::from).map_err(named)?;
    if window.data().starts_with("\u{feff}".as_bytes()) {
        window.consume('\u{feff}'.len_utf8());
    }
    if let Some(format) = format.or_else(|| recognise::recognise(window.data())) {
        return Ok((window, format));
    }
    let beginning = String::from_utf8_lossy(&window.data()[..window.data().len().min(80)]);
    let beginning = beginning.chars().take(40).flat_map(char::escape_debug).collect();
    let mend = recognise::mend(window.data());
    Err(ForeignError::Unrecognised { name: name.to_owned(), known: known(), beginning, mend })
}

fn read_as(window: &mut Window<'_>, format: Format, take: &mut Take<'_>) -> Result<ForeignHistory, Trouble> {
    let mut notes = Vec::new();
    let body = match format {
        Format::EdnLines | Format::EdnVector | Format::EdnLinesKv => {
            edn::read_events(window, format, take)?;
            ForeignBody::Operations(Paired::default())
        }
        Format::JsonArray | Format::JsonLines | Format::JepsenInJava | Format::Synthetic | Format::Dsjepsen => {
            notes = json::read_events(window, format, take)?;
            ForeignBody::Operations(Paired::default())
        }
        Format::HistoryTxt | Format::JepsenUtilLog => {
            log::read_events(window, format, take)?;
            ForeignBody::Operations(Paired::default())
        }
        Format::Polylin | Format::Fptlin => ForeignBody::Intervals(interval::read(window, format)?),
        Format::Awdit => ForeignBody::Sessions(transaction::read_awdit(window)?),
        Format::Plume => ForeignBody::Sessions(transaction::read_plume(window)?),
        Format::DbcopBincode => ForeignBody::Sessions(dbcop::read_binary(window)?),
        Format::DbcopYaml => ForeignBody::Sessions(dbcop::read_yaml(window)?),
    };
    Ok(ForeignHistory { format, body, notes })
}
