//! dbcop's histories of transactions: its first binary form (bincode 1: little endian, lengths in 64 bits), and the same as YAML.

use super::error::{Place, Trouble};
use super::room::Tally;
use super::transaction::{ACCESS, ForeignAccess, ForeignSession, ForeignTransaction, TRANSACTION, cut};
use super::window::{Lines, Window};

/// The longest of its three strings that is believed.
const STRING_MAX: u64 = 1 << 16;

/// Reads the binary form: five parameters, three strings, then the sessions.
pub(super) fn read_binary(window: &mut Window<'_>) -> Result<Vec<ForeignSession>, Trouble> {
    let tally = Tally::new(window.room(), "transactions");
    let mut reader = Binary { window, tally };
    for name in ["id", "nodes", "variables", "transactions", "events"] {
        reader.number(name)?;
    }
    for name in ["system", "start", "end"] {
        reader.string(name)?;
    }
    let sessions = reader.many("sessions", |reader| {
        let place = Place::Byte(reader.window.position());
        reader.tally.part(2 * size_of::<ForeignSession>(), place)?;
        let transactions = reader.many("transactions", Binary::transaction)?;
        Ok(ForeignSession { id: None, transactions })
    })?;
    reader.window.hold(1)?;
    if !reader.window.data().is_empty() {
        return Err(reader.wrong("something follows the last session"));
    }
    Ok(sessions)
}

/// Whether these bytes begin as the binary form does.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 8)?;
        bytes.try_into().ok().map(u64::from_le_bytes)
    };
    let Some(length) = number(40).filter(|length| *length <= STRING_MAX) else { return false };
    let plausible = (0..5).all(|place| number(place * 8).is_some_and(|number| number < 1 << 40));
    let name = bytes.get(48..).map(|rest| &rest[..rest.len().min(usize::try_from(length).unwrap_or(0))]);
    plausible && name.is_some_and(|name| name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '))
}

struct Binary<'w, 's> {
    window: &'w mut Window<'s>,
    tally: Tally,
}

impl Binary<'_, '_> {
    fn wrong(&self, problem: impl Into<String>) -> Trouble {
        Trouble::Malformed(Place::Byte(self.window.position()), problem.into())
    }

    fn bytes<const COUNT: usize>(&mut self, what: &str) -> Result<[u8; COUNT], Trouble> {
        self.window.hold(COUNT)?;
        let Some(bytes) = self.window.data().first_chunk::<COUNT>().copied() else {
            return Err(self.wrong(format!("the file ends within: {what}")));
        };
        self.window.consume(COUNT);
        Ok(bytes)
    }

    fn number(&mut self, what: &str) -> Result<u64, Trouble> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    fn truth(&mut self, what: &str) -> Result<bool, Trouble> {
        match self.bytes(what)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.wrong(format!("{other} is neither true nor false: {what}"))),
        }
    }

    fn string(&mut self, what: &str) -> Result<(), Trouble> {
        let length = self.number(what)?;
        let Some(length) = usize::try_from(length).ok().filter(|_| length <= STRING_MAX) else {
            return Err(self.wrong(format!("{length} bytes are too long: {what}")));
        };
        self.window.hold(length)?;
        match self.window.data().get(..length).map(std::str::from_utf8) {
            Some(Ok(_)) => {
                self.window.consume(length);
                Ok(())
            }
            Some(Err(_)) => Err(self.wrong(format!("no UTF-8: {what}"))),
            None => Err(self.wrong(format!("the file ends within: {what}"))),
        }
    }

    /// As many as are stated. The number is not believed before they have come.
    fn many<T>(&mut self, what: &str, mut one: impl FnMut(&mut Self) -> Result<T, Trouble>) -> Result<Vec<T>, Trouble> {
        let count = self.number(what)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(one(self)?);
        }
        Ok(items)
    }

    fn transaction(&mut self) -> Result<ForeignTransaction, Trouble> {
        self.tally.one(TRANSACTION, Place::Byte(self.window.position()))?;
        let accesses = self.many("events", |reader| {
            reader.tally.part(ACCESS, Place::Byte(reader.window.position()))?;
            Ok(ForeignAccess {
                is_write: reader.truth("whether an event is a write")?,
                key: reader.number("the variable of an event")?,
                value: reader.number("the value of an event")?,
                is_ok: reader.truth("the success of an event")?,
            })
        })?;
        let is_committed = self.truth("the success of a transaction")?;
        Ok(ForeignTransaction { id: None, accesses, is_committed, line: 0 })
    }
}

/// Reads the YAML form, of which dbcop writes one shape only: a list of sessions, each a list of maps `events` and `success`.
/// Dashes and indentation tell what belongs where.
pub(super) fn read_yaml(window: &mut Window<'_>) -> Result<Vec<ForeignSession>, Trouble> {
    let mut reader = Yaml::default();
    let mut tally = Tally::new(window.room(), "lines");
    let mut lines = Lines::new(window);
    let mut last = 1;
    while let Some((number, line)) = lines.next()? {
        last = number;
        // A session may take one line, a transaction takes two, and an access five.
        tally.one(size_of::<ForeignSession>(), Place::line(number))?;
        reader.line(line, number).map_err(|problem| Trouble::at_line(number, problem))?;
    }
    reader.close_transaction().map_err(|problem| Trouble::at_line(last, problem))?;
    Ok(reader.sessions)
}

#[derive(Default)]
struct Yaml {
    sessions: Vec<ForeignSession>,
    /// The columns of the dashes before sessions and before transactions.
    session_column: Option<usize>,
    transaction_column: Option<usize>,
    transaction: Option<OpenTransaction>,
}

struct OpenTransaction {
    line: u32,
    /// The column of its keys.
    column: Option<usize>,
    accesses: Vec<ForeignAccess>,
    access: Option<OpenAccess>,
    success: Option<bool>,
}

#[derive(Default)]
struct OpenAccess {
    write: Option<bool>,
    variable: Option<u64>,
    value: Option<u64>,
    success: Option<bool>,
}

impl Yaml {
    fn line(&mut self, line: &[u8], number: u32) -> Result<(), String> {
        let text = std::str::from_utf8(line).map_err(|_| "this line is no UTF-8")?;
        let text = text.find(" #").map_or(text, |comment| &text[..comment]).trim_end();
        if text.is_empty() || text.starts_with('#') || text.starts_with("---") {
            return Ok(());
        }
        let mut column = 0;
        let mut rest = text;
        loop {
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            column += spaces;
            rest = &rest[spaces..];
            let after = rest.strip_prefix('-').filter(|after| after.is_empty() || after.starts_with(' '));
            let Some(after) = after else { break };
            self.dash(column, number)?;
            column += 1;
            rest = after;
        }
        if rest.is_empty() || rest == "[]" {
            return Ok(());
        }
        let (key, value) =
            rest.split_once(':').ok_or_else(|| format!("{} is no `key: value`", cut(rest.as_bytes())))?;
        self.field(column, key.trim(), value.trim())
    }

    fn dash(&mut self, column: usize, number: u32) -> Result<(), String> {
        let session = *self.session_column.get_or_insert(column);
        if column <= session {
            if column < session {
                return Err("a dash stands before those of the sessions".to_owned());
            }
            self.close_transaction()?;
            self.sessions.push(ForeignSession::default());
            return Ok(());
        }
        let transactions = *self.transaction_column.get_or_insert(column);
        if column == transactions {
            self.close_transaction()?;
            self.transaction =
                Some(OpenTransaction { line: number, column: None, accesses: Vec::new(), access: None, success: None });
            return Ok(());
        }
        match &mut self.transaction {
            Some(transaction) if column > transactions => {
                transaction.close_access()?;
                transaction.access = Some(OpenAccess::default());
                Ok(())
            }
            _ => Err("a dash that begins no session, transaction or event".to_owned()),
        }
    }

    fn field(&mut self, column: usize, key: &str, value: &str) -> Result<(), String> {
        let transaction = self.transaction.as_mut().ok_or_else(|| format!("`{key}` stands in no transaction"))?;
        let own = *transaction.column.get_or_insert(column);
        if column == own {
            return match key {
                "events" if value.is_empty() || value == "[]" => Ok(()),
                "success" => once(&mut transaction.success, key, value),
                _ => Err(format!("`{key}` is nothing that a transaction has: those are events and success")),
            };
        }
        let access = transaction.access.as_mut().ok_or_else(|| format!("`{key}` stands in no event"))?;
        match key {
            "write" => once(&mut access.write, key, value),
            "variable" => once(&mut access.variable, key, value),
            "value" => once(&mut access.value, key, value),
            "success" => once(&mut access.success, key, value),
            _ => Err(format!("`{key}` is nothing that an event has: those are write, variable, value and success")),
        }
    }

    fn close_transaction(&mut self) -> Result<(), String> {
        let Some(mut transaction) = self.transaction.take() else { return Ok(()) };
        transaction.close_access()?;
        let is_committed = transaction.success.ok_or("a transaction without `success`")?;
        let OpenTransaction { line, accesses, .. } = transaction;
        let session = self.sessions.last_mut().ok_or("a transaction in no session")?;
        session.transactions.push(ForeignTransaction { id: None, accesses, is_committed, line });
        Ok(())
    }
}

impl OpenTransaction {
    fn close_access(&mut self) -> Result<(), String> {
        let Some(access) = self.access.take() else { return Ok(()) };
        let (Some(is_write), Some(key), Some(value), Some(is_ok)) =
            (access.write, access.variable, access.value, access.success)
        else {
            return Err("an event has write, variable, value and success; one is missing".to_owned());
        };
        self.accesses.push(ForeignAccess { is_write, key, value, is_ok });
        Ok(())
    }
}

fn once<T: std::str::FromStr>(slot: &mut Option<T>, key: &str, value: &str) -> Result<(), String> {
    let parsed = value.parse().map_err(|_| format!("`{value}` is nothing that `{key}` can be"))?;
    match slot.replace(parsed) {
        None => Ok(()),
        Some(_) => Err(format!("`{key}` stands there twice")),
    }
}
