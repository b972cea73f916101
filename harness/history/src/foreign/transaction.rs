//! Histories of transactions in sessions, without times: the texts of AWDIT and of Plume. For dbcop's see [`super::dbcop`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::error::{Place, Trouble};
use super::room::Tally;
use super::window::{Lines, Window};

/// What a transaction takes beside its accesses, in bytes: with its allocation, and where one is looked for by its number with that.
pub(super) const TRANSACTION: usize = 2 * size_of::<ForeignTransaction>();

/// What an access takes, in a list that may be half empty.
pub(super) const ACCESS: usize = 2 * size_of::<ForeignAccess>();

/// The transactions of one client, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForeignSession {
    /// The number that the history gives it.
    pub id: Option<u64>,
    /// Its transactions.
    pub transactions: Vec<ForeignTransaction>,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignTransaction {
    /// The number that the history gives it.
    pub id: Option<u64>,
    /// What it read and wrote, in its order.
    pub accesses: Vec<ForeignAccess>,
    /// Whether it took effect. Only dbcop tells of others; they count where a read shows what was never committed.
    pub is_committed: bool,
    /// The line that it begins on, counted from 1; 0 in binary files.
    pub line: u32,
}

/// A read or a write of one transaction. The value 0 is the initial one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignAccess {
    /// Whether it is a write.
    pub is_write: bool,
    /// What was read or written.
    pub key: u64,
    /// The value that was.
    pub value: u64,
    /// Whether it succeeded; only dbcop tells of others.
    pub is_ok: bool,
}

/// AWDIT's text: `w k v` and `r k v` a line; dashes end a transaction, equals signs a session.
pub(super) fn read_awdit(window: &mut Window<'_>) -> Result<Vec<ForeignSession>, Trouble> {
    let mut sessions = Vec::new();
    let mut session = ForeignSession::default();
    let mut is_open = false;
    let mut tally = Tally::new(window.room(), "transactions");
    let mut lines = Lines::new(window);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim_ascii();
        if is_rule(line, b'=') {
            is_open = false;
            tally.part(2 * size_of::<ForeignSession>(), Place::line(number))?;
            sessions.push(std::mem::take(&mut session));
        } else if is_rule(line, b'-') {
            is_open = false;
        } else if !line.is_empty() {
            let access = awdit_access(line).ok_or_else(|| {
                Trouble::at_line(number, format!("{} is no `w key value` or `r key value`", cut(line)))
            })?;
            if !is_open {
                tally.one(TRANSACTION, Place::line(number))?;
                session.transactions.push(committed(None, number));
                is_open = true;
            }
            tally.part(ACCESS, Place::line(number))?;
            push(&mut session.transactions, access);
        }
    }
    if !session.transactions.is_empty() {
        sessions.push(session);
    }
    Ok(sessions)
}

/// Whether a line is drawn: three or more of one sign.
pub(super) fn is_rule(line: &[u8], sign: u8) -> bool {
    line.len() >= 3 && line.iter().all(|byte| *byte == sign)
}

pub(super) fn awdit_access(line: &[u8]) -> Option<ForeignAccess> {
    let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let access = access(fields.next()?, fields.next()?, fields.next()?)?;
    fields.next().is_none().then_some(access)
}

/// Plume's text: `r(key,value,session,transaction)` a line. The order of lines is that of a session; a transaction is one
/// wherever its lines stand.
pub(super) fn read_plume(window: &mut Window<'_>) -> Result<Vec<ForeignSession>, Trouble> {
    let mut sessions: Vec<ForeignSession> = Vec::new();
    let mut known: HashMap<u64, usize> = HashMap::new();
    let mut places: HashMap<(u64, u64), usize> = HashMap::new();
    let mut tally = Tally::new(window.room(), "transactions");
    let mut lines = Lines::new(window);
    while let Some((number, line)) = lines.next()? {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let (access, session, transaction) = plume_access(line).ok_or_else(|| {
            Trouble::at_line(number, format!("{} is no `w(key,value,session,transaction)` or `r(…)`", cut(line)))
        })?;
        let place = *known.entry(session).or_insert_with(|| {
            sessions.push(ForeignSession { id: Some(session), transactions: Vec::new() });
            sessions.len() - 1
        });
        let transactions = &mut sessions[place].transactions;
        tally.part(ACCESS, Place::line(number))?;
        let place = match places.entry((session, transaction)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                tally.one(TRANSACTION, Place::line(number))?;
                transactions.push(committed(Some(transaction), number));
                *free.insert(transactions.len() - 1)
            }
        };
        transactions[place].accesses.push(access);
    }
    Ok(sessions)
}

pub(super) fn plume_access(line: &[u8]) -> Option<(ForeignAccess, u64, u64)> {
    let (kind, rest) = std::str::from_utf8(line).ok()?.split_once('(')?;
    let mut fields = rest.strip_suffix(')')?.split(',').map(str::trim);
    let access = access(kind.trim(), fields.next()?, fields.next()?)?;
    let (session, transaction) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some((access, session, transaction))
}

fn access(kind: &str, key: &str, value: &str) -> Option<ForeignAccess> {
    let is_write = match kind {
        "w" => true,
        "r" => false,
        _ => return None,
    };
    Some(ForeignAccess { is_write, key: key.parse().ok()?, value: value.parse().ok()?, is_ok: true })
}

fn committed(id: Option<u64>, line: u32) -> ForeignTransaction {
    ForeignTransaction { id, accesses: Vec::new(), is_committed: true, line }
}

fn push(transactions: &mut [ForeignTransaction], access: ForeignAccess) {
    if let Some(last) = transactions.last_mut() {
        last.accesses.push(access);
    }
}

pub(super) fn cut(line: &[u8]) -> String {
    format!("`{}`", String::from_utf8_lossy(&line[..line.len().min(60)]))
}
