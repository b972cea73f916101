//! Gives the values of a history small numbers, so that they are compared and remembered at no cost.

use std::collections::HashMap;

use dsjepsen_history::foreign::Value;

/// Integers from 0 up to this have a table: 4 bytes for each up to the largest that comes, where a hash table takes 25 to 75 for
/// each that comes.
const TABLED: usize = 1 << 22;

/// The number of each value, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// By small integer: its number plus one; 0 where it has none.
    tabled: Vec<u32>,
    others: HashMap<Value, u32>,
    count: u32,
}

impl Numbers {
    /// The number of a value. Equal values have equal numbers.
    pub(super) fn number(&mut self, value: &Value) -> u32 {
        // A history has fewer than 2^32 events.
        let next = self.count;
        let number = match small(value) {
            Some(place) => {
                if self.tabled.len() <= place {
                    self.tabled.resize(place + 1, 0);
                }
                let entry = &mut self.tabled[place];
                if *entry == 0 {
                    *entry = next + 1;
                }
                *entry - 1
            }
            None => match self.others.get(value) {
                Some(number) => *number,
                None => *self.others.entry(value.clone()).or_insert(next),
            },
        };
        self.count += u32::from(number == next);
        number
    }
}

fn small(value: &Value) -> Option<usize> {
    value.as_integer().and_then(|number| usize::try_from(number).ok()).filter(|place| *place < TABLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_numbers_and_others_the_next() {
        let edge = i64::try_from(TABLED).unwrap();
        let values = [
            Value::Nil,
            Value::Integer(7),
            Value::string("7"),
            Value::Integer(0),
            Value::Integer(-1),
            Value::Integer(edge - 1),
            Value::Integer(edge),
            Value::list([Value::Integer(7)]),
        ];
        let mut numbers = Numbers::default();
        for _ in 0..2 {
            let given: Vec<u32> = values.iter().map(|value| numbers.number(value)).collect();
            assert_eq!(given, [0, 1, 2, 3, 4, 5, 6, 7]);
        }
        // None is left out: `unique-ids` tells by it what is new.
        assert_eq!(numbers.number(&Value::Integer(8)), 8);
    }
}
