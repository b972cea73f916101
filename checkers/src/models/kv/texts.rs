//! Keys whose strings tell what was put and appended, decided exactly in O(n log n), and in the length of what was got.
//!
//! Where no string is put or appended twice and each that was got is made of them in one way only, a get tells the put before it and
//! all appends since, in their order. So each beginning of such a string is a value of a register that is held once: a put writes
//! one, and an append that somebody saw is a compare-and-set from the one before it. What nobody saw is a write that nobody reads:
//! as such it stands between what is read of one put and the next put. [`Register`] decides the rest.

use rustc_hash::FxHashMap;

use super::{Call, Kv, Reply};
use crate::linearizable::{Decision, Entry, EntryOf, Model};
use crate::models::register::{self, Register};

/// The number of the first string.
const FIRST: u32 = 0;

/// Decides the history; `None` where a string may have been made in more ways than one.
pub(super) fn decide(initial: &str, entries: &[EntryOf<Kv>]) -> Option<Decision> {
    let parts = Parts::of(initial, entries)?;
    let mut values = Values::default();
    let mut found = vec![FIRST; entries.len()];
    for (place, entry) in entries.iter().enumerate() {
        let Some(Reply::Got(text)) = entry.reply() else { continue };
        match values.number(&parts.read(text)?, place) {
            Ok(number) => found[place] = number,
            Err(places) => return Some(Decision::Impossible(places)),
        }
    }
    let decision = Register { initial: FIRST }.decide(&values.as_register(entries, &found))?;
    Some(match decision {
        Decision::Exists => Decision::Exists,
        Decision::Impossible(places) => Decision::Impossible(values.with_readers(places)),
    })
}

/// The strings that were put and appended, each by one operation.
struct Parts<'a> {
    initial: &'a str,
    puts: Strings<'a>,
    appends: Strings<'a>,
}

/// The string that somebody got.
enum Read {
    /// That which these made one after another: a put, or none where it began with the first string, and then appends.
    Made(Option<u32>, Vec<u32>),
    /// None can have made it.
    Nobody,
}

impl<'a> Parts<'a> {
    /// `None` where two are the same, or one is empty.
    fn of(initial: &'a str, entries: &'a [EntryOf<Kv>]) -> Option<Self> {
        let mut parts = Self { initial, puts: Strings::default(), appends: Strings::default() };
        for (place, entry) in entries.iter().enumerate() {
            let is_new = match &entry.call {
                Call::Get => true,
                Call::Put(text) => parts.puts.add(text, place),
                Call::Append(text) => parts.appends.add(text, place),
            };
            if !is_new {
                return None;
            }
        }
        parts.puts.sort();
        parts.appends.sort();
        Some(parts)
    }

    /// What made a string; `None` where there may be several ways.
    fn read(&self, text: &str) -> Option<Read> {
        let is_first = text.starts_with(self.initial)
            && (text.len() == self.initial.len() || self.appends.at(&text[self.initial.len()..]).next().is_some());
        let mut puts = self.puts.at(text);
        let (put, mut at) = match (puts.next(), is_first) {
            (None, false) => return Some(Read::Nobody),
            (None, true) => (None, self.initial.len()),
            (Some((put, length)), false) => (Some(put), length),
            (Some(_), true) => return None,
        };
        if puts.next().is_some() {
            return None;
        }
        let mut appends = Vec::new();
        while at < text.len() {
            let mut next = self.appends.at(&text[at..]);
            let Some((append, length)) = next.next() else { return Some(Read::Nobody) };
            if next.next().is_some() {
                return None;
            }
            appends.push(append);
            at += length;
        }
        Some(Read::Made(put, appends))
    }
}

/// Different strings, each with the place of its operation.
#[derive(Default)]
struct Strings<'a> {
    places: FxHashMap<&'a str, u32>,
    /// Their lengths, in bytes, ascending.
    lengths: Vec<usize>,
}

impl<'a> Strings<'a> {
    /// Whether it could be added: it is neither empty nor known.
    fn add(&mut self, text: &'a str, place: usize) -> bool {
        self.lengths.push(text.len());
        !text.is_empty() && self.places.insert(text, place as u32).is_none()
    }

    fn sort(&mut self) {
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    /// Those with which a string begins: the place and the length of each.
    fn at(&self, text: &str) -> impl Iterator<Item = (u32, usize)> {
        let beginnings = self.lengths.iter().map_while(|&length| (length <= text.len()).then_some(length));
        beginnings.filter_map(|length| Some((*self.places.get(text.get(..length)?)?, length)))
    }
}

/// The strings that the key had, by numbers.
#[derive(Default)]
struct Values {
    /// By operation that leaves one: that which it must find, if it is an append, and that which it leaves.
    left: FxHashMap<u32, Left>,
    /// By number but for the first, which operation leaves it.
    writers: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    from: Option<u32>,
    to: u32,
    /// A get that shows it.
    shown_by: u32,
}

impl Values {
    /// The number of the string that a get at this place shows. Operations that contradict one another are returned.
    fn number(&mut self, read: &Read, place: usize) -> Result<u32, Vec<usize>> {
        let Read::Made(put, appends) = read else { return Err(vec![place]) };
        let mut value = FIRST;
        let steps = put.iter().map(|&put| (put, true)).chain(appends.iter().map(|&append| (append, false)));
        for (writer, is_put) in steps {
            let from = (!is_put).then_some(value);
            let to = self.writers.len() as u32 + 1;
            let known = self.left.get(&writer).copied();
            let left = known.unwrap_or(Left { from, to, shown_by: place as u32 });
            if left.from != from {
                // It took effect once, and not upon two strings.
                return Err(vec![writer as usize, left.shown_by as usize, place]);
            }
            if known.is_none() {
                self.left.insert(writer, left);
                self.writers.push(writer);
            }
            value = left.to;
        }
        Ok(value)
    }

    /// The same history as that of a register.
    fn as_register(&self, entries: &[EntryOf<Kv>], found: &[u32]) -> Vec<EntryOf<Register<u32>>> {
        let fresh = self.writers.len() as u32 + 1;
        let convert = |(place, entry): (usize, &EntryOf<Kv>)| {
            let left = self.left.get(&(place as u32));
            let (call, reply) = match (&entry.call, left) {
                (Call::Get, _) => (register::Call::Read, register::Reply::Found(found[place])),
                (_, Some(&Left { from: Some(from), to, .. })) => {
                    (register::Call::Cas { from, to }, register::Reply::Swapped(true))
                }
                (_, Some(left)) => (register::Call::Write(left.to), register::Reply::Done),
                (_, None) => (register::Call::Write(fresh + place as u32), register::Reply::Done),
            };
            let answer = entry.returned().map(|returned| (reply, returned));
            Entry { position: entry.position, call, invoked: entry.invoked, answer }
        };
        entries.iter().enumerate().map(convert).collect()
    }

    /// Operations that contradict one another, with gets that show upon what the appends among them took effect.
    fn with_readers(&self, mut places: Vec<usize>) -> Vec<usize> {
        let shown = |place: &usize| self.left.get(&(*place as u32)).filter(|left| left.from.is_some());
        let readers: Vec<usize> = places.iter().filter_map(shown).map(|left| left.shown_by as usize).collect();
        places.extend(readers);
        places.sort_unstable();
        places.dedup();
        places
    }
}
