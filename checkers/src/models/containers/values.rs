//! Which value was found in a container each time, as a number: that of its put.
//!
//! The values of a large history fill no cache, and a table of all of them is waited for at each look. So the values are first dealt
//! out to parts by their hash, and each part has a small table of its own.

use std::hash::{BuildHasher, Hash};

use rustc_hash::{FxBuildHasher, FxHashMap};

/// How many operations a part is meant for.
const PART: usize = 1 << 14;

/// More parts than that cannot be written to side by side.
const MOST_PARTS: usize = 1 << 8;

/// A value that was found but never put.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Values as they were put and found.
pub(super) struct Values<V> {
    parts: Vec<Part<V>>,
}

struct Part<V> {
    /// With the numbers of the puts.
    put: Vec<Numbered<V>>,
    /// With the numbers of the finds.
    found: Vec<Numbered<V>>,
}

/// A value with a number, without the gap that would be a quarter of it: there are millions.
#[derive(Clone, Copy)]
#[repr(C, packed(4))]
struct Numbered<V> {
    value: V,
    number: u32,
}

impl<V: Copy + Eq + Hash> Values<V> {
    /// Of so many operations.
    pub(super) fn new(operations: usize) -> Self {
        let parts = (operations / PART).next_power_of_two().min(MOST_PARTS);
        // About half of all operations put something.
        let half = operations / parts * 17 / 32;
        let part = || Part { put: Vec::with_capacity(half), found: Vec::with_capacity(half) };
        Self { parts: (0..parts).map(|_| part()).collect() }
    }

    /// The put with this number put this value.
    pub(super) fn put(&mut self, value: V, number: u32) {
        self.part(&value).put.push(Numbered { value, number });
    }

    /// The find with this number found this value.
    pub(super) fn found(&mut self, value: V, find: u32) {
        self.part(&value).found.push(Numbered { value, number: find });
    }

    fn part(&mut self, value: &V) -> &mut Part<V> {
        // Other bits than those by which a small table places it.
        let part = (FxBuildHasher.hash_one(value) >> 16) as usize & (self.parts.len() - 1);
        &mut self.parts[part]
    }

    /// By find, of which there are so many: the number of the put, or [`NOWHERE`]. `None` where a value was put twice.
    pub(super) fn numbers(self, finds: usize) -> Option<Vec<u32>> {
        let mut numbers = vec![NOWHERE; finds];
        let mut table: FxHashMap<V, u32> = FxHashMap::default();
        for Part { put, found } in self.parts {
            table.clear();
            table.reserve(put.len());
            for Numbered { value, number } in put {
                if table.insert(value, number).is_some() {
                    return None;
                }
            }
            for Numbered { value, number: find } in found {
                if let Some(number) = table.get(&value) {
                    numbers[find as usize] = *number;
                }
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than fill one part.
    const MANY: u32 = 5 * PART as u32;

    fn value(number: u32) -> u64 {
        u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// All values put in turn, and found in the opposite order.
    fn many() -> Values<u64> {
        let mut values = Values::new(2 * MANY as usize);
        (0..MANY).for_each(|number| values.put(value(number), number));
        (0..MANY).for_each(|number| values.found(value(number), 2 * MANY - 1 - number));
        values
    }

    #[test]
    fn each_value_is_found_in_its_part() {
        let values = many();
        assert!(values.parts.len() > 4 && values.parts.iter().all(|part| part.put.len() < PART));
        let numbers = values.numbers(2 * MANY as usize);
        let expected: Vec<u32> = (0..MANY).map(|_| NOWHERE).chain((0..MANY).rev()).collect();
        assert_eq!(numbers, Some(expected));
    }

    #[test]
    fn what_was_never_put_is_nowhere() {
        let mut values = many();
        values.found(value(MANY), 7);
        assert_eq!(values.numbers(2 * MANY as usize).map(|numbers| numbers[7]), Some(NOWHERE));
    }

    #[test]
    fn what_is_put_twice_is_noticed_in_any_part() {
        for number in [0, 1, 2, 3, MANY / 2, MANY - 1] {
            let mut values = many();
            values.put(value(number), MANY);
            assert_eq!(values.numbers(2 * MANY as usize), None);
        }
    }
}
